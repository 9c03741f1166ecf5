// The same as on_table.c, in C#.
using System;
using Wmmf;

internal sealed class OnTable : Work
{
    private const int Rows = 5;
    private const int Lock = 64;
    private const int Version = 24 * sizeof(long);
    private const int Row = Lock + Version;
    private const int Locks = 3;

    private MemoryMappedFile _table;

    public OnTable(string name, int seed) : base(name, seed)
    {
        _table = MemoryMappedFile.Open(name);
        Often = [() => WriteRow(_random.Next(Rows)), ReadRow, ReadOneAndWriteAnother, WriteTwo];
        Seldom = [ComeAndGo, ReadAsManyAsPossible, WaitForRow];
    }

    protected override Action[] Often { get; }

    protected override Action[] Seldom { get; }

    private PayloadLock LockOf(int row) => _table.LockAt(row * Row);

    private (int Low, int High) TwoRows()
    {
        var low = _random.Next(Rows - 1);
        return (low, _random.Next(low + 1, Rows));
    }

    private void WriteRow(int row)
    {
        using var guard = LockOf(row).WriteLock(s_timeout, repair: true);
        Change(row, guard);
    }

    private void Change(int row, in WriteLock guard)
    {
        var version = guard.Bytes(row * Row + Lock, Version);
        if (!guard.OwnerDied)
            Look(version);
        Fill(version);
        if (guard.OwnerDied)
        {
            LockOf(row).MarkConsistent();
            Repairs++;
        }
    }

    // Locks this many rows, from this one on, looks at them, does the work, and unlocks. A row that a dead writer left
    // is repaired instead.
    private void Read(int row, int rows, Action meanwhile)
    {
        try
        {
            using var guard = LockOf(row).ReadLock(s_timeout);
            Look(guard.Bytes(row * Row + Lock, Version));
            if (rows > 1)
                Read(row + 1, rows - 1, meanwhile);
            else
                meanwhile();
        }
        catch (OwnerDiedException)
        {
            WriteRow(row);
        }
    }

    private void ReadRow() => Read(_random.Next(Rows), 1, () => { });

    private void ReadOneAndWriteAnother()
    {
        var (low, high) = TwoRows();
        Read(low, 1, () => WriteRow(high));
    }

    private void WriteTwo()
    {
        var (low, high) = TwoRows();
        using var guard = LockOf(low).WriteLock(s_timeout, repair: true);
        WriteRow(high);
        Change(low, guard);
    }

    private void ReadAsManyAsPossible() => Read(0, Locks, () => { });

    private void WaitForRow()
    {
        var row = LockOf(_random.Next(Rows));
        try
        {
            row.Wait(row.Sequence, s_moment);
        }
        catch (Exception error) when (error is WmmfTimeoutException or OwnerDiedException)
        {
        }
    }

    private void ComeAndGo()
    {
        _table.Dispose();
        _table = MemoryMappedFile.CreateOrOpen(_name, Rows * Row, locks: Locks);
    }
}
