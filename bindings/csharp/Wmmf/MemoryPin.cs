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

        internal static unsafe MemoryHandle Of(IInPlace shown, int elementIndex)
        {
            Arguments.Within(elementIndex, shown.Length, nameof(elementIndex));
            var start = shown.Start();
            return new MemoryHandle(start + elementIndex, default, new MemoryPin(shown.Use()));
        }

        MemoryHandle IPinnable.Pin(int elementIndex) => throw new NotSupportedException("a pin cannot pin anything else");

        void IPinnable.Unpin() => Interlocked.Exchange(ref _pinned, null)?.EndUse();
    }
}
