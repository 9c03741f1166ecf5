using System;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // The lock, and waiting for a change.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>The lock in the payload at <paramref name="offset"/>, for example for a row of a table. Its 64
        /// bytes belong to the lock; zeroed bytes are a free lock.</summary>
        /// <param name="offset">A multiple of 64. It is checked when the lock is used:
        /// <see cref="WmmfStatus.NotSupported"/> if the section was created without locks,
        /// <see cref="WmmfStatus.Argument"/> or <see cref="WmmfStatus.Range"/> if there is no such offset.</param>
        /// <returns>The lock, which holds nothing.</returns>
        public PayloadLock LockAt(long offset)
        {
            if (_section.IsRefused)
                throw _section.Refusal();
            return new PayloadLock(this, Arguments.Bytes(offset, nameof(offset)));
        }

        /// <summary>Takes the lock for reading: shared with other readers, never together with a writer. At most 256
        /// threads can hold it through one object (<see cref="WmmfStatus.Full"/>).</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and the payload is not repaired
        /// yet.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ReadLock ReadLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            ReadLockAt(NativeLock.Own, timeout, cancellationToken);

        /// <summary>Takes the lock for writing.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="repair">Take it even if a writer died while it held the lock; see
        /// <see cref="Wmmf.WriteLock.OwnerDied"/>.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock, and <paramref name="repair"/> is
        /// false: the lock is not taken, and nothing has changed.</exception>
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

        /// <summary>Takes the lock for reading, for languages whose <c>using</c> takes no ref struct; release it with
        /// <see cref="ExitReadLock"/>, in a <c>finally</c> block of the same thread.</summary>
        /// <remarks>An await before that lets the thread run other tasks, such as those of a window. None of them can
        /// use the lock as its own: calls that need it throw <see cref="WmmfStatus.Deadlock"/>, and calls that would
        /// release it throw <see cref="WmmfStatus.NotOwner"/>. In a task that awaits, use <see cref="ReadLockAsync"/>
        /// instead; others then wait. Methods that the task calls, and tasks that it starts while it has the lock,
        /// count as parts of it. An async method must itself release a lock that it takes, because its caller counts as
        /// another task.</remarks>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">See <see cref="ReadLock"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public void EnterReadLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            EnterReadLockAt(NativeLock.Own, timeout, cancellationToken);

        /// <summary>Takes the lock for writing, for languages whose <c>using</c> takes no ref struct; release it with
        /// <see cref="ExitWriteLock"/>, in a <c>finally</c> block of the same thread.</summary>
        /// <remarks>See <see cref="EnterReadLock"/>; in a task that awaits, use <see cref="WriteLockAsync"/>.</remarks>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="repair">See <see cref="WriteLock"/>.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether the previous owner died: only with <paramref name="repair"/>.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not free in time.</exception>
        /// <exception cref="OwnerDiedException">See <see cref="WriteLock"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool EnterWriteLock(
            TimeSpan? timeout = null, bool repair = false, CancellationToken cancellationToken = default) =>
            EnterWriteLockAt(NativeLock.Own, timeout, repair, cancellationToken);

        /// <summary>Takes the lock for reading if it is free in time.</summary>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether it is taken; then <see cref="ExitReadLock"/> releases it.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Full"/>,
        /// <see cref="WmmfStatus.Deadlock"/>.</exception>
        /// <exception cref="OwnerDiedException">See <see cref="ReadLock"/>.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryEnterReadLock(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryEnterReadLockAt(NativeLock.Own, timeout, cancellationToken);

        /// <summary>Takes the lock for writing if it is free in time.</summary>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether it is taken; then <see cref="ExitWriteLock"/> releases it.</returns>
        /// <exception cref="OwnerDiedException">A writer died while it held the lock: the lock is not taken.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public bool TryEnterWriteLock(TimeSpan timeout = default, CancellationToken cancellationToken = default) =>
            TryEnterWriteLockAt(NativeLock.Own, timeout, cancellationToken);

        /// <summary>Releases the read lock of this thread, even after <see cref="Dispose"/>.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it, or another
        /// task of it does.</exception>
        public void ExitReadLock() => _ = Unlock(NativeLock.Own, isWrite: false);

        /// <summary>Releases the write lock and wakes all waits for a change, even after <see cref="Dispose"/>.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it, or another
        /// task of it does.</exception>
        public void ExitWriteLock() => _ = Unlock(NativeLock.Own, isWrite: true);

        /// <summary>Declares the payload consistent after a writer died; this thread must hold the write lock.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: it does not hold it.</exception>
        public void MarkConsistent() => MarkConsistentAt(NativeLock.Own);

        /// <summary>Declares the payload beyond repair, for everybody: every later and every waiting call, in every
        /// process, fails with <see cref="WmmfStatus.Poisoned"/>. Then create a new section.</summary>
        /// <exception cref="WmmfException">It is read-only, or its layout has no lock.</exception>
        public void Poison() => PoisonAt(NativeLock.Own);

        /// <summary>Advances <see cref="Sequence"/> by 1 and wakes all waits for a change, without the lock. For
        /// programs with a protocol of their own.</summary>
        public void Notify() => NotifyAt(NativeLock.Own);

        /// <summary>Waits until the sequence is not <paramref name="sequence"/>.</summary>
        /// <param name="sequence">An earlier value of <see cref="Sequence"/>, or of this call.</param>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The new sequence.</returns>
        /// <exception cref="WmmfTimeoutException">Nothing changed in time.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ulong Wait(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            WaitAt(NativeLock.Own, sequence, timeout, cancellationToken);

        /// <summary>The same without blocking a thread: a single thread of the process waits for all. It completes at
        /// once if the sequence has already changed.</summary>
        /// <param name="sequence">An earlier value of <see cref="Sequence"/>, or of this call.</param>
        /// <param name="timeout">From now; null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The new sequence.</returns>
        /// <exception cref="WmmfTimeoutException">Nothing changed in time.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ValueTask<ulong> WaitAsync(
            ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            if (cancellationToken.IsCancellationRequested)
                return new ValueTask<ulong>(Task.FromCanceled<ulong>(cancellationToken));
            var nanoseconds = Arguments.Nanoseconds(timeout);
            using var section = _section.Hold();
            ulong current;
            NativeResult result = NativeMethods.wmmf_wait(section.Pointer, sequence, 0, &current);
            if (result.IsOk)
                return new ValueTask<ulong>(current);
            if (!result.IsTimeout || nanoseconds == 0)
                return new ValueTask<ulong>(Task.FromException<ulong>(Failure(result, $"wait for a change after {sequence} of")));
            return OfAPoolThread(Waiter.WhenChanged(_section, sequence, nanoseconds, cancellationToken));
        }
    }
}
