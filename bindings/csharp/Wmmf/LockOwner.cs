using System;

namespace Wmmf
{
    // Holds native locks in place of a thread, for work that begins in one thread and continues in another.
    internal readonly unsafe struct LockOwner
    {
        private readonly ulong _number;

        private LockOwner(ulong number) => _number = number;

        internal static LockOwner New()
        {
            ulong number;
            Check(NativeMethods.wmmf_new_lock_owner(&number));
            return new LockOwner(number);
        }

        // Until the result is disposed, on the same thread, all native calls of this thread act as the owner.
        internal Acting Act() => new Acting(_number);

        private static void Check(in NativeResult result)
        {
            if (!result.IsOk)
                throw WmmfException.Of(result, "hold a lock that belongs to no thread");
        }

        internal readonly ref struct Acting
        {
            private readonly ulong _previous;

            internal Acting(ulong number)
            {
                ulong previous;
                Check(NativeMethods.wmmf_set_lock_owner(number, &previous));
                _previous = previous;
            }

            public void Dispose() => _ = NativeMethods.wmmf_set_lock_owner(_previous, null);
        }
    }
}
