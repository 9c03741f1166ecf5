using System;
using System.Threading;

namespace Wmmf
{
    /// <summary>A slot to fill: publish it, or dispose it to drop it. Meanwhile other writers wait.</summary>
    public sealed unsafe class NewFrame : IDisposable
    {
        private readonly string _channel;
        private wmmf_frame _frame;
        private SectionHandle? _section;

        internal NewFrame(SectionHandle section, wmmf_frame frame, string channel)
        {
            _section = section.Kept();
            _frame = frame;
            _channel = channel;
        }

        /// <summary>Drops the frame if it was forgotten.</summary>
        ~NewFrame() => Cancel();

        /// <summary>The slot's bytes: those of some older frame.</summary>
        /// <exception cref="ObjectDisposedException">It is published or dropped.</exception>
        public Span<byte> Data
        {
            get
            {
                if (_section == null)
                    throw new ObjectDisposedException(nameof(NewFrame));
                return new Span<byte>(_frame.data, (int)_frame.capacity);
            }
        }

        /// <summary>Bytes of the picture.</summary>
        public int Size { get => (int)_frame.used; set => _frame.used = Arguments.NotNegative(value, nameof(value)); }

        /// <summary>Pixels of a row.</summary>
        public int Width { get => (int)_frame.width; set => _frame.width = Arguments.NotNegative(value, nameof(value)); }

        /// <summary>Rows.</summary>
        public int Height { get => (int)_frame.height; set => _frame.height = Arguments.NotNegative(value, nameof(value)); }

        /// <summary>Bytes from one row to the next.</summary>
        public int Stride { get => (int)_frame.stride; set => _frame.stride = Arguments.NotNegative(value, nameof(value)); }

        /// <summary>The pixel format.</summary>
        public FourCC FourCC { get => new FourCC(_frame.fourcc); set => _frame.fourcc = value.Code; }

        /// <summary>When it was taken, on the machine's monotonic clock; 0: when it is published.</summary>
        public ulong TimestampNs { get => _frame.timestamp_ns; set => _frame.timestamp_ns = value; }

        /// <summary>Up to 64 bytes of your own, for the readers.</summary>
        public void SetUser(ReadOnlySpan<byte> user) => SetUser(ref _frame, user);

        internal static void SetUser(ref wmmf_frame frame, ReadOnlySpan<byte> user)
        {
            if (user.Length > NativeMethods.WMMF_FRAME_USER_SIZE)
                throw new ArgumentException(
                    $"{user.Length} bytes: expected at most {NativeMethods.WMMF_FRAME_USER_SIZE}", nameof(user));
            fixed (byte* bytes = frame.user)
                user.CopyTo(new Span<byte>(bytes, NativeMethods.WMMF_FRAME_USER_SIZE));
            frame.user_size = (uint)user.Length;
        }

        /// <summary>Makes it the newest frame; its sequence.</summary>
        /// <exception cref="ArgumentException">The stride is too small for the width and the pixel format.</exception>
        /// <exception cref="ObjectDisposedException">It is published or dropped already.</exception>
        public ulong Publish()
        {
            var section = _section ?? throw new ObjectDisposedException(nameof(NewFrame));
            var frame = _frame;
            Arguments.Rows(frame, nameof(Stride));
            var status = NativeMethods.wmmf_channel_publish(section.DangerousGetHandle(), &frame);
            WmmfException.ThrowIfFailed(status, $"publish a frame of {Size} bytes, {Height} rows of {Stride}, in channel '{_channel}'");
            LetGo();
            return frame.sequence;
        }

        /// <summary>Drops it, unless it was published.</summary>
        public void Dispose()
        {
            Cancel();
            GC.SuppressFinalize(this);
        }

        private void Cancel()
        {
            if (_section == null)
                return;
            var frame = _frame;
            NativeMethods.wmmf_channel_cancel(_section.DangerousGetHandle(), &frame);
            LetGo();
        }

        private void LetGo() => Interlocked.Exchange(ref _section, null)?.DangerousRelease();
    }
}
