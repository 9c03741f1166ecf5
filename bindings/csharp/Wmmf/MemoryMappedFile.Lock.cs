using System;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // The lock, and waiting for a change.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>The lock in the payload at <paramref name="offset"/>, for example that of a row of a table. Its 64 bytes are
        /// the lock's; zeroes are a free one.</summary>
        /// <param name="offset">A multiple of 64. Nothing is checked before the lock is used:
        /// <see cref="WmmfStatus.NotSupported"/> if the section was created without locks,
        /// <see cref="WmmfStatus.Argument"/> or <see cref="WmmfStatus.Range"/> if there is no such offset.</param>
        /// <returns>The lock, which holds nothing.</returns>
        public PayloadLock LockAt(long offset)
        {
            if (_section.IsRefused)
                throw _section.Refusal();
            return new PayloadLock(this, Arguments.Bytes(offset, nameof(offset)));
        }

        /// <summary>Takes the lock for reading: shared with other readers, never together with a writer. At most 256 threads
        /// at a time through one object (<see cref="WmmfStatus.Full"/>).</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not there for so long.</exception>
        /// <exception cref="OwnerDiedException">A writer died inside its lock; nobody has repaired yet.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ReadLock ReadLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            ReadLockAt(NativeLock.Own, timeout, cancellationToken);

        /// <summary>Takes the lock for writing.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="repair">Take it also after a writer died inside its lock; see <see cref="Wmmf.WriteLock.OwnerDied"/>.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not there for so long.</exception>
        /// <exception cref="OwnerDiedException">A writer died inside its lock, and <paramref name="repair"/> is false: the lock
        /// is not taken, and nothing has changed.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        /// <example>The lines that repair:
        /// <code>
        /// using (var held = file.WriteLock(repair: true))
        ///     if (held.OwnerDied)
        ///     {
        ///         WriteAllOf(file);
        ///         file.MarkConsistent();
        ///     }
        /// </code></example>
        public WriteLock WriteLock(
            TimeSpan? timeout = null, bool repair = false, CancellationToken cancellationToken = default) =>
            WriteLockAt(NativeLock.Own, timeout, repair, cancellationToken);

        /// <summary>Takes the lock for reading, for languages that know no ref structs; give it back with
        /// <see cref="ExitReadLock"/>, in a <c>finally</c> block of the same thread.</summary>
        /// <remarks>An await before that lets the thread run other tasks, such as those of a window. None of them uses the lock
        /// as its own: what needs it throws <see cref="WmmfStatus.Deadlock"/>, what would give it back
        /// <see cref="WmmfStatus.NotOwner"/>. A task that awaits takes <see cref="ReadLockAsync"/> instead, and others wait.
        /// What the task calls, and what it starts while it has the lock, counts as a part of it. An async method gives back
        /// itself what it takes: to the lock its caller is another task.</remarks>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The lock was not there for so long.</exception>
        public void EnterReadLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            EnterReadLockAt(NativeLock.Own, timeout, cancellationToken);

        /// <summary>Takes the lock for writing, for languages that know no ref structs; give it back with
        /// <see cref="ExitWriteLock"/>, in a <c>finally</c> block of the same thread.</summary>
        /// <remarks>As <see cref="EnterReadLock"/> says; a task that awaits takes <see cref="WriteLockAsync"/>.</remarks>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="repair">As of <see cref="WriteLock"/>.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether the previous owner died: only with <paramref name="repair"/>.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not there for so long.</exception>
        /// <exception cref="OwnerDiedException">As of <see cref="WriteLock"/>.</exception>
        public bool EnterWriteLock(
            TimeSpan? timeout = null, bool repair = false, CancellationToken cancellationToken = default) =>
            EnterWriteLockAt(NativeLock.Own, timeout, repair, cancellationToken);

        /// <summary>Takes the lock for reading if it is there in time.</summary>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether it is taken; then <see cref="ExitReadLock"/> gives it back.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Full"/>, <see cref="WmmfStatus.Deadlock"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryEnterReadLock(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryEnterReadLockAt(NativeLock.Own, timeout, cancellationToken);

        /// <summary>Takes the lock for writing if it is there in time.</summary>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether it is taken; then <see cref="ExitWriteLock"/> gives it back.</returns>
        /// <exception cref="OwnerDiedException">A writer died inside its lock: the lock is not taken.</exception>
        public bool TryEnterWriteLock(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryEnterWriteLockAt(NativeLock.Own, timeout, cancellationToken);

        /// <summary>Gives the read lock of this thread back, also after <see cref="Dispose"/>.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it, or another task of it
        /// does.</exception>
        public void ExitReadLock() => _ = Unlock(NativeLock.Own, isWrite: false);

        /// <summary>Releases the write lock and wakes everything that waits for a change; also after <see cref="Dispose"/>.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it, or another task of it
        /// does.</exception>
        public void ExitWriteLock() => _ = Unlock(NativeLock.Own, isWrite: true);

        /// <summary>Declares the payload consistent after a writer died; this thread holds the write lock.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: it does not.</exception>
        public void MarkConsistent() => MarkConsistentAt(NativeLock.Own);

        /// <summary>Declares the payload beyond repair, for everybody: every later and every waiting call, in every process,
        /// fails with <see cref="WmmfStatus.Poisoned"/>. Create a new section then.</summary>
        /// <exception cref="WmmfException">It is read-only, or its layout has no lock.</exception>
        public void Poison() => PoisonAt(NativeLock.Own);

        /// <summary>Advances <see cref="Sequence"/> by 1 and wakes everything that waits for a change, without the lock: for
        /// programs with a protocol of their own.</summary>
        public void Notify() => NotifyAt(NativeLock.Own);

        /// <summary>Waits until the sequence is not <paramref name="sequence"/>.</summary>
        /// <param name="sequence">What <see cref="Sequence"/> was, or this call gave before.</param>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The new sequence.</returns>
        /// <exception cref="WmmfTimeoutException">Nothing was written for so long.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ulong Wait(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            WaitAt(NativeLock.Own, sequence, timeout, cancellationToken);

        /// <summary>The same without blocking a thread: one thread of the process waits for all. What has changed already is
        /// there at once.</summary>
        /// <param name="sequence">What <see cref="Sequence"/> was, or this call gave before.</param>
        /// <param name="timeout">From now; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The new sequence.</returns>
        /// <exception cref="WmmfTimeoutException">Nothing was written for so long.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask<ulong> WaitAsync(
            ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            if (cancellationToken.IsCancellationRequested)
                return new ValueTask<ulong>(Task.FromCanceled<ulong>(cancellationToken));
            var nanoseconds = Arguments.Nanoseconds(timeout);
            using var section = _section.Hold();
            ulong current;
            var status = NativeMethods.wmmf_wait(section.Pointer, sequence, 0, &current);
            if (status == (int)WmmfStatus.Ok)
                return new ValueTask<ulong>(current);
            if (status != (int)WmmfStatus.Timeout || nanoseconds == 0)
                return new ValueTask<ulong>(Task.FromException<ulong>(Failure(status, $"wait for a change after {sequence} of")));
            return new ValueTask<ulong>(Waiter.WhenChanged(_section, sequence, nanoseconds, cancellationToken));
        }
    }
}
