using System;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // Waits for events that no system reports, such as a new name, by polling; it blocks no thread.
    internal static class Polling
    {
        private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

        internal static async Task<T> Of<T>(
            Func<T?> tryOnce, string what, TimeSpan? timeout, CancellationToken cancellation) where T : class
        {
            var deadline = new Deadline(timeout);
            for (;;)
            {
                cancellation.ThrowIfCancellationRequested();
                var found = tryOnce();
                if (found != null)
                    return found;
                if (deadline.Left == 0)
                    throw new WmmfTimeoutException($"cannot {what}: the timeout of {timeout} expired");
                await Task.Delay(s_pause, cancellation).ConfigureAwait(false);
            }
        }
    }
}
