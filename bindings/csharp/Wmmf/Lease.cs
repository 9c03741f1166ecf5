using System;
using System.Threading;

namespace Wmmf
{
    // Keeps the memory of a view mapped until the view is disposed and no pin is left.
    //
    // A span keeps nothing alive, and a forgotten view may still have one. So it keeps its memory mapped until the
    // process ends; that is reported. The memory is released only if its bytes were never asked for.
    internal sealed class Lease : IDisposable, IPinned
    {
        private const int IsExposed = 1 << 30; // in _uses, beside the number of uses, so that the finalizer sees both at once

        private readonly MappedHandle _memory;
        private int _uses = 1;

        internal Lease(MappedHandle memory)
        {
            memory.Retain();
            _memory = memory;
        }

        // Finalizers of others, which may still use the view, or dispose it, come before this one or after it.
        ~Lease()
        {
            Telemetry.Forgotten("view", _memory.Name);
            if (Interlocked.CompareExchange(ref _uses, 0, 1) == 1)
                _memory.Release();
        }

        // Called before bytes are handed out. False if the last use has ended.
        internal bool TryExpose() => (Volatile.Read(ref _uses) & IsExposed) != 0 || TryAdd(IsExposed);

        // Adds a use; false if the last has ended.
        internal bool TryUse() => TryAdd(1);

        // At the last use the flag is all that is left.
        private bool TryAdd(int what)
        {
            var uses = Volatile.Read(ref _uses);
            while ((uses & ~IsExposed) != 0)
            {
                var added = what == IsExposed ? uses | IsExposed : uses + what;
                var found = Interlocked.CompareExchange(ref _uses, added, uses);
                if (found == uses)
                    return true;
                uses = found;
            }
            return false;
        }

        public void EndUse()
        {
            var uses = Volatile.Read(ref _uses);
            while ((uses & ~IsExposed) != 0) // none is left: the finalizer has ended it
            {
                var found = Interlocked.CompareExchange(ref _uses, uses - 1, uses);
                if (found == uses)
                {
                    if (((uses - 1) & ~IsExposed) == 0)
                        _memory.Release();
                    return;
                }
                uses = found;
            }
        }

        // Ends the view's own use; only once.
        public void Dispose()
        {
            EndUse();
            GC.SuppressFinalize(this);
        }
    }
}
