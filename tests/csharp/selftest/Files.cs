// Files as sections.
using System;
using System.IO;
using System.Linq;
using Wmmf;
using static Checks;

internal static class FilesTests
{
    private static void InAFolder(Action<string> test)
    {
        var folder = Path.Combine(Path.GetTempPath(), NewName());
        _ = Directory.CreateDirectory(folder);
        try
        {
            test(Path.Combine(folder, "file"));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    internal static void TestRawFiles() => InAFolder(path =>
    {
        Fails(WmmfStatus.NotFound, () => MemoryMappedFile.MapFile(path));
        using (var file = MemoryMappedFile.MapFile(path, FileMode.CreateNew, 5000))
        {
            file.Write(new byte[] { 1, 2, 3 }, 4997);
            file.Flush(toDevice: true);
        }
        Fails(WmmfStatus.Exists, () => MemoryMappedFile.MapFile(path, FileMode.CreateNew, 5000));
        Check(File.ReadAllBytes(path).Skip(4997).SequenceEqual(new byte[] { 1, 2, 3 }), "on disk");
        using (var part = MemoryMappedFile.MapFile(path, offset: 4998, protection: SectionProtection.CopyOnWrite))
        {
            Check(part.Size == 2 && part.Read<byte>() == 2, "a part");
            part.Write(new byte[] { 9 });
            Check(part.Read<byte>() == 9 && File.ReadAllBytes(path)[4998] == 2, "changes stay here");
        }
        using (var reader = MemoryMappedFile.MapFile(path, protection: SectionProtection.Read))
            Check(reader.IsReadOnly && reader.View().ReadOnlySpan[4999] == 3, "read-only");
        Throws<ArgumentOutOfRangeException>(() => MemoryMappedFile.MapFile(path, FileMode.Append));
    });

    internal static void TestNativeFilesHaveALock() => InAFolder(path =>
    {
        using (var table = MemoryMappedFile.MapFile(path, FileMode.OpenOrCreate, 100, layout: SectionLayout.Native))
        {
            using var other = MemoryMappedFile.MapFile(path, layout: SectionLayout.Native);
            using (table.WriteLock())
                Check(OfAnotherThread(() => !other.TryEnterReadLock()), "excluded");
            table.Write(42);
            Check(other.Read<int>() == 42 && other.Wait(0, TimeSpan.Zero) != 0 && other.Size == 100, "shared");
        }
        using var again = MemoryMappedFile.MapFile(path, layout: SectionLayout.Native);
        Check(again.Read<int>() == 42, "kept");
    });
}
