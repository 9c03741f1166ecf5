// What a program without `unsafe` may do to break the layer: pins that are ended too often, and objects that are used, or
// disposed, by the finalizers of others.
using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class AttacksTests
{
    // Uses its object when it is collected, like a class that has a finalizer and an object of ours. When it is
    // collected the second time, that object has been finalized.
    private sealed class Holder<T> where T : class
    {
        private readonly T _held;
        private readonly Action<T> _last;
        private int _collectionsLeft;

        internal Holder(T held, Action<T> last, int collections) =>
            (_held, _last, _collectionsLeft) = (held, last, collections);

        ~Holder()
        {
            if (--_collectionsLeft > 0)
            {
                GC.ReRegisterForFinalize(this);
                return;
            }
            try
            {
                _last(_held);
            }
            catch (ObjectDisposedException)
            {
            }
            Interlocked.Increment(ref s_ended);
        }
    }

    private static int s_ended;

    [MethodImpl(MethodImplOptions.NoInlining)] // so that nothing refers to it afterwards
    private static void Forget<T>(Func<T> make, Action<T> last, int collections) where T : class =>
        GC.KeepAlive(new Holder<T>(make(), last, collections));

    private static void ForgetBothWays<T>(Func<T> make, Action<T> last) where T : class
    {
        foreach (var collections in new[] { 2, 1 })
        {
            var before = Volatile.Read(ref s_ended);
            Forget(make, last, collections);
            Until(
                () =>
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    return Volatile.Read(ref s_ended) > before;
                },
                "the finalizer has run");
        }
    }

    internal static void TestViewDisposedByAFinalizerTakesNoViewFromOthers()
    {
        for (var i = 0; i < 5; i++)
        {
            var file = MemoryMappedFile.Create(NewName(), 5000);
            using var innocent = file.View();
            ForgetBothWays(() => file.View(), view => view.Dispose());
            file.Dispose();
            Check(innocent.ReadOnlySpan[4999] == 0 && MemoryMappedFile.Exists(file.Name), "the innocent view is still mapped");
        }
    }

    internal static void TestViewUsedByAFinalizerIsMappedOrRefused()
    {
        ForgetBothWays(
            () =>
            {
                using var file = MemoryMappedFile.Create(NewName(), 5000);
                return file.View();
            },
            view => view.GetSpan().Fill(1));
    }

    internal static void TestFrameDisposedByAFinalizerTakesNoFrameFromOthers()
    {
        var channel = FrameChannel.Create(NewName(), 5000, slots: 5);
        channel.Publish(Enumerable.Repeat((byte)7, 5000).ToArray());
        var innocent = new List<Frame>();
        for (var i = 0; i < 3; i++)
            ForgetBothWays(
                () => channel.Latest(),
                frame =>
                {
                    if (innocent.Count == 0)
                        innocent.Add(channel.Latest()); // gets the hold of the frame, if that was released
                    frame.Dispose();
                });
        for (var i = 0; i < 10; i++)
            _ = channel.Publish(new byte[5000]);
        Check(innocent.All(frame => frame.Data.IndexOf((byte)0) < 0), "as they were");
        channel.Dispose();
        Check(innocent.All(frame => frame.Data[4999] == 7), "still mapped");
        innocent.ForEach(frame => frame.Dispose());
    }

    internal static void TestFrameUsedByAFinalizerIsHeldOrRefused()
    {
        ForgetBothWays(
            () =>
            {
                using var channel = FrameChannel.Create(NewName(), 5000);
                channel.Publish(new byte[5000]);
                return channel.Latest();
            },
            frame => _ = frame.Data.ToArray());
    }

    internal static void TestNewFrameEndedByAFinalizerTakesNoSlotFromOthers()
    {
        using var channel = FrameChannel.Create(NewName(), 100);
        ForgetBothWays(
            () => channel.Begin(),
            frame =>
            {
                OfAnotherThread(() =>
                {
                    if (!channel.TryBegin(out var innocent))
                        return false;
                    OfAnotherThread(() =>
                    {
                        frame.Dispose();
                        return true;
                    });
                    innocent.Size = 1;
                    return innocent.Publish() != 0; // throws if it was dropped, and then the test ends with the program
                });
                frame.Dispose();
            });
        using var last = channel.Begin(TimeSpan.FromSeconds(30));
    }

    internal static void TestPinsOfAViewEndOnce()
    {
        var file = MemoryMappedFile.Create(NewName(), 5000);
        using var view = file.View();
        var handle = view.Pin();
        var copy = handle;
        handle.Dispose();
        copy.Dispose();
        copy.Dispose();
        view.Unpin();
        file.Dispose();
        Check(MemoryMappedFile.Exists(file.Name), "the view keeps it");
        view.GetSpan().Fill(1);
    }

    internal static void TestPinsOfAFrameEndOnce()
    {
        using var channel = FrameChannel.Create(NewName(), 100, slots: 4);
        channel.Publish(new byte[] { 7 });
        using var innocent = channel.Latest();
        channel.Publish(new byte[] { 9 });
        using (var frame = channel.Latest())
        {
            var handle = frame.Memory.Pin();
            var copy = handle;
            handle.Dispose();
            copy.Dispose();
            copy.Dispose();
            Check(channel.Participants().Sum(one => one.Pins) == 2, "both are held");
            for (var i = 0; i < 10; i++)
                channel.Publish(new byte[] { 8 });
            Check(frame.Data[0] == 9 && innocent.Data[0] == 7, "as they were");
        }
        Check(channel.Participants().Sum(one => one.Pins) == 1, "the innocent one is held");
    }

    internal static void TestPinsOfANewFrameEndOnceAndPublishWaitsForThem()
    {
        using var channel = FrameChannel.Create(NewName(), 100);
        var frame = channel.Begin();
        frame.Size = 1;
        var handle = frame.Memory.Pin();
        var copy = handle;
        var error = Throws<InvalidOperationException>(() => frame.Publish());
        Check(error.Message.Contains("pinned"), error.Message);
        handle.Dispose();
        copy.Dispose();
        copy.Dispose();
        Check(frame.Publish() == 1, "published");
        var dropped = channel.Begin();
        var pinned = dropped.Memory.Pin();
        dropped.Dispose();
        Check(OfAnotherThread(() => !channel.TryBegin(out _)), "the slot is whose pin it is");
        pinned.Dispose();
        Check(channel.Publish(new byte[1]) == 2, "let go");
    }

    internal static void TestFrameIsAskedWhileItAndItsChannelEnd()
    {
        for (var i = 0; i < 2000; i++)
        {
            var channel = FrameChannel.Create(NewName(), 10);
            channel.Publish(new byte[1]);
            var frame = channel.Latest();
            channel.Dispose();
            Parallel.Invoke(
                () =>
                {
                    try
                    {
                        while (frame.IsIntact)
                            ;
                    }
                    catch (ObjectDisposedException)
                    {
                    }
                },
                frame.Dispose);
        }
    }
}
