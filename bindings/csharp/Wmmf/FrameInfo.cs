using System;
using System.Diagnostics;

namespace Wmmf
{
    /// <summary>The description of a frame. It does not change, and stays valid after the frame.</summary>
    /// <example><code>
    /// FrameInfo info = reader.ReadInto(buffer);
    /// Console.WriteLine($"{info.Sequence}: {info.Width} x {info.Height} {info.FourCC}, {info.Age.TotalMilliseconds} ms
    /// old"); </code></example>
    [DebuggerDisplay("{ToString(),nq}")]
    public class FrameInfo
    {
        // Only for frames that have them, so that the others stay small.
        private sealed class Extras
        {
            internal byte[] User = Array.Empty<byte>();
            internal FrameElement Element;
            internal int[] Shape = Array.Empty<int>();
            internal ulong DeviceTimestamp;
            internal ulong DeviceFrame;
        }

        private readonly Extras? _extras;

        internal unsafe FrameInfo(in wmmf_frame frame)
        {
            Sequence = frame.sequence;
            Missed = frame.missed;
            TimestampNs = frame.timestamp_ns;
            Size = Checked(frame.used, nameof(Size), frame.sequence);
            Width = Checked(frame.width, nameof(Width), frame.sequence);
            Height = Checked(frame.height, nameof(Height), frame.sequence);
            Stride = Checked(frame.stride, nameof(Stride), frame.sequence);
            FourCC = new FourCC(frame.fourcc);
            if (frame.user_size == 0 && frame.element == 0 && frame.device_timestamp == 0 && frame.device_frame == 0)
                return;
            _extras = new Extras
            {
                Element = (FrameElement)frame.element,
                DeviceTimestamp = frame.device_timestamp,
                DeviceFrame = frame.device_frame,
            };
            fixed (byte* user = frame.user)
                _extras.User = new ReadOnlySpan<byte>(user, (int)frame.user_size).ToArray();
            if (frame.element == 0)
                return;
            _extras.Shape = new int[frame.dimensions];
            for (var i = 0; i < _extras.Shape.Length; i++)
                _extras.Shape[i] = Checked(frame.shape[i], nameof(Shape), frame.sequence);
        }

        /// <summary>1 for the channel's first frame, then 2, 3 ...</summary>
        public ulong Sequence { get; }

        /// <summary>How many frames were published between the reader's previous one and this one.</summary>
        public ulong Missed { get; }

        /// <summary>When it was published, or the time that the writer set: nanoseconds on the monotonic clock of this
        /// machine. </summary>
        public ulong TimestampNs { get; }

        /// <summary>How old the frame is now.</summary>
        public TimeSpan Age => new TimeSpan((MonotonicClock.Nanoseconds - (long)TimestampNs) / 100);

        /// <summary>Bytes of the picture.</summary>
        public int Size { get; }

        /// <summary>Pixels of a row; 0 if it is not a picture.</summary>
        public int Width { get; }

        /// <summary>Rows.</summary>
        public int Height { get; }

        /// <summary>Bytes from one row to the next. All rows are inside <see cref="Size"/>.</summary>
        public int Stride { get; }

        /// <summary>The pixel format.</summary>
        public FourCC FourCC { get; }

        /// <summary>The element type of an array; <see cref="FrameElement.None"/> if it is a picture, or bytes.</summary>
        public FrameElement Element => _extras?.Element ?? FrameElement.None;

        /// <summary>The elements of an array along each dimension, in C order and without gaps; empty if it is not an
        /// array.</summary>
        public ReadOnlySpan<int> Shape => _extras == null ? default : _extras.Shape;

        /// <summary>The device's own clock, in its own unit; 0: unknown.</summary>
        public ulong DeviceTimestamp => _extras?.DeviceTimestamp ?? 0;

        /// <summary>The device's own number of the frame; 0: unknown.</summary>
        public ulong DeviceFrame => _extras?.DeviceFrame ?? 0;

        /// <summary>Up to 64 bytes of the writer's user data.</summary>
        public ReadOnlySpan<byte> User => _extras == null ? default : _extras.User;

        /// <summary>What it is, in a few words.</summary>
        /// <returns>For example <c>frame 17, 640 x 480 BGR3</c>.</returns>
        public override string ToString() =>
            $"frame {Sequence}, "
            + (Width != 0 ? $"{Width} x {Height} {FourCC}"
                : Element != FrameElement.None ? $"{Element}[{string.Join(", ", Shape.ToArray())}]"
                : $"{Size} bytes");

        // Programs in other languages may publish larger frames, which no span can show.
        private static int Checked(ulong value, string property, ulong sequence)
        {
            if (value > int.MaxValue)
                throw new WmmfException(
                    WmmfStatus.Format, 0, $"frame {sequence} has {property} {value}, expected at most {int.MaxValue}");
            return (int)value;
        }
    }
}
