// The memory of a section: large pages, locked memory, and hints.
using System;
using System.IO;
using Wmmf;
using static Checks;

internal static class MemoryKindsTests
{
    internal static void TestLargePagesAreTriedOrRefusedWithAReason()
    {
        var name = NewName();
        using (var tried = MemoryMappedFile.Create(name, 100_000, memory: SectionMemory.TryLargePages))
        using (var other = MemoryMappedFile.Open(name, readOnly: true))
            Check(tried.SectionPageSize == other.SectionPageSize && tried.SectionPageSize >= 4096 && !tried.IsLocked, "told to everybody");
        try
        {
            using var section = MemoryMappedFile.CreateOrOpen(name, 100_000, memory: SectionMemory.LargePages);
            Check(section.SectionPageSize > 65536 && section.Size == 100_000, "this machine grants them");
        }
        catch (WmmfException error)
        {
            Check(error.Status is WmmfStatus.NotSupported or WmmfStatus.Access or WmmfStatus.NoMemory, "refused");
            Check(error.Message.Contains("huge=advise") || error.Message.Contains("SeLockMemoryPrivilege")
                || error.Message.Contains("contiguous memory"), error.Message);
        }
    }

    internal static void TestLockedMemory()
    {
        using var section = MemoryMappedFile.Create(NewName(), 100_000, memory: SectionMemory.Locked);
        Check(section.IsLocked, "locked");
        Fails(WmmfStatus.NotSupported, () => section.Advise(SectionAdvice.DontNeed));
        Fails(WmmfStatus.NotSupported, () => MemoryMappedFile.Create(NewName(), 100, reserve: 200, memory: SectionMemory.Locked));
        Fails(WmmfStatus.Argument, () => MemoryMappedFile.Create(
            NewName(), 100, memory: SectionMemory.LargePages | SectionMemory.TryLargePages));
    }

    internal static void TestHintsChangeNoByte()
    {
        using var section = MemoryMappedFile.Create(NewName(), 100_000);
        section.Write(42, 50_000);
        foreach (SectionAdvice advice in Enum.GetValues(typeof(SectionAdvice)))
        {
            section.Advise(advice);
            section.Advise(advice, 4097, 50_000);
            using var window = section.MapWindow(50_000, 4, advice: advice);
            Check(window.ReadOnlySpan[0] == 42 && section.Read<int>(50_000) == 42, $"{advice} changes nothing");
        }
        Fails(WmmfStatus.Argument, () => section.Advise((SectionAdvice)6));
        Fails(WmmfStatus.Range, () => section.Advise(SectionAdvice.Normal, 1, 100_000));
        Fails(WmmfStatus.NotSupported, () => section.MapWindow(0, 1, copyOnWrite: true, advice: SectionAdvice.DontNeed));
    }
}
