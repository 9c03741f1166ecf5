// Objects that nobody disposes.
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

internal static class ForgottenTests
{
    internal static void TestChannelLetsGoOfForgottenFrames()
    {
        using var channel = FrameChannel.Create(NewName(), 8, slots: 3);
        ForgetTwoFrames(channel);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Check(channel.Publish(new byte[1]) == 4, "none is held");
    }

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
}
