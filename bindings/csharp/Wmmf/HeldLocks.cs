using System;

namespace Wmmf
{
    // The locks that the calling thread holds, each with a ticket of its own, so that a lock is given back once by whoever
    // took it: a guard that is disposed again, or a copy of it, finds its ticket gone and does nothing.
    internal static class HeldLocks
    {
        private struct Held
        {
            internal SectionHandle Section;
            internal bool IsWrite;
            internal bool IsExposed; // keeps the section mapped, because spans of it were given out
            internal ulong Ticket;
        }

        [ThreadStatic]
        private static Held[]? t_held;
        [ThreadStatic]
        private static int t_count;
        [ThreadStatic]
        private static ulong t_tickets;

        // Notes a lock that was just taken; its ticket.
        internal static ulong Add(SectionHandle section, bool isWrite)
        {
            for (var i = t_count - 1; i >= 0; i--)
                if (t_held![i].Section.IsClosed && !t_held[i].IsExposed)
                    RemoveAt(i); // closing took that lock away
            t_held ??= new Held[4];
            if (t_count == t_held.Length)
                Array.Resize(ref t_held, 2 * t_count);
            t_held[t_count++] = new Held { Section = section, IsWrite = isWrite, Ticket = ++t_tickets };
            return t_tickets;
        }

        // Gives back the lock of this ticket; false if it is not held any more.
        internal static bool Release(ulong ticket)
        {
            for (var i = t_count - 1; i >= 0; i--)
            {
                if (t_held![i].Ticket == ticket)
                {
                    _ = ReleaseAt(i);
                    return true;
                }
            }
            return false;
        }

        // Gives back the lock of this section and kind, whoever has its ticket. The native status; null if this thread does
        // not hold it.
        internal static int? Release(SectionHandle section, bool isWrite)
        {
            for (var i = t_count - 1; i >= 0; i--)
                if (ReferenceEquals(t_held![i].Section, section) && t_held[i].IsWrite == isWrite)
                    return ReleaseAt(i);
            return null;
        }

        // Keeps the section of this lock mapped until it is given back; throws ObjectDisposedException if it is gone.
        internal static IntPtr Expose(ulong ticket)
        {
            for (var i = t_count - 1; i >= 0; i--)
            {
                ref var held = ref t_held![i];
                if (held.Ticket != ticket)
                    continue;
                if (!held.IsExposed)
                {
                    _ = held.Section.Kept();
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
        private static int ReleaseAt(int index)
        {
            var held = t_held![index];
            RemoveAt(index);
            if (!held.Section.TryKeep())
                return (int)WmmfStatus.Ok;
            var status = held.IsWrite
                ? NativeMethods.wmmf_unlock_write(held.Section.Pointer)
                : NativeMethods.wmmf_unlock_read(held.Section.Pointer);
            held.Section.DangerousRelease();
            if (held.IsExposed)
                held.Section.DangerousRelease();
            return status;
        }

        private static void RemoveAt(int index)
        {
            t_held![index] = t_held[--t_count];
            t_held[t_count] = default;
        }
    }
}
