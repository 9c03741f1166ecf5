// What calls of the C# layer cost: nanoseconds, medians of interleaved rounds, and bytes allocated; beside what .NET has for
// the same. Prints a table.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO.Pipes;
using System.Linq;
using System.Threading;
using Wmmf;
using DotNet = System.IO.MemoryMappedFiles.MemoryMappedFile;

internal static class Costs
{
    private const int Rounds = 9;
    private const int Calls = 20_000;

    private static void Main()
    {
        var id = Environment.ProcessId;
        var bytes = new byte[64];
        using var section = MemoryMappedFile.Create($"bench-{id}", 4096);
        using var channel = FrameChannel.Create($"bench-frames-{id}", 64);
        var reader = channel.CreateReader();
        channel.Publish(bytes);
        using var theirs = DotNet.CreateNew(null, 4096);
        using var accessor = theirs.CreateViewAccessor();
        using var mutex = new Mutex(false, $"bench-mutex-{id}");
        using var server = new NamedPipeServerStream($"bench-pipe-{id}");
        using var client = new NamedPipeClientStream($"bench-pipe-{id}");
        client.Connect(5000);
        server.WaitForConnection();
        var subjects = new Dictionary<string, Action>
        {
            ["write lock, 4 bytes in place"] = () =>
            {
                using var held = section.WriteLock();
                held.AsRef<int>()++;
            },
            [".NET: named Mutex, 4 bytes in a MemoryMappedFile"] = () =>
            {
                mutex.WaitOne();
                accessor.Write(0, accessor.ReadInt32(0) + 1);
                mutex.ReleaseMutex();
            },
            ["Write of 64 bytes"] = () => section.Write(bytes),
            ["Read of 64 bytes"] = () => section.Read(bytes),
            ["a view"] = () => section.View(0, 64).Dispose(),
            ["Latest, disposed"] = () => channel.Latest().Dispose(),
            ["Begin and Publish"] = () =>
            {
                using var slot = channel.Begin();
                slot.Size = 64;
                slot.Publish();
            },
            ["Publish of 64 bytes, ReadInto"] = () =>
            {
                channel.Publish(bytes);
                reader.ReadInto(bytes);
            },
            [".NET: named pipe, 64 bytes"] = () =>
            {
                client.Write(bytes);
                for (var had = 0; had < bytes.Length;)
                    had += server.Read(bytes, had, bytes.Length - had);
            },
        };
        var times = subjects.Keys.ToDictionary(name => name, _ => new List<double>());
        foreach (var subject in subjects.Values)
            for (var i = 0; i < Calls; i++)
                subject(); // the JIT has optimised it by now
        for (var round = 0; round < Rounds; round++)
            foreach (var (name, subject) in subjects)
            {
                var clock = Stopwatch.GetTimestamp();
                for (var i = 0; i < Calls; i++)
                    subject();
                times[name].Add(Stopwatch.GetElapsedTime(clock).TotalNanoseconds / Calls);
            }
        Console.WriteLine($"{"C#, one call",-52}{"ns",8}{"bytes",8}");
        foreach (var (name, subject) in subjects)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < Calls; i++)
                subject();
            var allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Calls;
            Console.WriteLine($"{name,-52}{times[name].Order().ElementAt(Rounds / 2),8:F0}{allocated,8:F0}");
        }
    }
}
