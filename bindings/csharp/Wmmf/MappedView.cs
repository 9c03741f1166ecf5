using System;
using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;

namespace Wmmf
{
    /// <summary>A part of a section's payload, in place. It keeps the section mapped until it is disposed, even after
    /// the <see cref="MemoryMappedFile"/> was disposed. Hold the lock while you use it.</summary>
    /// <remarks>Spans must not be used after the view is disposed. A forgotten view keeps the section mapped until the
    /// process ends, so that no span of it ever points to unmapped memory; the event source Wmmf reports it. </remarks>
    /// <example><code>
    /// using (file.WriteLock())
    /// using (var view = file.View(0, 100))
    ///     view.GetSpan().Fill(1);
    /// </code></example>
    [DebuggerDisplay("{ToString(),nq}")]
    public sealed unsafe class MappedView : MemoryManager<byte>, IDisposable, IInPlace
    {
        private readonly Lease _lease;
        private readonly byte* _start;
        private int _isDisposed;

        internal MappedView(MappedHandle memory, byte* start, int length, bool isReadOnly)
        {
            _lease = new Lease(memory);
            _start = start;
            Length = length;
            IsReadOnly = isReadOnly;
        }

        /// <summary>How many bytes.</summary>
        public int Length { get; }

        /// <summary>Whether its section was opened read-only; then only the members that begin with ReadOnly return bytes.
        /// </summary>
        public bool IsReadOnly { get; }

        /// <summary>The bytes, even of a read-only section.</summary>
        /// <exception cref="ObjectDisposedException">The view is disposed.</exception>
        public ReadOnlySpan<byte> ReadOnlySpan => new ReadOnlySpan<byte>(Start(), Length);

        /// <summary>The bytes as memory that keeps this view alive, even of a read-only section.</summary>
        /// <exception cref="ObjectDisposedException">The view is disposed.</exception>
        public ReadOnlyMemory<byte> ReadOnlyMemory => new InPlace(this).Memory;

        /// <summary>The bytes as memory that keeps this view alive.</summary>
        /// <exception cref="NotSupportedException">The section is read-only.</exception>
        /// <exception cref="ObjectDisposedException">The view is disposed.</exception>
        public override Memory<byte> Memory
        {
            get
            {
                _ = Writable();
                return CreateMemory(Length);
            }
        }

        /// <summary>The bytes.</summary>
        /// <returns>A span, valid until the view is disposed.</returns>
        /// <exception cref="NotSupportedException">The section is read-only: use <see cref="ReadOnlySpan"/>.</exception>
        /// <exception cref="ObjectDisposedException">The view is disposed.</exception>
        public override Span<byte> GetSpan() => new Span<byte>(Writable(), Length);

        /// <summary>A value in place.</summary>
        /// <typeparam name="T">A type without references.</typeparam>
        /// <param name="offset">Where it begins in the view, in bytes.</param>
        /// <returns>The value itself, valid until the view is disposed.</returns>
        /// <exception cref="ArgumentOutOfRangeException">It is not inside the view.</exception>
        public ref T AsRef<T>(int offset = 0) where T : unmanaged
        {
            var bytes = GetSpan();
            if (offset < 0 || offset > Length - sizeof(T))
                throw new ArgumentOutOfRangeException(
                    nameof(offset), offset, $"expected {sizeof(T)} bytes within the {Length} of the view");
            return ref MemoryMarshal.Cast<byte, T>(bytes.Slice(offset))[0];
        }

        /// <summary>The bytes as values, as many as fit.</summary>
        /// <typeparam name="T">A type without references.</typeparam>
        /// <returns>A span, valid until the view is disposed.</returns>
        /// <exception cref="NotSupportedException">The section is read-only.</exception>
        /// <exception cref="ObjectDisposedException">The view is disposed.</exception>
        public Span<T> Values<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(GetSpan());

        /// <summary>The address of a byte. Mapped memory does not move. It stays mapped until the handle is disposed,
        /// even if the view is disposed before.</summary>
        /// <param name="elementIndex">The index of the byte.</param>
        /// <returns>A handle to dispose when you no longer use the address.</returns>
        /// <exception cref="ObjectDisposedException">The view is disposed.</exception>
        public override MemoryHandle Pin(int elementIndex = 0)
        {
            _ = Writable();
            return MemoryPin.Of(this, elementIndex);
        }

        IPinned IInPlace.Use() => _lease.TryUse() ? _lease : throw Disposed();

        /// <summary>Does nothing: <see cref="MemoryHandle.Dispose"/> ends what <see cref="Pin"/> began, each pin
        /// once.</summary>
        public override void Unpin()
        {
        }

        /// <summary>Releases the section. Calling it again does nothing. Do not use its spans any more.</summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
                _lease.Dispose();
        }

        /// <inheritdoc/>
        protected override void Dispose(bool disposing)
        {
            if (disposing)
                Dispose();
        }

        /// <summary>How many bytes.</summary>
        /// <returns>For example <c>view of 100 bytes</c>.</returns>
        public override string ToString() => $"view of {Length} bytes{(IsReadOnly ? ", read-only" : "")}";

        byte* IInPlace.Start() => Start();

        private byte* Start()
        {
            if (Volatile.Read(ref _isDisposed) != 0 || !_lease.TryExpose())
                throw Disposed();
            return _start;
        }

        private byte* Writable() => IsReadOnly
            ? throw new NotSupportedException("the section was opened with readOnly: true: use ReadOnlySpan or ReadOnlyMemory")
            : Start();

        private static ObjectDisposedException Disposed() => new ObjectDisposedException(nameof(MappedView));
    }
}
