using System;

namespace Wmmf
{
    // Converts the native library's points in time.
    internal static class UnixTime
    {
        private static readonly DateTimeOffset s_epoch = new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero);

        // A value that is too large for DateTimeOffset (a hostile peer may write it) becomes the latest.
        internal static DateTimeOffset FromNanoseconds(ulong nanoseconds)
        {
            var ticks = nanoseconds / 100;
            var most = (ulong)(DateTimeOffset.MaxValue.Ticks - s_epoch.Ticks);
            return s_epoch.AddTicks((long)Math.Min(ticks, most));
        }
    }
}
