using System;
using System.Threading;

namespace Wmmf
{
    // Tells of a frame that nobody disposed, and lets it go if it never gave out its bytes: of the others, somebody may still
    // have a span. It has the finalizer so that frames need none: a watch is used again for the next frame of its section,
    // so that in the long run nothing is registered for finalization, which would cost more than the frame itself.
    //
    // The collector is not told of the memory of frames (GC.AddMemoryPressure). It looks at what was added, not at what is left: a
    // reader that disposed all its 1080p frames, 60 a second, got 8 full collections a second. And a reader that forgot frames
    // got none once writers had no slot left, as it was given no frame that could add to the pressure. The collector is called
    // instead when forgotten frames may be what a reader waits for.
    internal sealed class Watch
    {
        // The hold is ended by whoever changes the state to Ended. Finalizers of others, which may still use the frame, or
        // dispose it, come before the one of this or after it.
        private const int Ended = 0, Untouched = 1, Exposed = 2;

        private bool _isOfNewFrame;
        private uint _hold;
        private int _state;
        private readonly WeakReference<Watch> _self;

        private Watch(SectionHandle section)
        {
            Section = section;
            _self = new WeakReference<Watch>(this);
        }

        ~Watch()
        {
            if (Volatile.Read(ref _state) == Ended)
                return;
            Telemetry.Forgotten(_isOfNewFrame ? "new frame" : "frame", Section.Name);
            if (Interlocked.CompareExchange(ref _state, Ended, Untouched) == Untouched)
                End();
        }

        internal SectionHandle Section { get; }

        // Whether it was found unreachable: its finalizer is about to run, or has run, although finalizers of others use it.
        private bool IsCollected => !_self.TryGetTarget(out _);

        // Keeps the section open until End.
        internal static Watch Over(SectionHandle section, uint hold, bool isOfNewFrame)
        {
            section.Retain();
            _ = Interlocked.Increment(ref section.Given);
            var spare = Interlocked.Exchange(ref section.SpareWatch, null);
            var watch = spare == null || spare.IsCollected ? new Watch(section) : spare;
            watch._isOfNewFrame = isOfNewFrame;
            watch._hold = hold;
            Volatile.Write(ref watch._state, Untouched);
            return watch;
        }

        // For a reader that finds no frame. If it holds so many itself that writers have no slot, some may be forgotten, and since it
        // allocates nothing while it waits, no collection would come by itself. One is enough until it is given more.
        internal static unsafe void FindForgotten(SectionHandle section)
        {
            var given = Volatile.Read(ref section.Given);
            var held = given - Volatile.Read(ref section.Over);
            if (held < NativeMethods.WMMF_CHANNEL_SLOTS_MIN - 1 || given == section.GivenWhenCollected)
                return;
            var info = new wmmf_channel_info { struct_size = (uint)sizeof(wmmf_channel_info) };
            if (NativeMethods.wmmf_channel_get_info(section.Pointer, &info) != (int)WmmfStatus.Ok || held < info.slots - 1)
                return;
            section.GivenWhenCollected = given;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
        }

        // Before bytes are given out; false if the frame is released. By a thread that races with the end of its frame it may
        // mark the next one: then that one, if it is forgotten, keeps its slot.
        internal bool TryExpose() =>
            Volatile.Read(ref _state) == Exposed || Interlocked.CompareExchange(ref _state, Exposed, Untouched) != Ended;

        // By whoever claimed to end the frame, once. False if the finalizer has ended it.
        internal bool TryEnd()
        {
            if (Interlocked.Exchange(ref _state, Ended) == Ended)
                return false;
            End();
            return true;
        }

        // The frame was published: only its watch ends.
        internal void Stop()
        {
            Volatile.Write(ref _state, Ended);
            Spare();
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
            Spare();
        }

        private void Spare()
        {
            if (!IsCollected)
                Volatile.Write(ref Section.SpareWatch, this);
            _ = Interlocked.Increment(ref Section.Over);
            Section.Release();
        }
    }
}
