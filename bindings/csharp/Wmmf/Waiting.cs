using System;
using System.Diagnostics;
using System.Threading;

namespace Wmmf
{
    /// <summary>A native wait, which nothing can interrupt, in slices: between them a Dispose on another thread and
    /// cancellation end it. What need not wait is done in the first slice, without allocation.</summary>
    internal ref struct Waiting
    {
        private const long SliceNs = 50_000_000;
        private const long CopiedBytesPerSecond = 100_000_000; // what even a slow machine does

        private readonly SectionHandle.Use _section;
        private readonly CancellationToken _cancellation;
        private readonly long _timeout;
        private readonly long _slice;
        private readonly long _start; // 0: one slice is enough, or there is no end
        private bool _isLast;

        /// <summary>Starts the clock.</summary>
        /// <param name="section">What the native call is made on; held as long as the wait.</param>
        /// <param name="timeout">As of <see cref="Nanoseconds"/>.</param>
        /// <param name="cancellation">Ends the wait with <see cref="OperationCanceledException"/>.</param>
        /// <param name="copied">Bytes that each slice copies anew: it is long enough for them.</param>
        internal Waiting(in SectionHandle.Use section, TimeSpan? timeout, CancellationToken cancellation, long copied = 0)
        {
            _section = section;
            _cancellation = cancellation;
            _timeout = Nanoseconds(timeout);
            _slice = SliceNs + copied * (1_000_000_000 / CopiedBytesPerSecond);
            _start = _timeout > _slice ? Stopwatch.GetTimestamp() : 0;
            _isLast = false;
        }

        /// <summary>The nanoseconds of the next slice.</summary>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        /// <exception cref="ObjectDisposedException">The section was disposed meanwhile.</exception>
        internal long Next()
        {
            _cancellation.ThrowIfCancellationRequested();
            _section.ThrowIfRefused();
            if (_timeout < 0)
                return _slice;
            var left = Math.Max(0, _timeout - Elapsed());
            _isLast = left <= _slice;
            return Math.Min(left, _slice);
        }

        /// <summary>Whether the native call was stopped by the end of its slice only.</summary>
        internal bool GoesOn(int status) => status == (int)WmmfStatus.Timeout && !_isLast;

        private long Elapsed() =>
            _start == 0 ? 0 : (long)((Stopwatch.GetTimestamp() - _start) * (1e9 / Stopwatch.Frequency));

        /// <summary>Nanoseconds; null and <see cref="Timeout.InfiniteTimeSpan"/> wait for ever.</summary>
        private static long Nanoseconds(TimeSpan? timeout)
        {
            if (timeout == null || timeout == Timeout.InfiniteTimeSpan)
                return -1;
            var ticks = timeout.Value.Ticks;
            if (ticks < 0)
                throw new ArgumentOutOfRangeException(
                    nameof(timeout), timeout, "expected zero or more, null or Timeout.InfiniteTimeSpan");
            return ticks > long.MaxValue / 100 ? long.MaxValue : ticks * 100;
        }
    }
}
