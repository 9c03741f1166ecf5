using System;

namespace Wmmf
{
    // The locks that the calling thread holds, each with a ticket of its own, so that a lock is released once, by the guard that
    // took it: a guard that is disposed again, or a copy of it, finds its ticket gone and does nothing.
    internal static class HeldLocks
    {
        private struct Held
        {
            internal SectionHandle Section;
            internal ulong At; // which of its locks: see NativeLock
            internal bool IsWrite;
            internal bool IsExposed; // keeps the section mapped, because spans of it were given out
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
                if (locks.Held[i].Section.IsClosed && !locks.Held[i].IsExposed)
                    RemoveAt(locks, i); // closing took that lock away
            if (locks.Count == locks.Held.Length)
                Array.Resize(ref locks.Held, 2 * locks.Count);
            locks.Held[locks.Count++] = new Held { Section = section, At = at, IsWrite = isWrite, Ticket = ++locks.Tickets };
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
                ref var held = ref locks!.Held[i];
                if (ReferenceEquals(held.Section, section) && held.At == at && held.IsWrite == isWrite)
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
                if (held.Ticket != ticket)
                    continue;
                if (!held.IsExposed)
                {
                    held.Section.Retain();
                    held.IsExposed = true;
                }
                return held.Section.Pointer;
            }
            throw GivenBack();
        }

        internal static ObjectDisposedException GivenBack() =>
            new ObjectDisposedException("lock", "the lock is given back");

        // Also through a section that is disposed, as long as something keeps it open. If nothing does, closing it has
        // taken the lock away.
        private static int ReleaseAt(OfThread locks, int index)
        {
            var held = locks.Held[index];
            RemoveAt(locks, index);
            if (!held.Section.TryRetain())
                return (int)WmmfStatus.Ok;
            var status = NativeLock.Unlock(held.Section.Pointer, held.At, held.IsWrite);
            held.Section.Release();
            if (held.IsExposed)
                held.Section.Release();
            return status;
        }

        private static void RemoveAt(OfThread locks, int index)
        {
            locks.Held[index] = locks.Held[--locks.Count];
            locks.Held[locks.Count] = default;
        }
    }
}
