using System;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // Waits for something to be created. No system reports new names, so this polls; no thread waits.
    internal static class Appearance
    {
        private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

        internal static async Task<T> Of<T>(
            Func<T?> tryOpen, string what, TimeSpan? timeout, CancellationToken cancellation) where T : class
        {
            var left = Arguments.Nanoseconds(timeout);
            var start = MonotonicClock.Nanoseconds;
            for (;;)
            {
                cancellation.ThrowIfCancellationRequested();
                var found = tryOpen();
                if (found != null)
                    return found;
                if (left >= 0 && MonotonicClock.Nanoseconds - start >= left)
                    throw new WmmfTimeoutException($"cannot {what}: there was none for {timeout}");
                await Task.Delay(s_pause, cancellation).ConfigureAwait(false);
            }
        }
    }
}
