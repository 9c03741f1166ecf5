namespace Wmmf
{
    /// <summary>A read lock that is held; dispose it on the thread that took it.</summary>
    public readonly ref struct ReadLock
    {
        private readonly MemoryMappedFile _file;

        internal ReadLock(MemoryMappedFile file) => _file = file;

        /// <summary>Gives the lock back.</summary>
        /// <exception cref="WmmfException">NotOwner: this thread does not hold it.</exception>
        public void Dispose() => _file.UnlockRead();
    }

    /// <summary>The write lock, held; dispose it on the thread that took it.</summary>
    public readonly ref struct WriteLock
    {
        private readonly MemoryMappedFile _file;

        internal WriteLock(MemoryMappedFile file, bool ownerDied)
        {
            _file = file;
            OwnerDied = ownerDied;
        }

        /// <summary>Whether the previous owner died while it held the lock. Repair the payload then and call
        /// <see cref="MemoryMappedFile.MarkConsistent"/>, or the section is poisoned when this is disposed.</summary>
        public bool OwnerDied { get; }

        /// <summary>Gives the lock back and wakes whoever waits for a change.</summary>
        /// <exception cref="WmmfException">NotOwner: this thread does not hold it.</exception>
        public void Dispose() => _file.UnlockWrite();
    }
}
