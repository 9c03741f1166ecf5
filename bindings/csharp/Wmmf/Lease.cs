using System;
using System.Threading;

namespace Wmmf
{
    // What a view has of its section: it stays mapped until the view is disposed and nothing pinned in it is left.
    //
    // A span keeps nothing alive, so a forgotten view, of which somebody may still have one, keeps the section mapped until
    // the process ends; that is reported. The section is released only if its bytes were never asked for.
    internal sealed class Lease : IDisposable
    {
        private readonly SectionHandle _section;
        private int _uses = 1;
        private volatile bool _isExposed;

        internal Lease(SectionHandle section) => _section = section.Kept();

        ~Lease()
        {
            Telemetry.Forgotten("view", _section.Name);
            if (!_isExposed)
                _section.DangerousRelease();
        }

        internal void Expose() => _isExposed = true;

        // One use more; false if the last has ended.
        internal bool TryUse()
        {
            var uses = Volatile.Read(ref _uses);
            while (uses != 0)
            {
                var found = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
                if (found == uses)
                    return true;
                uses = found;
            }
            return false;
        }

        internal void EndUse()
        {
            if (Interlocked.Decrement(ref _uses) == 0)
                _section.DangerousRelease();
        }

        // Ends the view's own use; only once.
        public void Dispose()
        {
            EndUse();
            GC.SuppressFinalize(this);
        }
    }
}
