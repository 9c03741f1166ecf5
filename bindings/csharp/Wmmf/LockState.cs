using System.Diagnostics;
using System.Globalization;

namespace Wmmf
{
    /// <summary>What the lock of a section says: a snapshot, already old when it is read. Made by
    /// <see cref="MemoryMappedFile.GetLockState"/>.</summary>
    /// <example><code>
    /// var state = file.GetLockState();
    /// if (state.WriterProcessId is long pid)
    ///     Console.WriteLine($"process {pid} writes");
    /// </code></example>
    [DebuggerDisplay("{ToString(),nq}")]
    public sealed class LockState
    {
        internal LockState(in wmmf_lock_state native)
        {
            IsInitialised = native.initialised != 0;
            Readers = native.readers;
            IsWriting = native.writing != 0;
            WriterProcessId = native.writer_pid != 0 ? native.writer_pid : (long?)null;
            IsWaitedFor = native.waiting != 0;
            OwnerDied = native.owner_died != 0;
            IsPoisoned = native.poisoned != 0;
        }

        /// <summary>Whether its creator has finished it; only in the layout <see cref="SectionLayout.Winmmf"/> it may not be.
        /// </summary>
        public bool IsInitialised { get; }

        /// <summary>Read locks that threads hold or try to get.</summary>
        public long Readers { get; }

        /// <summary>Whether a writer holds the lock, or will once those readers have left.</summary>
        public bool IsWriting { get; }

        /// <summary>The process of that writer, as that process sees itself; null if there is none, or the layout does not
        /// say.</summary>
        public long? WriterProcessId { get; }

        /// <summary>Whether somebody may be waiting for the lock.</summary>
        public bool IsWaitedFor { get; }

        /// <summary>Whether a writer died inside, and nobody has repaired the payload yet.</summary>
        public bool OwnerDied { get; }

        /// <summary>Whether the section is poisoned.</summary>
        public bool IsPoisoned { get; }

        /// <summary>Who holds the lock, in a few words.</summary>
        /// <returns>For example <c>process 4711 writes, others wait</c>.</returns>
        public override string ToString() =>
            (IsPoisoned ? "poisoned" : OwnerDied ? "owner died" : IsWriting ? Writer() : Readers != 0 ? $"{Readers} read" : "free")
            + (IsWaitedFor ? ", others wait" : "");

        private string Writer() => WriterProcessId == null
            ? "somebody writes"
            : "process " + WriterProcessId.Value.ToString(CultureInfo.InvariantCulture) + " writes";
    }
}
