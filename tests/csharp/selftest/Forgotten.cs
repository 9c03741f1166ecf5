// Objects that are never disposed are reported.
using System;
using System.Collections.Generic;
using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class ForgottenTests
{
    internal static void TestFramesThatGaveNothingOutAreLetGo()
    {
        using var channel = FrameChannel.Create(NewName(), 8, slots: 3);
        ForgetTwoFrames(channel);
        UntilNothingIsHeld(channel, collect: true);
    }

    internal static void TestEndedFramesDoNotKeepTheNextOne()
    {
        using var channel = FrameChannel.Create(NewName(), 8, slots: 3);
        var published = channel.Begin();
        published.Size = 1;
        published.Publish();
        ForgetNewest(channel);
        UntilNothingIsHeld(channel, collect: true);
        var released = channel.Latest();
        released.Dispose();
        ForgetNewest(channel);
        UntilNothingIsHeld(channel, collect: true);
        GC.KeepAlive(published);
        GC.KeepAlive(released);
    }

    // Nobody else calls the collector: a reader that waits allocates nothing.
    internal static void TestReaderThatForgotFramesIsGivenTheNext()
    {
        var timeout = TimeSpan.FromSeconds(20);
        var waits = new Func<FrameChannel, Frame>[]
        {
            reader => reader.Next(timeout),
            reader => reader.NextAsync(timeout).AsTask().GetAwaiter().GetResult(),
            reader => FrameChannel.NextSet(new[] { reader }, TimeSpan.Zero, timeout)[0],
        };
        using var channel = FrameChannel.Create(NewName(), 8, slots: 3);
        var picture = new byte[1];
        foreach (var wait in waits)
        {
            ForgetTwoFrames(channel);
            channel.Next().Dispose(); // the newest
            var writer = Task.Run(() =>
            {
                while (channel.Publish(picture) == 0)
                    Thread.Sleep(1);
            });
            wait(channel).Dispose();
            writer.Wait();
        }
    }

    // The newest frame is there without waiting, again and again, while the writer has no slot for another.
    internal static void TestReaderThatNeverWaitsBlocksNoWriter()
    {
        using var channel = FrameChannel.Create(NewName(), 8, slots: 3);
        var picture = new byte[1];
        for (var i = 0; i < 10; i++) // the collections do not become rarer
        {
            ForgetTwoFrames(channel);
            using (channel.Latest())
                Until(() => channel.Publish(picture) != 0, "the writer has a slot");
            UntilNothingIsHeld(channel, collect: false);
        }
    }

    internal static void TestProperlyHeldFramesRarelyCallTheCollector()
    {
        using var channel = FrameChannel.Create(NewName(), 8, slots: 3);
        channel.Publish(new byte[1]);
        var before = GC.CollectionCount(GC.MaxGeneration);
        for (var i = 0; i < 100; i++)
        {
            var held = new Frame[8];
            for (var j = 0; j < held.Length; j++)
                held[j] = channel.Latest();
            Array.ForEach(held, frame => frame.Dispose());
        }
        var collections = GC.CollectionCount(GC.MaxGeneration) - before;
        Check(collections < 10, $"{collections} collections");
    }

    private static void UntilNothingIsHeld(FrameChannel channel, bool collect) => Until(
        () =>
        {
            if (collect)
                GC.Collect();
            return channel.Participants().All(one => one.Pins == 0);
        },
        "nothing is held");

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ForgetNewest(FrameChannel channel) => _ = channel.Latest();

    [MethodImpl(MethodImplOptions.NoInlining)] // so that nothing refers to the frames afterwards
    private static void ForgetTwoFrames(FrameChannel channel)
    {
        var held = new List<Frame>();
        for (var i = 0; i < 2; i++)
        {
            channel.Publish(new byte[1]);
            held.Add(channel.Latest());
        }
        channel.Publish(new byte[1]);
        Check(channel.Publish(new byte[1]) == 0, "both are held");
        GC.KeepAlive(held);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(FrameChannel channel, MemoryMappedFile file)
    {
        channel.Publish(new byte[1]);
        ForgetNewest(channel);
        _ = file.View();
    }

    private sealed class Listener : EventListener
    {
        public readonly List<string> Events = new();

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "Wmmf")
                EnableEvents(eventSource, EventLevel.Verbose);
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            lock (Events)
                Events.Add($"{eventData.EventName} {string.Join(" ", eventData.Payload ?? Enumerable.Empty<object?>().ToList().AsReadOnly())}");
        }
    }

    internal static void TestEventSourceAndMeterTell()
    {
        using var channel = FrameChannel.Create(NewName(), 8, slots: 3);
        using var file = MemoryMappedFile.Create(NewName(), 8);
        using var listener = new Listener();
        var measured = new Dictionary<string, long>();
        using var meter = new MeterListener();
        meter.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == "Wmmf")
                self.EnableMeasurementEvents(instrument);
        };
        meter.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            foreach (var tag in tags)
                if (tag.Key == "wmmf.channel" && (tag.Value as string == channel.Name || tag.Value as string == file.Name))
                    lock (measured)
                        measured[instrument.Name] = measured.GetValueOrDefault(instrument.Name) + value;
        });
        meter.Start();
        Forget(channel, file);
        Until(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                lock (listener.Events)
                    return listener.Events.Contains($"Forgotten frame {channel.Name}")
                        && listener.Events.Contains($"Forgotten view {file.Name}");
            },
            "the event source tells");
        using (channel.Latest())
        {
            channel.Publish(new byte[1]);
            using (channel.Latest())
            {
                channel.Publish(new byte[1]);
                Check(channel.Publish(new byte[1]) == 0, "skipped");
            }
        }
        lock (measured)
        {
            Check(measured["wmmf.forgotten"] == 2 && measured["wmmf.frames.published"] == 3, "forgotten, published");
            Check(measured["wmmf.frames.skipped"] == 1 && measured["wmmf.frames.pinned"] == 0, "skipped, pinned");
        }
    }
}
