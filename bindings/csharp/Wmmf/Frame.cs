using System;
using System.Threading;

namespace Wmmf
{
    /// <summary>A pixel format: four characters, such as "BGR3", "GREY" or "NV12".</summary>
    public readonly struct FourCC : IEquatable<FourCC>
    {
        /// <summary>From up to four ASCII characters; shorter ones are filled with spaces.</summary>
        /// <exception cref="ArgumentException">It is longer, or not ASCII.</exception>
        public FourCC(string text)
        {
            if (text == null)
                throw new ArgumentNullException(nameof(text));
            if (text.Length > 4)
                throw new ArgumentException($"'{text}': expected up to four characters", nameof(text));
            uint code = 0;
            for (var i = 0; i < 4 && text.Length > 0; i++)
            {
                var character = i < text.Length ? text[i] : ' ';
                if (character == 0 || character > 127)
                    throw new ArgumentException($"'{text}': expected ASCII characters", nameof(text));
                code |= (uint)character << (8 * i);
            }
            Code = code;
        }

        internal FourCC(uint code) => Code = code;

        /// <summary>The first character in the lowest byte; 0: not told.</summary>
        public uint Code { get; }

        /// <summary>The characters; empty if not told.</summary>
        public override string ToString() => Code == 0
            ? ""
            : new string(new[] { (char)(Code & 255), (char)(Code >> 8 & 255), (char)(Code >> 16 & 255), (char)(Code >> 24) });

        /// <inheritdoc/>
        public bool Equals(FourCC other) => Code == other.Code;

        /// <inheritdoc/>
        public override bool Equals(object? other) => other is FourCC fourCC && Equals(fourCC);

        /// <inheritdoc/>
        public override int GetHashCode() => (int)Code;

        /// <summary>Whether they are the same.</summary>
        public static bool operator ==(FourCC left, FourCC right) => left.Equals(right);

        /// <summary>Whether they differ.</summary>
        public static bool operator !=(FourCC left, FourCC right) => !left.Equals(right);
    }

    /// <summary>What describes a frame.</summary>
    public readonly struct FrameInfo
    {
        internal unsafe FrameInfo(wmmf_frame frame)
        {
            Sequence = frame.sequence;
            Missed = frame.missed;
            TimestampNs = frame.timestamp_ns;
            Size = checked((int)frame.used);
            Width = (int)frame.width;
            Height = (int)frame.height;
            Stride = (int)frame.stride;
            FourCC = new FourCC(frame.fourcc);
            User = new ReadOnlySpan<byte>(frame.user, (int)Math.Min(frame.user_size, NativeMethods.WMMF_FRAME_USER_SIZE)).ToArray();
        }

        /// <summary>1 for the channel's first frame, then 2, 3 ...</summary>
        public ulong Sequence { get; }

        /// <summary>Frames published between the one that the reader had and this one.</summary>
        public ulong Missed { get; }

        /// <summary>When it was published, or what the writer said: the monotonic clock of this machine.</summary>
        public ulong TimestampNs { get; }

        /// <summary>Bytes of the picture.</summary>
        public int Size { get; }

        /// <summary>Pixels of a row; 0 if it is no picture.</summary>
        public int Width { get; }

        /// <summary>Rows.</summary>
        public int Height { get; }

        /// <summary>Bytes from one row to the next; rows times this is at most <see cref="Size"/>.</summary>
        public int Stride { get; }

        /// <summary>The pixel format.</summary>
        public FourCC FourCC { get; }

        /// <summary>The up to 64 bytes that the writer sent along.</summary>
        public byte[] User { get; }
    }

    /// <summary>A frame, in place. It does not change until it is disposed; spans must not be used after that.</summary>
    public sealed unsafe class Frame : IDisposable
    {
        private wmmf_frame _frame;
        private SectionHandle? _section;

        internal Frame(SectionHandle section, wmmf_frame frame)
        {
            var held = false;
            section.DangerousAddRef(ref held);
            _section = section;
            _frame = frame;
            Info = new FrameInfo(frame);
        }

        /// <summary>Lets go of the frame if <see cref="Dispose"/> was forgotten.</summary>
        ~Frame() => Release();

        /// <summary>What describes it.</summary>
        public FrameInfo Info { get; }

        /// <summary>The picture's bytes, in shared memory.</summary>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public ReadOnlySpan<byte> Data
        {
            get
            {
                if (_section == null)
                    throw new ObjectDisposedException(nameof(Frame));
                return new ReadOnlySpan<byte>(_frame.data, Info.Size);
            }
        }

        /// <summary>Lets go of the frame; again: nothing.</summary>
        public void Dispose()
        {
            Release();
            GC.SuppressFinalize(this);
        }

        private void Release()
        {
            var section = Interlocked.Exchange(ref _section, null);
            if (section == null)
                return;
            var frame = _frame;
            NativeMethods.wmmf_channel_release(section.DangerousGetHandle(), &frame);
            section.DangerousRelease();
        }
    }

    /// <summary>A slot to fill: publish it, or dispose it to drop it. Meanwhile other writers wait.</summary>
    public sealed unsafe class NewFrame : IDisposable
    {
        private readonly string _channel;
        private wmmf_frame _frame;
        private SectionHandle? _section;

        internal NewFrame(SectionHandle section, wmmf_frame frame, string channel)
        {
            var held = false;
            section.DangerousAddRef(ref held);
            _section = section;
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
                return new Span<byte>(_frame.data, checked((int)_frame.capacity));
            }
        }

        /// <summary>Bytes of the picture.</summary>
        public int Size { get => (int)_frame.used; set => _frame.used = Arguments.Bytes(value, nameof(value)); }

        /// <summary>Pixels of a row.</summary>
        public int Width { get => (int)_frame.width; set => _frame.width = (uint)Arguments.Bytes(value, nameof(value)); }

        /// <summary>Rows.</summary>
        public int Height { get => (int)_frame.height; set => _frame.height = (uint)Arguments.Bytes(value, nameof(value)); }

        /// <summary>Bytes from one row to the next.</summary>
        public int Stride { get => (int)_frame.stride; set => _frame.stride = (uint)Arguments.Bytes(value, nameof(value)); }

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
        /// <exception cref="ObjectDisposedException">It is published or dropped already.</exception>
        public ulong Publish()
        {
            var section = _section ?? throw new ObjectDisposedException(nameof(NewFrame));
            var frame = _frame;
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
