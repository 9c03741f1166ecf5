using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Wmmf
{
    /// <summary>A frame, in place. It does not change until it is disposed. Its description stays valid after that.
    /// </summary>
    /// <remarks>Spans and addresses must not be used after the frame is disposed. A frame that is collected without
    /// Dispose keeps its slot, so that a span of it never shows another picture, and the writer runs out of slots; the
    /// event source and the meter Wmmf report it. Only a frame whose bytes you never asked for is released when it is
    /// collected.</remarks>
    /// <example><code>
    /// using (var frame = channel.Latest())
    ///     for (var y = 0; y &lt; frame.Height; y++)
    ///         Look(frame.GetRow(y));
    /// </code></example>
    public sealed unsafe class Frame : FrameInfo, IDisposable, IPinned, IInPlace
    {
        private const int IsDisposed = 1 << 30; // in _uses, beside the number of pins and, until Dispose, the frame itself

        private Watch? _watch; // null when it has ended: the next frame has it then, which this must not keep alive
        private readonly byte* _data;
        private readonly uint _hold;
        private int _uses = 1;

        internal Frame(SectionHandle section, in wmmf_frame frame) : base(frame)
        {
            _data = (byte*)frame.data;
            _hold = frame.hold;
            _watch = Watch.Over(section, frame.hold, isOfNewFrame: false);
        }

        /// <summary>Whether the frame is unchanged since it was taken. Always true unless a hostile reader interferes,
        /// or the channel's creator set a time limit for held frames; see <see cref="ThrowIfNotIntact"/>.</summary>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public bool IsIntact
        {
            get
            {
                _ = Start();
                Use();
                try
                {
                    var frame = new wmmf_frame { struct_size = (uint)sizeof(wmmf_frame), hold = _hold };
                    return NativeMethods.wmmf_channel_intact(_watch!.Section.Pointer, &frame) == (int)WmmfStatus.Ok;
                }
                finally
                {
                    EndUse();
                }
            }
        }

        /// <summary>Throws if the frame was overwritten while you held it: call it after you have used the bytes.
        /// </summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotIntact"/>: what you read may be a mix of two
        /// frames.</exception>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public void ThrowIfNotIntact()
        {
            var watch = _watch; // another thread may end the frame
            if (!IsIntact)
                throw new WmmfException(
                    WmmfStatus.NotIntact, 0, $"frame {Sequence} of channel '{watch!.Section.Name}' was overwritten while it was held");
        }

        /// <summary>The picture's bytes, in shared memory.</summary>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public ReadOnlySpan<byte> Data => new ReadOnlySpan<byte>(Start(), Size);

        /// <summary>The address of the picture, for libraries that take one.</summary>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public IntPtr DataPointer => (IntPtr)Start();

        /// <summary>The picture's bytes as memory that keeps this object alive. A pin of this memory keeps the frame,
        /// even after Dispose.</summary>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public ReadOnlyMemory<byte> Memory => new InPlace(this).Memory;

        /// <summary>The first byte, for <c>fixed</c> statements.</summary>
        /// <returns>A reference to it; a null reference if the frame is empty.</returns>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public ref readonly byte GetPinnableReference() => ref Data.GetPinnableReference();

        /// <summary>A row of the picture, including the gap after it.</summary>
        /// <param name="y">The row; 0 is the first.</param>
        /// <returns><see cref="FrameInfo.Stride"/> bytes.</returns>
        /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
        public ReadOnlySpan<byte> GetRow(int y)
        {
            if ((uint)y >= (uint)Height)
                throw new ArgumentOutOfRangeException(nameof(y), y, $"expected 0 to {Height - 1}");
            return Data.Slice(y * Stride, Stride);
        }

        /// <summary>The elements of an array, or the bytes as elements.</summary>
        /// <typeparam name="T">The type of <see cref="FrameInfo.Element"/>, such as <c>float</c>.</typeparam>
        /// <returns>The elements in C order.</returns>
        /// <exception cref="InvalidOperationException">It is an array of elements of another size.</exception>
        public ReadOnlySpan<T> Values<T>() where T : unmanaged
        {
            FrameElements.Check<T>(Element);
            return MemoryMarshal.Cast<byte, T>(Data);
        }

        /// <summary>Copies the rows; the destination may have another stride.</summary>
        /// <param name="destination">Where the first row goes; the caller's memory of all rows.</param>
        /// <param name="stride">Bytes from one row to the next there.</param>
        /// <exception cref="ArgumentNullException">There is no address.</exception>
        /// <exception cref="ArgumentOutOfRangeException">The stride is too small for a row.</exception>
        /// <exception cref="InvalidOperationException">The frame has no rows.</exception>
        public void CopyTo(IntPtr destination, int stride)
        {
            Arguments.NotNull(destination, nameof(destination));
            Rows.Copy(Data, Stride, (byte*)destination, stride, new Picture(FourCC, Width, Height));
        }

        /// <summary>Copies the bytes unchanged.</summary>
        /// <param name="destination">At least <see cref="FrameInfo.Size"/> bytes.</param>
        /// <exception cref="ArgumentException">The destination is too short.</exception>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public void CopyTo(Span<byte> destination) => Data.CopyTo(destination);

        /// <summary>A copy of the bytes.</summary>
        /// <returns>A new array of <see cref="FrameInfo.Size"/> bytes.</returns>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public byte[] ToArray() => Data.ToArray();

        /// <summary>Releases the frame. Calling it again does nothing.</summary>
        public void Dispose()
        {
            var uses = Volatile.Read(ref _uses);
            while ((uses & IsDisposed) == 0)
            {
                var found = Interlocked.CompareExchange(ref _uses, uses - 1 | IsDisposed, uses);
                if (found == uses)
                {
                    if (uses == 1) // nothing is pinned
                        End();
                    break;
                }
                uses = found;
            }
        }

        int IInPlace.Length => Size;

        byte* IInPlace.Start() => Start();

        private byte* Start()
        {
            if ((Volatile.Read(ref _uses) & IsDisposed) != 0 || _watch?.TryExpose() != true)
                throw Ended();
            return _data;
        }

        // Called once.
        private void End()
        {
            var watch = _watch!;
            _watch = null;
            _ = watch.TryEnd();
        }

        // Keeps the frame until EndUse, even if it is disposed meanwhile.
        private void Use()
        {
            // Above zero while the frame is not disposed. If it is disposed meanwhile, another use may still keep it.
            var uses = Volatile.Read(ref _uses);
            for (;;)
            {
                if ((uses & ~IsDisposed) == 0)
                    throw Ended();
                var found = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
                if (found == uses)
                    return;
                uses = found;
            }
        }

        private void EndUse()
        {
            if (Interlocked.Decrement(ref _uses) == IsDisposed)
                End();
        }

        IPinned IInPlace.Use()
        {
            Use();
            return this;
        }

        void IPinned.EndUse() => EndUse();

        private static ObjectDisposedException Ended() => new ObjectDisposedException(nameof(Frame));
    }
}
