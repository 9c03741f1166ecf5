// The same as on_section.c, in C#.
using System;
using Wmmf;

internal sealed class OnSection : Work
{
    private const int Size = 32 * sizeof(long);

    private MemoryMappedFile _file, _window;

    public OnSection(string name, int seed) : base(name, seed)
    {
        _file = MemoryMappedFile.Open(name);
        _window = MemoryMappedFile.Open(name, readOnly: true);
        Often = [() => WriteInPlace(_file), ReadInPlace, WriteCopy, () => ReadCopy(_file), () => ReadCopy(_window)];
        Seldom = [ComeAndGo, VisitShortLived, WaitForChange];
    }

    protected override Action[] Often { get; }

    protected override Action[] Seldom { get; }

    public override void Operate()
    {
        try
        {
            base.Operate();
        }
        catch (WmmfException error) when (error.Status == WmmfStatus.OwnerDied)
        {
            WriteInPlace(_file);
        }
    }

    private void WriteInPlace(MemoryMappedFile file)
    {
        using var guard = file.WriteLock(s_timeout, repair: true);
        using var view = file.View();
        if (!guard.OwnerDied)
            Look(view.GetSpan());
        Fill(view.GetSpan());
        if (guard.OwnerDied)
        {
            file.MarkConsistent();
            Repairs++;
        }
    }

    private void ReadInPlace()
    {
        using var guard = _file.ReadLock(s_timeout);
        using var view = _file.View();
        Look(view.GetSpan());
    }

    private void WriteCopy()
    {
        Span<byte> payload = stackalloc byte[Size];
        Fill(payload);
        _file.Write(payload, timeout: s_timeout);
    }

    private void ReadCopy(MemoryMappedFile file)
    {
        Span<byte> payload = stackalloc byte[Size];
        file.Read(payload, timeout: s_timeout);
        Look(payload);
    }

    private void WaitForChange()
    {
        try
        {
            _file.Wait(_file.Sequence, s_moment);
        }
        catch (WmmfTimeoutException)
        {
        }
    }

    private void ComeAndGo()
    {
        _file.Dispose();
        _window.Dispose();
        _file = MemoryMappedFile.CreateOrOpen(_name, Size);
        _window = MemoryMappedFile.Open(_name, readOnly: true);
    }

    private MemoryMappedFile EnterShortLived()
    {
        try
        {
            return _random.Next(2) == 0
                ? MemoryMappedFile.Create(ShortLivedName, Size)
                : MemoryMappedFile.CreateOrOpen(ShortLivedName, Size);
        }
        catch (WmmfException error) when (error.Status == WmmfStatus.Exists)
        {
            return MemoryMappedFile.Open(ShortLivedName);
        }
    }

    private void VisitShortLived()
    {
        try
        {
            using var file = EnterShortLived();
            WriteInPlace(file);
            ReadCopy(file);
        }
        catch (WmmfException error) when (error.Status is WmmfStatus.OwnerDied or WmmfStatus.NotFound) // or ended meanwhile
        {
        }
    }
}
