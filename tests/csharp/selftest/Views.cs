// Memory in place.
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

internal static class ViewsTests
{
    internal static void TestViewsKeepTheSection()
    {
        var name = NewName();
        var file = MemoryMappedFile.Create(name, 10);
        var view = file.View(2, 4);
        file.Dispose();
        view.GetSpan().Fill(7);
        Check(view.Memory.Length == 4 && view.Memory.Span[3] == 7, "still mapped");
        Throws<ObjectDisposedException>(() => file.Read(new byte[1]));
        Throws<ObjectDisposedException>(() => file.View());
        MemoryMappedFile.Open(name).Dispose();
        ((IDisposable)view).Dispose();
        Throws<ObjectDisposedException>(() => view.GetSpan());
        Fails(WmmfStatus.NotFound, () => MemoryMappedFile.Open(name));
    }

    internal static void TestPinnedMemoryKeepsTheView()
    {
        var name = NewName();
        using var handle = PinnedViewOfADisposedFile(name);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        MemoryMappedFile.Open(name).Dispose();
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // so that the handle alone refers to the view afterwards
    private static System.Buffers.MemoryHandle PinnedViewOfADisposedFile(string name)
    {
        using var file = MemoryMappedFile.Create(name, 10);
        return file.View().Memory.Pin();
    }
}
