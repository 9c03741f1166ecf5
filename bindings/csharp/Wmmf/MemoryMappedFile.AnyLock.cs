using System;
using System.Threading;

namespace Wmmf
{
    // The section's own lock, or the one at an offset of the payload. `at`: see NativeLock.
    public sealed unsafe partial class MemoryMappedFile
    {
        private const string AnotherTask =
            "another task of this thread has the lock; tasks that await take it with WriteLockAsync or ReadLockAsync";

        internal ReadLock ReadLockAt(ulong at, TimeSpan? timeout, CancellationToken cancellationToken) =>
            new ReadLock(this, Note(LockRead(at, timeout, cancellationToken), at, isWrite: false, isScope: true));

        internal WriteLock WriteLockAt(ulong at, TimeSpan? timeout, bool repair, CancellationToken cancellationToken)
        {
            var result = LockWrite(at, timeout, repair, cancellationToken);
            return new WriteLock(this, Note(result, at, isWrite: true, isScope: true, repair), IsOfTheDead(result));
        }

        internal void EnterReadLockAt(ulong at, TimeSpan? timeout, CancellationToken cancellationToken) =>
            _ = Note(LockRead(at, timeout, cancellationToken), at, isWrite: false, isScope: false);

        internal bool EnterWriteLockAt(ulong at, TimeSpan? timeout, bool repair, CancellationToken cancellationToken)
        {
            var result = LockWrite(at, timeout, repair, cancellationToken);
            _ = Note(result, at, isWrite: true, isScope: false, repair);
            return IsOfTheDead(result);
        }

        internal bool TryEnterReadLockAt(ulong at, TimeSpan timeout, CancellationToken cancellationToken) =>
            TryNote(LockRead(at, timeout, cancellationToken), at, isWrite: false);

        internal bool TryEnterWriteLockAt(ulong at, TimeSpan timeout, CancellationToken cancellationToken) =>
            TryNote(LockWrite(at, timeout, false, cancellationToken), at, isWrite: true);

        private bool TryNote(in NativeResult result, ulong at, bool isWrite)
        {
            if (result.IsTimeout)
                return false;
            _ = Note(result, at, isWrite, isScope: false);
            return true;
        }

        // The ticket of a requested lock; throws if it was not taken.
        private ulong Note(in NativeResult result, ulong at, bool isWrite, bool isScope, bool repair = false)
        {
            if (!IsTaken(result, repair))
                throw Failure(result, at, isWrite ? "lock for writing" : "lock for reading");
            return HeldLocks.Add(_section, at, isWrite, isScope);
        }

        // The status of the native call: the lock is released even if it is Poisoned or OwnerDied.
        internal WmmfStatus Unlock(ulong at, bool isWrite)
        {
            var status = HeldLocks.Release(_section, at, isWrite);
            return status != WmmfStatus.NotOwner ? status : throw NotOwner(at, "unlock", isWrite);
        }

        internal void MarkConsistentAt(ulong at)
        {
            using var section = _section.Hold();
            if (HeldLocks.AnotherTaskHas(_section, at, writing: true))
                throw NotOwner(at, "declare consistent", isWrite: true);
            Check(NativeLock.MarkConsistent(section.Pointer, at), at, "declare consistent");
        }

        private WmmfException NotOwner(ulong at, string what, bool isWrite) => new WmmfException(
            WmmfStatus.NotOwner, 0,
            $"cannot {what} {Where(at)}{Title}: " + (HeldLocks.AnotherTaskHas(_section, at, writing: true)
                ? AnotherTask
                : $"this thread does not hold its {(isWrite ? "write" : "read")} lock"));

        internal void PoisonAt(ulong at)
        {
            using var section = _section.Hold();
            Check(NativeLock.Poison(section.Pointer, at), at, "poison");
        }

        internal void NotifyAt(ulong at)
        {
            using var section = _section.Hold();
            Check(NativeLock.Notify(section.Pointer, at), at, "notify the waiters of");
        }

        internal ulong WaitAt(ulong at, ulong sequence, TimeSpan? timeout, CancellationToken cancellationToken)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            ulong current;
            NativeResult result;
            do
                result = NativeLock.Wait(section.Pointer, at, sequence, wait.Next(), &current);
            while (wait.GoesOn(result));
            if (!result.IsOk)
                throw Failure(result, at, $"wait for a change after {sequence} of");
            return current;
        }

        internal LockState GetLockStateAt(ulong at)
        {
            using var section = _section.Hold();
            var state = new wmmf_lock_state { struct_size = (uint)sizeof(wmmf_lock_state) };
            Check(NativeLock.GetState(section.Pointer, at, &state), at, "look at the lock of");
            return new LockState(state);
        }

        private NativeResult LockRead(ulong at, TimeSpan? timeout, CancellationToken cancellationToken)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            NativeResult result;
            do
                result = NativeLock.LockRead(section.Pointer, at, wait.Next());
            while (wait.GoesOn(result));
            if (result.IsOk && section.IsRefused)
            {
                _ = NativeLock.Unlock(section.Pointer, at, isWrite: false);
                section.ThrowIfRefused();
            }
            return result;
        }

        private NativeResult LockWrite(ulong at, TimeSpan? timeout, bool repair, CancellationToken cancellationToken)
        {
            using var section = _section.Hold();
            var wait = new Waiting(section, timeout, cancellationToken);
            var place = 0ul;
            NativeResult result;
            try
            {
                do
                    result = NativeLock.LockWrite(section.Pointer, at, wait.Next(), &place);
                while (wait.GoesOn(result));
            }
            finally
            {
                LeaveQueue(section, at, place);
            }
            // OwnerDied comes with the lock. If it is released without repair, the next writer gets the same status.
            if (IsOfTheDead(result) && !repair || IsTaken(result, repair) && section.IsRefused)
                _ = NativeLock.Unlock(section.Pointer, at, isWrite: true);
            section.ThrowIfRefused();
            return result;
        }

        private static bool IsTaken(in NativeResult result, bool repair) =>
            result.IsOk || repair && IsOfTheDead(result);

        private static bool IsOfTheDead(in NativeResult result) => result.Status == WmmfStatus.OwnerDied;

        // Whenever a wait ends: otherwise others would yield to us.
        private static void LeaveQueue(in SectionHandle.Use section, ulong at, ulong place)
        {
            if (place != 0)
                _ = NativeLock.LeaveQueue(section.Pointer, at, place);
        }

        private void Check(in NativeResult result, ulong at, string what)
        {
            if (!result.IsOk)
                throw Failure(result, at, what);
        }

        private Exception Failure(in NativeResult result, ulong at, string what) =>
            result.Status == WmmfStatus.Deadlock && HeldLocks.AnotherTaskHas(_section, at, writing: true)
                ? new WmmfException(
                    WmmfStatus.Deadlock, 0, $"cannot {what} {Where(at)}{Title}: {AnotherTask}; waiting here would never end")
                : Failure(result, $"{what} {Where(at)}".TrimEnd());

        private static string Where(ulong at) => at == NativeLock.Own ? "" : $"offset {at} of ";
    }
}
