using System.Threading;

namespace Wmmf
{
    // Allows resizing a file only while nothing uses its memory, and blocks uses meanwhile, because resizing maps it
    // elsewhere. Only sections that can be resized have one of these.
    internal sealed class ResizeGate
    {
        private const int Closed = -1;

        private int _uses;

        // Waits while the file is resized.
        internal void Enter()
        {
            var wait = new SpinWait();
            for (;;)
            {
                var uses = Volatile.Read(ref _uses);
                if (uses != Closed && Interlocked.CompareExchange(ref _uses, uses + 1, uses) == uses)
                    return;
                wait.SpinOnce();
            }
        }

        internal void Leave() => Interlocked.Decrement(ref _uses);

        // False while anything uses the memory; otherwise nothing can enter until Open.
        internal bool TryClose() => Interlocked.CompareExchange(ref _uses, Closed, 0) == 0;

        internal void Open() => Volatile.Write(ref _uses, 0);
    }
}
