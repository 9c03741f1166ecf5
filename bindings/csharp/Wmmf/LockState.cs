using System.Diagnostics;
using System.Globalization;

namespace Wmmf
{
    /// <summary>The state of a section's lock: a snapshot, already old when you read it. Made by
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

        /// <summary>Whether its creator has finished it; false only in the layout <see cref="SectionLayout.Winmmf"/>.
        /// </summary>
        public bool IsInitialised { get; }

        /// <summary>How many read locks threads hold or try to take.</summary>
        public long Readers { get; }

        /// <summary>Whether a writer holds the lock, or will once those readers have left.</summary>
        public bool IsWriting { get; }

        /// <summary>The process id of that writer, in its own pid namespace; null if there is none, or the layout does
        /// not store it.</summary>
        public long? WriterProcessId { get; }

        /// <summary>Whether a thread may be waiting for the lock.</summary>
        public bool IsWaitedFor { get; }

        /// <summary>Whether a writer died while it held the lock, and no other has repaired the payload yet.</summary>
        public bool OwnerDied { get; }

        /// <summary>Whether the section is poisoned.</summary>
        public bool IsPoisoned { get; }

        /// <summary>The holder of the lock, in a few words.</summary>
        /// <returns>For example <c>process 4711 writes, others wait</c>.</returns>
        public override string ToString() =>
            (IsPoisoned ? "poisoned" : OwnerDied ? "owner died" : IsWriting ? Writer() : Readers != 0 ? $"{Readers} read" : "free")
            + (IsWaitedFor ? ", others wait" : "");

        private string Writer() => WriterProcessId == null
            ? "somebody writes"
            : "process " + WriterProcessId.Value.ToString(CultureInfo.InvariantCulture) + " writes";
    }
}
