using System;
using System.Threading;

namespace Wmmf
{
    /// <summary>A frame, in place. It does not change until it is disposed; spans must not be used after that.
    /// What describes it stays valid.</summary>
    public sealed unsafe class Frame : FrameInfo, IDisposable
    {
        private wmmf_frame _frame;
        private SectionHandle? _section;

        internal Frame(SectionHandle section, wmmf_frame frame) : base(frame)
        {
            _section = section.Kept();
            _frame = frame;
        }

        /// <summary>Lets go of the frame if <see cref="Dispose"/> was forgotten.</summary>
        ~Frame() => Release();

        /// <summary>The picture's bytes, in shared memory.</summary>
        /// <exception cref="ObjectDisposedException">The frame is disposed.</exception>
        public ReadOnlySpan<byte> Data
        {
            get
            {
                if (_section == null)
                    throw new ObjectDisposedException(nameof(Frame));
                return new ReadOnlySpan<byte>(_frame.data, Size);
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
}
