// What is spent: bytes that are allocated.
using System;
using System.Threading;
using Wmmf;
using static Checks;

internal static class CostsTests
{
    private const int Times = 1000;

    private static double AllocatedBy(Action action)
    {
        for (var i = 0; i < 10; i++)
            action();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Times; i++)
            action();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Times;
    }

    internal static void TestWhatNeedNotWaitAllocatesNothing()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var channel = FrameChannel.Create(NewName(), 10);
        var bytes = new byte[10];
        var timeout = TimeSpan.FromSeconds(1);
        var allocated = AllocatedBy(() =>
        {
            file.ReadLock(timeout).Dispose();
            file.WriteLock().Dispose();
            file.Write(bytes, 0, timeout);
            file.Read(bytes);
            file.Write(7);
            _ = file.Read<long>();
            file.Wait(0);
            using (var held = file.WriteLock())
                held.AsRef<int>(0)++;
            channel.Publish(bytes, timeout: timeout);
        });
        Check(allocated < 1, $"{allocated} bytes");
        // These may be held over an await, and name their task.
        var entered = AllocatedBy(() =>
        {
            file.EnterWriteLock();
            file.ExitWriteLock();
        });
        Check(entered < 100, $"Enter and Exit: {entered} bytes");
    }

    internal static void TestAFrameTakesLessThanAHundredBytes()
    {
        using var channel = FrameChannel.Create(NewName(), 10);
        channel.Publish(new byte[10]);
        var read = AllocatedBy(() => channel.Latest().Dispose());
        Check(read < 100, $"Latest: {read} bytes");
        var asked = AllocatedBy(() => channel.LatestAsync().Result.Dispose());
        Check(asked < 100, $"LatestAsync: {asked} bytes");
        var buffer = new byte[10];
        var reader = channel.CreateReader();
        var copied = AllocatedBy(() =>
        {
            channel.Publish(buffer);
            reader.ReadInto(buffer);
        });
        Check(copied < 100, $"ReadInto: {copied} bytes");
        var written = AllocatedBy(() =>
        {
            using var slot = channel.Begin();
            slot.Size = 1;
            slot.Publish();
        });
        Check(written < 100, $"Begin and Publish: {written} bytes");
    }
}
