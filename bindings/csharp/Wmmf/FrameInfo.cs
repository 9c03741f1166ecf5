using System;

namespace Wmmf
{
    /// <summary>What describes a frame. It does not change, and stays valid when the frame is gone.</summary>
    public class FrameInfo
    {
        internal unsafe FrameInfo(wmmf_frame frame)
        {
            Sequence = frame.sequence;
            Missed = frame.missed;
            TimestampNs = frame.timestamp_ns;
            Size = (int)frame.used; // at most the capacity, which is an int
            Width = Checked(frame.width, nameof(Width), frame.sequence);
            Height = Checked(frame.height, nameof(Height), frame.sequence);
            Stride = Checked(frame.stride, nameof(Stride), frame.sequence);
            FourCC = new FourCC(frame.fourcc);
            User = new ReadOnlySpan<byte>(frame.user, (int)frame.user_size).ToArray();
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

        // A writer that means no harm has no use for more: a frame's bytes are counted by an int, too.
        private static int Checked(uint value, string property, ulong sequence)
        {
            if (value > int.MaxValue)
                throw new WmmfException(
                    WmmfStatus.Format, 0, $"frame {sequence} has {property} {value}, expected at most {int.MaxValue}");
            return (int)value;
        }
    }
}
