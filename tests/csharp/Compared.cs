// The cells of the comparison with .NET's MemoryMappedFile (docs/comparison.md). With a folder: prints for each row
// whether Wmmf and .NET do it on this system. With "cut", a column and a path: reads a file that another program has
// cut.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Net = System.IO.MemoryMappedFiles;

internal static class Compared
{
    private const int Size = 10_000;

    private static readonly (string Row, Action<string> Ours, Action<string> Theirs)[] s_rows =
    {
        ("maps a part at any offset", OurPart, TheirPart),
        ("copies on write", OurCopyOnWrite, TheirCopyOnWrite),
        ("a view stays valid after `Dispose` of its parent", OurViewOutlives, TheirViewOutlives),
        ("makes a file larger for every process that has it open; views stay valid", OurGrowth, TheirGrowth),
        ("flushes a part at any offset", OurFlush, TheirFlush),
        ("a name that other programs open", OurName, TheirName),
    };

    private static int Main(string[] arguments)
    {
        if (arguments[0] == "cut")
            return ReadCut(arguments[1], arguments[2]);
        foreach (var (row, ours, theirs) in s_rows)
            Console.WriteLine($"{row}\t{Works(ours, arguments[0])}\t{Works(theirs, arguments[0])}");
        return 0;
    }

    // Whether it is done without an exception, with a new file.
    private static string Works(Action<string> attempt, string folder)
    {
        var path = Path.Combine(folder, "file");
        File.WriteAllBytes(path, new byte[Size]);
        try
        {
            attempt(path);
            return "yes";
        }
        catch (Exception error) when (error is Wmmf.IWmmfError or IOException or ArgumentException or NotSupportedException
            or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(error);
            return "no";
        }
    }

    private static void Same(long expected, long found)
    {
        if (expected != found)
            throw new IOException($"{found}, expected {expected}");
    }

    private static Net.MemoryMappedFile Theirs(string path) => Net.MemoryMappedFile.CreateFromFile(path, FileMode.Open);

    private static void OurPart(string path)
    {
        using var file = Wmmf.MemoryMappedFile.CreateFromFile(path);
        using var part = file.MapWindow(4097, 10);
        part.GetSpan()[0] = 1;
        Same(1, file.Read<byte>(4097));
    }

    private static void TheirPart(string path)
    {
        using var file = Theirs(path);
        using (var part = file.CreateViewAccessor(4097, 10))
            part.Write(0, (byte)1);
        using var all = file.CreateViewAccessor();
        Same(1, all.ReadByte(4097));
    }

    private static void OurCopyOnWrite(string path)
    {
        using (var file = Wmmf.MemoryMappedFile.CreateFromFile(path, protection: Wmmf.SectionProtection.CopyOnWrite))
            file.Write((byte)1);
        Same(0, File.ReadAllBytes(path)[0]);
    }

    private static void TheirCopyOnWrite(string path)
    {
        using (var file = Theirs(path))
        using (var view = file.CreateViewAccessor(0, 0, Net.MemoryMappedFileAccess.CopyOnWrite))
            view.Write(0, (byte)1);
        Same(0, File.ReadAllBytes(path)[0]);
    }

    private static void OurViewOutlives(string path)
    {
        var file = Wmmf.MemoryMappedFile.CreateFromFile(path);
        using var view = file.View();
        file.Dispose();
        view.GetSpan()[0] = 1;
    }

    private static void TheirViewOutlives(string path)
    {
        var file = Theirs(path);
        using var view = file.CreateViewAccessor();
        file.Dispose();
        view.Write(0, (byte)1);
    }

    private static void OurGrowth(string path)
    {
        File.Delete(path);
        using var file = Wmmf.MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, Size, layout: Wmmf.SectionLayout.Native);
        using var other = Wmmf.MemoryMappedFile.CreateFromFile(path, layout: Wmmf.SectionLayout.Native);
        using var early = other.View();
        file.Resize(2 * Size);
        other.Write((byte)1, 2 * Size - 1);
        Same(1, file.Read<byte>(2 * Size - 1));
        Same(0, early.ReadOnlySpan[0]);
    }

    // The stream of a mapped file makes it longer.
    private static void TheirGrowth(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        using var file = Net.MemoryMappedFile.CreateFromFile(
            stream, null, 0, Net.MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        using var early = file.CreateViewAccessor();
        stream.SetLength(2 * Size);
        using var late = file.CreateViewAccessor(2 * Size - 1, 1);
        late.Write(0, (byte)1);
    }

    private static void OurFlush(string path)
    {
        using var file = Wmmf.MemoryMappedFile.CreateFromFile(path);
        file.Flush(4097, 10, toDevice: true);
    }

    private static void TheirFlush(string path)
    {
        using var file = Theirs(path);
        using var part = file.CreateViewAccessor(4097, 10);
        part.Flush();
    }

    private static string NewName() => $"wmmf-compared-{Environment.ProcessId}";

    private static void OurName(string path)
    {
        using var section = Wmmf.MemoryMappedFile.Create(NewName(), Size);
        using var other = Wmmf.MemoryMappedFile.Open(NewName());
    }

    private static void TheirName(string path)
    {
        using var section = Net.MemoryMappedFile.CreateNew(NewName(), Size);
        using var other = Net.MemoryMappedFile.OpenExisting(NewName());
    }

    private static int ReadCut(string column, string path)
    {
        Func<byte> read;
        if (column == "Wmmf")
        {
            var file = Wmmf.MemoryMappedFile.CreateFromFile(path);
            read = () => file.Read<byte>(9000);
        }
        else
        {
            var view = Theirs(path).CreateViewAccessor();
            read = () => view.ReadByte(9000);
        }
        try
        {
            using var other = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            other.SetLength(1);
            _ = read();
        }
        catch (Exception error) when (error is IOException or Wmmf.IWmmfError)
        {
            Console.WriteLine("an error");
        }
        return 0;
    }
}
