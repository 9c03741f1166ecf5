using System;

namespace Wmmf
{
    // The locks that the calling thread holds, each with a ticket of its own, so that a lock is released once, by the guard that
    // took it: a guard that is disposed again, or a copy of it, finds its ticket gone and does nothing.
    internal static class HeldLocks
    {
        private struct Held
        {
            internal HeldLock Lock;
            internal ulong Ticket;
        }

        private sealed class OfThread
        {
            internal Held[] Held = new Held[4];
            internal int Count;
            internal ulong Tickets;
        }

        [ThreadStatic]
        private static OfThread? t_locks;

        // Notes a lock that was just taken; its ticket.
        internal static ulong Add(SectionHandle section, ulong at, bool isWrite)
        {
            var locks = t_locks ??= new OfThread();
            for (var i = locks.Count - 1; i >= 0; i--)
                if (locks.Held[i].Lock.IsGone)
                    RemoveAt(locks, i);
            if (locks.Count == locks.Held.Length)
                Array.Resize(ref locks.Held, 2 * locks.Count);
            locks.Held[locks.Count++] = new Held { Lock = new HeldLock(section, at, isWrite), Ticket = ++locks.Tickets };
            return locks.Tickets;
        }

        // Gives back the lock of this ticket; false if it is not held any more.
        internal static bool Release(ulong ticket)
        {
            var locks = t_locks;
            for (var i = (locks?.Count ?? 0) - 1; i >= 0; i--)
            {
                if (locks!.Held[i].Ticket == ticket)
                {
                    _ = ReleaseAt(locks, i);
                    return true;
                }
            }
            return false;
        }

        // Releases this lock of the section and kind, without looking at its ticket. The native status; null if this thread does
        // not hold it.
        internal static int? Release(SectionHandle section, ulong at, bool isWrite)
        {
            var locks = t_locks;
            for (var i = (locks?.Count ?? 0) - 1; i >= 0; i--)
            {
                if (locks!.Held[i].Lock.Is(section, at, isWrite))
                    return ReleaseAt(locks, i);
            }
            return null;
        }

        // Keeps the section of this lock mapped until it is given back; throws ObjectDisposedException if it is gone.
        internal static IntPtr Expose(ulong ticket)
        {
            var locks = t_locks;
            for (var i = (locks?.Count ?? 0) - 1; i >= 0; i--)
            {
                ref var held = ref locks!.Held[i];
                if (held.Ticket == ticket)
                    return held.Lock.Expose();
            }
            throw HeldLock.GivenBack();
        }

        private static int ReleaseAt(OfThread locks, int index)
        {
            var held = locks.Held[index].Lock;
            RemoveAt(locks, index);
            return held.GiveBack();
        }

        private static void RemoveAt(OfThread locks, int index)
        {
            locks.Held[index] = locks.Held[--locks.Count];
            locks.Held[locks.Count] = default;
        }
    }
}
