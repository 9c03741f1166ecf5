// The same as worker.c, in C#.
using System;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;

internal static class Worker
{
    // After this many, .NET has opened its own handles, which it does once.
    private const int FirstOperations = 200;

    private static void Main(string[] arguments)
    {
        var (kind, name, seed) = (arguments[0], arguments[1], int.Parse(arguments[2]));
        Work work = kind switch
        {
            "channel" => new OnChannel(name, seed),
            "table" => new OnTable(name, seed),
            _ => new OnSection(name, seed),
        };
        var least = long.Parse(arguments[3]);
        var stop = false;
        var input = new Thread(() =>
        {
            Console.In.ReadToEnd();
            Volatile.Write(ref stop, true);
        });
        input.IsBackground = true;
        input.Start();
        Console.Out.Write("ready\n");
        long operations = 0;
        for (; operations < FirstOperations; operations++)
            work.Operate();
        var before = HandlesInUse();
        for (; operations < least || !Volatile.Read(ref stop); operations++)
            work.Operate();
        Console.Out.Write($"{operations} {work.Torn} 0 {work.Repairs} {HandlesInUse() - before}\n");
    }

    // Descriptors of shared memory (.NET opens pipes and files of its own); on Windows, how far the table of handles is
    // filled.
    private static long HandlesInUse()
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            return Directory.GetFiles("/proc/self/fd").Count(IsSharedMemory);
        using var handle = new EventWaitHandle(false, EventResetMode.AutoReset);
        return handle.SafeWaitHandle.DangerousGetHandle() / 4;
    }

    private static bool IsSharedMemory(string descriptor) =>
        new FileInfo(descriptor).LinkTarget?.StartsWith("/dev/shm/") == true;
}
