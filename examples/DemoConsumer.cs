// A consumer of `pywinmmf demo --consumer`, in C#: reads every frame that comes, checks it, and reports in JSON lines.
//
//   DemoConsumer NAME NAMESPACE
//
// It stops when its standard input ends. pywinmmf/demo/frames.py says what the section holds.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using Wmmf;

internal static class DemoConsumer
{
    private const int Pixels = 64;
    private const int Channels = 3;

    private static readonly uint[] Table = Enumerable.Range(0, 256).Select(TableEntry).ToArray();
    private static readonly List<double> LatenciesMs = new();
    private static readonly Stopwatch Clock = Stopwatch.StartNew();
    private static long s_frames, s_bytes, s_torn, s_missed;
    private static ulong s_last;

    private static int Main(string[] arguments)
    {
        var stop = 0;
        new Thread(() =>
        {
            while (Console.Read() >= 0)
                continue;
            Volatile.Write(ref stop, 1);
        }) { IsBackground = true }.Start();

        using var section = MemoryMappedFile.Open(arguments[0], (SectionNamespace)int.Parse(arguments[1], CultureInfo.InvariantCulture));
        var frame = new byte[section.Size];
        var sequence = 0ul;
        var printed = TimeSpan.Zero;
        while (Volatile.Read(ref stop) == 0)
        {
            try
            {
                sequence = section.Wait(sequence, TimeSpan.FromMilliseconds(100));
                section.Read(frame);
                Judge(frame);
            }
            catch (WmmfTimeoutException)
            {
            }
            if (Clock.Elapsed - printed > TimeSpan.FromMilliseconds(250))
            {
                printed = Clock.Elapsed;
                Print();
            }
        }
        Print();
        return 0;
    }

    private static void Judge(ReadOnlySpan<byte> frame)
    {
        var number = MemoryMarshal.Read<ulong>(frame);
        if (number == s_last)
            return;
        // Stopwatch ticks are those of Python's perf_counter_ns, in another unit.
        var now = Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency);
        LatenciesMs.Add((now - MemoryMarshal.Read<ulong>(frame[8..])) / 1e6);
        var length = (long)MemoryMarshal.Read<uint>(frame[16..]) * MemoryMarshal.Read<uint>(frame[20..]) * Channels;
        var fits = length <= frame.Length - Pixels;
        if (!fits || Crc32(frame.Slice(Pixels, (int)length)) != MemoryMarshal.Read<uint>(frame[24..]))
            s_torn++;
        s_frames++;
        s_bytes += length;
        s_missed += s_last != 0 ? (long)(number - s_last - 1) : 0;
        s_last = number;
    }

    private static void Print()
    {
        var seconds = Clock.Elapsed.TotalSeconds;
        var sorted = LatenciesMs.OrderBy(value => value).ToArray();
        var latencies = sorted.Length == 0
            ? ""
            : FormattableString.Invariant($", \"p50_ms\": {sorted[sorted.Length / 2]:F4}, \"p99_ms\": {sorted[sorted.Length * 99 / 100]:F4}");
        Console.WriteLine(FormattableString.Invariant(
            $"{{\"frames\": {s_frames}, \"fps\": {s_frames / seconds:F3}, \"mb_per_s\": {s_bytes / seconds / 1e6:F3}, \"torn\": {s_torn}, \"missed\": {s_missed}{latencies}}}"));
    }

    private static uint TableEntry(int index)
    {
        var value = (uint)index;
        for (var bit = 0; bit < 8; bit++)
            value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB88320u : value >> 1;
        return value;
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        foreach (var value in bytes)
            sum = Table[(byte)(sum ^ value)] ^ (sum >> 8);
        return ~sum;
    }
}
