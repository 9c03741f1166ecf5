using System;
using System.Threading;

namespace Wmmf
{
    // Slices a native wait of the calling thread, which nothing can interrupt: between two slices, cancellation or a
    // Dispose on another thread ends it. A call that need not wait ends in the first slice, without allocation.
    internal ref struct Waiting
    {
        // A cancellable wait looks twice as often, so it sees a cancellation within 50 ms.
        private const long CancellableSliceNs = NativeMethods.WMMF_WAIT_SLICE_NS / 2;

        private readonly SectionHandle.Use _section;
        private readonly CancellationToken _cancellation;
        private readonly long _timeout;
        private readonly long _slice;
        private readonly long _start; // 0: one slice is enough, or there is no deadline
        private bool _isLast;

        // `copied`: bytes that each slice copies again; a slice is long enough for them.
        internal Waiting(in SectionHandle.Use section, TimeSpan? timeout, CancellationToken cancellation, long copied = 0)
        {
            _section = section;
            _cancellation = cancellation;
            _timeout = Arguments.Nanoseconds(timeout);
            _slice = (cancellation.CanBeCanceled ? CancellableSliceNs : NativeMethods.WMMF_WAIT_SLICE_NS) + copied * NativeMethods.WMMF_COPY_NS_PER_BYTE;
            _start = _timeout > _slice ? MonotonicClock.Nanoseconds : 0;
            _isLast = false;
        }

        // The nanoseconds of the next slice.
        internal long Next()
        {
            _cancellation.ThrowIfCancellationRequested();
            _section.ThrowIfRefused();
            if (_timeout < 0)
                return _slice;
            var left = _start == 0 ? _timeout : Math.Max(0, _timeout - (MonotonicClock.Nanoseconds - _start));
            _isLast = left <= _slice;
            return Math.Min(left, _slice);
        }

        // Whether the native call ended only because its slice ended.
        internal bool GoesOn(in NativeResult result) => result.IsTimeout && !_isLast;
    }
}
