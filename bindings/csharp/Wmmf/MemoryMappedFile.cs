using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace Wmmf
{
    /// <summary>A section: a named block of memory that other processes, in any language, have open at the same time, with
    /// a lock inside. Several threads may use all members at once. Locks belong to the thread that took them.
    /// </summary>
    /// <remarks>Unless said otherwise a failure throws a <see cref="WmmfException"/> and changes nothing. After
    /// <see cref="Dispose"/> everything but <see cref="Name"/>, <see cref="Size"/>, <see cref="Reserved"/>,
    /// <see cref="Layout"/> and <see cref="IsReadOnly"/> throws <see cref="ObjectDisposedException"/>. Sizes and
    /// offsets are bytes. A timeout of null, which is the default, waits for ever; zero tries once. The Try methods try
    /// once by default, and return false instead of throwing <see cref="WmmfTimeoutException"/>. Creating and opening
    /// throw <see cref="DllNotFoundException"/> without the native library, and <see cref="NotSupportedException"/> if
    /// it has another ABI version.</remarks>
    /// <example><code>
    /// using var file = MemoryMappedFile.Create("settings", 4096);
    /// file.Write("hello"u8);
    /// using var other = MemoryMappedFile.Open("settings"); // in another process
    /// var text = new byte[5];
    /// other.Read(text);
    /// </code></example>
    [DebuggerDisplay("{ToString(),nq}")]
    public sealed unsafe partial class MemoryMappedFile : IDisposable
#if NETCOREAPP
        , IAsyncDisposable
#endif
    {
        private readonly SectionHandle _section;

        private readonly long _reserve;
        private readonly bool _grows;
        private long _size;

        private MemoryMappedFile(string name, IntPtr native, bool canBeResized = false, bool isNativeFile = false)
        {
            Name = name;
            _section = new SectionHandle(native, isChannel: false, name, canBeResized);
            var info = new wmmf_info { struct_size = (uint)sizeof(wmmf_info) };
            NativeResult result = NativeMethods.wmmf_get_info(native, &info);
            if (!result.IsOk)
            {
                _section.Dispose();
                throw WmmfException.Of(result, $"look at section '{name}'");
            }
            _size = checked((long)info.size);
            _reserve = checked((long)info.reserve);
            SectionPageSize = checked((long)info.page_size);
            IsLocked = info.locked != 0;
            Record = info.record == uint.MaxValue ? (long?)null : info.record;
            Layout = (SectionLayout)info.layout;
            _grows = isNativeFile || (Layout == SectionLayout.Native && _reserve != 0);
            IsReadOnly = info.read_only != 0;
        }

        /// <summary>The name with which it was created or opened, or the path of a file; empty for an unnamed
        /// section.</summary>
        public string Name { get; }

        private string Title => Name.Length == 0 ? "unnamed section" : $"section '{Name}'";

        /// <summary>Bytes of payload; of a native section that can grow, the current size.</summary>
        public long Size
        {
            get
            {
                if (_grows && _section.TryRetain())
                {
                    ulong size;
                    if (NativeMethods.wmmf_size(_section.Pointer, &size) == (int)WmmfStatus.Ok)
                        Volatile.Write(ref _size, (long)size);
                    _section.Release();
                }
                return Volatile.Read(ref _size);
            }
        }

        /// <summary>The payload size to which a section in memory can grow: its reserve, or its size if it has none.
        /// </summary>
        public long Reserved => Math.Max(_reserve, Volatile.Read(ref _size));

        /// <summary>Bytes of its pages. Only in the native layout does an opener learn of large pages, as the creator
        /// claims them. </summary>
        public long SectionPageSize { get; }

        /// <summary>Whether this object locks it in memory: <see cref="SectionMemory.Locked"/>.</summary>
        public bool IsLocked { get; }

        /// <summary>The index of this object's record among the <see cref="Participants"/>, for programs with a
        /// protocol of their own. No other object has it while this one is open. Null: read-only objects and other
        /// layouts have no record.</summary>
        public long? Record { get; }

        /// <summary>The layout: what its bytes mean.</summary>
        public SectionLayout Layout { get; }

        /// <summary>Whether it was opened read-only.</summary>
        public bool IsReadOnly { get; }

        /// <summary>The number of changes; see <see cref="Wait"/>.</summary>
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

        /// <summary>Compares header, counts and lock state; damage poisons the section.</summary>
        /// <returns>The findings.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotSupported"/>: the layout has no
        /// lock.</exception>
        public AuditReport Audit()
        {
            using var section = _section.Hold();
            var report = new wmmf_audit_report { struct_size = (uint)sizeof(wmmf_audit_report) };
            Check(NativeMethods.wmmf_audit(section.Pointer, &report), "audit");
            return new AuditReport(report);
        }

        /// <summary>The objects in all processes that have the section open for writing.</summary>
        /// <returns>A snapshot, one entry for each object that has it open.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotSupported"/>: the layout has no
        /// participants.</exception>
        public IReadOnlyList<Participant> Participants()
        {
            using var section = _section.Hold();
            var found = new List<Participant>();
            for (var index = 0u; index < NativeMethods.WMMF_PARTICIPANTS_MAX; index++)
            {
                var one = new wmmf_participant { struct_size = (uint)sizeof(wmmf_participant) };
                NativeResult result = NativeMethods.wmmf_get_participant(section.Pointer, index, &one);
                if (result.Status == WmmfStatus.Range)
                    break;
                Check(result, "look at the participants of");
                if (one.pid != 0)
                    found.Add(new Participant(one));
            }
            return found;
        }

        /// <summary>The threads of all processes that hold a lock in the payload or wait for one; see
        /// <see cref="LockAt"/>.</summary>
        /// <returns>A snapshot, one entry for each lock that a thread has or waits for.</returns>
        public IReadOnlyList<Hold> Holds()
        {
            using var section = _section.Hold();
            var found = new List<Hold>();
            for (var index = 0u; ; index++)
            {
                var one = new wmmf_hold { struct_size = (uint)sizeof(wmmf_hold) };
                NativeResult result = NativeMethods.wmmf_get_hold(section.Pointer, index, &one);
                if (result.Status == WmmfStatus.Range)
                    return found;
                Check(result, "look at the holds of");
                if (one.offset != ulong.MaxValue)
                    found.Add(new Hold(one));
            }
        }

        /// <summary>Closes the section when the last <see cref="MappedView"/> is disposed. Locks that are still held
        /// are treated as if the process had died. Waiting calls of other threads soon end with
        /// <see cref="ObjectDisposedException"/>, without the lock; only then is the section closed. Calling it again
        /// does nothing. </summary>
        public void Dispose() => _section.Refuse();

#if NETCOREAPP
        /// <summary>Like <see cref="Dispose"/>; does not wait.</summary>
        /// <returns>Already completed.</returns>
        public System.Threading.Tasks.ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
#endif

        /// <summary>Name, size and layout.</summary>
        /// <returns>For example <c>section 'settings' of 4096 bytes, Native</c>.</returns>
        public override string ToString() => $"{Title} of {Size} bytes, {Layout}{(IsReadOnly ? ", read-only" : "")}";

        private void Check(in NativeResult result, string what)
        {
            if (!result.IsOk)
                throw Failure(result, what);
        }

        // For calls that build their message only after a failure.
        private Exception Failure(in NativeResult result, string what)
        {
            var hint = result.Status switch
            {
                WmmfStatus.OwnerDied => "take it with WriteLock(repair: true), repair the payload and call MarkConsistent",
                WmmfStatus.ReadOnly when IsReadOnly => "it was opened with readOnly: true, or SectionProtection.Read",
                _ => "",
            };
            return WmmfException.Of(result, $"{what} {Title}", hint);
        }
    }
}
