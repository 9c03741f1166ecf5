using System;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // The lock, and waiting for a change.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>Takes the lock for reading: shared with other readers, never together with a writer. At most 256 threads
        /// at a time through one object (<see cref="WmmfStatus.Full"/>).</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The lock, for a <c>using</c> block.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not there for so long.</exception>
        /// <exception cref="OwnerDiedException">A writer died inside its lock; nobody has repaired yet.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ReadLock ReadLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var status = LockRead(timeout, cancellationToken);
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, "lock for reading");
            return new ReadLock(this, HeldLocks.Add(_section, isWrite: false));
        }

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
            TimeSpan? timeout = null, bool repair = false, CancellationToken cancellationToken = default)
        {
            var status = LockWrite(timeout, repair, cancellationToken);
            if (!IsTaken(status, repair))
                throw Failure(status, "lock for writing");
            return new WriteLock(this, HeldLocks.Add(_section, isWrite: true), status == (int)WmmfStatus.OwnerDied);
        }

        /// <summary>Takes the lock for reading, for languages that know no ref structs; give it back with
        /// <see cref="ExitReadLock"/>, in a <c>finally</c> block of the same thread.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <exception cref="WmmfTimeoutException">The lock was not there for so long.</exception>
        public void EnterReadLock(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
            _ = ReadLock(timeout, cancellationToken);

        /// <summary>Takes the lock for writing, for languages that know no ref structs; give it back with
        /// <see cref="ExitWriteLock"/>, in a <c>finally</c> block of the same thread.</summary>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="repair">As of <see cref="WriteLock"/>.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether the previous owner died: only with <paramref name="repair"/>.</returns>
        /// <exception cref="WmmfTimeoutException">The lock was not there for so long.</exception>
        /// <exception cref="OwnerDiedException">As of <see cref="WriteLock"/>.</exception>
        public bool EnterWriteLock(
            TimeSpan? timeout = null, bool repair = false, CancellationToken cancellationToken = default) =>
            WriteLock(timeout, repair, cancellationToken).OwnerDied;

        /// <summary>Takes the lock for reading if it is there in time.</summary>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether it is taken; then <see cref="ExitReadLock"/> gives it back.</returns>
        public bool TryEnterReadLock(TimeSpan timeout = default, CancellationToken cancellationToken = default)
        {
            var status = LockRead(timeout, cancellationToken);
            if (status == (int)WmmfStatus.Timeout)
                return false;
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, "lock for reading");
            _ = HeldLocks.Add(_section, isWrite: false);
            return true;
        }

        /// <summary>Takes the lock for writing if it is there in time.</summary>
        /// <param name="timeout">Zero, the default, tries once.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>Whether it is taken; then <see cref="ExitWriteLock"/> gives it back.</returns>
        /// <exception cref="OwnerDiedException">A writer died inside its lock: the lock is not taken.</exception>
        public bool TryEnterWriteLock(TimeSpan timeout = default, CancellationToken cancellationToken = default)
        {
            var status = LockWrite(timeout, false, cancellationToken);
            if (status == (int)WmmfStatus.Timeout)
                return false;
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, "lock for writing");
            _ = HeldLocks.Add(_section, isWrite: true);
            return true;
        }

        /// <summary>Gives the read lock of this thread back, also after <see cref="Dispose"/>.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it.</exception>
        public void ExitReadLock() => _ = Unlock(isWrite: false);

        /// <summary>Releases the write lock and wakes everything that waits for a change; also after <see cref="Dispose"/>.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: this thread does not hold it.</exception>
        public void ExitWriteLock() => _ = Unlock(isWrite: true);

        // What the native call says: the lock is given back also if that is Poisoned or OwnerDied.
        internal WmmfStatus Unlock(bool isWrite)
        {
            var status = HeldLocks.Release(_section, isWrite) ?? (int)WmmfStatus.NotOwner;
            if (status == (int)WmmfStatus.NotOwner)
                throw new WmmfException(
                    WmmfStatus.NotOwner, 0, $"cannot unlock section '{Name}': this thread does not hold its {(isWrite ? "write" : "read")} lock");
            return (WmmfStatus)status;
        }

        private int LockRead(TimeSpan? timeout, CancellationToken cancellationToken)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            int status;
            do
                status = NativeMethods.wmmf_lock_read(section.Pointer, wait.Next());
            while (wait.GoesOn(status));
            if (status == (int)WmmfStatus.Ok && section.IsRefused)
            {
                _ = NativeMethods.wmmf_unlock_read(section.Pointer);
                section.ThrowIfRefused();
            }
            return status;
        }

        private int LockWrite(TimeSpan? timeout, bool repair, CancellationToken cancellationToken)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            var place = 0ul;
            int status;
            try
            {
                do
                    status = NativeMethods.wmmf_lock_write_queued(section.Pointer, wait.Next(), &place);
                while (wait.GoesOn(status));
            }
            finally
            {
                LeaveQueue(section, place);
            }
            // OwnerDied comes with the lock. Giving it back without repair leaves the section as it was, for the next one.
            if (status == (int)WmmfStatus.OwnerDied && !repair || IsTaken(status, repair) && section.IsRefused)
                _ = NativeMethods.wmmf_unlock_write(section.Pointer);
            section.ThrowIfRefused();
            return status;
        }

        private static bool IsTaken(int status, bool repair) =>
            status == (int)WmmfStatus.Ok || repair && status == (int)WmmfStatus.OwnerDied;

        // Whatever ends a wait: others would let us go first.
        private static void LeaveQueue(in SectionHandle.Use section, ulong place)
        {
            if (place != 0)
                _ = NativeMethods.wmmf_leave_queue(section.Pointer, place);
        }

        /// <summary>Declares the payload consistent after a writer died; this thread holds the write lock.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotOwner"/>: it does not.</exception>
        public void MarkConsistent()
        {
            using var section = _section.Hold();
            Check(NativeMethods.wmmf_mark_consistent(section.Pointer), "declare consistent");
        }

        /// <summary>Declares the payload beyond repair, for everybody: every later and every waiting call, in every process,
        /// fails with <see cref="WmmfStatus.Poisoned"/>. Create a new section then.</summary>
        public void Poison()
        {
            using var section = _section.Hold();
            Check(NativeMethods.wmmf_poison(section.Pointer), "poison");
        }

        /// <summary>Waits until the sequence is not <paramref name="sequence"/>.</summary>
        /// <param name="sequence">What <see cref="Sequence"/> was, or this call gave before.</param>
        /// <param name="timeout">Null waits for ever.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The new sequence.</returns>
        /// <exception cref="WmmfTimeoutException">Nothing was written for so long.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public ulong Wait(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            ulong current;
            int status;
            do
                status = NativeMethods.wmmf_wait(section.Pointer, sequence, wait.Next(), &current);
            while (wait.GoesOn(status));
            if (status != (int)WmmfStatus.Ok)
                throw Failure(status, $"wait for a change after {sequence} of");
            return current;
        }

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
