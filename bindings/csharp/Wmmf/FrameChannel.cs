using System;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    /// <summary>Frames in shared memory: the newest one for everybody, in place, and nobody waits for anybody. A writer
    /// fills a slot that nobody reads and publishes it; a reader holds the newest frame for as long as it likes, and is
    /// told how many it missed. Writers, in whatever process, take turns.</summary>
    /// <remarks>Errors and timeouts are those of <see cref="MemoryMappedFile"/>. All members may be used from several
    /// threads at once, but what <see cref="Next"/> counts as had is one count per object.</remarks>
    public sealed unsafe class FrameChannel : IDisposable
    {
        private readonly SectionHandle _section;
        private ulong _last;

        private FrameChannel(string name, IntPtr native)
        {
            Name = name;
            _section = new SectionHandle(native, nameof(FrameChannel), NativeMethods.wmmf_channel_close);
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
        }

        /// <summary>The name it was created or opened with.</summary>
        public string Name { get; }

        /// <summary>Bytes of a frame, at most.</summary>
        public int Capacity { get; }

        /// <summary>How many frames there is room for.</summary>
        public int Slots { get; }

        /// <summary>Whether it was opened with read rights only: then only <see cref="ReadInto"/> gives frames.</summary>
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

        /// <summary>Creates a channel; <see cref="WmmfStatus.Exists"/> if the name is taken.</summary>
        /// <param name="name">At most 230 bytes of UTF-8.</param>
        /// <param name="capacity">Bytes of a frame, at most. There must be room for all slots; on Linux only those that are
        /// used cost memory, and one for which there is none any more is <see cref="WmmfStatus.NoMemory"/> for the writer.</param>
        /// <param name="slots">3 to 64. With the newest frame and the one being written, two less is how many different
        /// frames readers can hold before the writer has to skip one.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">Writable handles at the same time; 0 takes the default, 52.</param>
        public static FrameChannel Create(
            string name, int capacity, int slots = 4, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionAccess access = SectionAccess.Owner, string? sddl = null, int mode = 0, int participants = 0) =>
            Make(name, capacity, slots, false, Arguments.Options(nameSpace, SectionLayout.Native, access, mode, participants), sddl);

        /// <summary>Opens the channel, or creates it if there is none; the parameters are those of <see cref="Create"/>.
        /// An existing one must have at least the capacity and as many slots.</summary>
        public static FrameChannel CreateOrOpen(
            string name, int capacity, int slots = 4, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionAccess access = SectionAccess.Owner, string? sddl = null, int mode = 0, int participants = 0) =>
            Make(name, capacity, slots, true, Arguments.Options(nameSpace, SectionLayout.Native, access, mode, participants), sddl);

        private static FrameChannel Make(
            string name, int capacity, int slots, bool orOpen, wmmf_options options, string? sddl)
        {
            if (slots < NativeMethods.WMMF_CHANNEL_SLOTS_MIN || slots > NativeMethods.WMMF_CHANNEL_SLOTS_MAX)
                throw new ArgumentOutOfRangeException(
                    nameof(slots), slots,
                    $"expected {NativeMethods.WMMF_CHANNEL_SLOTS_MIN} to {NativeMethods.WMMF_CHANNEL_SLOTS_MAX}");
            var bytes = Arguments.NotNegative(capacity, nameof(capacity));
            return new FrameChannel(name, Arguments.Open(
                (text, given, native) => orOpen
                    ? NativeMethods.wmmf_channel_create_or_open(text, bytes, (uint)slots, given, native, null)
                    : NativeMethods.wmmf_channel_create(text, bytes, (uint)slots, given, native),
                Arguments.Text(name, nameof(name)), options, sddl,
                $"create {(orOpen ? "or open " : "")}channel '{name}' of {slots} slots of {capacity} bytes, "
                + $"access {(SectionAccess)options.access}"));
        }

        /// <summary>Opens an existing channel; <see cref="WmmfStatus.NotFound"/> if there is none, <see cref="WmmfStatus.Format"/> if
        /// it is another section.</summary>
        /// <param name="name">The name it was created with.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="readOnly">Ask for read rights only.</param>
        public static FrameChannel Open(string name, SectionNamespace nameSpace = SectionNamespace.Local, bool readOnly = false) =>
            new FrameChannel(name, Arguments.Open(
                NativeMethods.wmmf_channel_open, Arguments.Text(name, nameof(name)),
                Arguments.Options(nameSpace, SectionLayout.Native, readOnly: readOnly), null, $"open channel '{name}'"));

        /// <summary>Gives a slot to fill; dispose it without <see cref="NewFrame.Publish"/> to drop it.</summary>
        /// <param name="timeout">Default zero: <see cref="WmmfStatus.Timeout"/> at once if every slot is being read, or
        /// another writer is at work. <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
        /// <param name="cancellation">Ends the wait.</param>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public NewFrame Begin(TimeSpan timeout = default, CancellationToken cancellation = default)
        {
            var frame = NewNative();
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            int status;
            do
                status = NativeMethods.wmmf_channel_begin(section.Pointer, wait.Next(), &frame);
            while (wait.GoesOn(status));
            Check(status, "begin a frame in");
            return new NewFrame(_section, frame, Name);
        }

        /// <summary>Copies a picture into a slot and publishes it; its sequence, or 0 if it was skipped because every slot
        /// was being read, or another writer at work, for <paramref name="timeout"/>.</summary>
        /// <param name="picture">At most <see cref="Capacity"/> bytes.</param>
        /// <param name="width">Pixels of a row; 0 if it is no picture.</param>
        /// <param name="height">Rows.</param>
        /// <param name="stride">Bytes from one row to the next.</param>
        /// <param name="fourCC">The pixel format.</param>
        /// <param name="user">Up to 64 bytes of your own, for the readers.</param>
        /// <param name="timestampNs">When it was taken, on the machine's monotonic clock; 0: now.</param>
        /// <param name="timeout">As of <see cref="Begin"/>.</param>
        /// <param name="cancellation">Ends the wait.</param>
        /// <exception cref="ArgumentException">Among others: the stride is too small for the width and the pixel format.
        /// </exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ulong Publish(
            ReadOnlySpan<byte> picture, int width = 0, int height = 0, int stride = 0, FourCC fourCC = default,
            ReadOnlySpan<byte> user = default, ulong timestampNs = 0, TimeSpan timeout = default,
            CancellationToken cancellation = default)
        {
            var frame = NewNative();
            frame.used = (ulong)picture.Length;
            frame.width = Arguments.NotNegative(width, nameof(width));
            frame.height = Arguments.NotNegative(height, nameof(height));
            frame.stride = Arguments.NotNegative(stride, nameof(stride));
            frame.fourcc = fourCC.Code;
            Arguments.Rows(frame, nameof(stride));
            frame.timestamp_ns = timestampNs;
            NewFrame.SetUser(ref frame, user);
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            int status;
            fixed (byte* bytes = picture)
            {
                do
                    status = NativeMethods.wmmf_channel_write(section.Pointer, bytes, wait.Next(), &frame);
                while (wait.GoesOn(status));
            }
            if (status == (int)WmmfStatus.Timeout)
                return 0;
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, $"publish {picture.Length} bytes, {height} rows of {stride}, in a slot of {Capacity} bytes of");
            return frame.sequence;
        }

        /// <summary>The newest frame, at once if there is one, else the first; <see cref="Next"/> then gives later ones.
        /// </summary>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Format"/>: what a hostile writer says of the frame
        /// cannot be, or is beyond what an int can hold. Nothing is held then, and the next frame may be sound.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public Frame Latest(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
            Take(0, timeout, cancellation);

        /// <summary>The newest frame that this object has not given yet; waits for one.</summary>
        /// <exception cref="WmmfException">As of <see cref="Latest"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public Frame Next(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
            Take(Volatile.Read(ref _last), timeout, cancellation);

        /// <summary>The same without blocking the caller: a thread of the pool waits.</summary>
        public Task<Frame> NextAsync(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
            Task.Run(() => Next(timeout, cancellation), cancellation);

        private Frame Take(ulong after, TimeSpan? timeout, CancellationToken cancellation)
        {
            var frame = NewNative();
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            int status;
            do
                status = NativeMethods.wmmf_channel_acquire(section.Pointer, after, wait.Next(), &frame);
            while (wait.GoesOn(status));
            Check(status, "get a frame of");
            var had = Volatile.Read(ref _last);
            frame.missed = had != 0 && frame.sequence > had ? frame.sequence - had - 1 : 0; // also for Latest
            try
            {
                var taken = new Frame(_section, frame);
                Volatile.Write(ref _last, frame.sequence);
                return taken;
            }
            catch
            {
                NativeMethods.wmmf_channel_release(section.Pointer, &frame);
                throw;
            }
        }

        /// <summary>Copies the newest frame that this object has not given yet into <paramref name="buffer"/>, which takes
        /// no rights but to read. Keep the buffer and use it again.</summary>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Range"/>: the picture is larger than the buffer;
        /// <see cref="WmmfStatus.Format"/> as of <see cref="Latest"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public FrameInfo ReadInto(Span<byte> buffer, TimeSpan? timeout = null, CancellationToken cancellation = default)
        {
            var after = Volatile.Read(ref _last);
            var frame = NewNative();
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            int status;
            fixed (byte* bytes = buffer)
            {
                do
                    status = NativeMethods.wmmf_channel_read(
                        section.Pointer, after, bytes, (ulong)buffer.Length, wait.Next(), &frame);
                while (wait.GoesOn(status));
            }
            if (status != (int)WmmfStatus.Ok)
            {
                var what = status == (int)WmmfStatus.Range ? $"a frame of {frame.used} bytes" : "a frame";
                throw Failure(status, $"copy {what} into {buffer.Length} bytes from");
            }
            var info = new FrameInfo(frame);
            Volatile.Write(ref _last, frame.sequence);
            return info;
        }

        /// <summary>The same without blocking the caller: a thread of the pool waits and copies.</summary>
        public Task<FrameInfo> ReadIntoAsync(
            Memory<byte> buffer, TimeSpan? timeout = null, CancellationToken cancellation = default) =>
            Task.Run(() => ReadInto(buffer.Span, timeout, cancellation), cancellation);

        /// <summary>As <see cref="MemoryMappedFile.Audit"/>: damage poisons the channel, for everybody, unless this object is
        /// read-only.</summary>
        public AuditReport Audit()
        {
            using var section = _section.Hold();
            var report = new wmmf_audit_report { struct_size = (uint)sizeof(wmmf_audit_report) };
            Check(NativeMethods.wmmf_channel_audit(section.Pointer, &report), "audit");
            return new AuditReport(report);
        }

        /// <summary>Closes the channel, once the last frame is disposed. Calls that wait on other threads end with
        /// <see cref="ObjectDisposedException"/> soon, and only then is it closed.</summary>
        public void Dispose() => _section.Refuse();

        private wmmf_channel_info Info()
        {
            using var section = _section.Hold();
            var info = new wmmf_channel_info { struct_size = (uint)sizeof(wmmf_channel_info) };
            Check(NativeMethods.wmmf_channel_get_info(section.Pointer, &info), "look at");
            return info;
        }

        private static wmmf_frame NewNative() => new wmmf_frame { struct_size = (uint)sizeof(wmmf_frame) };

        private void Check(int status, string what)
        {
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, what);
        }

        // For those whose words are put together only after a failure.
        private WmmfException Failure(int status, string what) =>
            WmmfException.Failure((WmmfStatus)status, $"{what} channel '{Name}'");
    }
}
