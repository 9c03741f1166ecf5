// A program that has nothing but the package Wmmf. C# 7.3, as every project of .NET Framework has it by default.
using System;
using Wmmf;

internal static class Consumer
{
    private static int Main()
    {
        var id = System.Diagnostics.Process.GetCurrentProcess().Id;
        using (var section = MemoryMappedFile.Create("package-" + id, 100))
        {
            section.Write(new byte[] { 1, 2, 3 });
            var back = new byte[3];
            section.Read(back);
            if (back[2] != 3)
                return 1;
            section.EnterWriteLock();
            try
            {
                section.Write(new byte[] { 4 });
            }
            finally
            {
                section.ExitWriteLock();
            }
            if (MemoryMappedFile.TryOpen("no-such-" + id, out var missing))
                return 2;
        }
        using (var channel = FrameChannel.Create("package-c-" + id, 100))
        {
            channel.Publish(new byte[] { 1 });
            var next = channel.NextAsync().AsTask();
            next.Result.Dispose();
            var later = channel.NextAsync(TimeSpan.FromSeconds(30)).AsTask();
            channel.Publish(new byte[] { 2 });
            using (var frame = later.Result)
                Console.WriteLine("fine " + channel.Capacity + " " + frame.Data[0]);
        }
        return 0;
    }
}
