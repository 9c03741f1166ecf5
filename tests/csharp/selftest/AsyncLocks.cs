// Locks and copies that block no thread, and locks that belong to no thread.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class AsyncLocksTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(30);
    private const int Row = 128;

    private static MemoryMappedFile NewTable() => MemoryMappedFile.Create(NewName(), 1024, locks: 8);

    // Everything here that waits for the lock of a section, or for that of a row.
    private static readonly Dictionary<string, Func<MemoryMappedFile, TimeSpan?, CancellationToken, Task>> s_waits = new()
    {
        ["ReadAsync"] = (file, timeout, cancellation) => file.ReadAsync(new byte[1], 0, timeout, cancellation).AsTask(),
        ["WriteAsync"] = (file, timeout, cancellation) => file.WriteAsync(new byte[1], 0, timeout, cancellation).AsTask(),
        ["ReadLockAsync"] = async (file, timeout, cancellation) => (await file.ReadLockAsync(timeout, cancellation)).Dispose(),
        ["WriteLockAsync"] = async (file, timeout, cancellation) => (await file.WriteLockAsync(timeout, false, cancellation)).Dispose(),
        ["row.ReadLockAsync"] = async (file, timeout, cancellation) =>
            (await file.LockAt(Row).ReadLockAsync(timeout, cancellation)).Dispose(),
        ["row.WriteLockAsync"] = async (file, timeout, cancellation) =>
            (await file.LockAt(Row).WriteLockAsync(timeout, false, cancellation)).Dispose(),
    };

    // Takes both locks, for reading or writing, through this object.
    private static IDisposable Both(MemoryMappedFile file) =>
        new Locks(file.WriteLockAsync(TimeSpan.Zero).Result, file.LockAt(Row).WriteLockAsync(TimeSpan.Zero).Result);

    private sealed class Locks(params IDisposable[] held) : IDisposable
    {
        public void Dispose() => Array.ForEach(held, one => one.Dispose());
    }

    private static void NothingIsLeft(MemoryMappedFile file, string what)
    {
        OfAnotherThread(() =>
        {
            file.WriteLock(TimeSpan.Zero).Dispose();
            file.LockAt(Row).WriteLock(TimeSpan.Zero).Dispose();
            return 0;
        });
        Check(!SomebodyWaits(file) && file.Holds().Count == 0, $"{what}: nobody holds or waits");
        Check(file.Audit() is { OwnerDied: false, IsDamaged: false, Readers: 0, WriterProcessId: null }, $"{what}: sound");
    }

    internal static void TestFreeLocksAreThereAtOnce()
    {
        using var file = NewTable();
        foreach (var (name, wait) in s_waits)
            Check(wait(file, TimeSpan.Zero, default).IsCompletedSuccessfully, name);
        var copy = new byte[3];
        Check(file.WriteAsync(new byte[] { 1, 2, 3 }, 10).IsCompletedSuccessfully, "written");
        Check(file.ReadAsync(copy, 10).IsCompletedSuccessfully && copy.SequenceEqual(new byte[] { 1, 2, 3 }), "read");
        using var reader = MemoryMappedFile.Open(file.Name, readOnly: true);
        Check(reader.ReadAsync(copy, 9).IsCompletedSuccessfully && copy.SequenceEqual(new byte[] { 0, 1, 2 }), "read without the lock");
        NothingIsLeft(file, "all");
    }

    internal static void TestLocksOutliveTheirThread()
    {
        using var file = NewTable();
        using var other = MemoryMappedFile.Open(file.Name);
        foreach (var at in new[] { -1, Row })
        {
            var held = OfAnotherThread(() => at < 0 ? file.WriteLockAsync().Result : file.LockAt(at).WriteLockAsync().Result);
            OfAnotherThread(() => held.AsRef<int>(512) = 7);
            Check(BitConverter.ToInt32(held.Bytes(512, 4)) == 7 && !held.OwnerDied, "used here");
            Fails(WmmfStatus.Timeout, () => (at < 0 ? other.WriteLock(TimeSpan.Zero) : other.LockAt(at).WriteLock(TimeSpan.Zero)).Dispose());
            held.Dispose();
            held.Dispose(); // does nothing
            Throws<ObjectDisposedException>(() => held.Bytes());
            Throws<ObjectDisposedException>(held.MarkConsistent);
            var reading = OfAnotherThread(() => at < 0 ? file.ReadLockAsync().Result : file.LockAt(at).ReadLockAsync().Result);
            Check(BitConverter.ToInt32(reading.Bytes(512, 4)) == 7, "read here");
            reading.Dispose();
            NothingIsLeft(file, $"at {at}");
        }
    }

    internal static void TestTasksCountTogether()
    {
        using var file = NewTable();
        using var other = MemoryMappedFile.Open(file.Name);
        async Task Count(MemoryMappedFile through, int at)
        {
            for (var i = 0; i < 100; i++)
            {
                using var held = await (at < 0 ? through.WriteLockAsync() : through.LockAt(at).WriteLockAsync());
                var before = held.AsRef<int>(at < 0 ? 0 : 512);
                await Task.Yield(); // any thread of the pool goes on
                held.AsRef<int>(at < 0 ? 0 : 512) = before + 1;
            }
        }
        var tasks = new[] { file, other, file, other }.SelectMany(one => new[] { Count(one, -1), Count(one, Row) }).ToArray();
        Check(Task.WaitAll(tasks, s_long), "all are done");
        Check(file.Read<int>() == 400 && file.Read<int>(512) == 400, $"{file.Read<int>()}, {file.Read<int>(512)}");
        NothingIsLeft(file, "counting");
    }

    internal static void TestCancelledWaitsLeaveNothing()
    {
        using var file = NewTable();
        using var other = MemoryMappedFile.Open(file.Name);
        foreach (var (name, wait) in s_waits)
        {
            using var cancel = new CancellationTokenSource();
            Task waiting;
            using (Both(other))
            {
                waiting = wait(file, null, cancel.Token);
                Check(!waiting.IsCompleted, $"{name} waits");
                cancel.Cancel();
                Until(() => waiting.IsCompleted, $"{name} ends while the lock is held");
            }
            var error = Throws<OperationCanceledException>(() => waiting.GetAwaiter().GetResult());
            Check(waiting.IsCanceled && error.CancellationToken == cancel.Token, $"{name}: the caller's token");
            Check(wait(file, null, cancel.Token).IsCanceled, $"{name}: before it waits");
            NothingIsLeft(file, name);
        }
    }

    // The cancellation comes at many moments before, while and after the lock becomes free.
    internal static void TestCancellationRacesWithTheLock()
    {
        using var file = NewTable();
        using var other = MemoryMappedFile.Open(file.Name);
        var (taken, cancelled) = (0, 0);
        for (var i = 0; i < 120; i++)
        {
            var (name, wait) = s_waits.ElementAt(i % s_waits.Count);
            using var cancel = new CancellationTokenSource();
            var held = Both(other);
            var waits = new[] { wait(file, null, cancel.Token), wait(file, null, cancel.Token), wait(other, null, default) };
            var cancelling = Task.Run(() => { Thread.SpinWait(i * 100); cancel.Cancel(); });
            Thread.SpinWait((120 - i) * 100);
            held.Dispose();
            Check(Task.WhenAll(waits).ContinueWith(_ => { }).Wait(s_long) && cancelling.Wait(s_long), $"{name} ends");
            foreach (var one in waits)
                _ = one.IsCanceled ? cancelled++ : taken++;
            Check(waits.All(one => !one.IsFaulted) && !waits[2].IsCanceled, $"{name}: taken or cancelled");
            NothingIsLeft(file, name);
        }
        Check(taken >= 120 && taken + cancelled == 360, $"{taken} taken, {cancelled} cancelled");
    }

    internal static void TestTimeoutsAreTold()
    {
        using var file = NewTable();
        using var other = MemoryMappedFile.Open(file.Name);
        using (Both(other))
        {
            foreach (var (name, wait) in s_waits)
            {
                Throws<WmmfTimeoutException>(() => wait(file, TimeSpan.Zero, default).GetAwaiter().GetResult());
                var clock = Stopwatch.StartNew();
                var error = Throws<WmmfTimeoutException>(() => wait(file, TimeSpan.FromMilliseconds(40), default).GetAwaiter().GetResult());
                Check(clock.Elapsed >= TimeSpan.FromMilliseconds(39) && error.Message.Contains(file.Name), $"{name}: {clock.Elapsed} {error.Message}");
                Throws<ArgumentOutOfRangeException>(() => wait(file, TimeSpan.FromSeconds(-2), default).GetAwaiter().GetResult());
            }
        }
        NothingIsLeft(file, "timeouts");
    }

    internal static void TestOwnerDiedComesWithoutTheLock()
    {
        foreach (var at in new[] { -1, Row })
        {
            using var file = NewTable();
            ValueTask<AsyncWriteLock> Take(MemoryMappedFile through, bool repair = false) =>
                at < 0 ? through.WriteLockAsync(repair: repair) : through.LockAt(at).WriteLockAsync(repair: repair);
            var dies = MemoryMappedFile.Open(file.Name);
            _ = Take(dies).Result;
            var waiting = Take(file).AsTask();
            dies.Dispose();
            Throws<OwnerDiedException>(() => waiting.GetAwaiter().GetResult());
            foreach (var (name, wait) in s_waits.Where(one => one.Key.StartsWith("row") == at >= 0))
                Throws<OwnerDiedException>(() => wait(file, null, default).GetAwaiter().GetResult());
            using (var left = Take(file, repair: true).Result) // and not repaired
                Check(left.OwnerDied, "told");
            var held = OfAnotherThread(() => Take(file, repair: true).Result);
            Check(held.OwnerDied, "as it was");
            held.MarkConsistent();
            held.Dispose();
            NothingIsLeft(file, $"at {at}");
        }
    }

    internal static void TestDisposeEndsAsyncWaitsForTheLock()
    {
        using var holder = NewTable();
        foreach (var (name, wait) in s_waits)
        {
            var file = MemoryMappedFile.Open(holder.Name);
            using (Both(holder))
            {
                var waiting = wait(file, null, default);
                file.Dispose();
                Until(() => waiting.IsCompleted, $"{name} ends while the lock is held");
                Throws<ObjectDisposedException>(() => waiting.GetAwaiter().GetResult());
            }
            NothingIsLeft(holder, name);
        }
    }

    internal static void TestClosingWithAnAsyncLockIsADeath()
    {
        using var survivor = NewTable();
        var dies = MemoryMappedFile.Open(survivor.Name);
        var held = dies.WriteLockAsync().Result;
        dies.Dispose();
        held.Dispose(); // there is nothing to release
        Throws<OwnerDiedException>(() => survivor.WriteLock().Dispose());
        var kept = MemoryMappedFile.Open(survivor.Name);
        using (var repairing = kept.WriteLockAsync(repair: true).Result)
        {
            repairing.Bytes(512, 1)[0] = 5; // keeps it open until the lock is released
            repairing.MarkConsistent();
            kept.Dispose();
            repairing.Bytes(513, 1)[0] = 6;
        }
        Check(survivor.Read<short>(512) == 5 + 6 * 256, "used to the end");
    }

    internal static void TestAsyncWaitsForTheLockTakeNoThread()
    {
        using var file = NewTable();
        using var other = MemoryMappedFile.Open(file.Name);
        Task[] waits;
        using (Both(other))
        {
            _ = file.ReadAsync(new byte[1], 0, TimeSpan.FromMilliseconds(1)).AsTask().ContinueWith(_ => { }).Wait(s_long);
            var threads = Process.GetCurrentProcess().Threads.Count;
            waits = Enumerable.Range(0, 50).SelectMany(_ => s_waits.Values.Select(wait => wait(file, null, default))).ToArray();
            Check(Task.Run(() => { }).Wait(s_long), "the pool is free");
            var more = Process.GetCurrentProcess().Threads.Count - threads; // the pool grows when the machine is busy
            Check(more <= waits.Length / 10, $"no thread each: {more} for {waits.Length}");
            Check(waits.All(one => !one.IsCompleted), "all wait");
        }
        Check(Task.WaitAll(waits, s_long), "all are done");
        NothingIsLeft(file, "many");
    }

    internal static void TestContextSeesLocks()
    {
        using var file = NewTable();
        using var other = MemoryMappedFile.Open(file.Name);
        var context = new Counting();
        var before = SynchronizationContext.Current;
        var held = Both(other);
        SynchronizationContext.SetSynchronizationContext(context);
        async Task Wait()
        {
            using var taken = await file.WriteLockAsync();
        }
        var waiting = Wait();
        SynchronizationContext.SetSynchronizationContext(before);
        Check(!waiting.IsCompleted, "it waits");
        held.Dispose();
        Check(waiting.Wait(s_long) && context.Posts == 1, $"{context.Posts}");
    }

    private sealed class Counting : SynchronizationContext
    {
        internal int Posts;

        public override void Post(SendOrPostCallback callback, object? state)
        {
            Interlocked.Increment(ref Posts);
            callback(state);
        }
    }
}
