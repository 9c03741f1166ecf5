using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    /// <summary>Frames in shared memory: every reader gets the newest one, in place. Readers and writers do not wait
    /// for each other. A writer fills a slot that nobody reads and publishes it. A reader holds the newest frame for as
    /// long as it likes, and is told how many it missed. Writers in all processes take turns.</summary>
    /// <remarks>Errors and timeouts are those of <see cref="MemoryMappedFile"/>: a call without a timeout waits for
    /// ever. The Try methods try once, and so does
    /// <see cref="Publish(ReadOnlySpan{byte}, int, int, int, FourCC, ReadOnlySpan{byte}, ulong, TimeSpan, CancellationToken)"/>.
    /// Several threads may use all members at once. Each object counts separately which frames <see cref="Next"/> and
    /// similar calls have returned; <see cref="CreateReader"/> makes readers with their own counts.</remarks>
    /// <example><code>
    /// using var camera = FrameChannel.Create("camera", 640 * 480 * 3);
    /// camera.Publish(picture, 640, 480, fourCC: FourCC.Bgr24);
    ///
    /// using var viewer = FrameChannel.Open("camera"); // in another process
    /// using (var frame = viewer.Next(TimeSpan.FromSeconds(1)))
    ///     Show(frame.Data, frame.Width, frame.Height);
    /// </code></example>
    [DebuggerDisplay("{ToString(),nq}")]
    public sealed unsafe partial class FrameChannel : IDisposable
#if NETCOREAPP
        , IAsyncDisposable
#endif
    {
        private readonly SectionHandle _section;
        private readonly FrameReader _reader;

        private FrameChannel(string name, IntPtr native)
        {
            Name = name;
            _section = new SectionHandle(native, isChannel: true, name);
            var info = Info();
            IsReadOnly = info.read_only != 0;
            IsInPlace = info.in_place != 0;
            _reader = new FrameReader(_section);
        }

        /// <summary>The name with which it was created or opened.</summary>
        public string Name { get; }

        /// <summary>The namespace in which the name was found, also after opening with
        /// <see cref="SectionNamespace.Any"/>.</summary>
        public SectionNamespace NameSpace => (SectionNamespace)Info().name_space;

        /// <summary>Maximum bytes of a frame. It changes when the channel's owner gives it other pictures.</summary>
        /// <exception cref="NotSupportedException">It is more than a span can have.</exception>
        public int Capacity => Shown(Info().capacity);

        /// <summary>The number of slots, without those of the history.</summary>
        public int Slots => (int)Info().slots;

        /// <summary>How many older frames stay readable.</summary>
        public int History => (int)Info().history;

        /// <summary>How many frames one object can hold at once.</summary>
        public int FramesAtOnce => (int)Info().pins;

        /// <summary>How long readers can keep a slot that a writer needs; zero: as long as they like. See
        /// <see cref="Frame.IsIntact"/>.</summary>
        public TimeSpan PinLimit => new TimeSpan((long)(Info().pin_limit_ns / 100));

        /// <summary>The number of the current pictures, from 1.</summary>
        public long Generation => Info().generation;

        /// <summary>Whether the channel's name was removed, for example by a cleaner of /dev/shm, and this object could
        /// not create the channel again under it. Nobody else can then open the channel.</summary>
        public bool IsNameless => Info().nameless != 0;

        /// <summary>Whether it was opened read-only, so that it cannot publish.</summary>
        public bool IsReadOnly { get; }

        /// <summary>Whether it returns frames in place. It does not if this user may not write the readers' section, or
        /// if there are too many readers. Then only <see cref="ReadInto"/> and similar calls work, which copy.
        /// </summary>
        public bool IsInPlace { get; }

        /// <summary>The sequence of the oldest frame that is still there; 0: none.</summary>
        public ulong OldestSequence => Info().oldest;

        /// <summary>The newest frame's sequence; 0: none yet.</summary>
        public ulong Sequence => Info().sequence;

        /// <summary>How old the newest frame is; null if there is none yet. It keeps growing while the writer is
        /// stopped.</summary>
        public TimeSpan? Age
        {
            get
            {
                var info = Info();
                return info.timestamp_ns == 0 ? (TimeSpan?)null : new TimeSpan((long)(info.now_ns - info.timestamp_ns) / 100);
            }
        }

        /// <summary>Makes a reader with its own count: each reader gets all frames.</summary>
        /// <param name="order">Which frames it returns.</param>
        /// <param name="after">The sequence of the frame before the first one; null: the newest one now. 0 begins with
        /// the oldest frame.</param>
        /// <returns>The reader. It needs no disposal, and ends with the channel.</returns>
        /// <exception cref="ArgumentOutOfRangeException">There is no such order.</exception>
        public FrameReader CreateReader(FrameOrder order = FrameOrder.Newest, ulong? after = null)
        {
            Arguments.Known(order, nameof(order));
            var newest = Sequence;
            return new FrameReader(_section, order, after ?? (order == FrameOrder.Every ? newest : 0));
        }

        /// <summary>The frame with this sequence, such as one of the history.</summary>
        /// <param name="sequence">The sequence of the frame.</param>
        /// <param name="timeout">How long to wait for a future frame; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The frame, in place; dispose it.</returns>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.Lost"/>: the frame is gone.</exception>
        /// <exception cref="WmmfTimeoutException">It was not published in time.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public Frame At(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            _reader.At(FramePick.At, sequence, timeout, cancellationToken);

        /// <summary>The newest frame that is not later than a point of time.</summary>
        /// <param name="timestampNs">Nanoseconds on the clock of <see cref="FrameInfo.TimestampNs"/>.</param>
        /// <returns>The frame, in place; dispose it.</returns>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.Lost"/>: all frames are later.</exception>
        public Frame AtTime(ulong timestampNs) => _reader.At(FramePick.Time, timestampNs, TimeSpan.Zero, default);

        /// <inheritdoc cref="FrameReader.Latest"/>
        public Frame Latest(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            _reader.Latest(timeout, cancellationToken);

        /// <inheritdoc cref="FrameReader.TryLatest"/>
        public bool TryLatest(
            [NotNullWhen(true)] out Frame? frame, TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            _reader.TryLatest(out frame, timeout, cancellationToken);

        /// <inheritdoc cref="FrameReader.LatestAsync"/>
        public ValueTask<Frame> LatestAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            _reader.LatestAsync(timeout, cancellationToken);

        /// <inheritdoc cref="FrameReader.Next"/>
        public Frame Next(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            _reader.Next(timeout, cancellationToken);

        /// <inheritdoc cref="FrameReader.TryNext"/>
        public bool TryNext(
            [NotNullWhen(true)] out Frame? frame, TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            _reader.TryNext(out frame, timeout, cancellationToken);

        /// <inheritdoc cref="FrameReader.NextAsync"/>
        public ValueTask<Frame> NextAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            _reader.NextAsync(timeout, cancellationToken);

        /// <inheritdoc cref="FrameReader.ReadInto"/>
        public FrameInfo ReadInto(
            Span<byte> buffer, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            _reader.ReadInto(buffer, timeout, cancellationToken);

        /// <inheritdoc cref="FrameReader.ReadIntoAsync"/>
        public ValueTask<FrameInfo> ReadIntoAsync(
            Memory<byte> buffer, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            _reader.ReadIntoAsync(buffer, timeout, cancellationToken);

#if NETCOREAPP
        /// <summary>All frames from now on, each the newest. Each enumeration has its own count, so several may run at the
        /// same time. A frame is released when you ask for the next one.</summary>
        /// <param name="cancellationToken">Ends the enumeration.</param>
        /// <returns>The frames; do not keep one beyond its iteration.</returns>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        /// <example><code>
        /// await foreach (var frame in channel.ReadAllAsync(stopping))
        ///     await Send(frame.Memory, stopping);
        /// </code></example>
        public IAsyncEnumerable<Frame> ReadAllAsync(CancellationToken cancellationToken = default) =>
            ReadAllAsync(FrameOrder.Newest, cancellationToken);

        /// <summary>The same, with a choice of the order.</summary>
        /// <param name="order">Which frames to return.</param>
        /// <param name="cancellationToken">Ends the enumeration.</param>
        /// <returns>The frames; do not keep one beyond its iteration.</returns>
        /// <exception cref="ArgumentOutOfRangeException">There is no such order.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public IAsyncEnumerable<Frame> ReadAllAsync(FrameOrder order, CancellationToken cancellationToken = default)
        {
            var after = CreateReader(order).LastSequence;
            return FrameReader.All(() => CreateReader(order, after), cancellationToken);
        }
#endif

        /// <summary>Like <see cref="MemoryMappedFile.Audit"/>. Damage poisons the channel, for everybody, unless this
        /// object is read-only.</summary>
        /// <returns>The findings.</returns>
        /// <exception cref="WmmfException">The channel cannot be inspected.</exception>
        public AuditReport Audit()
        {
            using var section = _section.Hold();
            var report = new wmmf_audit_report { struct_size = (uint)sizeof(wmmf_audit_report) };
            Check(NativeMethods.wmmf_channel_audit(section.Pointer, &report), "audit");
            return new AuditReport(report);
        }

        /// <summary>The objects in all processes that have the channel open, and how many frames they hold.</summary>
        /// <returns>A snapshot, one entry for each object that has it open.</returns>
        /// <exception cref="WmmfException">The channel cannot be inspected.</exception>
        public IReadOnlyList<Participant> Participants()
        {
            using var section = _section.Hold();
            var found = new List<Participant>();
            for (var index = 0u; ; index++)
            {
                var one = new wmmf_participant { struct_size = (uint)sizeof(wmmf_participant) };
                NativeResult result = NativeMethods.wmmf_channel_get_participant(section.Pointer, index, &one);
                if (result.Status == WmmfStatus.Range)
                    return found;
                Check(result, "look at the participants of");
                if (one.pid != 0)
                    found.Add(new Participant(one));
            }
        }

        /// <summary>Whether the channel has a publisher. Before the first frame, the time counts from the creation of
        /// the channel.</summary>
        /// <param name="stalledAfter">The channel is stalled if no frame was published for this long; null: never.</param>
        /// <returns>The state, as the system knows it.</returns>
        public ChannelState GetState(TimeSpan? stalledAfter = null)
        {
            using var section = _section.Hold();
            uint state;
            Check(
                NativeMethods.wmmf_channel_get_state(section.Pointer, Arguments.Nanoseconds(stalledAfter, nameof(stalledAfter)), &state),
                "look at the state of");
            return (ChannelState)state;
        }

        /// <summary>Waits until the channel has no publisher, because the last one has died or closed it. This object
        /// then takes its place. If several stand by, one of them does, and the others keep waiting.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The channel had a publisher all the time.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        /// <example><code>
        /// using var camera = FrameChannel.CreateOrOpen("camera", 640 * 480 * 3, standBy: true);
        /// camera.StandBy(); // until the other publisher has ended
        /// </code></example>
        public void StandBy(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            Check(WaitForPlace(timeout, cancellationToken), "stand by at");

        /// <summary>Like <see cref="StandBy"/>, but only if the channel has no publisher in time.</summary>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>False if there still is a publisher.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.ReadOnly"/>: it cannot publish.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryStandBy(TimeSpan timeout = default, CancellationToken cancellationToken = default)
        {
            var result = WaitForPlace(timeout, cancellationToken);
            if (!result.IsTimeout)
                Check(result, "stand by at");
            return result.IsOk;
        }

        /// <summary>Like <see cref="StandBy"/> without blocking a thread.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Completes when this object has taken the place.</returns>
        /// <exception cref="WmmfTimeoutException">The channel had a publisher all the time.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public Task StandByAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            Polling.Of(() => TryStandBy(TimeSpan.Zero, cancellationToken) ? this : null, $"stand by at channel '{Name}'", timeout, cancellationToken);

        private NativeResult WaitForPlace(TimeSpan? timeout, CancellationToken cancellationToken)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            NativeResult result;
            do
                result = NativeMethods.wmmf_channel_stand_by(section.Pointer, wait.Next());
            while (wait.GoesOn(result));
            return result;
        }

        /// <summary>The user who owns the channel, usually the one who created it.</summary>
        /// <returns>On Linux the user's name or number, on Windows <c>DOMAIN\user</c> or the SID.</returns>
        /// <exception cref="WmmfException">The system cannot tell.</exception>
        public string GetOwner()
        {
            using var section = _section.Hold();
            var pointer = section.Pointer;
            var result = NativeText.Of(
                (text, capacity, needed) => NativeMethods.wmmf_channel_get_owner(pointer, text, capacity, needed), out var owner);
            Check(result, "look at the owner of");
            return owner.TrimEnd('\0');
        }

        /// <summary>Gives the channel new pictures; only its owner can. Readers go on with the same objects: frames
        /// that they hold do not change, and sequences continue. A damaged channel is usable again.</summary>
        /// <param name="capacity">Bytes of a frame, at most; 0: unchanged.</param>
        /// <param name="slots">The number of slots; 0: unchanged.</param>
        /// <param name="history">How many older frames stay readable.</param>
        /// <param name="timeout">How long to wait for another writer; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">Another writer was at work all the time.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Access"/>: it belongs to another
        /// user.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Resize(
            int capacity, int slots = 0, int history = 0, TimeSpan? timeout = null,
            CancellationToken cancellationToken = default)
        {
            var bytes = Arguments.NotNegative(capacity, nameof(capacity));
            var number = Arguments.NotNegative(slots, nameof(slots));
            var more = Arguments.NotNegative(history, nameof(history));
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            NativeResult result;
            do
                result = NativeMethods.wmmf_channel_resize(section.Pointer, bytes, number, more, wait.Next());
            while (wait.GoesOn(result));
            Check(result, "resize");
        }

        /// <summary>Closes the channel when the last frame is disposed. Waiting calls of other threads soon end with
        /// <see cref="ObjectDisposedException"/>; only then is it closed. Calling it again does nothing.</summary>
        public void Dispose() => _section.Refuse();

#if NETCOREAPP
        /// <summary>Like <see cref="Dispose"/>; does not wait.</summary>
        /// <returns>Already completed.</returns>
        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
#endif

        /// <summary>Name and size.</summary>
        /// <returns>For example <c>channel 'camera' of 4 slots of 921600 bytes</c>.</returns>
        public override string ToString()
        {
            try
            {
                var info = Info();
                return $"channel '{Name}' of {info.slots} slots of {info.capacity} bytes{(IsReadOnly ? ", read-only" : "")}";
            }
            catch (ObjectDisposedException)
            {
                return $"channel '{Name}', closed";
            }
        }

        private wmmf_channel_info Info()
        {
            using var section = _section.Hold();
            var info = new wmmf_channel_info { struct_size = (uint)sizeof(wmmf_channel_info) };
            Check(NativeMethods.wmmf_channel_get_info(section.Pointer, &info), "look at");
            return info;
        }

        // The capacity of a frame that a span can show.
        private int Shown(ulong capacity) => capacity <= int.MaxValue
            ? (int)capacity
            : throw new NotSupportedException(
                $"channel '{Name}' has frames of up to {capacity} bytes, expected at most {int.MaxValue}, the limit of a span");

        private void Check(in NativeResult result, string what)
        {
            if (!result.IsOk)
                throw WmmfException.Of(result, $"{what} channel '{Name}'");
        }
    }
}
