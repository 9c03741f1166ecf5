using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    /// <summary>Frames in shared memory: the newest one for everybody, in place, and nobody waits for anybody. A writer
    /// fills a slot that nobody reads and publishes it; a reader holds the newest frame for as long as it likes, and is
    /// told how many it missed. Writers, in whatever process, take turns.</summary>
    /// <remarks>Errors and timeouts are those of <see cref="MemoryMappedFile"/>: a call that is given no timeout waits for
    /// ever, and a form with Try, which <see cref="Publish(ReadOnlySpan{byte}, int, int, int, FourCC, ReadOnlySpan{byte}, ulong, TimeSpan, CancellationToken)"/>
    /// is too, tries once. All members may be used from several threads at once. What <see cref="Next"/> and its like count
    /// as had is one count per object: <see cref="CreateReader"/> gives others.</remarks>
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
        private readonly SectionNamespace _nameSpace;
        private readonly FrameReader _reader;

        private FrameChannel(string name, SectionNamespace nameSpace, IntPtr native)
        {
            Name = name;
            _nameSpace = nameSpace;
            _section = new SectionHandle(native, isChannel: true, name);
            var info = Info();
            if (info.capacity > int.MaxValue)
            {
                Dispose();
                throw new NotSupportedException(
                    $"channel '{name}' has frames of up to {info.capacity} bytes, expected at most {int.MaxValue}: a span has no more");
            }
            Capacity = (int)info.capacity;
            Slots = (int)info.slots;
            IsReadOnly = info.read_only != 0;
            _reader = new FrameReader(_section, Capacity);
        }

        /// <summary>The name it was created or opened with.</summary>
        public string Name { get; }

        /// <summary>Bytes of a frame, at most.</summary>
        public int Capacity { get; }

        /// <summary>How many frames there is room for.</summary>
        public int Slots { get; }

        /// <summary>Whether it was opened with read rights only.</summary>
        public bool IsReadOnly { get; }

        /// <summary>The newest frame's sequence; 0: none yet.</summary>
        public ulong Sequence => Info().sequence;

        /// <summary>How old the newest frame is; null: none yet. A writer that has stopped shows here.</summary>
        public TimeSpan? Age
        {
            get
            {
                var info = Info();
                return info.sequence == 0 ? (TimeSpan?)null : new TimeSpan((long)(info.now_ns - info.timestamp_ns) / 100);
            }
        }

        /// <summary>A reader with a count of its own: what it was given, another reader is given all the same.</summary>
        /// <returns>The reader. It needs no disposal, and ends with the channel.</returns>
        public FrameReader CreateReader() => new FrameReader(_section, Capacity);

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
        /// <summary>All frames from now on, each as of <see cref="FrameReader.Next"/>, with a count of its own for each
        /// enumeration: several may run at the same time. A frame is let go when the next is asked for.</summary>
        /// <param name="cancellationToken">Ends the enumeration.</param>
        /// <returns>The frames; do not keep one beyond its turn.</returns>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        /// <example><code>
        /// await foreach (var frame in channel.ReadAllAsync(cancellationToken))
        ///     await Send(frame.Memory, cancellationToken);
        /// </code></example>
        public IAsyncEnumerable<Frame> ReadAllAsync(CancellationToken cancellationToken = default) =>
            new FrameReader(_section, Capacity).ReadAllAsync(cancellationToken);
#endif

        /// <summary>As <see cref="MemoryMappedFile.Audit"/>: damage poisons the channel, for everybody, unless this object is
        /// read-only.</summary>
        /// <returns>What was found.</returns>
        public AuditReport Audit()
        {
            using var section = _section.Hold();
            var report = new wmmf_audit_report { struct_size = (uint)sizeof(wmmf_audit_report) };
            Check(NativeMethods.wmmf_channel_audit(section.Pointer, &report), "audit");
            return new AuditReport(report);
        }

        /// <summary>Who has the channel open for writing, in all processes, and which frames they hold.</summary>
        /// <returns>A snapshot, one entry for each object that has it open.</returns>
        public IReadOnlyList<Participant> Participants()
        {
            using var looker = MemoryMappedFile.Open(Name, _nameSpace, readOnly: true);
            return looker.Participants();
        }

        /// <summary>Closes the channel, once the last frame is disposed. Calls that wait on other threads end with
        /// <see cref="ObjectDisposedException"/> soon, and only then is it closed. Again: nothing.</summary>
        public void Dispose() => _section.Refuse();

#if NETCOREAPP
        /// <summary>As <see cref="Dispose"/>; waits for nothing.</summary>
        /// <returns>What is done already.</returns>
        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
#endif

        /// <summary>Name and size.</summary>
        /// <returns>For example <c>channel 'camera' of 4 slots of 921600 bytes</c>.</returns>
        public override string ToString() =>
            $"channel '{Name}' of {Slots} slots of {Capacity} bytes{(IsReadOnly ? ", read-only" : "")}";

        private wmmf_channel_info Info()
        {
            using var section = _section.Hold();
            var info = new wmmf_channel_info { struct_size = (uint)sizeof(wmmf_channel_info) };
            Check(NativeMethods.wmmf_channel_get_info(section.Pointer, &info), "look at");
            return info;
        }

        private void Check(int status, string what)
        {
            if (status != (int)WmmfStatus.Ok)
                throw WmmfException.Of(status, $"{what} channel '{Name}'");
        }
    }
}
