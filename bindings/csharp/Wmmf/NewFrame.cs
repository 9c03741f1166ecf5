using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Wmmf
{
    /// <summary>A slot to fill: publish it, or dispose it to drop it. Meanwhile other writers wait.</summary>
    /// <remarks>Spans and addresses must not be used after it is published or disposed. A forgotten one keeps its slot,
    /// and keeps other writers out, so that no span of it ever writes into another picture; the event source and the
    /// meter Wmmf report it. Only one whose bytes you never asked for is dropped when it is collected.</remarks>
    /// <example><code>
    /// using (var slot = channel.Begin())
    /// {
    ///     camera.Grab(slot.DataPointer, slot.Capacity);
    ///     (slot.Width, slot.Height, slot.FourCC) = (640, 480, FourCC.Bgr24); // Size and Stride follow from these
    ///     slot.Publish();
    /// }
    /// </code></example>
    public sealed unsafe class NewFrame : IDisposable, IPinned, IInPlace
    {
        // Decides which thread may end it. If another thread disposes it while one publishes, the publishing thread
        // drops the frame if publishing fails. A pinned frame is not published, and is dropped only when the last pin
        // ends.
        private const int Open = 0, Publishing = 1, PublishingThenDrop = 2, Over = 3;
        private const int States = 3, OnePin = 4; // _state is one of the above plus the pins

        private Watch? _watch; // null when it has ended: the next frame has it then, which this must not keep alive
        private readonly byte* _data;
        private readonly uint _hold;
        private int _state;
        private int _size = -1; // not set
        private int _width, _height, _stride;
        private Extras? _extras;

        // Only for frames that have them, so that the others stay small.
        private sealed class Extras
        {
            internal byte[]? User;
            internal int[]? Shape;
            internal FrameElement Element;
            internal ulong DeviceTimestamp;
            internal ulong DeviceFrame;
        }

        private Extras Extra => _extras ??= new Extras();

        internal NewFrame(SectionHandle section, in wmmf_frame frame, int capacity)
        {
            _data = (byte*)frame.data;
            _hold = frame.hold;
            Capacity = capacity;
            _watch = Watch.Over(section, frame.hold, isOfNewFrame: true);
        }

        /// <summary>Bytes of the slot.</summary>
        public int Capacity { get; }

        /// <summary>The slot's bytes, with the contents of some older frame until you write them.</summary>
        /// <exception cref="ObjectDisposedException">It was published or dropped.</exception>
        public Span<byte> Data => new Span<byte>(Start(), Capacity);

        /// <summary>The address of the slot, for libraries that take one.</summary>
        /// <exception cref="ObjectDisposedException">It was published or dropped.</exception>
        public IntPtr DataPointer => (IntPtr)Start();

        /// <summary>The slot's bytes as memory that keeps this object alive.</summary>
        /// <exception cref="ObjectDisposedException">It was published or dropped.</exception>
        public Memory<byte> Memory => new InPlace(this).Memory;

        /// <summary>The first byte, for <c>fixed</c> statements.</summary>
        /// <returns>A reference to it.</returns>
        /// <exception cref="ObjectDisposedException">It was published or dropped.</exception>
        public ref byte GetPinnableReference() => ref Data.GetPinnableReference();

        /// <summary>A row of the picture, after <see cref="Stride"/> was set.</summary>
        /// <param name="y">The row; 0 is the first.</param>
        /// <returns><see cref="Stride"/> bytes.</returns>
        /// <exception cref="InvalidOperationException">The stride is not set.</exception>
        /// <exception cref="ArgumentOutOfRangeException">The row is not in the slot.</exception>
        public Span<byte> GetRow(int y)
        {
            if (_stride == 0)
                throw new InvalidOperationException("set Stride before GetRow");
            if (y < 0 || ((long)y + 1) * _stride > Capacity)
                throw new ArgumentOutOfRangeException(nameof(y), y, $"expected 0 to {Capacity / _stride - 1}");
            return Data.Slice(y * _stride, _stride);
        }

        /// <summary>The slot as values, as many as fit.</summary>
        /// <typeparam name="T">A type without references.</typeparam>
        /// <returns>A span, valid until the frame is published or dropped.</returns>
        /// <exception cref="ObjectDisposedException">It was published or dropped.</exception>
        public Span<T> Values<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(Data);

        /// <summary>Bytes of the picture. If you do not set it, it follows from the picture's size and format, or from
        /// the array's shape. You must set it for a compressed picture, or for plain bytes.</summary>
        public int Size { get => Math.Max(0, _size); set => _size = (int)Arguments.NotNegative(value, nameof(value)); }

        /// <summary>Pixels of a row.</summary>
        public int Width { get => _width; set => _width = (int)Arguments.NotNegative(value, nameof(value)); }

        /// <summary>Rows.</summary>
        public int Height { get => _height; set => _height = (int)Arguments.NotNegative(value, nameof(value)); }

        /// <summary>Bytes from one row to the next; 0: rows without gaps, if the format is known.</summary>
        public int Stride { get => _stride; set => _stride = (int)Arguments.NotNegative(value, nameof(value)); }

        /// <summary>The pixel format.</summary>
        public FourCC FourCC { get; set; }

        /// <summary>When it was taken: nanoseconds on the machine's monotonic clock; 0: when it is published.</summary>
        public ulong TimestampNs { get; set; }

        /// <summary>The device's own clock, in its own unit; 0: unknown.</summary>
        public ulong DeviceTimestamp { get => _extras?.DeviceTimestamp ?? 0; set => Extra.DeviceTimestamp = value; }

        /// <summary>The device's own number of the frame; 0: unknown.</summary>
        public ulong DeviceFrame { get => _extras?.DeviceFrame ?? 0; set => Extra.DeviceFrame = value; }

        /// <summary>Up to 64 bytes of user data for the readers.</summary>
        /// <param name="user">The bytes; they are copied.</param>
        /// <exception cref="ArgumentException">There are more.</exception>
        public void SetUser(ReadOnlySpan<byte> user)
        {
            FrameDescription.CheckUser(user);
            Extra.User = user.ToArray();
        }

        /// <summary>Makes it an array instead of a picture: elements in C order, without gaps.</summary>
        /// <typeparam name="T">Type of the elements, such as <c>float</c>.</typeparam>
        /// <param name="shape">The number of elements along each of up to 8 dimensions.</param>
        /// <exception cref="NotSupportedException">Arrays cannot have such elements.</exception>
        public void SetShape<T>(ReadOnlySpan<int> shape) where T : unmanaged
        {
            var element = FrameElements.Of<T>();
            _size = FrameDescription.BytesOf<T>(shape);
            (Extra.Element, Extra.Shape) = (element, shape.ToArray());
        }

        /// <summary>Makes it the newest frame.</summary>
        /// <returns>Its sequence.</returns>
        /// <exception cref="InvalidOperationException">The size is not set and cannot be computed, or the memory is
        /// pinned, for example by an unfinished read from a socket.</exception>
        /// <exception cref="ObjectDisposedException">It was already published or dropped.</exception>
        /// <exception cref="WmmfException">The description contradicts itself, or the slot; the frame is not published
        /// yet, and you can correct it.</exception>
        public ulong Publish()
        {
            var state = Interlocked.CompareExchange(ref _state, Publishing, Open);
            if (state != Open)
                throw (state & States) == Open
                    ? new InvalidOperationException("the slot's memory is pinned: dispose the pins before Publish")
                    : Ended();
            var watch = _watch!;
            var isPublished = false;
            try
            {
                var frame = Described();
                if (!watch.TryExpose())
                    throw Ended(); // a finalizer has dropped it
                NativeResult result = NativeMethods.wmmf_channel_publish(watch.Section.Pointer, &frame);
                if (!result.IsOk)
                    throw FrameDescription.Failure(result, frame, watch.Section.Name);
                isPublished = true;
                return frame.sequence;
            }
            finally
            {
                if (isPublished)
                {
                    Volatile.Write(ref _state, Over);
                    _watch = null;
                    watch.Stop();
                    Telemetry.Published(watch.Section.Name);
                }
                else if (Interlocked.CompareExchange(ref _state, Open, Publishing) == PublishingThenDrop)
                {
                    Volatile.Write(ref _state, Over);
                    End();
                }
            }
        }

        /// <summary>Drops the frame, unless it was published. Calling it again does nothing.</summary>
        public void Dispose()
        {
            var state = Volatile.Read(ref _state);
            while ((state & States) is Open or Publishing)
            {
                var next = state == Publishing ? PublishingThenDrop : state | Over;
                var found = Interlocked.CompareExchange(ref _state, next, state);
                if (found == state)
                {
                    if (next == Over) // nothing is pinned
                        End();
                    break;
                }
                state = found;
            }
        }

        private wmmf_frame Described()
        {
            var frame = new wmmf_frame
            {
                struct_size = (uint)sizeof(wmmf_frame),
                hold = _hold,
                width = (uint)_width,
                height = (uint)_height,
                stride = (uint)_stride,
                fourcc = FourCC.Code,
                timestamp_ns = TimestampNs,
                device_timestamp = DeviceTimestamp,
                device_frame = DeviceFrame,
            };
            if (_extras != null)
            {
                FrameDescription.SetUser(ref frame, _extras.User);
                FrameDescription.SetArray(ref frame, _extras.Element, _extras.Shape);
            }
            frame.used = (ulong)(_size >= 0 ? _size : SizeOfPicture());
            return frame;
        }

        private long SizeOfPicture()
        {
            var stride = _stride;
            return new Picture(FourCC, _width, _height).Size(ref stride)
                ?? (_stride > 0 && _height > 0
                    ? (long)_stride * _height
                    : throw new InvalidOperationException(
                        "the size of the frame is not set: set Size, or Width, Height and a FourCC that is not compressed"));
        }

        private static ObjectDisposedException Ended() => new ObjectDisposedException(nameof(NewFrame));

        int IInPlace.Length => Capacity;

        byte* IInPlace.Start() => Start();

        private byte* Start()
        {
            if ((Volatile.Read(ref _state) & States) == Over || _watch?.TryExpose() != true)
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

        IPinned IInPlace.Use()
        {
            var state = Volatile.Read(ref _state);
            for (;;)
            {
                if ((state & States) != Open)
                    throw Ended();
                var found = Interlocked.CompareExchange(ref _state, state + OnePin, state);
                if (found == state)
                    return this;
                state = found;
            }
        }

        void IPinned.EndUse()
        {
            if (Interlocked.Add(ref _state, -OnePin) == Over)
                End();
        }
    }
}
