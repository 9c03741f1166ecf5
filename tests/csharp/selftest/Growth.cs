// Sections and native files that grow while others have them open.
using System;
using System.IO;
using System.IO.MemoryMappedFiles;
using Wmmf;
using static Checks;
using DotNet = System.IO.MemoryMappedFiles.MemoryMappedFile;
using MemoryMappedFile = Wmmf.MemoryMappedFile;

internal static class GrowthTests
{
    private const long Gigabyte = 1L << 30;

    internal static void TestASectionGrowsInPlace()
    {
        var name = NewName();
        using var section = MemoryMappedFile.Create(name, 100_000, reserve: 64 * Gigabyte);
        using var reader = MemoryMappedFile.Open(name, readOnly: true);
        Check(section.Size == 100_000 && section.Reserved == 64 * Gigabyte && reader.Reserved == section.Reserved, "at first");
        using var early = section.View(0, 100_000);
        Throws<ArgumentOutOfRangeException>(() => reader.View(100_000, 1));
        Fails(WmmfStatus.Range, () => reader.Read<byte>(100_000));
        section.Resize(5_000_000);
        Check(reader.Size == 5_000_000, "larger");
        section.Write(42, 4_999_996);
        Check(reader.Read<int>(4_999_996) == 42, "copied");
        early.GetSpan()[0] = 7; // what was given out stays
        using (var all = reader.View())
            Check(all.Length == 5_000_000 && all.ReadOnlySpan[0] == 7 && all.ReadOnlySpan[4_999_996] == 42, "in place");
        Fails(WmmfStatus.Size, () => section.Resize(4_999_999), "size 4999999: expected at least 5000000");
        Fails(WmmfStatus.Size, () => section.Resize(64 * Gigabyte + 1), "size 68719476737: expected at most 68719476736");
        Fails(WmmfStatus.ReadOnly, () => reader.Resize(6_000_000));
        section.Dispose();
        Check(section.Size == 5_000_000, "told also when it is closed");
    }

    internal static void TestWhatCannotGrow()
    {
        Fails(WmmfStatus.Size, () => MemoryMappedFile.Create(NewName(), 100, reserve: 99));
        Fails(WmmfStatus.NotSupported, () => MemoryMappedFile.Create(NewName(), 100, layout: SectionLayout.Raw, reserve: 200));
        Throws<ArgumentOutOfRangeException>(() => MemoryMappedFile.Create(NewName(), 100, reserve: -1));
        using var section = MemoryMappedFile.Create(NewName(), 100);
        Check(section.Reserved == 100, "no more than it has");
        Fails(WmmfStatus.NotSupported, () => section.Resize(101));
    }

    internal static void TestOnWindowsASectionThatDotNetOnlyReservedIsNotReady()
    {
        var name = NewName();
        using var theirs = DotNet.CreateNew(
            name, 1 << 20, MemoryMappedFileAccess.ReadWrite, MemoryMappedFileOptions.DelayAllocatePages, HandleInheritability.None);
        var error = Throws<WmmfException>(() => MemoryMappedFile.Open(name, layout: SectionLayout.Raw));
        Check(error.Status == WmmfStatus.NotReady && error.Message.Contains("1048576 bytes are only reserved"), error.Message);
    }

    internal static void TestANativeFileGrowsBesideItsViews()
    {
        var folder = Path.Combine(Path.GetTempPath(), NewName());
        _ = Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, "table");
        using (var file = MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, 100, layout: SectionLayout.Native))
        using (var other = MemoryMappedFile.CreateFromFile(path, layout: SectionLayout.Native))
        using (var early = file.View())
        {
            other.Resize(200_000);
            Check(file.Size == 200_000, "larger");
            file.Write(42, 199_996);
            early.GetSpan()[0] = 7;
            Check(other.Read<int>(199_996) == 42 && other.Read<byte>() == 7, "the same bytes");
            file.Flush(toDevice: true);
        }
        using (var again = MemoryMappedFile.CreateFromFile(path, layout: SectionLayout.Native))
            Check(again.Size == 200_000 && again.Read<int>(199_996) == 42, "and it stays so");
        Directory.Delete(folder, true);
    }
}
