// Locks in the payload.
using System;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class PayloadLocksTests
{
    private const long Row = 128, Other = 0, Content = 192;

    private static MemoryMappedFile Table(int locks = 2) => MemoryMappedFile.Create(NewName(), 1024, locks: locks);

    internal static void TestRowsExcludeAndAreApart()
    {
        using var table = Table();
        using var other = MemoryMappedFile.Open(table.Name);
        PayloadLock row = table.LockAt(Row), seen = other.LockAt(Row);
        using (var held = row.WriteLock())
        {
            held.AsRef<int>(Content) = 5;
            Check(!OfAnotherThread(() => seen.TryEnterReadLock()) && !OfAnotherThread(() => row.TryEnterWriteLock()), "excluded");
            Fails(WmmfStatus.Deadlock, () => seen.WriteLock(TimeSpan.Zero));
            other.LockAt(Other).WriteLock(TimeSpan.Zero).Dispose();
            other.Write(new byte[1], Content + 8, TimeSpan.Zero); // the section's own lock
            held.Dispose();
            held.Dispose();
        }
        using (row.ReadLock())
        {
            Check(OfAnotherThread(() => seen.TryEnterReadLock()) && !OfAnotherThread(() => seen.TryEnterWriteLock()), "shared");
            using (table.LockAt(Other).WriteLock())
                Fails(WmmfStatus.Full, () => table.LockAt(64).ReadLock());
        }
        Check(other.Read<int>(Content) == 5 && !table.Audit().IsDamaged, "intact");
    }

    internal static void TestEnterAndExit()
    {
        using var table = Table();
        var row = table.LockAt(Row);
        Check(!row.EnterWriteLock(), "nobody died");
        Fails(WmmfStatus.NotOwner, table.ExitWriteLock); // another lock
        Fails(WmmfStatus.NotOwner, table.LockAt(Other).ExitWriteLock);
        Fails(WmmfStatus.NotOwner, row.ExitReadLock);
        row.ExitWriteLock();
        Fails(WmmfStatus.NotOwner, row.ExitWriteLock);
        Check(row.TryEnterWriteLock(), "free");
        row.ExitWriteLock();
        row.EnterReadLock();
        row.ExitReadLock();
    }

    internal static void TestADeadWriterConcernsItsRow()
    {
        using var survivor = Table();
        var dead = MemoryMappedFile.Open(survivor.Name);
        dead.LockAt(Row).EnterWriteLock();
        dead.LockAt(Other).EnterReadLock();
        dead.Dispose();
        var row = survivor.LockAt(Row);
        for (var i = 0; i < 2; i++)
        {
            Throws<OwnerDiedException>(() => row.WriteLock().Dispose());
            Throws<OwnerDiedException>(() => row.ReadLock().Dispose());
            using (var held = row.WriteLock(repair: true))
                Check(held.OwnerDied, "to be repaired");
        }
        Check(!survivor.LockAt(Other).EnterWriteLock(repair: true), "unconcerned");
        survivor.LockAt(Other).ExitWriteLock();
        survivor.Write(new byte[1], Content);
        Fails(WmmfStatus.NotOwner, row.MarkConsistent);
        using (row.WriteLock(repair: true))
            row.MarkConsistent();
        row.WriteLock().Dispose();
    }

    internal static void TestPoisonConcernsItsRow()
    {
        using var table = Table();
        table.LockAt(Row).Poison();
        Fails(WmmfStatus.Poisoned, () => table.LockAt(Row).ReadLock());
        Fails(WmmfStatus.Poisoned, () => _ = table.LockAt(Row).Sequence);
        table.LockAt(Other).WriteLock().Dispose();
        table.Write(new byte[1], Content);
    }

    internal static void TestChangesAndNotificationsWake()
    {
        using var table = Table();
        using var looker = MemoryMappedFile.Open(table.Name, readOnly: true);
        var seen = looker.LockAt(Row);
        Throws<WmmfTimeoutException>(() => seen.Wait(0, TimeSpan.Zero));
        var waiting = Task.Run(() => seen.Wait(0));
        table.LockAt(Other).Notify();
        table.LockAt(Row).WriteLock().Dispose();
        Check(waiting.Result == 1 && seen.Sequence == 1, "changed");
        waiting = Task.Run(() => seen.Wait(1));
        table.LockAt(Row).Notify();
        Check(waiting.Result == 2, "notified");
        waiting = Task.Run(() => looker.Wait(0));
        table.Notify();
        Check(waiting.Result == 1, "the section's");
        Fails(WmmfStatus.ReadOnly, () => seen.ReadLock());
        Fails(WmmfStatus.ReadOnly, seen.Notify);
    }

    internal static void TestAWaitIsCancelledWithoutTheLock()
    {
        using var table = Table();
        var row = table.LockAt(Row);
        using var cancellation = new CancellationTokenSource();
        using (row.WriteLock())
        {
            var waiting = Task.Run(() => row.EnterWriteLock(cancellationToken: cancellation.Token));
            cancellation.Cancel();
            Throws<OperationCanceledException>(() => waiting.GetAwaiter().GetResult());
        }
        Check(OfAnotherThread(() => row.TryEnterWriteLock()), "free");
    }

    internal static void TestThreadsCountTogether()
    {
        using var table = Table(locks: 8);
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            for (var i = 0; i < 1000; i++)
                using (var held = table.LockAt(Row).WriteLock())
                    held.AsRef<int>(Content)++;
        });
        Check(table.Read<int>(Content) == 4000 && table.LockAt(Row).Sequence == 4000, "none is lost");
    }

    internal static void TestWhoHasWhichLockIsTold()
    {
        using var table = Table();
        using var looker = MemoryMappedFile.Open(table.Name, readOnly: true);
        Check(looker.Holds().Count == 0 && !looker.LockAt(Row).GetLockState().IsWriting, "nobody");
        using (table.LockAt(Row).WriteLock())
        {
            var hold = looker.Holds()[0];
            Check(looker.Holds().Count == 1 && hold is { Offset: (ulong)Row, IsWriting: true, IsReading: false, IsWaiting: false }, "the writer");
            Check(hold.ToString() == $"process {hold.ProcessId}, writes at offset {Row}", hold.ToString());
            Check(hold.ProcessId == Environment.ProcessId && hold.Participant == 0 && hold.WritingSince != null, "who, and since when");
            Check(looker.LockAt(Row).GetLockState() is { IsWriting: true, WriterProcessId: not null }, "state");
        }
        Check(looker.Holds().Count == 0, "nobody any more");
    }

    internal static void TestWrongValuesAreNamed()
    {
        using var table = Table();
        using var plain = MemoryMappedFile.Create(NewName(), 64);
        Fails(WmmfStatus.NotSupported, () => plain.LockAt(0).ReadLock());
        Fails(WmmfStatus.Argument, () => table.LockAt(8).ReadLock());
        Fails(WmmfStatus.Range, () => table.LockAt(1024).Notify());
        Refuses("offset", "-64", "0 or more", () => table.LockAt(-64));
        Refuses("locks", "65", "0 to 64", () => Table(locks: 65));
        Throws<InvalidOperationException>(() => default(PayloadLock).Notify());
        Check(table.LockAt(Row).Offset == Row && ReferenceEquals(table.LockAt(Row).File, table), "what it was made from");
    }
}
