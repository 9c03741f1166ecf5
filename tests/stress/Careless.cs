// Careless threads of one program, beside a correct one that must not notice: they forget objects in every order,
// dispose them during every call, and dispose everything twice from two threads.
//
//   Careless SECONDS SEED [forget] [during] [twice]     prints what was done, and fails if anybody noticed
using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;

internal static class Careless
{
    private const int Bytes = 4096;
    private const int MostExposed = 300; // each that is forgotten keeps its memory, as documented

    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(5); // of a machine that collects garbage at every allocation
    private static readonly string s_name = $"wmmf-careless-{Environment.ProcessId}";

    private static volatile bool s_stop;
    private static Exception? s_failure;
    private static long s_frames, s_forgotten, s_during, s_twice;
    private static int s_exposed;

    private static readonly (string Name, Action<Random> Work, Func<long> Done)[] s_careless =
    {
        ("forget", Forgets, () => s_forgotten),
        ("during", DisposesDuringCalls, () => s_during),
        ("twice", DisposesTwice, () => s_twice),
    };

    private static int Main(string[] arguments)
    {
        var (seconds, seed) = (double.Parse(arguments[0]), int.Parse(arguments[1]));
        var careless = s_careless.Where(one => arguments.Skip(2).Contains(one.Name)).ToArray();
        using var file = MemoryMappedFile.Create(s_name, Bytes, participants: 2000, locks: 8);
        using var channel = FrameChannel.Create(s_name + "-c", Bytes, slots: 24, participants: 2000, pins: 64);
        channel.Publish(new byte[Bytes]);
        var threads = careless.Select(one => one.Work).Append(Innocent).Append(MakesGarbage)
            .Select((work, index) => Started(work, new Random(seed + index))).ToList();
        var ends = DateTime.UtcNow.AddSeconds(seconds);
        while (DateTime.UtcNow < ends && s_failure == null)
            Thread.Sleep(100);
        s_stop = true;
        if (!threads.All(thread => thread.Join(2 * s_long)))
            s_failure ??= new InvalidOperationException("a thread hangs");
        var report = channel.Audit();
        if (s_failure == null && (report.IsDamaged || report.IsPoisoned || file.Audit().IsDamaged))
            s_failure = new InvalidOperationException(report.ToString());
        Console.WriteLine(
            $"{s_frames} frames looked at, {s_forgotten} objects forgotten, {s_during} calls that were disturbed, {s_twice} objects disposed twice");
        if (s_failure != null)
            Console.WriteLine(s_failure);
        return s_failure == null && s_frames > 0 && careless.All(one => one.Done() > 0) ? 0 : 1;
    }

    private static Thread Started(Action<Random> work, Random random)
    {
        var thread = new Thread(() =>
        {
            try
            {
                while (!s_stop)
                    work(random);
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref s_failure, error, null);
            }
        });
        thread.IsBackground = true;
        thread.Start();
        return thread;
    }

    private static void Expect(bool condition, string what)
    {
        if (!condition)
            throw new InvalidOperationException(what);
    }

    private static MemoryMappedFile OpenFile() => MemoryMappedFile.Open(s_name);

    private static FrameChannel OpenChannel() => FrameChannel.Open(s_name + "-c");

    // Must not notice anything: each frame is whole, and stays so; a section changes only under its lock.
    private static void Innocent(Random random)
    {
        using var file = OpenFile();
        using var channel = OpenChannel();
        using var view = file.View();
        for (var round = 0; !s_stop; round++)
        {
            using (var slot = channel.Begin(s_long))
            {
                slot.Data.Fill((byte)round);
                slot.Size = Bytes;
                slot.Publish();
            }
            using var frame = channel.Latest(s_long);
            var first = frame.Data[0];
            Thread.Yield();
            Expect(frame.Data.IndexOfAnyExcept(first) < 0, $"a torn frame {frame}");
            using (var held = file.WriteLock(s_long, repair: true))
            {
                if (held.OwnerDied) // a file was disposed while a thread held its lock
                    file.MarkConsistent();
                view.AsRef<int>(0)++;
                Expect(view.AsRef<int>(0) == view.AsRef<int>(8) + 1, "somebody was in the lock");
                view.AsRef<int>(8)++;
            }
            s_frames++;
        }
    }

    // Everything that can be disposed, made of a file and a channel.
    private static readonly Func<MemoryMappedFile, FrameChannel, IDisposable?>[] s_kinds =
    {
        (file, channel) => file.View(),
        (file, channel) => file.MapWindow(16, 100),
        (file, channel) => new Pinned(file.View().Pin()),
        (file, channel) => new Pinned(file.View(0, 100).ReadOnlyMemory.Pin()),
        (file, channel) => channel.TryLatest(out var frame) ? frame : null,
        (file, channel) => channel.TryLatest(out var frame) ? Pin(frame) : null,
        (file, channel) => channel.TryBegin(out var frame, s_moment) ? frame : null,
        (file, channel) => new Enumeration(channel),
        (file, channel) => file,
        (file, channel) => channel,
        (file, channel) => file.ReadLockAsync(s_moment).AsTask().GetAwaiter().GetResult(),
        (file, channel) => file.WriteLockAsync(s_moment).AsTask().GetAwaiter().GetResult(),
    };

    private static Pinned Pin(Frame frame)
    {
        using (frame)
            return new Pinned(frame.Memory.Pin());
    }

    private sealed class Pinned : IDisposable
    {
        private readonly MemoryHandle _handle;

        internal Pinned(MemoryHandle handle) => _handle = handle;

        public void Dispose()
        {
            var copy = _handle;
            copy.Dispose();
        }
    }

    private sealed class Enumeration : IDisposable
    {
        private readonly CancellationTokenSource _cancel = new();
        private readonly IAsyncEnumerator<Frame> _frames;
        private readonly Task<bool> _first;
        private int _isDisposed;

        internal Enumeration(FrameChannel channel)
        {
            _frames = channel.ReadAllAsync(_cancel.Token).GetAsyncEnumerator();
            _first = _frames.MoveNextAsync().AsTask();
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
                return;
            _cancel.Cancel();
            _ = _first.ContinueWith(_ => _frames.DisposeAsync().AsTask(), TaskScheduler.Default);
        }
    }

    private static bool IsExpected(Exception error) =>
        error is ObjectDisposedException or TimeoutException or OperationCanceledException or OwnerDiedException
        || error is WmmfException { Status: WmmfStatus.Full or WmmfStatus.Deadlock }; // what was forgotten is not collected yet

    private static void Forgets(Random random)
    {
        Forget(random);
        if (random.Next(20) == 0)
        {
            GC.Collect(random.Next(3));
            GC.WaitForPendingFinalizers();
        }
    }

    // Some objects of handles that nobody else has; each is disposed, or forgotten, one after the other in any order.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(Random random)
    {
        var isOwn = random.Next(10) == 0 && s_exposed < MostExposed; // an exposed object that is forgotten stays for ever
        var name = $"{s_name}-{random.Next()}";
        try
        {
            var file = isOwn ? MemoryMappedFile.Create(name, Bytes) : OpenFile();
            var channel = isOwn ? FrameChannel.Create(name + "-c", Bytes) : OpenChannel();
            if (isOwn)
                channel.Publish(new byte[Bytes]);
            var kinds = isOwn ? s_kinds : s_kinds.Where((_, kind) => kind is 0 or 1 or 4 or 6 or 8 or 9).ToArray();
            var made = kinds.OrderBy(_ => random.Next()).Take(random.Next(1, kinds.Length)).Select(kind => Quietly(() => kind(file, channel))).ToArray();
            foreach (var index in Enumerable.Range(0, made.Length).OrderBy(_ => random.Next()))
            {
                if (isOwn && made[index] is MappedView view)
                    view.GetSpan()[0] = 1;
                if (isOwn && made[index] is Frame frame)
                    Expect(frame.Data[0] == 0, "another frame");
                if (random.Next(3) == 0)
                    made[index]?.Dispose();
                made[index] = null;
                s_forgotten++;
            }
            if (isOwn)
                s_exposed++;
        }
        catch (Exception error) when (IsExpected(error))
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private static T? Quietly<T>(Func<T?> make) where T : class
    {
        try
        {
            return make();
        }
        catch (Exception error) when (IsExpected(error))
        {
            return null;
        }
    }

    private static readonly Action<MemoryMappedFile, FrameChannel>[] s_calls =
    {
        (file, channel) => { using var frame = channel.Latest(); Expect(frame.IsIntact, "intact"); },
        (file, channel) => { using var frame = channel.Next(s_moment); _ = frame.ToArray(); },
        (file, channel) => { using var frame = channel.NextAsync(s_moment).AsTask().Result; },
        (file, channel) => channel.Publish(new byte[Bytes]),
        (file, channel) => { using var slot = channel.Begin(s_moment); slot.Data.Fill(9); slot.Size = Bytes; slot.Publish(); },
        (file, channel) => channel.ReadInto(new byte[Bytes], s_moment),
        (file, channel) => channel.Participants(),
        (file, channel) => channel.Audit(),
        (file, channel) => channel.GetState(),
        (file, channel) => channel.ToString(),
        (file, channel) => file.Read<long>(16, s_moment),
        (file, channel) => file.Write(7, 16, s_moment),
        (file, channel) => { using var held = file.ReadLock(s_moment); _ = held.Bytes()[100]; },
        (file, channel) => { using var held = file.WriteLock(s_moment); held.AsRef<int>(16)++; },
        (file, channel) => { using var held = file.ReadLockAsync(s_moment).AsTask().Result; },
        (file, channel) => { using var held = file.WriteLockAsync(s_moment).AsTask().Result; },
        (file, channel) => { using var held = file.LockAt(64).ReadLock(s_moment); },
        (file, channel) => { using var held = file.LockAt(64).WriteLock(s_moment, repair: true); },
        (file, channel) => file.ReadAsync(new byte[8], 16, s_moment).AsTask().Wait(),
        (file, channel) => file.WriteAsync(new byte[8], 16, s_moment).AsTask().Wait(),
        (file, channel) => Array.ForEach(FrameChannel.NextSet(new[] { channel }, s_moment, s_moment), frame => frame.Dispose()),
        (file, channel) => file.Wait(file.Sequence, s_moment),
        (file, channel) => file.WaitAsync(file.Sequence, s_moment).AsTask().Wait(),
        (file, channel) => { using var view = file.View(16, 8); view.GetSpan().Fill(1); },
        (file, channel) => { using var window = file.MapWindow(16, 8); window.GetSpan().Fill(1); },
        (file, channel) => file.GetLockState(),
        (file, channel) => file.GetOwner(),
        (file, channel) => file.Participants(),
    };

    // Two threads call, a third disposes.
    private static void DisposesDuringCalls(Random random)
    {
        var file = Quietly(OpenFile);
        var channel = Quietly(OpenChannel);
        var seeds = new[] { random.Next(), random.Next() };
        var wait = random.Next(3000);
        if (file == null || channel == null)
            return;
        void Call(int seed)
        {
            var chosen = new Random(seed);
            for (;;)
            {
                try
                {
                    s_calls[chosen.Next(s_calls.Length)](file, channel);
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref s_during);
                    return;
                }
                catch (AggregateException error) when (IsExpected(error.InnerException!))
                {
                }
                catch (Exception error) when (IsExpected(error))
                {
                }
                catch (Exception error)
                {
                    Interlocked.CompareExchange(ref s_failure, error, null);
                    return;
                }
            }
        }
        var callers = seeds.Select(seed => new Thread(() => Call(seed))).ToArray();
        foreach (var caller in callers)
            caller.Start();
        Thread.SpinWait(wait);
        file.Dispose();
        channel.Dispose();
        foreach (var caller in callers)
            Expect(caller.Join(s_long), "a call hangs after Dispose");
    }

    private static void DisposesTwice(Random random)
    {
        using var file = Quietly(OpenFile);
        using var channel = Quietly(OpenChannel);
        if (file == null || channel == null)
            return;
        var thing = Quietly(() => s_kinds[random.Next(s_kinds.Length)](file, channel));
        if (thing == null)
            return;
        Parallel.Invoke(thing.Dispose, thing.Dispose);
        thing.Dispose();
        s_twice++;
    }

    private static void MakesGarbage(Random random)
    {
        for (var i = 0; i < 1000 && !s_stop; i++)
            GC.KeepAlive(new byte[random.Next(10_000)]);
        GC.Collect(random.Next(2));
        Thread.Sleep(random.Next(5));
    }
}
