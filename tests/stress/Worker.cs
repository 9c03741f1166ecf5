// The same as worker.c, in C#.
using System;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using Wmmf;

internal sealed class Worker
{
    private const int Words = 32;
    private const int Size = Words * sizeof(ulong);
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    private readonly string _name;
    private readonly Random _random;
    private readonly Action[] _often, _seldom;
    private MemoryMappedFile _file, _window;
    private int _torn, _repairs;

    private Worker(string name, int seed)
    {
        _name = name;
        _random = new Random(seed);
        _file = MemoryMappedFile.Open(name);
        _window = MemoryMappedFile.Open(name, readOnly: true);
        _often = [() => WriteInPlace(_file), ReadInPlace, WriteCopy, () => ReadCopy(_file), () => ReadCopy(_window)];
        _seldom = [ComeAndGo, VisitShortLived, WaitForChange];
    }

    private static void Main(string[] arguments)
    {
        var worker = new Worker(arguments[0], int.Parse(arguments[1]));
        var least = long.Parse(arguments[2]);
        var stop = false;
        var input = new Thread(() =>
        {
            Console.In.ReadToEnd();
            Volatile.Write(ref stop, true);
        });
        input.IsBackground = true;
        input.Start();
        Console.Out.Write("ready\n");
        var before = HandlesInUse();
        long operations = 0;
        for (; operations < least || !Volatile.Read(ref stop); operations++)
            worker.Operate();
        Console.Out.Write($"{operations} {worker._torn} 0 {worker._repairs} {HandlesInUse() - before}\n");
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

    private void Operate()
    {
        var choice = _random.Next(512);
        try
        {
            (choice < _seldom.Length ? _seldom[choice] : _often[_random.Next(_often.Length)])();
        }
        catch (WmmfException error) when (error.Status == Status.OwnerDied)
        {
            WriteInPlace(_file);
        }
    }

    private void Look(ReadOnlySpan<byte> payload) =>
        _torn += payload[sizeof(ulong)..].SequenceEqual(payload[..^sizeof(ulong)]) ? 0 : 1;

    private void Fill(Span<byte> payload) => MemoryMarshal.Cast<byte, long>(payload).Fill(_random.NextInt64());

    private void WriteInPlace(MemoryMappedFile file)
    {
        using var guard = file.WriteLock(s_timeout);
        using var view = file.View();
        if (!guard.OwnerDied)
            Look(view.GetSpan());
        Fill(view.GetSpan());
        if (guard.OwnerDied)
        {
            file.MarkConsistent();
            _repairs++;
        }
    }

    private void ReadInPlace()
    {
        using var guard = _file.ReadLock(s_timeout);
        using var view = _file.View();
        Look(view.GetSpan());
    }

    private void WriteCopy()
    {
        Span<byte> payload = stackalloc byte[Size];
        Fill(payload);
        _file.Write(payload, timeout: s_timeout);
    }

    private void ReadCopy(MemoryMappedFile file)
    {
        Span<byte> payload = stackalloc byte[Size];
        file.Read(payload, timeout: s_timeout);
        Look(payload);
    }

    private void WaitForChange()
    {
        try
        {
            _file.Wait(_file.Sequence, TimeSpan.FromMilliseconds(1));
        }
        catch (WmmfException error) when (error.Status == Status.Timeout)
        {
        }
    }

    private void ComeAndGo()
    {
        _file.Dispose();
        _window.Dispose();
        _file = MemoryMappedFile.CreateOrOpen(_name, Size);
        _window = MemoryMappedFile.Open(_name, readOnly: true);
    }

    private MemoryMappedFile EnterShortLived()
    {
        var name = _name + "-short-lived";
        try
        {
            return _random.Next(2) == 0 ? MemoryMappedFile.Create(name, Size) : MemoryMappedFile.CreateOrOpen(name, Size);
        }
        catch (WmmfException error) when (error.Status == Status.Exists)
        {
            return MemoryMappedFile.Open(name);
        }
    }

    private void VisitShortLived()
    {
        try
        {
            using var file = EnterShortLived();
            WriteInPlace(file);
            ReadCopy(file);
        }
        catch (WmmfException error) when (error.Status is Status.NotFound or Status.OwnerDied)
        {
        }
    }
}
