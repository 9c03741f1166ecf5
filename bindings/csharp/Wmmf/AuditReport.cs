namespace Wmmf
{
    /// <summary>What <see cref="MemoryMappedFile.Audit"/> found.</summary>
    public sealed class AuditReport
    {
        internal AuditReport(in wmmf_audit_report report)
        {
            Damaged = report.damaged != 0;
            Participants = checked((int)report.participants);
            Dead = checked((int)report.dead);
            Readers = report.readers;
            WriterProcessId = report.writer != 0 ? (long)report.writer_pid : (long?)null;
            OwnerDied = report.owner_died != 0;
            Poisoned = report.poisoned != 0;
            Sequence = report.sequence;
        }

        /// <summary>Header, tallies and lock state contradict each other.</summary>
        public bool Damaged { get; }

        /// <summary>Writable handles whose process is alive.</summary>
        public int Participants { get; }

        /// <summary>Dead ones whose records have not been cleared yet.</summary>
        public int Dead { get; }

        /// <summary>Read locks that are held.</summary>
        public long Readers { get; }

        /// <summary>The process that holds the write lock, by its own number; null if none does.</summary>
        public long? WriterProcessId { get; }

        /// <summary>A writer died and nobody has taken over yet.</summary>
        public bool OwnerDied { get; }

        /// <summary>The section is poisoned.</summary>
        public bool Poisoned { get; }

        /// <summary>How often the section was written.</summary>
        public ulong Sequence { get; }
    }
}
