using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    public sealed partial class FrameChannel
    {
        /// <summary>One frame of each channel, in their order, taken within <paramref name="tolerance"/> of each other: the
        /// newest such set of frames that the channels still have and that these objects have not returned yet. Waits
        /// for a set.</summary>
        /// <param name="channels">1 to 63. Give the channels a history if their frames do not come at the same time:
        /// without one, a channel has only its newest frame.</param>
        /// <param name="tolerance">How far their timestamps may be apart.</param>
        /// <param name="timeout">How long to wait; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The frames, in place; dispose each.</returns>
        /// <exception cref="WmmfTimeoutException">There was no set in time.</exception>
        /// <exception cref="WmmfException">See <see cref="FrameReader.Next"/>, for one of the channels. Then no frame
        /// is held.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        /// <example><code>
        /// foreach (var frame in FrameChannel.NextSet(new[] { left, right }, TimeSpan.FromMilliseconds(5)))
        ///     using (frame)
        ///         Show(frame);
        /// </code></example>
        public static Frame[] NextSet(
            IReadOnlyList<FrameChannel> channels, TimeSpan tolerance, TimeSpan? timeout = null,
            CancellationToken cancellationToken = default)
        {
            var search = new SetSearch(channels, tolerance);
            return search.Take(timeout, cancellationToken) ?? throw search.Failure();
        }

        /// <summary>The same, if there is a set in time.</summary>
        /// <param name="channels">1 to 63.</param>
        /// <param name="tolerance">How far their timestamps may be apart.</param>
        /// <param name="frames">The frames, or null; dispose each.</param>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>False if there was no set.</returns>
        /// <exception cref="WmmfException">See <see cref="NextSet"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public static bool TryNextSet(
            IReadOnlyList<FrameChannel> channels, TimeSpan tolerance, [NotNullWhen(true)] out Frame[]? frames,
            TimeSpan timeout = default, CancellationToken cancellationToken = default)
        {
            var search = new SetSearch(channels, tolerance);
            frames = search.Take(timeout, cancellationToken);
            return frames != null || (search.HasTimedOut ? false : throw search.Failure());
        }

        /// <summary>The same as <see cref="NextSet"/> without blocking a thread: a single thread of the process waits
        /// for all.</summary>
        /// <param name="channels">1 to 63.</param>
        /// <param name="tolerance">How far their timestamps may be apart.</param>
        /// <param name="timeout">From now; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The frames, in place; dispose each.</returns>
        /// <exception cref="WmmfTimeoutException">There was no set in time.</exception>
        /// <exception cref="WmmfException">See <see cref="NextSet"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public static async Task<Frame[]> NextSetAsync(
            IReadOnlyList<FrameChannel> channels, TimeSpan tolerance, TimeSpan? timeout = null,
            CancellationToken cancellationToken = default)
        {
            var deadline = new Deadline(timeout);
            var search = new SetSearch(channels, tolerance);
            for (;;)
            {
                var newest = search.Newest();
                var frames = search.Take(TimeSpan.Zero, cancellationToken);
                if (frames != null)
                    return frames;
                if (!search.HasTimedOut || deadline.Left == 0)
                    throw search.Failure();
                await search.WhenNewer(newest, deadline, cancellationToken).ConfigureAwait(false);
            }
        }

        // One call. The channels' objects then count the frames that it finds as returned.
        private sealed class SetSearch
        {
            private readonly FrameChannel[] _channels;
            private readonly ulong _tolerance;
            private readonly wmmf_set_item[] _items;
            private NativeResult _result;

            internal SetSearch(IReadOnlyList<FrameChannel> channels, TimeSpan tolerance)
            {
                Arguments.NotNull(channels, nameof(channels));
                _channels = channels.ToArray();
                if (_channels.Length < 1 || _channels.Length > NativeMethods.WMMF_WAIT_MANY_MAX)
                    throw new ArgumentOutOfRangeException(
                        nameof(channels), _channels.Length, $"expected 1 to {NativeMethods.WMMF_WAIT_MANY_MAX} channels");
                foreach (var channel in _channels)
                    Arguments.NotNull(channel, nameof(channels));
                if (tolerance < TimeSpan.Zero)
                    throw new ArgumentOutOfRangeException(nameof(tolerance), tolerance, "expected zero or more");
                _tolerance = (ulong)Arguments.Nanoseconds(tolerance);
                _items = new wmmf_set_item[_channels.Length];
            }

            internal bool HasTimedOut => _result.IsTimeout;

            internal Exception Failure()
            {
                var guilty = Array.FindIndex(_items, item => item.status != (int)WmmfStatus.Ok);
                var names = guilty < 0 ? _channels : new[] { _channels[guilty] };
                return WmmfException.Of(
                    _result, $"get a set of frames of channel {string.Join(", ", names.Select(channel => $"'{channel.Name}'"))}");
            }

            // Null: the result says why.
            internal Frame[]? Take(TimeSpan? timeout, CancellationToken cancellation)
            {
                var kept = 0;
                try
                {
                    for (; kept < _channels.Length; kept++)
                    {
                        RefuseClosed(_channels[kept]);
                        _channels[kept]._section.Retain();
                    }
                    return TakeKept(timeout, cancellation);
                }
                finally
                {
                    while (kept-- > 0)
                        _channels[kept]._section.Release();
                }
            }

            private static void RefuseClosed(FrameChannel channel)
            {
                if (channel._section.IsRefused)
                    throw channel._section.Refusal();
            }

            private unsafe Frame[]? TakeKept(TimeSpan? timeout, CancellationToken cancellation)
            {
                var frames = new Frame[_channels.Length];
                var described = new wmmf_frame[_channels.Length];
                using var first = _channels[0]._section.Hold();
                var wait = new Waiting(first, timeout, cancellation);
                fixed (wmmf_frame* places = described)
                fixed (wmmf_set_item* items = _items)
                {
                    do
                    {
                        Array.ForEach(_channels, RefuseClosed);
                        Prepare(places);
                        _result = NativeMethods.wmmf_channel_acquire_set(items, (uint)_items.Length, _tolerance, wait.Next());
                        if (HasTimedOut)
                            Array.ForEach(_channels, channel => Watch.FindForgotten(channel._section));
                    }
                    while (wait.GoesOn(_result));
                }
                if (!_result.IsOk)
                    return null;
                Wrap(described, frames);
                return frames;
            }

            private unsafe void Prepare(wmmf_frame* places)
            {
                for (var i = 0; i < _items.Length; i++)
                {
                    places[i].struct_size = (uint)sizeof(wmmf_frame);
                    _items[i] = new wmmf_set_item
                    {
                        channel = _channels[i]._section.Pointer,
                        frame = &places[i],
                        after = _channels[i]._reader.LastSequence,
                    };
                }
            }

            // Wraps all of them, or holds none.
            private void Wrap(wmmf_frame[] described, Frame[] frames)
            {
                var made = 0;
                try
                {
                    for (; made < frames.Length; made++)
                        frames[made] = new Frame(_channels[made]._section, described[made]);
                }
                finally
                {
                    for (var i = 0; made < frames.Length && i < frames.Length; i++)
                        GiveBack(i < made ? frames[i] : null, _channels[i], described[i]);
                }
                for (var i = 0; i < frames.Length; i++)
                {
                    _channels[i]._reader.HasGiven(frames[i].Sequence, _items[i].after);
                    Telemetry.Taken(_channels[i].Name, described[i].missed, described[i].timestamp_ns);
                }
            }

            private static unsafe void GiveBack(Frame? frame, FrameChannel channel, wmmf_frame described)
            {
                if (frame != null)
                    frame.Dispose();
                else
                    _ = NativeMethods.wmmf_channel_release(channel._section.Pointer, &described);
            }

            internal ulong[] Newest() => Array.ConvertAll(_channels, channel => channel.Sequence);

            // Waits until one of them has another newest frame.
            internal async Task WhenNewer(ulong[] newest, Deadline deadline, CancellationToken cancellation)
            {
                using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                var waits = new List<Task>();
                try
                {
                    for (var i = 0; i < newest.Length; i++)
                        waits.Add(WhenNewer(_channels[i], newest[i], deadline, over.Token));
                    await (await Task.WhenAny(waits).ConfigureAwait(false)).ConfigureAwait(false);
                }
                finally
                {
                    over.Cancel();
                    _ = Task.WhenAll(waits).ContinueWith(all => all.Exception, TaskScheduler.Default); // nobody else observes the exception
                }
            }

            private static Task WhenNewer(FrameChannel channel, ulong newest, Deadline deadline, CancellationToken cancellation)
            {
                using var section = channel._section.Hold();
                return Waiter.WhenChanged(channel._section, newest, deadline.Left, cancellation);
            }
        }
    }
}
