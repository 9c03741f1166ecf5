using System;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    /// <summary>A lock in the payload of a section, for example for a row of a table. Make one with
    /// <see cref="MemoryMappedFile.LockAt"/>, as often as you like.</summary>
    /// <remarks>It has the members of the section, for this lock only: a dead writer, or poison, concerns only what
    /// this lock protects. The section's Read and Write take the section's own lock, so use
    /// <see cref="MemoryMappedFile.View"/>, or the bytes of the lock object, inside the block. A lock belongs to the
    /// thread that took it.</remarks>
    /// <example><code>
    /// using (var held = table.LockAt(64 * row).WriteLock())
    ///     held.AsRef&lt;int&gt;(4096 + 4 * row)++;
    /// </code></example>
    public readonly struct PayloadLock
    {
        private readonly MemoryMappedFile? _file;
        private readonly ulong _offset;

        internal PayloadLock(MemoryMappedFile file, ulong offset)
        {
            _file = file;
            _offset = offset;
        }

        /// <summary>The section.</summary>
        /// <exception cref="InvalidOperationException">This one was not made by
        /// <see cref="MemoryMappedFile.LockAt"/>.</exception>
        public MemoryMappedFile File =>
            _file ?? throw new InvalidOperationException($"a {nameof(PayloadLock)} is made by {nameof(MemoryMappedFile)}.LockAt");

        /// <summary>Its offset in the payload.</summary>
        public long Offset => (long)_offset;

        /// <summary>How often the write lock was released, plus the calls of <see cref="Notify"/>.</summary>
        public ulong Sequence => File.WaitAt(_offset, ulong.MaxValue, TimeSpan.Zero, default);

        /// <summary>Like <see cref="MemoryMappedFile.ReadLock(TimeSpan?, CancellationToken)"/>.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and what it protects is not
        /// repaired yet.</exception>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.Full"/>: the object already holds or waits for as many
        /// locks in the payload as the section allows.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ReadLock ReadLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            File.ReadLockAt(_offset, timeout, cancellationToken);

        /// <summary>Like <see cref="MemoryMappedFile.WriteLock(TimeSpan?, bool, CancellationToken)"/>.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="repair">Take it even if a writer died while it held the lock.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and <paramref name="repair"/> is
        /// false: the lock is not taken.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public WriteLock WriteLock(
            TimeSpan? timeout = null, bool repair = false, CancellationToken cancellationToken = default) =>
            File.WriteLockAt(_offset, timeout, repair, cancellationToken);

        /// <summary>Like <see cref="MemoryMappedFile.ReadLockAsync"/>.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and what it protects is not
        /// repaired yet.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask<AsyncReadLock> ReadLockAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            File.ReadLockAsyncAt(_offset, timeout, cancellationToken);

        /// <summary>Like <see cref="MemoryMappedFile.WriteLockAsync"/>.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="repair">Take it even if a writer died while it held the lock.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and <paramref name="repair"/> is
        /// false: the lock is not taken.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask<AsyncWriteLock> WriteLockAsync(
            TimeSpan? timeout = null, bool repair = false, CancellationToken cancellationToken = default) =>
            File.WriteLockAsyncAt(_offset, timeout, repair, cancellationToken);

        /// <summary>Like <see cref="MemoryMappedFile.EnterReadLock"/>; <see cref="ExitReadLock"/> releases it.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and what it protects is not
        /// repaired yet.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void EnterReadLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            File.EnterReadLockAt(_offset, timeout, cancellationToken);

        /// <summary>Like <see cref="MemoryMappedFile.EnterWriteLock"/>; <see cref="ExitWriteLock"/> releases it.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="repair">See <see cref="WriteLock"/>.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether the previous owner died: only with <paramref name="repair"/>.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and <paramref name="repair"/> is
        /// false: the lock is not taken.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool EnterWriteLock(
            TimeSpan? timeout = null, bool repair = false, CancellationToken cancellationToken = default) =>
            File.EnterWriteLockAt(_offset, timeout, repair, cancellationToken);

        /// <summary>Takes the lock for reading if it is free in time.</summary>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether it is taken; then <see cref="ExitReadLock"/> releases it.</returns>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and what it protects is not
        /// repaired yet.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryEnterReadLock(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            File.TryEnterReadLockAt(_offset, timeout, cancellationToken);

        /// <summary>Takes the lock for writing if it is free in time.</summary>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether it is taken; then <see cref="ExitWriteLock"/> releases it.</returns>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock: the lock is not taken.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryEnterWriteLock(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            File.TryEnterWriteLockAt(_offset, timeout, cancellationToken);

        /// <summary>Releases the read lock of this thread.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it.</exception>
        public void ExitReadLock() => _ = File.Unlock(_offset, isWrite: false);

        /// <summary>Releases the write lock and wakes all waits for a change.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it.</exception>
        public void ExitWriteLock() => _ = File.Unlock(_offset, isWrite: true);

        /// <summary>Declares the data under this lock consistent after a writer died; this thread must hold the write
        /// lock.</summary>
        public void MarkConsistent() => File.MarkConsistentAt(_offset);

        /// <summary>Declares the data under this lock beyond repair, for everybody: every later and every waiting call
        /// fails with <see cref="WmmfStatus.Poisoned"/>.</summary>
        public void Poison() => File.PoisonAt(_offset);

        /// <summary>Its current state. A read-only object can also call this.</summary>
        /// <returns>A snapshot.</returns>
        public LockState GetLockState() => File.GetLockStateAt(_offset);

        /// <summary>Advances <see cref="Sequence"/> by 1 and wakes all waits for a change, without the lock.</summary>
        public void Notify() => File.NotifyAt(_offset);

        /// <summary>Waits until <see cref="Sequence"/> is not <paramref name="sequence"/>.</summary>
        /// <param name="sequence">An earlier value of it, or of this call.</param>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The new sequence.</returns>
        /// <exception cref="WmmfTimeoutException">Nothing changed in time.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ulong Wait(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            File.WaitAt(_offset, sequence, timeout, cancellationToken);
    }
}
