using System;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // Waits for a lock by trying it again and again, without blocking a thread.
    internal static class Retrying
    {
        // Pause between tries if no change is announced; locks in the payload announce theirs elsewhere.
        private const long PauseNs = NativeMethods.WMMF_RETRY_NS;

        // The result of an attempt that does not wait; Timeout only if the timeout has expired.
        internal static async ValueTask<NativeResult> Of(
            SectionHandle section, ulong at, Func<NativeResult> attempt, TimeSpan? timeout, CancellationToken cancellation)
        {
            var deadline = new Deadline(timeout);
            for (;;)
            {
                var sequence = Sequence(section, at);
                var result = attempt();
                if (result.Status == WmmfStatus.Deadlock && HeldLocks.AnotherTaskHas(section, at, writing: true))
                    result = WmmfStatus.Timeout; // the other task releases it while this one waits
                var left = deadline.Left;
                if (!result.IsTimeout || left == 0)
                    return result;
                var pause = Pause(section, sequence, left < 0 ? PauseNs : Math.Min(left, PauseNs), cancellation);
                _ = await Task.WhenAny(pause).ConfigureAwait(false);
                _ = pause.Exception; // the next attempt reports a cancellation or Dispose
            }
        }

        // Loaded before an attempt, so that no later change is overlooked. Null: there is no sequence.
        private static unsafe ulong? Sequence(SectionHandle section, ulong at)
        {
            using var held = section.Hold();
            ulong sequence;
            return at == NativeLock.Own && NativeMethods.wmmf_sequence(held.Pointer, &sequence) == (int)WmmfStatus.Ok
                ? sequence
                : (ulong?)null;
        }

        private static Task Pause(SectionHandle section, ulong? sequence, long nanoseconds, CancellationToken cancellation)
        {
            if (sequence == null)
                return Task.Delay(TimeSpan.FromMilliseconds(1 + nanoseconds / 1_000_000), cancellation);
            using var held = section.Hold();
            return Waiter.WhenChanged(section, sequence.Value, nanoseconds, cancellation);
        }
    }
}
