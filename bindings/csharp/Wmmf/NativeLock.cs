using System;

namespace Wmmf
{
    // The calls for a section's own lock, or for the lock at an offset of its payload.
    internal static unsafe class NativeLock
    {
        internal const ulong Own = ulong.MaxValue; // in place of an offset

        internal static NativeResult LockRead(IntPtr section, ulong at, long timeout) => at == Own
            ? NativeMethods.wmmf_lock_read(section, timeout)
            : NativeMethods.wmmf_lock_read_at(section, at, timeout);

        internal static NativeResult LockWrite(IntPtr section, ulong at, long timeout, ulong* place) => at == Own
            ? NativeMethods.wmmf_lock_write_queued(section, timeout, place)
            : NativeMethods.wmmf_lock_write_queued_at(section, at, timeout, place);

        internal static int LeaveQueue(IntPtr section, ulong at, ulong place) => at == Own
            ? NativeMethods.wmmf_leave_queue(section, place)
            : NativeMethods.wmmf_leave_queue_at(section, at, place);

        internal static int Unlock(IntPtr section, ulong at, bool isWrite) => at == Own
            ? isWrite ? NativeMethods.wmmf_unlock_write(section) : NativeMethods.wmmf_unlock_read(section)
            : isWrite ? NativeMethods.wmmf_unlock_write_at(section, at) : NativeMethods.wmmf_unlock_read_at(section, at);

        internal static NativeResult MarkConsistent(IntPtr section, ulong at) =>
            at == Own ? NativeMethods.wmmf_mark_consistent(section) : NativeMethods.wmmf_mark_consistent_at(section, at);

        internal static NativeResult Poison(IntPtr section, ulong at) =>
            at == Own ? NativeMethods.wmmf_poison(section) : NativeMethods.wmmf_poison_at(section, at);

        internal static NativeResult Notify(IntPtr section, ulong at) =>
            at == Own ? NativeMethods.wmmf_notify(section) : NativeMethods.wmmf_notify_at(section, at);

        internal static NativeResult GetState(IntPtr section, ulong at, wmmf_lock_state* state) => at == Own
            ? NativeMethods.wmmf_get_lock_state(section, state)
            : NativeMethods.wmmf_get_lock_state_at(section, at, state);

        internal static NativeResult Wait(IntPtr section, ulong at, ulong sequence, long timeout, ulong* current) => at == Own
            ? NativeMethods.wmmf_wait(section, sequence, timeout, current)
            : NativeMethods.wmmf_wait_at(section, at, sequence, timeout, current);
    }
}
