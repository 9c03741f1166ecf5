// Files as sections.
using System;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
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
        Fails(WmmfStatus.NotFound, () => MemoryMappedFile.CreateFromFile(path));
        using (var file = MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, 5000))
        {
            file.Write(new byte[] { 1, 2, 3 }, 4997);
            file.Flush(toDevice: true);
            Check(Throws<WmmfException>(() => file.Flush(5000, 1)).Message.Contains("1 bytes at offset 5000"), "named");
            using var end = file.View(4996, 4);
            Check(end.AsRef<int>() == 0x03020100, "in place");
            Refuses("offset", "1", "4 bytes within the 4", () => end.AsRef<int>(1));
            Refuses("offset", "0", "8 bytes within the 4", () => end.AsRef<long>());
            Refuses("offset", "-1", "4 bytes within the 4", () => end.AsRef<int>(-1));
        }
        Fails(WmmfStatus.Exists, () => MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, 5000));
        Check(File.ReadAllBytes(path).Skip(4997).SequenceEqual(new byte[] { 1, 2, 3 }), "on disk");
        using (var part = MemoryMappedFile.CreateFromFile(path, offset: 4998, protection: SectionProtection.CopyOnWrite))
        {
            Check(part.Size == 2 && part.Read<byte>() == 2, "a part");
            part.Write(new byte[] { 9 });
            Check(part.Read<byte>() == 9 && File.ReadAllBytes(path)[4998] == 2, "changes stay here");
            var message = Throws<WmmfException>(() => part.Resize(3)).Message;
            Check(message.EndsWith("it does not change the file", StringComparison.Ordinal), message);
        }
        using (var reader = MemoryMappedFile.CreateFromFile(path, protection: SectionProtection.Read))
            Check(reader.IsReadOnly && reader.View().ReadOnlySpan[4999] == 3, "read-only");
        Throws<ArgumentOutOfRangeException>(() => MemoryMappedFile.CreateFromFile(path, FileMode.Append));
    });

    internal static void TestNativeFilesHaveALock() => InAFolder(path =>
    {
        using (var table = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, 100, layout: SectionLayout.Native))
        {
            using var other = MemoryMappedFile.CreateFromFile(path, layout: SectionLayout.Native);
            using (table.WriteLock())
                Check(OfAnotherThread(() => !other.TryEnterReadLock()), "excluded");
            table.Write(42);
            Check(other.Read<int>() == 42 && other.Wait(0, TimeSpan.Zero) != 0 && other.Size == 100, "shared");
        }
        using var again = MemoryMappedFile.CreateFromFile(path, layout: SectionLayout.Native);
        Check(again.Read<int>() == 42, "kept");
    });

    internal static void TestOptionsOfFiles() => InAFolder(path =>
    {
        using (var file = MemoryMappedFile.CreateFromFile(
            path, FileMode.CreateNew, 10, fileSize: 5000, options: SectionFileOptions.Reserve | SectionFileOptions.WriteThrough))
        {
            file.Write(7);
            Check(file.Size == 10 && new FileInfo(path).Length == 5000, "the file is longer");
        }
        using (var big = MemoryMappedFile.CreateFromFile(path, options: SectionFileOptions.Unmapped))
        {
            Check(big.Read<int>() == 7, "reads without a mapping");
            Fails(WmmfStatus.NotSupported, () => big.View());
            using var window = big.MapWindow(3, 4);
            Check(window.AsRef<int>() == 0, "a window");
        }
        Refuses("share", "Write", "ReadWrite", () => MemoryMappedFile.CreateFromFile(path, share: FileShare.Write));
        Refuses("nameSpace", "Any", "another", () => MemoryMappedFile.CreateFromFile(path, nameSpace: SectionNamespace.Any));
        Refuses("layout", "Winmmf", "Raw", () => MemoryMappedFile.CreateFromFile(path, layout: SectionLayout.Winmmf));
        if (OperatingSystem.IsWindows())
            return;
        Fails(WmmfStatus.NotSupported, () => MemoryMappedFile.CreateFromFile(path, share: FileShare.None));
        Fails(WmmfStatus.NotSupported, () => MemoryMappedFile.CreateFromFile(path, mapName: NewName()));
        File.Delete(path);
        MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, 10, mode: 0x1A4 /* 0644 */).Dispose();
        Check(File.GetUnixFileMode(path).HasFlag(UnixFileMode.GroupRead), "permissions");
    });

    internal static void TestOnWindowsFilesAreSharedAsAsked() => InAFolder(path =>
    {
        using (MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, 10, share: FileShare.None))
            Throws<IOException>(() => File.ReadAllBytes(path));
        var name = NewName();
        using var file = MemoryMappedFile.CreateFromFile(path, mapName: name);
        file.Write(7);
        using var other = MemoryMappedFile.Open(name, layout: SectionLayout.Raw);
        Check(other.Read<int>() == 7, "by its name");
    });

    internal static void TestResizingMovesWhatNothingUses() => InAFolder(path =>
    {
        using var file = MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, 10);
        file.Write(7, 6);
        file.Resize(100_000);
        Check(file.Size == 100_000 && file.Read<int>(6) == 7 && file.Read<int>(99_996) == 0, "longer, with zeros");
        var view = file.View();
        Check(Throws<InvalidOperationException>(() => file.Resize(20)).Message.Contains("views"), "in use");
        var pin = view.Pin();
        view.Dispose();
        Throws<InvalidOperationException>(() => file.Resize(20));
        pin.Dispose();
        var window = file.MapWindow(0, 10);
        Throws<InvalidOperationException>(() => file.Resize(5));
        window.Dispose();
        file.Resize(20);
        Check(file.Size == 20 && new FileInfo(path).Length == 20, "shorter");
        Fails(WmmfStatus.Size, () => file.Resize(0));
        Throws<ArgumentOutOfRangeException>(() => file.View(0, 21));
        using var section = MemoryMappedFile.Create(NewName(), 10);
        Fails(WmmfStatus.NotSupported, () => section.Resize(20));
        using (var reader = MemoryMappedFile.CreateFromFile(path, protection: SectionProtection.Read))
            Fails(WmmfStatus.ReadOnly, () => reader.Resize(30));
        file.Dispose();
        Throws<ObjectDisposedException>(() => file.Resize(30));
    });

    internal static void TestResizingBesideThreadsThatUseTheFile() => InAFolder(path =>
    {
        using var file = MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, 4096);
        var stop = false;
        var users = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                file.Write(1);
                using (var view = file.View(0, 10))
                    view.GetSpan().Fill(1);
                Thread.Sleep(1); // so that it is not in use all the time
            }
        })).ToArray();
        var resized = 0;
        Until(
            () =>
            {
                try
                {
                    file.Resize(resized % 2 == 0 ? 8192 : 4096);
                    resized++;
                }
                catch (InvalidOperationException) // in use just now
                {
                }
                return resized == 100;
            },
            "resized 100 times");
        Volatile.Write(ref stop, true);
        Task.WaitAll(users);
    });

    internal static void TestWindows() => InAFolder(path =>
    {
        var file = MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, 10, fileSize: 100_000);
        using var window = file.MapWindow(70_001, 10);
        using var copy = file.MapWindow(70_001, 10, copyOnWrite: true);
        Fails(WmmfStatus.Range, () => file.MapWindow(99_999, 2));
        Fails(WmmfStatus.Range, () => file.MapWindow(0, 0));
        window.GetSpan().Fill(3);
        copy.GetSpan()[0] = 4;
        file.Dispose();
        Check(window.GetSpan()[0] == 3 && copy.ReadOnlySpan[0] == 4, "changes of the copy stay there");
        using var reader = MemoryMappedFile.CreateFromFile(path, protection: SectionProtection.Read);
        using var readOnly = reader.MapWindow(70_001, 1);
        Check(readOnly.ReadOnlySpan[0] == 3, "read-only");
        Throws<NotSupportedException>(() => readOnly.GetSpan().Clear());
    });

    internal static void TestSpanOfForgottenWindowStaysValid() => InAFolder(path =>
    {
        using var file = MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, 10);
        var span = OfForgottenWindow(file);
        for (var i = 0; i < 5; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        span.Fill(1);
        Check(file.Read<byte>(9) == 1, "a span of it stays valid");
    });

    [MethodImpl(MethodImplOptions.NoInlining)] // so that nothing but the span is left
    private static Span<byte> OfForgottenWindow(MemoryMappedFile file) => file.MapWindow(0, 10).GetSpan();
}
