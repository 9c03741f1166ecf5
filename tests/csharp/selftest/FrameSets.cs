// Frames of several channels that were taken at the same time.
using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class FrameSetTests
{
    private static readonly TimeSpan s_tolerance = TimeSpan.FromMilliseconds(1);

    private static FrameChannel[] Cameras(int count) =>
        Enumerable.Range(0, count).Select(_ => FrameChannel.Create(NewName(), 8, history: 8)).ToArray();

    private static void Publish(FrameChannel channel, byte value, ulong milliseconds) =>
        channel.Publish(new[] { value }, timestampNs: milliseconds * 1_000_000);

    private static void Close(params FrameChannel[] channels) => Array.ForEach(channels, channel => channel.Dispose());

    private static void AreTaken(Frame[] frames, params byte[] values)
    {
        Check(frames.Select(frame => frame.Data[0]).SequenceEqual(values), $"the set {string.Join(", ", values)}");
        Array.ForEach(frames, frame => frame.Dispose());
    }

    private static long Pinned(FrameChannel channel) => channel.Participants().Sum(one => (long)one.Pins);

    internal static void TestTheNewestSetThatWasNotGiven()
    {
        var cameras = Cameras(2);
        Publish(cameras[0], 1, 10);
        Publish(cameras[0], 2, 20);
        Publish(cameras[1], 3, 11);
        AreTaken(FrameChannel.NextSet(cameras, s_tolerance, TimeSpan.Zero), 1, 3);
        Check(!FrameChannel.TryNextSet(cameras, s_tolerance, out var none) && none == null, "no second set");
        Fails(WmmfStatus.Timeout, () => FrameChannel.NextSet(cameras, s_tolerance, TimeSpan.FromMilliseconds(10)));
        Publish(cameras[1], 4, 20);
        Check(FrameChannel.TryNextSet(cameras, TimeSpan.Zero, out var frames), "the frame that was late");
        AreTaken(frames!, 2, 4);
        Check(cameras.All(camera => Pinned(camera) == 0), "all are released");
        Close(cameras);
    }

    internal static void TestAChannelTwice()
    {
        var camera = Cameras(1)[0];
        Publish(camera, 1, 10);
        AreTaken(FrameChannel.NextSet(new[] { camera, camera }, TimeSpan.Zero, TimeSpan.Zero), 1, 1);
        Check(Pinned(camera) == 0, "both are released");
        Close(camera);
    }

    internal static void TestAfterAnErrorNothingIsHeld()
    {
        var cameras = Cameras(2);
        var held = new Frame[8];
        for (var i = 0; i <= held.Length; i++)
        {
            Publish(cameras[0], 0, (ulong)i + 1);
            Publish(cameras[1], 0, (ulong)i + 1);
            if (i < held.Length)
                held[i] = cameras[1].Latest();
        }
        Fails(WmmfStatus.Full, () => FrameChannel.NextSet(cameras, TimeSpan.Zero, TimeSpan.Zero));
        Check(Pinned(cameras[0]) == 0, "nothing is held");
        Array.ForEach(held, frame => frame.Dispose());
        Throws<ArgumentOutOfRangeException>(() => FrameChannel.NextSet(Array.Empty<FrameChannel>(), TimeSpan.Zero));
        Throws<ArgumentOutOfRangeException>(() => FrameChannel.NextSet(cameras, TimeSpan.FromTicks(-1)));
        Throws<ArgumentNullException>(() => FrameChannel.NextSet(new FrameChannel[1], TimeSpan.Zero));
        cameras[1].Dispose();
        Throws<ObjectDisposedException>(() => FrameChannel.NextSet(cameras, TimeSpan.Zero));
        Close(cameras);
    }

    internal static void TestItWaitsForTheLastOfASet()
    {
        var cameras = Cameras(2);
        var blocking = Cameras(2);
        var asynchronous = FrameChannel.NextSetAsync(cameras, s_tolerance);
        var thread = Task.Run(() => FrameChannel.NextSet(blocking, s_tolerance));
        foreach (var pair in new[] { cameras, blocking })
        {
            Publish(pair[0], 1, 10);
            Publish(pair[1], 2, 20);
            Publish(pair[0], 3, 20);
        }
        AreTaken(asynchronous.GetAwaiter().GetResult(), 3, 2);
        AreTaken(thread.GetAwaiter().GetResult(), 3, 2);
        Fails(WmmfStatus.Timeout, () =>
            FrameChannel.NextSetAsync(cameras, s_tolerance, TimeSpan.FromMilliseconds(10)).GetAwaiter().GetResult());
        Close(cameras);
        Close(blocking);
    }

    internal static void TestTheWaitIsEnded()
    {
        var cameras = Cameras(2);
        using var cancel = new CancellationTokenSource();
        var asynchronous = FrameChannel.NextSetAsync(cameras, s_tolerance, cancellationToken: cancel.Token);
        var thread = Task.Run(() => FrameChannel.NextSet(cameras, s_tolerance, cancellationToken: cancel.Token));
        cancel.Cancel();
        Throws<OperationCanceledException>(() => asynchronous.GetAwaiter().GetResult());
        Throws<OperationCanceledException>(() => thread.GetAwaiter().GetResult());
        asynchronous = FrameChannel.NextSetAsync(cameras, s_tolerance);
        thread = Task.Run(() => FrameChannel.NextSet(cameras, s_tolerance));
        cameras[1].Dispose();
        Throws<ObjectDisposedException>(() => asynchronous.GetAwaiter().GetResult());
        Throws<ObjectDisposedException>(() => thread.GetAwaiter().GetResult());
        Close(cameras);
    }
}
