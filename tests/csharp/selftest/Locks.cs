// The lock of a section.
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

internal static class LocksTests
{
    internal static void TestLocksExclude()
    {
        var name = NewName();
        using var one = MemoryMappedFile.Create(name, 10);
        using var two = MemoryMappedFile.Open(name);
        using (one.ReadLock())
        {
            using (two.ReadLock(TimeSpan.Zero))
                Fails(WmmfStatus.Deadlock, () => one.ReadLock());
            Fails(WmmfStatus.Deadlock, () => two.WriteLock(TimeSpan.FromMilliseconds(5)));
        }
        using (var held = one.WriteLock())
        {
            Check(!held.OwnerDied, "nobody died");
            one.Write(new byte[10]);
            Fails(WmmfStatus.Deadlock, () => two.ReadLock(TimeSpan.Zero));
            Fails(WmmfStatus.Deadlock, () => two.Read(new byte[1], 0, TimeSpan.Zero));
        }
        two.WriteLock(TimeSpan.Zero).Dispose();
    }

    internal static void TestClosingWhileLockedIsADeath()
    {
        var name = NewName();
        using var survivor = MemoryMappedFile.Create(name, 10);
        var dead = MemoryMappedFile.Open(name);
        dead.WriteLock();
        dead.Dispose();
        Fails(WmmfStatus.OwnerDied, () => survivor.Write(new byte[1]));
        using (var held = survivor.WriteLock(repair: true))
        {
            Check(held.OwnerDied, "owner died");
            survivor.MarkConsistent();
        }
        survivor.Write(new byte[1]);
    }

    internal static void TestOwnerDiedIsNotOverlooked()
    {
        using var survivor = MemoryMappedFile.Create(NewName(), 10);
        survivor.Write(new byte[] { 1 });
        var dead = MemoryMappedFile.Open(survivor.Name);
        dead.EnterWriteLock();
        dead.Dispose();
        for (var i = 0; i < 3; i++)
        {
            Throws<OwnerDiedException>(() => survivor.WriteLock().Dispose());
            Throws<OwnerDiedException>(() => survivor.EnterWriteLock());
            Throws<OwnerDiedException>(() => survivor.TryEnterWriteLock());
            Throws<OwnerDiedException>(() => survivor.Write(new byte[] { 2 }));
            Throws<OwnerDiedException>(() => survivor.ReadLock().Dispose());
            Fails(WmmfStatus.NotOwner, survivor.ExitWriteLock); // nothing is held
            using (var held = survivor.WriteLock(repair: true))
                Check(held.OwnerDied, "to be repaired");
            Throws<TimeZoneNotFoundException>(() =>
            {
                using var held = survivor.WriteLock(repair: true);
                throw new TimeZoneNotFoundException();
            });
        }
        Check(survivor.Audit() is { OwnerDied: true, IsPoisoned: false, IsDamaged: false }, "as it was");
        Check(survivor.EnterWriteLock(repair: true), "to be repaired");
        survivor.Write(new byte[] { 3 });
        survivor.MarkConsistent();
        survivor.ExitWriteLock();
        survivor.WriteLock().Dispose();
        Check(survivor.Read<byte>() == 3 && survivor.Audit() is { OwnerDied: false, IsPoisoned: false }, "repaired");
    }

    internal static void TestPoisonIsForEverybody()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var other = MemoryMappedFile.Open(file.Name);
        file.Poison();
        Fails(WmmfStatus.Poisoned, () => other.Write(new byte[1]));
        Fails(WmmfStatus.Poisoned, () => other.WriteLock(repair: true).Dispose());
    }

    private static void InAThreadThatEnds(Action action)
    {
        var thread = new Thread(() => action());
        thread.Start();
        thread.Join();
    }

    internal static void TestThreadThatEndsWithTheLockIsADeath()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        InAThreadThatEnds(() => file.EnterWriteLock());
        using var other = MemoryMappedFile.Open(file.Name);
        using (var held = other.WriteLock(TimeSpan.FromSeconds(30), repair: true))
        {
            Check(held.OwnerDied, "its owner is gone");
            other.MarkConsistent();
        }
        file.WriteLock(TimeSpan.FromSeconds(30)).Dispose();
        InAThreadThatEnds(() => file.EnterReadLock());
        other.WriteLock(TimeSpan.FromSeconds(30)).Dispose();
    }

    internal static void TestThreadThatEndsWithABegunFrameIsADeath()
    {
        using var channel = FrameChannel.Create(NewName(), 10);
        NewFrame? left = null;
        InAThreadThatEnds(() => left = channel.Begin());
        using var other = FrameChannel.Open(channel.Name);
        using (var slot = other.Begin(TimeSpan.FromSeconds(30)))
        {
            left!.Dispose(); // does not cancel the frame of the other
            slot.Size = 1;
            slot.Publish();
        }
        Check(channel.Sequence == 1, "published");
    }

    internal static void TestWaitingForOneselfIsTold()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var other = MemoryMappedFile.Open(file.Name);
        using (file.WriteLock())
        {
            Fails(WmmfStatus.Deadlock, () => other.WriteLock().Dispose());
            Fails(WmmfStatus.Deadlock, () => other.Read(new byte[1]));
        }
    }

    internal static void TestUnlockingDoesNotHideWhatWasThrown()
    {
        foreach (var name in new[] { "ReadLock", "WriteLock" })
        {
            using var file = MemoryMappedFile.Create(NewName(), 10);
            Throws<TimeZoneNotFoundException>(() =>
            {
                if (name == "ReadLock")
                    using (file.ReadLock())
                        PoisonAndThrow(file);
                using (file.WriteLock())
                    PoisonAndThrow(file);
            });
            Check(file.Audit() is { IsPoisoned: true, Readers: 0, WriterProcessId: null }, $"{name} is released");
            Fails(WmmfStatus.Poisoned, () => file.Read(new byte[1]));
        }
    }

    private static void PoisonAndThrow(MemoryMappedFile file)
    {
        const int LockWord = 64, Poisoned = 1 << 18; // docs/format.md
        using var raw = MemoryMappedFile.Open(file.Name, layout: SectionLayout.Raw);
        using var header = raw.View(0, 512);
        Interlocked.Or(ref MemoryMarshal.AsRef<long>(header.GetSpan()[LockWord..]), Poisoned);
        Check(file.Audit().IsPoisoned, "can be seen inside the block");
        throw new TimeZoneNotFoundException();
    }

    internal static void TestThreadsCountTogether()
    {
        using var file = MemoryMappedFile.Create(NewName(), 4);
        Parallel.For(0, 4, _ =>
        {
            for (var i = 0; i < 5000; i++)
            {
                using (file.WriteLock())
                using (var view = file.View())
                    MemoryMarshal.AsRef<int>(view.GetSpan())++;
            }
        });
        var found = new byte[4];
        file.Read(found);
        Check(BitConverter.ToInt32(found) == 20000, $"{BitConverter.ToInt32(found)}");
        var report = file.Audit();
        Check(!report.IsDamaged && report.Participants == 1 && report.Sequence == 20000, "audit");
    }
}
