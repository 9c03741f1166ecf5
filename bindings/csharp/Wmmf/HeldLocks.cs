using System;

namespace Wmmf
{
    // The locks that the calling thread holds. Each has its own ticket, so that only the guard that took a lock
    // releases it, once: a guard that is disposed again, or a copy of it, finds its ticket gone and does nothing.
    internal static class HeldLocks
    {
        private struct Held
        {
            internal HeldLock Lock;
            internal ulong Ticket;
            internal TaskMark Mark;
        }

        private sealed class OfThread
        {
            internal Held[] Held = new Held[4];
            internal int Count;
            internal ulong Tickets;
        }

        [ThreadStatic]
        private static OfThread? t_locks;

        // Notes a lock that was just taken, and returns its ticket. `isScope`: the compiler refuses an await inside its
        // block.
        internal static ulong Add(SectionHandle section, ulong at, bool isWrite, bool isScope)
        {
            var locks = t_locks ??= new OfThread();
            for (var i = locks.Count - 1; i >= 0; i--)
                if (locks.Held[i].Lock.IsGone)
                    RemoveAt(locks, i);
            if (locks.Count == locks.Held.Length)
                Array.Resize(ref locks.Held, 2 * locks.Count);
            var mark = new TaskMark(TaskMark.NeedsToken(isScope) ? RunningToken(locks) : null);
            locks.Held[locks.Count++] =
                new Held { Lock = new HeldLock(section, at, isWrite), Ticket = ++locks.Tickets, Mark = mark };
            return locks.Tickets;
        }

        // The token of the locks that the running task has on this thread, or a new one: tasks that it started earlier
        // have the token of an earlier lock.
        private static object RunningToken(OfThread locks)
        {
            var running = TaskMark.RunningToken;
            if (running == null || !IsUsed(locks, running))
                TaskMark.RunningToken = running = new object();
            return running;
        }

        private static bool IsUsed(OfThread locks, object token)
        {
            for (var i = 0; i < locks.Count; i++)
                if (locks.Held[i].Mark.Token == token)
                    return true;
            return false;
        }

        // Whether another task of this thread has a lock that keeps this one from reading, or (`writing`) from writing.
        internal static bool AnotherTaskHas(SectionHandle section, ulong at, bool writing)
        {
            var locks = t_locks;
            for (var i = (locks?.Count ?? 0) - 1; i >= 0; i--)
            {
                ref var held = ref locks!.Held[i];
                if ((held.Lock.Is(section, at, isWrite: true) || writing && held.Lock.Is(section, at, isWrite: false))
                    && !held.Mark.IsRunning)
                    return true;
            }
            return false;
        }

        // Releases the lock of this ticket; false if it is no longer held.
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

        // Releases this lock of the section and kind, without looking at its ticket. Returns the native status, which is
        // NotOwner if the running task does not hold it on this thread.
        internal static WmmfStatus Release(SectionHandle section, ulong at, bool isWrite)
        {
            var locks = t_locks;
            for (var i = (locks?.Count ?? 0) - 1; i >= 0; i--)
            {
                if (locks!.Held[i].Lock.Is(section, at, isWrite) && locks.Held[i].Mark.IsRunning)
                    return ReleaseAt(locks, i);
            }
            return WmmfStatus.NotOwner;
        }

        // Keeps the section of this lock mapped until it is released; throws ObjectDisposedException if it is gone.
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

        private static WmmfStatus ReleaseAt(OfThread locks, int index)
        {
            var held = locks.Held[index].Lock;
            RemoveAt(locks, index);
            return held.GiveBack();
        }

        private static void RemoveAt(OfThread locks, int index)
        {
            var token = locks.Held[index].Mark.Token;
            locks.Held[index] = locks.Held[--locks.Count];
            locks.Held[locks.Count] = default;
            if (token != null && token == TaskMark.RunningToken && !IsUsed(locks, token))
                TaskMark.RunningToken = null;
        }
    }
}
