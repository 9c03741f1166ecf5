using System;
using System.Buffers;

namespace Wmmf
{
    // An object that shows bytes of shared memory.
    internal unsafe interface IInPlace
    {
        int Length { get; }

        // The first byte. Throws ObjectDisposedException if the object has ended.
        byte* Start();

        // Keeps the bytes, even if the object is disposed, until the result ends that use.
        IPinned Use();
    }

    // The source of the object's memory. The span of an object that cannot be written is never handed out as a writable
    // one.
    internal sealed unsafe class InPlace : MemoryManager<byte>
    {
        private readonly IInPlace _shown;

        internal InPlace(IInPlace shown)
        {
            _shown = shown;
            _ = shown.Start();
        }

        public override Memory<byte> Memory => CreateMemory(_shown.Length);

        public override Span<byte> GetSpan() => new Span<byte>(_shown.Start(), _shown.Length);

        public override MemoryHandle Pin(int elementIndex = 0) => MemoryPin.Of(_shown, elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
