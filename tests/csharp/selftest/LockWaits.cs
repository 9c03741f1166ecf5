// Waiting for the lock: it ends by cancellation and disposal, and leaves nothing behind.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class LockWaitsTests
{
    // Everything that waits for the lock of a section.
    internal static readonly Dictionary<string, Action<MemoryMappedFile, CancellationToken>> s_waits = new()
    {
        ["ReadLock"] = (file, cancellation) => file.ReadLock(null, cancellation).Dispose(),
        ["WriteLock"] = (file, cancellation) => file.WriteLock(null, false, cancellation).Dispose(),
        ["Read"] = (file, cancellation) => file.Read(new byte[1], 0, null, cancellation),
        ["Write"] = (file, cancellation) => file.Write(new byte[1], 0, null, cancellation),
    };

    internal static void TestDisposeEndsWaitsForTheLock()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        foreach (var (name, wait) in s_waits)
        {
            var file = MemoryMappedFile.Open(holder.Name);
            using var view = file.View(); // keeps the native handle open: nothing must be left behind in it
            using (holder.WriteLock())
            {
                var waiting = Task.Run(() => wait(file, default));
                Until(() => SomebodyWaits(holder), name);
                file.Dispose();
                Until(() => waiting.IsCompleted, $"{name} ends while the lock is held");
                Throws<ObjectDisposedException>(() => waiting.GetAwaiter().GetResult());
                Check(!SomebodyWaits(holder), $"{name} left the queue");
            }
            holder.Write(new byte[1], 0, TimeSpan.FromSeconds(30));
        }
    }

    internal static void TestDisposedObjectsTakeNoLock()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        foreach (var take in new Action<MemoryMappedFile>[] { file => file.ReadLock(), file => file.WriteLock() })
        {
            var file = MemoryMappedFile.Open(holder.Name);
            using var view = file.View(); // so that only the waiting thread can release the lock
            Task waiting;
            using (holder.WriteLock())
            {
                waiting = Task.Run(() => take(file));
                Until(() => SomebodyWaits(holder), "waits");
                file.Dispose();
            }
            Throws<ObjectDisposedException>(() => waiting.GetAwaiter().GetResult());
            using var held = holder.WriteLock(TimeSpan.FromSeconds(30), repair: true);
            Check(!held.OwnerDied, "released");
        }
    }

    internal static void TestRepairIsLeftToOthersByADisposedObject()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        var file = MemoryMappedFile.Open(holder.Name);
        var dies = MemoryMappedFile.Open(holder.Name);
        dies.WriteLock();
        var waiting = Task.Run(() => { file.WriteLock(); });
        Until(() => SomebodyWaits(holder), "waits");
        file.Dispose();
        dies.Dispose();
        Throws<ObjectDisposedException>(() => waiting.GetAwaiter().GetResult());
        using var held = holder.WriteLock(TimeSpan.FromSeconds(30), repair: true);
        Check(held.OwnerDied && !holder.Audit().IsPoisoned, "it can still be repaired");
        holder.MarkConsistent();
    }

    internal static void TestWaitsForTheLockAreCancelled()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        using var file = MemoryMappedFile.Open(holder.Name);
        foreach (var (name, wait) in s_waits)
        {
            using var cancel = new CancellationTokenSource();
            using (holder.WriteLock())
            {
                var waiting = Task.Run(() => wait(file, cancel.Token));
                Until(() => SomebodyWaits(holder), name);
                cancel.Cancel();
                Until(() => waiting.IsCompleted, $"{name} ends while the lock is held");
                Throws<OperationCanceledException>(() => waiting.GetAwaiter().GetResult());
                Check(!SomebodyWaits(holder), $"{name} left the queue");
            }
            Throws<OperationCanceledException>(() => wait(file, cancel.Token));
            wait(file, default);
        }
    }

    internal static void TestWaitingWritersKeepTheirPlace()
    {
        const int NextTicket = 72; // in the header; docs/format.md
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        using var file = MemoryMappedFile.Open(holder.Name);
        using var raw = MemoryMappedFile.Open(holder.Name, layout: SectionLayout.Raw);
        using var header = raw.View(0, 512);
        foreach (var name in new[] { "WriteLock", "Write" })
        {
            Task waiting;
            using (holder.WriteLock())
            {
                waiting = Task.Run(() => s_waits[name](file, default));
                Until(() => SomebodyWaits(holder), name);
                var drawn = BitConverter.ToUInt64(header.GetSpan()[NextTicket..]);
                for (var clock = Stopwatch.StartNew(); clock.ElapsedMilliseconds < 350;) // some slices
                    Check(SomebodyWaits(holder), $"{name} left the queue");
                Check(BitConverter.ToUInt64(header.GetSpan()[NextTicket..]) == drawn, $"{name} began again at the end");
            }
            waiting.GetAwaiter().GetResult();
        }
    }

    internal static void TestTimeoutsAreWhole()
    {
        using var holder = MemoryMappedFile.Create(NewName(), 10);
        using var file = MemoryMappedFile.Open(holder.Name);
        using var held = holder.WriteLock();
        var timeout = TimeSpan.FromMilliseconds(330); // more than three slices
        var clock = Stopwatch.StartNew();
        Task.Run(() => Fails(WmmfStatus.Timeout, () => file.WriteLock(timeout))).GetAwaiter().GetResult();
        Task.Run(() => Fails(WmmfStatus.Timeout, () => file.Read(new byte[1], 0, timeout))).GetAwaiter().GetResult();
        Check(clock.Elapsed >= 2 * timeout, $"{clock.Elapsed}");
        Check(!SomebodyWaits(holder), "left the queue");
    }
}
