using System;
using System.Buffers;
using System.Threading;

namespace Wmmf
{
    // An object that a pin keeps.
    internal interface IPinned
    {
        void EndUse();
    }

    // One pin. It ends once, however often its handle, or a copy of that, is disposed.
    internal sealed class MemoryPin : IPinnable
    {
        private IPinned? _pinned;

        private MemoryPin(IPinned pinned) => _pinned = pinned;

        // A pin of memory that the caller has kept for it.
        internal static unsafe MemoryHandle At(byte* address, IPinned pinned) =>
            new MemoryHandle(address, default, new MemoryPin(pinned));

        MemoryHandle IPinnable.Pin(int elementIndex) => throw new NotSupportedException("a pin cannot pin anything else");

        void IPinnable.Unpin() => Interlocked.Exchange(ref _pinned, null)?.EndUse();
    }
}
