using System;

namespace Wmmf
{
    /// <summary>A read lock that is held; dispose it on the thread that took it.</summary>
    public readonly ref struct ReadLock
    {
        private readonly MemoryMappedFile _file;

        internal ReadLock(MemoryMappedFile file) => _file = file;

        /// <summary>Gives the lock back.</summary>
        /// <remarks>If the section was poisoned meanwhile, this does not throw, as that would hide an exception in flight.
        /// Every later use of the section throws <see cref="WmmfStatus.Poisoned"/>; who has to know before the block ends asks
        /// <see cref="MemoryMappedFile.Audit"/> there.</remarks>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it.</exception>
        /// <exception cref="ObjectDisposedException">The file was disposed, which took the lock away.</exception>
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
        /// <remarks>Does not throw if the section is poisoned, as <see cref="Wmmf.ReadLock.Dispose"/> says.</remarks>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it.</exception>
        /// <exception cref="ObjectDisposedException">The file was disposed, which took the lock away.</exception>
        public void Dispose() => _file.UnlockWrite();
    }
}
