using System.Diagnostics;

namespace Wmmf
{
    // The clock of frames' timestamps: CLOCK_MONOTONIC, QueryPerformanceCounter.
    internal static class MonotonicClock
    {
        private const long NsPerSecond = 1_000_000_000;

        internal static long Nanoseconds
        {
            get
            {
                var ticks = Stopwatch.GetTimestamp();
                var frequency = Stopwatch.Frequency;
                return frequency == NsPerSecond
                    ? ticks
                    : ticks / frequency * NsPerSecond + ticks % frequency * NsPerSecond / frequency;
            }
        }
    }
}
