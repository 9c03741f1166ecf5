// Asynchronous waits: one thread for all of them.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class AsyncWaitsTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(30);

    internal static void TestZeroTriesOnceInTheCall()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        var (once, buffer) = (TimeSpan.Zero, new byte[8]);
        foreach (var tried in new Task[] { channel.LatestAsync(once).AsTask(), channel.NextAsync(once).AsTask() })
            Failed(tried, "get a frame of");
        Failed(channel.ReadIntoAsync(buffer, once).AsTask(), "copy a frame into 8 bytes from");
        Failed(FrameChannel.NextSetAsync(new[] { channel }, once, once), "get a set of frames of");

        void Failed(Task tried, string what)
        {
            Check(tried.IsCompleted, what);
            Fails(WmmfStatus.Timeout, () => tried.GetAwaiter().GetResult(), $"cannot {what} channel '{channel.Name}'");
        }
    }

    internal static void TestWhatIsThereCompletesAtOnce()
    {
        using var channel = FrameChannel.Create(NewName(), 10);
        channel.Publish(new byte[1]);
        var next = channel.NextAsync();
        Check(next.IsCompletedSuccessfully, "a frame");
        next.Result.Dispose();
        var copy = channel.CreateReader().ReadIntoAsync(new byte[10]);
        Check(copy.IsCompletedSuccessfully, "a copy");
        using var file = MemoryMappedFile.Create(NewName(), 10);
        file.Write(new byte[1]);
        Check(file.WaitAsync(0).IsCompletedSuccessfully, "a change");
    }

    internal static void TestWaitsTakeNoThreadEachAndNoPoolThread()
    {
        using var warm = MemoryMappedFile.Create(NewName(), 10);
        _ = warm.WaitAsync(0, TimeSpan.FromMilliseconds(1)).AsTask().ContinueWith(_ => { }).Wait(s_long);
        using var channel = FrameChannel.Create(NewName(), 10);
        var threads = Process.GetCurrentProcess().Threads.Count;
        var waits = Enumerable.Range(0, 1000).Select(_ => channel.CreateReader().NextAsync().AsTask()).ToArray();
        Check(Task.Run(() => { }).Wait(s_long), "the pool is free: with 1,000 threads in use it would be minutes");
        Check(Process.GetCurrentProcess().Threads.Count <= threads + 5, "no thread each");
        channel.Publish(new byte[] { 5 });
        Check(Task.WaitAll(waits, s_long), "all are woken");
        foreach (var wait in waits)
            using (wait.Result)
                Check(wait.Result.Data[0] == 5, "the frame");
    }

    // No thread stays behind when nobody waits any more.
    internal static void TestAContextIsUnloadedAfterAWait()
    {
        var context = WaitInAnotherContext();
        Until(
            () =>
            {
                GC.Collect();
                return !context.IsAlive;
            },
            "the context is unloaded");
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // so that nothing refers to the context afterwards
    private static WeakReference WaitInAnotherContext()
    {
        var context = new AssemblyLoadContext(null, isCollectible: true);
        var copy = context.LoadFromAssemblyPath(typeof(AsyncWaitsTests).Assembly.Location);
        copy.GetType(nameof(AsyncWaitsTests))!.GetMethod(nameof(WaitInVain), BindingFlags.NonPublic | BindingFlags.Static)!.Invoke(null, null);
        context.Unload();
        return new WeakReference(context);
    }

    private static void WaitInVain()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        var wait = file.WaitAsync(0, TimeSpan.FromMilliseconds(1)).AsTask();
        Throws<WmmfTimeoutException>(() => wait.GetAwaiter().GetResult());
    }

    // How often threads of this name have gone to sleep.
    private static long Sleeps(string name) => Directory.GetDirectories("/proc/self/task")
        .Where(thread => File.ReadAllText(thread + "/comm").Trim() == name)
        .SelectMany(thread => File.ReadLines(thread + "/status"))
        .Where(line => line.StartsWith("voluntary_ctxt_switches", StringComparison.Ordinal))
        .Sum(line => long.Parse(line.Split(':')[1]));

    // The native library looks again whether somebody has died, once for all waits, and less often the longer nothing
    // comes. Windows does not report such numbers.
    internal static void TestOnLinuxIdleWaitsSleep()
    {
        using var channel = FrameChannel.Create(NewName(), 10);
        using var cancel = new CancellationTokenSource();
        var waits = Enumerable.Range(0, 1000).Select(_ => channel.CreateReader().NextAsync(null, cancel.Token).AsTask()).ToArray();
        long before = 0, after = 0;
        Until(() => (after = Sleeps("Wmmf waits")) > 0, "there is such a thread");
        Until(
            () =>
            {
                before = after;
                Thread.Sleep(1000);
                after = Sleeps("Wmmf waits");
                return after - before < 20;
            },
            "1,000 waits wake up less than 20 times in a second");
        cancel.Cancel();
        Until(() => waits.All(wait => wait.IsCanceled), "all are cancelled");
    }

    internal static void TestAbandonedEnumerationsHoldNothing()
    {
        var channel = FrameChannel.Create(NewName(), 10, slots: 4);
        channel.Publish(new byte[1]);
        Check(Broken().Wait(s_long), "left by break");
        Check(channel.Participants().Sum(one => one.Pins) == 0, "break: the frame is released");
        Throws<InvalidOperationException>(() => Thrown().GetAwaiter().GetResult());
        Check(channel.Participants().Sum(one => one.Pins) == 0, "exception: the frame is released");
        using var cancel = new CancellationTokenSource();
        var reading = Cancelled();
        cancel.Cancel();
        Throws<OperationCanceledException>(() => reading.GetAwaiter().GetResult());
        Check(channel.Participants().Sum(one => one.Pins) == 0, "cancellation: the frame is released");
        Abandoned();
        channel.Dispose();
        Until(() => !FrameChannel.Exists(channel.Name), "no waiter keeps the channel open");

        async Task Broken()
        {
            await foreach (var frame in channel.ReadAllAsync())
                if (frame.Sequence == 1)
                    break;
        }

        async Task Thrown()
        {
            await foreach (var frame in channel.ReadAllAsync())
                throw new InvalidOperationException(frame.ToString());
        }

        async Task Cancelled()
        {
            await foreach (var frame in channel.ReadAllAsync(cancel.Token))
                Check(frame.Sequence == 1, "the only one");
        }

        void Abandoned() // nobody awaits its second frame, nor disposes it
        {
            var frames = channel.ReadAllAsync().GetAsyncEnumerator();
            Check(frames.MoveNextAsync().AsTask().Wait(s_long), "the first");
            _ = frames.MoveNextAsync();
        }
    }

    internal static void TestManySectionsAreWaitedFor()
    {
        var files = Enumerable.Range(0, 150).Select(_ => MemoryMappedFile.Create(NewName(), 10)).ToArray();
        var waits = files.Select(file => file.WaitAsync(0, s_long).AsTask()).ToArray();
        foreach (var file in files.Reverse())
            file.Write(new byte[1]);
        Check(Task.WaitAll(waits, s_long) && waits.All(wait => wait.Result == 1), "each is woken");
        foreach (var file in files)
            file.Dispose();
    }

    internal static void TestTimeoutsCountFromTheCall()
    {
        using var channel = FrameChannel.Create(NewName(), 10);
        var clock = Stopwatch.StartNew();
        var waits = Enumerable.Range(0, 40).Select(_ => channel.NextAsync(TimeSpan.FromSeconds(1)).AsTask()).ToArray();
        foreach (var wait in waits)
            Throws<WmmfTimeoutException>(() => wait.GetAwaiter().GetResult());
        Check(clock.Elapsed > TimeSpan.FromSeconds(0.99), $"{clock.Elapsed}");
        Check(clock.Elapsed < TimeSpan.FromSeconds(30), $"one after the other would be 40 s: {clock.Elapsed}");
        Throws<WmmfTimeoutException>(() => channel.NextAsync(TimeSpan.Zero).AsTask().GetAwaiter().GetResult());
    }

    internal static void TestCancellationEndsAWait()
    {
        using var channel = FrameChannel.Create(NewName(), 10);
        using var cancel = new CancellationTokenSource();
        var wait = channel.NextAsync(null, cancel.Token).AsTask(); // nothing else ever ends it
        cancel.Cancel();
        var error = Throws<OperationCanceledException>(() => wait.GetAwaiter().GetResult());
        Check(error.CancellationToken == cancel.Token && wait.IsCanceled, "the caller's token");
        Check(channel.NextAsync(null, cancel.Token).IsCanceled, "before it waits");
    }

    internal static void TestDisposeEndsAsyncWaits()
    {
        var channel = FrameChannel.Create(NewName(), 10);
        var waits = Enumerable.Range(0, 10).Select(_ => channel.NextAsync().AsTask()).ToArray();
        channel.Dispose();
        foreach (var wait in waits)
            Throws<ObjectDisposedException>(() => wait.GetAwaiter().GetResult());
        Until(() => !FrameChannel.Exists(channel.Name), "closed");
    }

    private sealed class OneThread : SynchronizationContext
    {
        public int Posts;

        public override void Post(SendOrPostCallback callback, object? state)
        {
            Interlocked.Increment(ref Posts);
            callback(state);
        }
    }

    internal static void TestContextSeesItsContinuations()
    {
        using var channel = FrameChannel.Create(NewName(), 10);
        var context = new OneThread();
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        async Task Wait()
        {
            using var frame = await channel.NextAsync();
        }
        var waiting = Wait();
        SynchronizationContext.SetSynchronizationContext(before);
        channel.Publish(new byte[1]);
        Check(waiting.Wait(s_long) && context.Posts == 1, $"{context.Posts}");
    }

    internal static void TestEachClientIsGivenAllFrames()
    {
        using var channel = FrameChannel.Create(NewName(), 10, slots: 6);
        using var cancel = new CancellationTokenSource();
        var had = new int[2];
        async Task Client(int index)
        {
            var last = 0ul;
            await foreach (var frame in channel.ReadAllAsync(cancel.Token))
            {
                Check(frame.Missed == 0 && frame.Sequence == last + 1, $"client {index}: {frame.Sequence} after {last}");
                last = frame.Sequence;
                Volatile.Write(ref had[index], (int)last);
            }
        }
        var clients = new[] { Client(0), Client(1) };
        for (var i = 1; i <= 100; i++)
        {
            Check(channel.Publish(new[] { (byte)i }) == (ulong)i, "published");
            Until(() => Volatile.Read(ref had[0]) == i && Volatile.Read(ref had[1]) == i, $"both have {i}");
        }
        cancel.Cancel();
        foreach (var client in clients)
            Throws<OperationCanceledException>(() => client.GetAwaiter().GetResult());
        Check(channel.Participants().All(one => one.Pins == 0), "each frame was let go");
    }

    internal static void TestEachEnumerationHasItsOwnCount()
    {
        using var channel = FrameChannel.Create(NewName(), 10, history: 3);
        var all = new[] { channel.ReadAllAsync(CancellationToken.None), channel.ReadAllAsync(FrameOrder.Every) };
        channel.Publish(new byte[1]);
        foreach (var frames in all)
        {
            foreach (var client in new[] { frames.GetAsyncEnumerator(), frames.GetAsyncEnumerator() })
            {
                Check(client.MoveNextAsync().AsTask().Wait(s_long) && client.Current.Sequence == 1, "the frame");
                Check(client.DisposeAsync().AsTask().Wait(s_long), "left");
            }
        }
        Check(channel.Participants().All(one => one.Pins == 0), "nothing is held");
    }

    internal static void TestOpenAsyncWaitsForACamera()
    {
        var name = NewName();
        Throws<WmmfTimeoutException>(() => FrameChannel.OpenAsync(name, TimeSpan.FromMilliseconds(50)).GetAwaiter().GetResult());
        var opening = FrameChannel.OpenAsync(name, s_long);
        using var camera = FrameChannel.Create(name, 10);
        Check(opening.Wait(s_long), "opened");
        opening.Result.Dispose();
        using var cancel = new CancellationTokenSource();
        var never = MemoryMappedFile.OpenAsync(NewName(), cancellationToken: cancel.Token);
        cancel.Cancel();
        Throws<OperationCanceledException>(() => never.GetAwaiter().GetResult());
    }
}
