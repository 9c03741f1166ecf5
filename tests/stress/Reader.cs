// The same as reader.c, in C#.
using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using Wmmf;

internal static class Reader
{
    private static readonly TimeSpan s_longGap = TimeSpan.FromMilliseconds(5);

    private static void Main(string[] arguments)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var over = false;
        var input = new Thread(() =>
        {
            Console.In.ReadToEnd();
            Volatile.Write(ref over, true);
        });
        input.IsBackground = true;
        using var channel = FrameChannel.Open(arguments[0]);
        input.Start();
        Console.Out.Write("ready\n");
        long frames = 0, torn = 0, failed = 0;
        var had = 0UL;
        var sinceLast = Stopwatch.StartNew();
        while (!Volatile.Read(ref over))
        {
            try
            {
                using var frame = channel.Next(TimeSpan.FromSeconds(1));
                torn += frame.Data[1..].SequenceEqual(frame.Data[..^1]) ? 0 : 1;
                frame.ThrowIfNotIntact();
                failed += frame.Missed == (had == 0 ? 0 : frame.Sequence - had - 1) ? 0 : 1;
                had = frame.Sequence;
            }
            catch (WmmfTimeoutException)
            {
                continue;
            }
            catch (WmmfException fault)
            {
                failed++;
                Console.Error.WriteLine(fault);
                continue;
            }
            if (sinceLast.Elapsed > s_longGap)
                Console.Out.Write($"{sinceLast.Elapsed.TotalSeconds:F6}\n");
            sinceLast.Restart();
            frames++;
        }
        Console.Out.Write($"{frames} {torn} {failed}\n");
    }
}
