// Waiting for frames, and for slots.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class ChannelWaitsTests
{
    internal static void TestChannelWaitsAndIsCancelled()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        Fails(WmmfStatus.Timeout, () => channel.Next(TimeSpan.FromMilliseconds(120)));
        var next = channel.NextAsync().AsTask();
        channel.Publish(new byte[] { 9 });
        Check(next.Wait(TimeSpan.FromSeconds(30)), "woken");
        using (var frame = next.Result)
            Check(frame.Data[0] == 9, "awaited");
        using var cancel = new CancellationTokenSource();
        var never = Task.Run(() => channel.Next(cancellationToken: cancel.Token));
        var noCopy = Task.Run(() => channel.ReadInto(new byte[8], cancellationToken: cancel.Token));
        cancel.Cancel();
        Throws<OperationCanceledException>(() => never.GetAwaiter().GetResult());
        Throws<OperationCanceledException>(() => noCopy.GetAwaiter().GetResult());
        var closed = channel.NextAsync().AsTask();
        channel.Dispose();
        Throws<ObjectDisposedException>(() => closed.GetAwaiter().GetResult());
    }

    internal static void TestChannelWritersWaitInSlices()
    {
        using var writer = FrameChannel.Create(NewName(), 8);
        var waits = new Action<FrameChannel, CancellationToken>[]
        {
            (channel, cancellation) => channel.Begin(Timeout.InfiniteTimeSpan, cancellation).Dispose(),
            (channel, cancellation) => channel.Publish(
                new byte[1], timeout: Timeout.InfiniteTimeSpan, cancellationToken: cancellation),
        };
        using var looker = MemoryMappedFile.Open(writer.Name, readOnly: true);
        foreach (var wait in waits)
        {
            using var cancel = new CancellationTokenSource();
            var other = FrameChannel.Open(writer.Name);
            using (writer.Begin())
            {
                var waiting = Task.Run(() => wait(other, cancel.Token));
                Until(() => SomebodyWaits(looker), "a writer waits");
                cancel.Cancel();
                Until(() => waiting.IsCompleted, "ends while another is at work");
                Throws<OperationCanceledException>(() => waiting.GetAwaiter().GetResult());
                waiting = Task.Run(() => wait(other, default));
                Until(() => SomebodyWaits(looker), "a writer waits");
                other.Dispose();
                Until(() => waiting.IsCompleted, "ends while another is at work");
                Throws<ObjectDisposedException>(() => waiting.GetAwaiter().GetResult());
            }
        }
        Check(writer.Publish(new byte[1]) == 1, "nothing else was published");
    }

    // The meter is told of a frame after it is taken and before the reader counts it.
    internal static void TestCountOfAReaderDoesNotGoBack()
    {
        using var channel = FrameChannel.Create(NewName(), 8);
        var reader = channel.CreateReader();
        using var hasTaken = new ManualResetEventSlim();
        using var mayCount = new ManualResetEventSlim();
        var slow = new Thread(() => reader.Next().Dispose());
        using var meter = new MeterListener();
        meter.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == "wmmf.frames.age")
                self.EnableMeasurementEvents(instrument);
        };
        meter.SetMeasurementEventCallback<double>((_, _, _, _) =>
        {
            if (Thread.CurrentThread == slow)
            {
                hasTaken.Set();
                mayCount.Wait();
            }
        });
        meter.Start();
        channel.Publish(new byte[1]);
        slow.Start();
        hasTaken.Wait();
        channel.Publish(new byte[2]);
        using (var newer = reader.Next())
            Check(newer.Sequence == 2, "the newer one");
        mayCount.Set();
        slow.Join();
        Check(reader.LastSequence == 2 && !reader.TryNext(out _), $"had {reader.LastSequence}");
    }
}
