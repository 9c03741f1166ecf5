// Waiting for a change of a section.
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

internal static class ChangesTests
{
    internal static void TestWaiting()
    {
        using var file = MemoryMappedFile.Create(NewName(), 10);
        Fails(WmmfStatus.Timeout, () => file.Wait(0, TimeSpan.FromMilliseconds(120)));
        var waiting = file.WaitAsync(0).AsTask();
        file.Write(new byte[1]);
        Check(waiting.Wait(TimeSpan.FromSeconds(30)) && waiting.Result == 1, "woken");
        using var cancellation = new CancellationTokenSource();
        var cancelled = file.WaitAsync(1, null, cancellation.Token).AsTask();
        cancellation.Cancel();
        Throws<OperationCanceledException>(() => cancelled.GetAwaiter().GetResult());
        Check(file.Wait(0, TimeSpan.Zero) == 1, "at once");
    }
}
