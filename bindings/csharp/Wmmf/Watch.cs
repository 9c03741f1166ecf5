using System;
using System.Threading;

namespace Wmmf
{
    // Reports a frame that was not disposed, and releases it if its bytes were never handed out; otherwise a span may
    // still exist. The watch has the finalizer so that frames need none: it is reused for the next frame of its
    // section, so in the long run nothing is registered for finalization, which would cost more than the frame itself.
    //
    // Frames are scarce by their number, not by their bytes. So the collector is called when an object holds many, and
    // when a reader may be waiting for forgotten ones. GC.AddMemoryPressure counts what was added, not what is left: a
    // reader that held three 1080p frames at a time and disposed them all, 60 per second, got 11 full collections per
    // second.
    internal sealed class Watch
    {
        // The thread that changes the state to Ended ends the hold. Finalizers of other objects, which may still use or
        // dispose the frame, may run before this one or after it.
        private const int Ended = 0, Untouched = 1, Exposed = 2;

        internal const int FirstHeldLimit = NativeMethods.WMMF_CHANNEL_SLOTS_MIN - 1;

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
            if (Interlocked.CompareExchange(ref _state, Ended, Untouched) != Untouched)
                return;
            Volatile.Write(ref Section.HeldLimit, FirstHeldLimit);
            End();
        }

        internal SectionHandle Section { get; }

        // Whether it was found unreachable: its finalizer is about to run, or has run, although finalizers of others
        // use it.
        private bool IsCollected => !_self.TryGetTarget(out _);

        // Keeps the section open until End.
        internal static Watch Over(SectionHandle section, uint hold, bool isOfNewFrame)
        {
            section.Retain();
            CountGiven(section);
            var spare = Interlocked.Exchange(ref section.SpareWatch, null);
            var watch = spare == null || spare.IsCollected ? new Watch(section) : spare;
            watch._isOfNewFrame = isOfNewFrame;
            watch._hold = hold;
            Volatile.Write(ref watch._state, Untouched);
            return watch;
        }

        // An object that forgets its frames holds more and more of them. One that holds many on purpose soon has a limit
        // that it does not exceed: the limit doubles until a collection releases a frame.
        private static void CountGiven(SectionHandle section)
        {
            var held = Interlocked.Increment(ref section.Given) - Volatile.Read(ref section.Over);
            if (held <= Volatile.Read(ref section.HeldLimit))
                return;
            Volatile.Write(ref section.HeldLimit, 2 * held);
            Collect();
        }

        private static void Collect() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);

        // For a reader that finds no frame. If it holds so many frames itself that writers have no slot, some of them
        // may be forgotten. It allocates nothing while it waits, so no collection would come by itself. One collection
        // is enough until it gets more frames.
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
            Collect();
        }

        // Called before bytes are handed out; false if the frame is released. If a thread races with the end of its
        // frame, this may mark the next one: that one then keeps its slot if it is forgotten.
        internal bool TryExpose() =>
            Volatile.Read(ref _state) == Exposed || Interlocked.CompareExchange(ref _state, Exposed, Untouched) != Ended;

        // Called once, by the thread that claimed to end the frame. False if the finalizer has ended it.
        internal bool TryEnd()
        {
            if (Interlocked.Exchange(ref _state, Ended) == Ended)
                return false;
            End();
            return true;
        }

        // After the frame was published: only its watch ends.
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
