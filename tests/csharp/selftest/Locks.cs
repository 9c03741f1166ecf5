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
            Fails(WmmfStatus.Timeout, () => two.WriteLock(TimeSpan.FromMilliseconds(5)));
        }
        using (var held = one.WriteLock())
        {
            Check(!held.OwnerDied, "nobody died");
            one.Write(new byte[10]);
            Fails(WmmfStatus.Timeout, () => two.ReadLock(TimeSpan.Zero));
            Fails(WmmfStatus.Timeout, () => two.Read(new byte[1], 0, TimeSpan.Zero));
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
            Check(file.Audit() is { IsPoisoned: true, Readers: 0, WriterProcessId: null }, $"{name} is given back");
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
