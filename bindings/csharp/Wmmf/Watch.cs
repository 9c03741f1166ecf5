using System.Threading;

namespace Wmmf
{
    // Tells of a frame that nobody disposed, and lets it go if it never gave out its bytes: of the others, somebody may still
    // have a span. It has the finalizer so that frames need none: a watch is used again for the next frame of its section,
    // so that in the long run nothing is registered for finalization, which would cost more than the frame itself.
    internal sealed class Watch
    {
        private bool _isOfNewFrame;
        private uint _hold;
        private volatile bool _isExposed;
        private volatile bool _isArmed;

        private Watch(SectionHandle section) => Section = section;

        ~Watch()
        {
            if (!_isArmed)
                return;
            Telemetry.Forgotten(_isOfNewFrame ? "new frame" : "frame", Section.Name);
            if (!_isExposed)
                End();
        }

        internal SectionHandle Section { get; }

        // Keeps the section open until Stop.
        internal static Watch Over(SectionHandle section, uint hold, bool isOfNewFrame)
        {
            _ = section.Kept();
            var watch = Interlocked.Exchange(ref section.SpareWatch, null) ?? new Watch(section);
            watch._isOfNewFrame = isOfNewFrame;
            watch._hold = hold;
            watch._isExposed = false;
            watch._isArmed = true;
            return watch;
        }

        // By a thread that races with Stop it may mark the next frame: then that one, if it is forgotten, keeps its slot.
        internal void Expose() => _isExposed = true;

        // The frame is over: by whoever claimed to end it, once.
        internal void Stop()
        {
            _isArmed = false;
            Volatile.Write(ref Section.SpareWatch, this);
            Section.DangerousRelease();
        }

        private unsafe void End()
        {
            var frame = new wmmf_frame { struct_size = (uint)sizeof(wmmf_frame), hold = _hold };
            if (_isOfNewFrame)
            {
                _ = NativeMethods.wmmf_channel_cancel(Section.Pointer, &frame);
            }
            else
            {
                _ = NativeMethods.wmmf_channel_release(Section.Pointer, &frame);
                Telemetry.Released(Section.Name);
            }
            Section.DangerousRelease();
        }
    }
}
