// What is spent.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Wmmf;
using static Checks;

internal static class CostsTests
{
    internal static void TestWhatNeedNotWaitAllocatesNothing()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        using var channel = FrameChannel.Create(NewName(), 10);
        var bytes = new byte[10];
        var timeout = TimeSpan.FromSeconds(1);
        void Use()
        {
            file.ReadLock(timeout).Dispose();
            file.WriteLock().Dispose();
            file.Write(bytes, 0, timeout);
            file.Read(bytes);
            file.Wait(0);
            channel.Publish(bytes, timeout: timeout);
        }
        Use();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Use();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Check(allocated == 0, $"{allocated} bytes");
    }
}
