using System;
using System.Buffers;

namespace Wmmf
{
    /// <summary>A part of a section's payload, in place. It keeps the section mapped until it is disposed, also after
    /// the <see cref="MemoryMappedFile"/> is. Hold the lock while you use it. What was taken from it, spans and
    /// pinned addresses, must not be used after it is disposed; memory of a read-only section must not be written.</summary>
    public sealed unsafe class MappedView : MemoryManager<byte>
    {
        private readonly byte* _start;
        private readonly int _length;
        private SectionHandle? _section;

        internal MappedView(SectionHandle section, byte* start, int length)
        {
            _section = section.Kept();
            _start = start;
            _length = length;
        }

        /// <summary>Lets go of the section if <see cref="IDisposable.Dispose"/> was forgotten.</summary>
        ~MappedView() => Dispose(false);

        /// <summary>The bytes.</summary>
        /// <exception cref="ObjectDisposedException">The view is disposed.</exception>
        public override Span<byte> GetSpan()
        {
            if (_section == null)
                throw new ObjectDisposedException(nameof(MappedView));
            return new Span<byte>(_start, _length);
        }

        /// <summary>The address of a byte. Mapped memory does not move; the handle only keeps this view alive.</summary>
        public override MemoryHandle Pin(int elementIndex = 0)
        {
            if (_section == null)
                throw new ObjectDisposedException(nameof(MappedView));
            if (elementIndex < 0 || elementIndex > _length)
                throw new ArgumentOutOfRangeException(nameof(elementIndex), elementIndex, $"expected 0 to {_length}");
            return new MemoryHandle(_start + elementIndex, default, this);
        }

        /// <summary>Nothing to do.</summary>
        public override void Unpin()
        {
        }

        /// <inheritdoc/>
        protected override void Dispose(bool disposing)
        {
            var section = System.Threading.Interlocked.Exchange(ref _section, null);
            section?.DangerousRelease();
            if (disposing)
                GC.SuppressFinalize(this);
        }
    }
}
