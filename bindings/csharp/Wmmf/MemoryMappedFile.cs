using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    /// <summary>A named block of memory that other processes, in any language, have open at the same time, with
    /// a lock inside. All members may be used from several threads at once. Locks belong to the thread that took them:
    /// do not await while holding one.</summary>
    /// <remarks>Unless said otherwise a failure is a <see cref="WmmfException"/>, and nothing has changed; after
    /// <see cref="Dispose"/> everything but <see cref="Name"/>, <see cref="Size"/>, <see cref="Layout"/> and
    /// <see cref="IsReadOnly"/> throws <see cref="ObjectDisposedException"/>. Sizes and offsets are bytes.
    /// A timeout of null waits for ever, zero tries once. Creating and opening throw
    /// <see cref="DllNotFoundException"/> without the native library, and <see cref="NotSupportedException"/>
    /// if it has another ABI version.</remarks>
    public sealed unsafe class MemoryMappedFile : IDisposable
    {
        private readonly SectionHandle _section;

        private MemoryMappedFile(string name, IntPtr native)
        {
            Name = name;
            _section = new SectionHandle(native, nameof(MemoryMappedFile), NativeMethods.wmmf_close);
            var info = new wmmf_info { struct_size = (uint)sizeof(wmmf_info) };
            WmmfException.ThrowIfFailed(NativeMethods.wmmf_get_info(native, &info), $"look at section '{name}'");
            Size = checked((long)info.size);
            Layout = (SectionLayout)info.layout;
            IsReadOnly = info.read_only != 0;
        }

        /// <summary>The name it was created or opened with.</summary>
        public string Name { get; }

        /// <summary>Bytes of payload.</summary>
        public long Size { get; }

        /// <summary>What its bytes mean.</summary>
        public SectionLayout Layout { get; }

        /// <summary>Whether it was opened with read rights only.</summary>
        public bool IsReadOnly { get; }

        /// <summary>How often the write lock was given back.</summary>
        public ulong Sequence
        {
            get
            {
                using var section = _section.Hold();
                ulong sequence;
                Check(NativeMethods.wmmf_sequence(section.Pointer, &sequence), "look at the sequence of");
                return sequence;
            }
        }

        /// <summary>Creates a section of zeroes; <see cref="WmmfStatus.Exists"/> if the name is taken.</summary>
        /// <param name="name">At most 230 bytes of UTF-8.</param>
        /// <param name="size">Bytes of payload, at least 1; the memory is reserved at once.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="layout">What the bytes mean.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">Writable handles at the same time; 0 takes the default, 56.</param>
        public static MemoryMappedFile Create(
            string name, long size, SectionNamespace nameSpace = SectionNamespace.Local, SectionLayout layout = SectionLayout.Native,
            SectionAccess access = SectionAccess.Owner, string? sddl = null, int mode = 0, int participants = 0) =>
            CreateSection(name, size, orOpen: false, Arguments.Options(nameSpace, layout, access, mode, participants), sddl);

        /// <summary>Opens the section, or creates it if there is none; the parameters are those of <see cref="Create"/>.
        /// An existing one must have the layout and at least the size.</summary>
        public static MemoryMappedFile CreateOrOpen(
            string name, long size, SectionNamespace nameSpace = SectionNamespace.Local, SectionLayout layout = SectionLayout.Native,
            SectionAccess access = SectionAccess.Owner, string? sddl = null, int mode = 0, int participants = 0) =>
            CreateSection(name, size, orOpen: true, Arguments.Options(nameSpace, layout, access, mode, participants), sddl);

        private static MemoryMappedFile CreateSection(
            string name, long size, bool orOpen, wmmf_options options, string? sddl)
        {
            var bytes = Arguments.Bytes(size, nameof(size));
            return new MemoryMappedFile(name, Arguments.Open(
                (text, given, native) => orOpen
                    ? NativeMethods.wmmf_create_or_open(text, bytes, given, native, null)
                    : NativeMethods.wmmf_create(text, bytes, given, native),
                Arguments.Text(name, nameof(name)), options, sddl,
                $"create {(orOpen ? "or open " : "")}section '{name}' with {size} bytes, layout {(SectionLayout)options.layout}, "
                + $"access {(SectionAccess)options.access}"));
        }

        /// <summary>Opens an existing section; <see cref="WmmfStatus.NotFound"/> if there is none.</summary>
        /// <param name="name">The name it was created with.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="layout">What the bytes mean.</param>
        /// <param name="size">Bytes of payload to show; 0 shows all.</param>
        /// <param name="readOnly">Ask for read rights only and map read-only pages.</param>
        public static MemoryMappedFile Open(
            string name, SectionNamespace nameSpace = SectionNamespace.Local, SectionLayout layout = SectionLayout.Native, long size = 0,
            bool readOnly = false)
        {
            var bytes = Arguments.Bytes(size, nameof(size));
            return new MemoryMappedFile(name, Arguments.Open(
                (text, given, native) => NativeMethods.wmmf_open(text, bytes, given, native),
                Arguments.Text(name, nameof(name)), Arguments.Options(nameSpace, layout, readOnly: readOnly), null,
                $"open section '{name}' with {Wanted(size)}, layout {layout}"));
        }

        /// <summary>The names of the sections and channels that somebody has open now and that this user may read:
        /// on Linux those of all layouts, on Windows native ones. Not for <see cref="SectionNamespace.Custom"/>.</summary>
        public static IReadOnlyList<string> List(SectionNamespace nameSpace = SectionNamespace.Local)
        {
            Arguments.CheckLibrary();
            if (nameSpace != SectionNamespace.Local && nameSpace != SectionNamespace.Global)
                throw new ArgumentOutOfRangeException(
                    nameof(nameSpace), nameSpace, $"expected {SectionNamespace.Local} or {SectionNamespace.Global}");
            var names = Array.Empty<byte>();
            for (;;)
            {
                ulong needed;
                int status;
                fixed (byte* text = names)
                    status = NativeMethods.wmmf_list((uint)nameSpace, text, (ulong)names.Length, &needed);
                if (status != (int)WmmfStatus.Range)
                {
                    WmmfException.ThrowIfFailed(status, $"list the sections of namespace {nameSpace}");
                    var all = Arguments.Utf8.GetString(names, 0, checked((int)needed));
                    return all.Split(new[] { '\0' }, StringSplitOptions.RemoveEmptyEntries);
                }
                names = new byte[checked(needed + 1024)]; // more may come before the next look
            }
        }

        /// <summary>Maps an existing file of the file system, with the layout <see cref="SectionLayout.Raw"/>.</summary>
        public static MemoryMappedFile OpenFile(string path, long size = 0, bool readOnly = false)
        {
            var bytes = Arguments.Bytes(size, nameof(size));
            return new MemoryMappedFile(path, Arguments.Open(
                (text, given, native) => NativeMethods.wmmf_open_file(text, bytes, given, native),
                Arguments.Text(path, nameof(path)), Arguments.Options(SectionNamespace.Local, SectionLayout.Raw, readOnly: readOnly), null,
                $"open file '{path}' with {Wanted(size)}"));
        }

        private static string Wanted(long size) => size == 0 ? "all its bytes" : $"{size} bytes";

        /// <summary>Copies from <paramref name="offset"/> into all of <paramref name="buffer"/>, under the read lock.</summary>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Read(
            Span<byte> buffer, long offset = 0, TimeSpan? timeout = null, CancellationToken cancellation = default)
        {
            var from = Arguments.Bytes(offset, nameof(offset));
            using var section = _section.Hold();
            // Without the lock every slice begins the copy anew.
            var wait = new Waiting(section, timeout, cancellation, copied: IsReadOnly ? buffer.Length : 0);
            int status;
            fixed (byte* bytes = buffer)
            {
                do
                    status = NativeMethods.wmmf_read(section.Pointer, from, bytes, (ulong)buffer.Length, wait.Next());
                while (wait.GoesOn(status));
            }
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, $"read {buffer.Length} bytes at offset {offset} of");
        }

        /// <summary>Copies all of <paramref name="data"/> to <paramref name="offset"/>, under the write lock.</summary>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void Write(
            ReadOnlySpan<byte> data, long offset = 0, TimeSpan? timeout = null, CancellationToken cancellation = default)
        {
            var to = Arguments.Bytes(offset, nameof(offset));
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            var place = 0ul;
            int status;
            try
            {
                fixed (byte* bytes = data)
                {
                    do
                        status = NativeMethods.wmmf_write_queued(
                            section.Pointer, to, bytes, (ulong)data.Length, wait.Next(), &place);
                    while (wait.GoesOn(status));
                }
            }
            finally
            {
                LeaveQueue(section, place);
            }
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, $"write {data.Length} bytes at offset {offset} of");
        }

        /// <summary>The payload in place, from <paramref name="offset"/>; <paramref name="length"/> -1 goes to its end.</summary>
        /// <exception cref="ArgumentOutOfRangeException">Not inside the payload, or longer than a span can be.</exception>
        public MappedView View(long offset = 0, int length = -1)
        {
            if (offset < 0 || offset > Size)
                throw new ArgumentOutOfRangeException(nameof(offset), offset, $"expected 0 to {Size}");
            var wanted = length == -1 ? Size - offset : length;
            if (wanted < 0 || wanted > Math.Min(Size - offset, int.MaxValue))
                throw new ArgumentOutOfRangeException(
                    nameof(length), wanted, $"expected 0 to {Math.Min(Size - offset, int.MaxValue)}");
            using var section = _section.Hold();
            void* data;
            Check(NativeMethods.wmmf_data(section.Pointer, &data), "view");
            return new MappedView(_section, (byte*)data + offset, (int)wanted);
        }

        /// <summary>Takes the lock for reading.</summary>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ReadLock ReadLock(TimeSpan? timeout = null, CancellationToken cancellation = default)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            int status;
            do
                status = NativeMethods.wmmf_lock_read(section.Pointer, wait.Next());
            while (wait.GoesOn(status));
            Check(status, "lock for reading");
            if (section.IsRefused)
                NativeMethods.wmmf_unlock_read(section.Pointer);
            section.ThrowIfRefused();
            return new ReadLock(this);
        }

        /// <summary>Takes the lock for writing; see <see cref="Wmmf.WriteLock.OwnerDied"/>.</summary>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public WriteLock WriteLock(TimeSpan? timeout = null, CancellationToken cancellation = default)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            var place = 0ul;
            int status;
            try
            {
                do
                    status = NativeMethods.wmmf_lock_write_queued(section.Pointer, wait.Next(), &place);
                while (wait.GoesOn(status));
            }
            finally
            {
                LeaveQueue(section, place);
            }
            var ownerDied = status == (int)WmmfStatus.OwnerDied;
            if (!ownerDied)
                Check(status, "lock for writing");
            // To unlock what nobody has repaired would poison it: closing leaves that to the next writer.
            if (section.IsRefused && !ownerDied)
                NativeMethods.wmmf_unlock_write(section.Pointer);
            section.ThrowIfRefused();
            return new WriteLock(this, ownerDied);
        }

        // Whatever ends a wait: others would let us go first.
        private static void LeaveQueue(in SectionHandle.Use section, ulong place)
        {
            if (place != 0)
                NativeMethods.wmmf_leave_queue(section.Pointer, place);
        }

        /// <summary>Ok, or Poisoned: the lock is given back all the same.</summary>
        internal WmmfStatus UnlockRead()
        {
            using var section = _section.Hold();
            return Unlocked(NativeMethods.wmmf_unlock_read(section.Pointer));
        }

        /// <summary>As <see cref="UnlockRead"/>.</summary>
        internal WmmfStatus UnlockWrite()
        {
            using var section = _section.Hold();
            return Unlocked(NativeMethods.wmmf_unlock_write(section.Pointer));
        }

        private WmmfStatus Unlocked(int status)
        {
            if (status != (int)WmmfStatus.Poisoned)
                Check(status, "unlock");
            return (WmmfStatus)status;
        }

        /// <summary>Declares the payload consistent after a writer died; this thread holds the write lock.</summary>
        public void MarkConsistent()
        {
            using var section = _section.Hold();
            Check(NativeMethods.wmmf_mark_consistent(section.Pointer), "declare consistent");
        }

        /// <summary>Waits until the sequence is not <paramref name="sequence"/>; returns the new one.</summary>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ulong Wait(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellation = default)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellation);
            ulong current;
            int status;
            do
                status = NativeMethods.wmmf_wait(section.Pointer, sequence, wait.Next(), &current);
            while (wait.GoesOn(status));
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, $"wait for a change after {sequence} of");
            return current;
        }

        /// <summary>The same without blocking the caller: a thread of the pool waits.</summary>
        public Task<ulong> WaitAsync(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellation = default) =>
            Task.Run(() => Wait(sequence, timeout, cancellation), cancellation);

        /// <summary>Compares header, tallies and lock state; damage poisons the section.</summary>
        public AuditReport Audit()
        {
            using var section = _section.Hold();
            var report = new wmmf_audit_report { struct_size = (uint)sizeof(wmmf_audit_report) };
            Check(NativeMethods.wmmf_audit(section.Pointer, &report), "audit");
            return new AuditReport(report);
        }

        /// <summary>Who has the section open for writing, in all processes.</summary>
        public IReadOnlyList<Participant> Participants()
        {
            using var section = _section.Hold();
            var found = new List<Participant>();
            for (var index = 0u; index < NativeMethods.WMMF_PARTICIPANTS_MAX; index++)
            {
                var one = new wmmf_participant { struct_size = (uint)sizeof(wmmf_participant) };
                var status = NativeMethods.wmmf_get_participant(section.Pointer, index, &one);
                if (status == (int)WmmfStatus.Range)
                    break;
                Check(status, "look at the participants of");
                if (one.pid != 0)
                    found.Add(new Participant(one));
            }
            return found;
        }

        /// <summary>Closes the section, once the last <see cref="MappedView"/> is disposed. Locks still held are treated
        /// as if the process had died. Calls that wait on other threads end with <see cref="ObjectDisposedException"/>
        /// soon, without the lock, and only then is the section closed.</summary>
        public void Dispose() => _section.Refuse();

        private void Check(int status, string what)
        {
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, what);
        }

        // For those whose words are put together only after a failure.
        private WmmfException Failure(int status, string what) =>
            WmmfException.Failure((WmmfStatus)status, $"{what} section '{Name}' of {Size} bytes");
    }
}
