// The C# agent of the language matrix; ../cross/README.md has the protocol.
using System;
using System.Globalization;
using System.Linq;
using System.Text;
using Wmmf;

internal static class Agent
{
    private static MemoryMappedFile? s_file;

    // The guards are ref structs, which cannot be kept between requests, so the agent keeps what they were made from.
    private static void Main()
    {
        while (Console.ReadLine() is { } line)
        {
            Console.Out.Write(Answer(line.TrimEnd('\r').Split(' ')) + "\n");
            Console.Out.Flush();
            if (line.TrimEnd('\r') == "quit")
                break;
        }
        s_file?.Dispose();
    }

    private static string Answer(string[] fields)
    {
        try
        {
            return Do(fields[0], fields.Skip(1).ToArray());
        }
        catch (WmmfException error)
        {
            return $"error {(int)error.Status}";
        }
        catch (Exception error) when (error is ArgumentException or FormatException or IndexOutOfRangeException)
        {
            return $"error {(int)Status.Argument}";
        }
    }

    private static string Do(string request, string[] a)
    {
        switch (request)
        {
            case "version":
                return $"ok {NativeMethods.WMMF_ABI_VERSION} {Version()}";
            case "quit":
                return "ok";
            case "create" when s_file == null:
                s_file = MemoryMappedFile.Create(
                    Name(a[0]), Number(a[1]), (Namespace)Number(a[2]), (Layout)Number(a[3]), (Access)Number(a[4]));
                return "ok";
            case "open" when s_file == null:
                s_file = MemoryMappedFile.Open(Name(a[0]), (Namespace)Number(a[2]), (Layout)Number(a[3]), Number(a[1]), a[4] == "1");
                return $"ok {s_file.Size}";
        }
        var file = s_file ?? throw new ArgumentException("nothing is open");
        switch (request)
        {
            case "close":
                file.Dispose();
                s_file = null;
                return "ok";
            case "lock_read":
                file.ReadLock(Time(a[0]));
                return "ok";
            case "unlock_read":
                file.UnlockRead();
                return "ok";
            case "lock_write":
                return file.WriteLock(Time(a[0])).OwnerDied ? $"error {(int)Status.OwnerDied}" : "ok";
            case "unlock_write":
                file.UnlockWrite();
                return "ok";
            case "mark_consistent":
                file.MarkConsistent();
                return "ok";
            case "fill":
                file.Write(Pattern(Number(a[1]), Number(a[2])), Number(a[0]));
                return "ok";
            case "check":
                return Check(file, Number(a[0]), Pattern(Number(a[1]), Number(a[2])));
            case "poke":
                var bytes = Convert.FromHexString(a[1]);
                using (var view = file.View(Number(a[0]), bytes.Length))
                    bytes.CopyTo(view.GetSpan());
                return "ok";
            case "peek":
                using (var view = file.View(Number(a[0]), (int)Number(a[1])))
                    return "ok " + Convert.ToHexString(view.GetSpan()).ToLowerInvariant();
            case "sequence":
                return $"ok {file.Sequence}";
            case "wait":
                return $"ok {file.Wait((ulong)Number(a[0]), Time(a[1]))}";
            case "audit":
                var report = file.Audit();
                return $"ok {(report.Damaged ? 1 : 0)} {(report.Poisoned ? 1 : 0)}";
            default:
                throw new ArgumentException(request);
        }
    }

    private static string Check(MemoryMappedFile file, long offset, byte[] expected)
    {
        var found = new byte[expected.Length];
        file.Read(found, offset);
        var same = expected.AsSpan().CommonPrefixLength(found);
        return same == expected.Length ? "ok" : $"mismatch {same}";
    }

    private static byte[] Pattern(long length, long seed)
    {
        var bytes = new byte[length];
        for (long i = 0; i < length; i++)
            bytes[i] = (byte)(seed + i * 7 + (i >> 8));
        return bytes;
    }

    private static unsafe string Version() =>
        System.Runtime.InteropServices.Marshal.PtrToStringUTF8((IntPtr)NativeMethods.wmmf_version()) ?? "";

    private static string Name(string hex) => Encoding.UTF8.GetString(Convert.FromHexString(hex));

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static TimeSpan? Time(string nanoseconds) =>
        Number(nanoseconds) < 0 ? null : TimeSpan.FromTicks((Number(nanoseconds) + 99) / 100);
}
