using System;
using System.Threading;

namespace Wmmf
{
    /// <summary>Times as the native library wants them.</summary>
    internal static class Waiting
    {
        /// <summary>How long a cancelled wait may take to notice.</summary>
        internal static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(50);

        /// <summary>Nanoseconds; null and <see cref="Timeout.InfiniteTimeSpan"/> wait for ever.</summary>
        internal static long Nanoseconds(TimeSpan? timeout)
        {
            if (timeout == null || timeout == Timeout.InfiniteTimeSpan)
                return -1;
            var ticks = timeout.Value.Ticks;
            if (ticks < 0)
                throw new ArgumentOutOfRangeException(
                    nameof(timeout), timeout, "expected zero or more, null or Timeout.InfiniteTimeSpan");
            return ticks > long.MaxValue / 100 ? long.MaxValue : ticks * 100;
        }

        /// <summary>Repeats a native wait of at most <see cref="Slice"/> until it is over, the time is up (its status then),
        /// or the token was cancelled.</summary>
        internal static int InSlices(TimeSpan? timeout, CancellationToken cancellation, Func<long, int> wait)
        {
            var left = Nanoseconds(timeout);
            var slice = Nanoseconds(Slice);
            var clock = System.Diagnostics.Stopwatch.StartNew();
            for (;;)
            {
                cancellation.ThrowIfCancellationRequested();
                var rest = left < 0 ? slice : Math.Max(0, left - Nanoseconds(clock.Elapsed));
                var status = wait(Math.Min(rest, slice));
                if (status != (int)Status.Timeout || (left >= 0 && rest <= slice))
                    return status;
            }
        }
    }
}
