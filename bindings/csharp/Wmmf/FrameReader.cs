using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    /// <summary>Reads the frames of a channel and remembers which it has returned; made by
    /// <see cref="FrameChannel.CreateReader"/>. Two readers of one channel each get all frames.</summary>
    /// <remarks>Several threads may use all members at once. They share one count, and threads that ask at the same
    /// time may get the same frame.</remarks>
    /// <example><code>
    /// var reader = channel.CreateReader();
    /// while (reader.TryNext(out var frame, TimeSpan.FromSeconds(1)))
    ///     using (frame)
    ///         Show(frame);
    /// </code></example>
    [DebuggerDisplay("reader of '{_section.Name,nq}', had {LastSequence}")]
    public sealed class FrameReader
    {
        private readonly SectionHandle _section;
        private readonly FramePick _next;
        private long _last; // holds the unsigned sequence: Interlocked of .NET Standard 2.0 has no unsigned types

        internal FrameReader(SectionHandle section, FrameOrder order = FrameOrder.Newest, ulong after = 0)
        {
            _section = section;
            _next = order == FrameOrder.Every ? FramePick.Every : FramePick.Next;
            _last = (long)after;
        }

        /// <summary>The sequence of the last returned frame; 0: none yet.</summary>
        public ulong LastSequence => (ulong)Volatile.Read(ref _last);

        /// <summary>The newest frame; waits only if there is none yet.</summary>
        /// <param name="timeout">How long to wait for the first; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The frame, in place; dispose it.</returns>
        /// <exception cref="WmmfTimeoutException">There was none in time.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Format"/>: a hostile writer gave the frame
        /// an impossible description. Then nothing is held, and the next frame may be valid.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public Frame Latest(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var result = Take(FramePick.Latest, timeout, cancellationToken, out var frame);
            return frame ?? throw Failure(result);
        }

        // Notes a frame that was chosen while `after` was the last. If another thread got a later one meanwhile, that
        // counts.
        internal void HasGiven(ulong sequence, ulong after)
        {
            var last = after;
            for (;;)
            {
                var found = (ulong)Interlocked.CompareExchange(ref _last, (long)sequence, (long)last);
                if (found == last || found >= sequence)
                    return;
                last = found;
            }
        }

        // A frame that is chosen by its sequence or time; it does not change the count.
        internal Frame At(FramePick pick, ulong which, TimeSpan? timeout, CancellationToken cancellationToken)
        {
            var result = Take(pick, which, timeout, cancellationToken, out var frame);
            return frame ?? throw Failure(result);
        }

        /// <summary>The newest frame, if there is one in time.</summary>
        /// <param name="frame">The frame, or null; dispose it.</param>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>False if no frame was published yet.</returns>
        /// <exception cref="WmmfException">See <see cref="Latest"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryLatest(
            [NotNullWhen(true)] out Frame? frame, TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryTake(FramePick.Latest, timeout, cancellationToken, out frame);

        /// <summary>The same as <see cref="Latest"/> without blocking a thread: a single thread of the process waits
        /// for all. </summary>
        /// <param name="timeout">From now; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The frame, in place; dispose it. Completes at once if there already is one.</returns>
        /// <exception cref="WmmfTimeoutException">There was none in time.</exception>
        /// <exception cref="WmmfException">See <see cref="Latest"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask<Frame> LatestAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            TakeAsync(FramePick.Latest, timeout, cancellationToken);

        /// <summary>The next frame: the newest that this reader has not returned yet, or with
        /// <see cref="FrameOrder.Every"/> the one after the last; waits for one.</summary>
        /// <param name="timeout">How long; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The frame, in place; dispose it.</returns>
        /// <exception cref="WmmfTimeoutException">There was no new one in time.</exception>
        /// <exception cref="WmmfException">See <see cref="Latest"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public Frame Next(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var result = Take(_next, timeout, cancellationToken, out var frame);
            return frame ?? throw Failure(result);
        }

        /// <summary>The next frame, as from <see cref="Next"/>, if there is one in time.</summary>
        /// <param name="frame">The frame, or null; dispose it.</param>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>False if there was no new one.</returns>
        /// <exception cref="WmmfException">See <see cref="Next"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryNext(
            [NotNullWhen(true)] out Frame? frame, TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryTake(_next, timeout, cancellationToken, out frame);

        /// <summary>The same as <see cref="Next"/> without blocking a thread: a single thread of the process waits for all.
        /// </summary>
        /// <param name="timeout">From now; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The frame, in place; dispose it. Completes at once if there already is a new one.</returns>
        /// <exception cref="WmmfTimeoutException">There was none in time.</exception>
        /// <exception cref="WmmfException">See <see cref="Next"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask<Frame> NextAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            TakeAsync(_next, timeout, cancellationToken);

#if NETCOREAPP
        /// <summary>All frames from now on, each as from <see cref="Next"/>. A frame is released when you ask for the
        /// next one. </summary>
        /// <param name="cancellationToken">Ends the enumeration.</param>
        /// <returns>The frames; do not keep one beyond its iteration.</returns>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public IAsyncEnumerable<Frame> ReadAllAsync(CancellationToken cancellationToken = default) =>
            All(() => this, cancellationToken);

        // Each enumeration begins with a call of `reader`.
        internal static async IAsyncEnumerable<Frame> All(
            Func<FrameReader> reader, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var own = reader();
            for (;;)
            {
                using var frame = await own.NextAsync(null, cancellationToken).ConfigureAwait(false);
                yield return frame;
            }
        }
#endif

        /// <summary>Copies the next frame, as from <see cref="Next"/>, into <paramref name="buffer"/>. Reuse the
        /// buffer.</summary>
        /// <param name="buffer">At least as large as the picture; <see cref="FrameChannel.Capacity"/> bytes are always
        /// enough.</param>
        /// <param name="timeout">How long to wait for a frame; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The description of the frame.</returns>
        /// <exception cref="WmmfTimeoutException">There was no new one in time.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Range"/>: the picture is larger than the
        /// buffer, and you can still read it; <see cref="WmmfStatus.Format"/> as of <see cref="Latest"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public FrameInfo ReadInto(Span<byte> buffer, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var after = LastSequence;
            var result = Copy(buffer, after, timeout, cancellationToken, out var frame);
            return Copied(result, frame, after, buffer.Length);
        }

        /// <summary>The same without blocking a thread: a single thread of the process waits for all.</summary>
        /// <param name="buffer">At least as large as the picture.</param>
        /// <param name="timeout">From now; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The description of the frame; completes at once if there already is a new one.</returns>
        /// <exception cref="WmmfTimeoutException">There was none in time.</exception>
        /// <exception cref="WmmfException">See <see cref="ReadInto"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask<FrameInfo> ReadIntoAsync(
            Memory<byte> buffer, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            if (cancellationToken.IsCancellationRequested)
                return new ValueTask<FrameInfo>(Task.FromCanceled<FrameInfo>(cancellationToken));
            var deadline = new Deadline(timeout);
            var after = LastSequence;
            var result = Copy(buffer.Span, after, TimeSpan.Zero, cancellationToken, out var frame);
            if (result.IsOk)
                return new ValueTask<FrameInfo>(Copied(result, frame, after, buffer.Length));
            return CopyLater(result, frame, after, buffer, deadline, cancellationToken);
        }

        private async ValueTask<FrameInfo> CopyLater(
            NativeResult result, wmmf_frame frame, ulong after, Memory<byte> buffer, Deadline deadline, CancellationToken cancellation)
        {
            while (result.IsTimeout && deadline.Left != 0)
            {
                _ = await WhenNewer(after, deadline, cancellation).ConfigureAwait(false);
                after = LastSequence;
                result = Copy(buffer.Span, after, TimeSpan.Zero, cancellation, out frame);
            }
            return Copied(result, frame, after, buffer.Length);
        }

        private unsafe NativeResult Copy(
            Span<byte> buffer, ulong after, TimeSpan? timeout, CancellationToken cancellation, out wmmf_frame copied)
        {
            var frame = new wmmf_frame { struct_size = (uint)sizeof(wmmf_frame) };
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            NativeResult result;
            fixed (byte* bytes = buffer)
            {
                do
                    result = NativeMethods.wmmf_channel_read_pick(
                        section.Pointer, (uint)_next, after, bytes, (ulong)buffer.Length, wait.Next(), &frame);
                while (wait.GoesOn(result));
            }
            copied = frame;
            return result;
        }

        private FrameInfo Copied(in NativeResult result, in wmmf_frame frame, ulong after, int length)
        {
            if (!result.IsOk)
            {
                var isTooLarge = result.Status == WmmfStatus.Range;
                var hint = isTooLarge ? "a buffer of Capacity bytes is enough for every frame of the channel" : "";
                var what = isTooLarge ? $"a frame of {frame.used} bytes" : "a frame";
                throw WmmfException.Of(result, $"copy {what} into {length} bytes from channel '{_section.Name}'", hint);
            }
            var info = new FrameInfo(frame);
            HasGiven(frame.sequence, after);
            Telemetry.Read(_section.Name, frame.missed, frame.timestamp_ns);
            return info;
        }

        private bool TryTake(FramePick pick, TimeSpan timeout, CancellationToken cancellation, out Frame? frame)
        {
            var result = Take(pick, timeout, cancellation, out frame);
            if (frame == null && !result.IsTimeout)
                throw Failure(result);
            return frame != null;
        }

        private ValueTask<Frame> TakeAsync(FramePick pick, TimeSpan? timeout, CancellationToken cancellation)
        {
            if (cancellation.IsCancellationRequested)
                return new ValueTask<Frame>(Task.FromCanceled<Frame>(cancellation));
            var deadline = new Deadline(timeout);
            var after = pick == FramePick.Latest ? 0 : LastSequence;
            var result = Take(pick, TimeSpan.Zero, cancellation, out var frame);
            return frame != null ? new ValueTask<Frame>(frame) : TakeLater(result, pick, after, deadline, cancellation);
        }

        private async ValueTask<Frame> TakeLater(
            NativeResult result, FramePick pick, ulong after, Deadline deadline, CancellationToken cancellation)
        {
            while (result.IsTimeout && deadline.Left != 0)
            {
                _ = await WhenNewer(after, deadline, cancellation).ConfigureAwait(false);
                after = pick == FramePick.Latest ? 0 : LastSequence;
                result = Take(pick, TimeSpan.Zero, cancellation, out var frame);
                if (frame != null)
                    return frame;
            }
            throw Failure(result);
        }

        private Task<ulong> WhenNewer(ulong after, Deadline deadline, CancellationToken cancellation)
        {
            using var section = _section.Hold();
            return Waiter.WhenChanged(_section, after, deadline.Left, cancellation);
        }

        private NativeResult Take(FramePick pick, TimeSpan? timeout, CancellationToken cancellation, out Frame? taken)
        {
            var after = LastSequence;
            var result = Take(pick, after, timeout, cancellation, out taken);
            if (taken != null)
                HasGiven(taken.Sequence, after);
            return result;
        }

        private unsafe NativeResult Take(
            FramePick pick, ulong after, TimeSpan? timeout, CancellationToken cancellation, out Frame? taken)
        {
            var frame = new wmmf_frame { struct_size = (uint)sizeof(wmmf_frame) };
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            NativeResult result;
            do
            {
                result = NativeMethods.wmmf_channel_acquire_pick(section.Pointer, (uint)pick, after, wait.Next(), &frame);
                if (result.Status is WmmfStatus.Timeout or WmmfStatus.Full)
                    Watch.FindForgotten(_section);
            }
            while (wait.GoesOn(result));
            taken = null;
            if (!result.IsOk)
                return result;
            try
            {
                taken = new Frame(_section, frame);
            }
            finally
            {
                if (taken == null)
                    _ = NativeMethods.wmmf_channel_release(section.Pointer, &frame);
            }
            Telemetry.Taken(_section.Name, frame.missed, frame.timestamp_ns);
            return result;
        }

        private Exception Failure(in NativeResult result)
        {
            var hint = result.Status switch
            {
                WmmfStatus.ReadOnly => "this reader gets no frames in place: use ReadInto, which copies",
                WmmfStatus.Full => "dispose frames that you hold",
                _ => "",
            };
            return WmmfException.Of(result, $"get a frame of channel '{_section.Name}'", hint);
        }
    }

    /// <summary>Which frames a reader returns.</summary>
    public enum FrameOrder
    {
        /// <summary>The newest each time: a slow reader misses frames, but never lags behind.</summary>
        Newest,

        /// <summary>Every one in order, as far as the channel's history reaches; <see cref="FrameInfo.Missed"/> says how
        /// many were lost.</summary>
        Every,
    }
}
