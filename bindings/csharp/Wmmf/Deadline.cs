using System;

namespace Wmmf
{
    // The end of the timeout of an asynchronous call, counted from the call.
    internal readonly struct Deadline
    {
        private readonly long _timeout;
        private readonly long _start;

        internal Deadline(TimeSpan? timeout)
        {
            _timeout = Arguments.Nanoseconds(timeout);
            _start = MonotonicClock.Nanoseconds;
        }

        // Nanoseconds; -1: no deadline.
        internal long Left => _timeout < 0 ? -1 : Math.Max(0, _timeout - (MonotonicClock.Nanoseconds - _start));
    }
}
