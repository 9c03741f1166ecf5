// An error has what the library says about it, also if the layer makes other calls before it throws.
using System;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class DetailsTests
{
    private static void Ends<T>(ValueTask<T> task) where T : IDisposable => task.AsTask().GetAwaiter().GetResult().Dispose();

    internal static void TestAsynchronousLocksSayWhatIsWrong()
    {
        using var table = MemoryMappedFile.Create(NewName(), 1024, locks: 1);
        foreach (var wait in new Action<long>[]
        {
            offset => Ends(table.LockAt(offset).ReadLockAsync()),
            offset => Ends(table.LockAt(offset).WriteLockAsync()),
        })
        {
            Fails(WmmfStatus.Argument, () => wait(8), "expected a multiple of 64");
            using (table.LockAt(64).ReadLock())
                Fails(WmmfStatus.Full, () => wait(128), "as many locks in the payload as it can, 1");
        }
    }

    internal static void TestReadersSayHowManyFramesTheyHold()
    {
        using var channel = FrameChannel.Create(NewName(), 1, slots: 6, pins: 3);
        var held = new Frame[3];
        for (var i = 0; i < held.Length; i++)
        {
            channel.Publish(new byte[1]);
            held[i] = channel.Latest();
        }
        Fails(WmmfStatus.Timeout, () => channel.At(9, TimeSpan.FromMilliseconds(1)), "frame 9: expected 3 to 3");
        channel.Publish(new byte[1]);
        Fails(WmmfStatus.Full, () => channel.Latest(), "holds 3 frames, as many as it has pins");
        Array.ForEach(held, frame => frame.Dispose());
    }

    internal static void TestWritersSayWhatTheyWaitedForAndWhom()
    {
        using var channel = FrameChannel.Create(NewName(), 1, slots: 3);
        channel.Publish(new byte[1]);
        using var first = channel.Latest();
        channel.Publish(new byte[1]);
        using var second = channel.Latest();
        channel.Publish(new byte[1]);
        Fails(
            WmmfStatus.Timeout, () => channel.Begin(TimeSpan.Zero),
            $"readers hold all of the 2 slots that could be filled; in use by process {Environment.ProcessId}");
    }
}
