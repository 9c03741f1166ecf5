using System;

namespace Wmmf
{
    /// <summary>One writable object, of whatever language, that has a section or a channel open: a snapshot, from
    /// <see cref="MemoryMappedFile.Participants"/>. For a channel, open its section by the same name, read-only.</summary>
    public sealed class Participant
    {
        internal Participant(in wmmf_participant found)
        {
            ProcessId = found.pid;
            IsAlive = found.alive != 0;
            Readers = found.readers;
            WaitingReaders = found.waiting_readers;
            HasWaitingWriter = found.waiting_writer != 0;
            IsWriting = found.writing != 0;
            Reads = found.reads;
            Writes = found.writes;
            Joined = Time(found.joined_unix_ns);
            WritingSince = found.writing_since_unix_ns != 0 ? Time(found.writing_since_unix_ns) : (DateTimeOffset?)null;
            PinnedSlots = found.pinned_slots;
            OldestPinned = found.oldest_pinned != 0 ? found.oldest_pinned : (ulong?)null;
        }

        /// <summary>Its process, by its own number: in another container it may mean another.</summary>
        public long ProcessId { get; }

        /// <summary>Whether the system says that the process lives. A dead one is shown until somebody waits for it.</summary>
        public bool IsAlive { get; }

        /// <summary>Read locks that its threads hold or try to get.</summary>
        public long Readers { get; }

        /// <summary>Its threads that wait to read.</summary>
        public long WaitingReaders { get; }

        /// <summary>Whether one of its threads waits to write.</summary>
        public bool HasWaitingWriter { get; }

        /// <summary>Whether it holds the write lock, or is about to; of a channel: whether it fills a slot.</summary>
        public bool IsWriting { get; }

        /// <summary>Read locks given back, modulo 2^32.</summary>
        public long Reads { get; }

        /// <summary>Write locks given back, modulo 2^32.</summary>
        public long Writes { get; }

        /// <summary>When it opened the section.</summary>
        public DateTimeOffset Joined { get; }

        /// <summary>When it took the write lock, to some milliseconds; null if it has not yet.</summary>
        public DateTimeOffset? WritingSince { get; }

        /// <summary>The slots of a channel whose frames it reads in place, as bits: the lowest is slot 0.</summary>
        public ulong PinnedSlots { get; }

        /// <summary>The sequence of the oldest frame of a channel that it reads in place; null if it reads none. The newest
        /// one's less this is how far it is behind.</summary>
        public ulong? OldestPinned { get; }

        private static DateTimeOffset Time(ulong unixNanoseconds) =>
            new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks((long)(unixNanoseconds / 100));
    }
}
