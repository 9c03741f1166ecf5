using System;

namespace Wmmf
{
    // Shared by both kinds: the lock and the owner that holds it, until one of its threads releases it.
    internal sealed class AsyncLock
    {
        private readonly MemoryMappedFile _file;
        private readonly LockOwner _owner;
        private readonly object _lock = new object();
        private HeldLock _held;
        private bool _isGivenBack;

        internal AsyncLock(MemoryMappedFile file, LockOwner owner, HeldLock held)
        {
            _file = file;
            _owner = owner;
            _held = held;
        }

        internal Span<byte> Bytes(long offset, int length)
        {
            lock (_lock)
            {
                ThrowIfGivenBack();
                return _file.Exposed(ref _held, offset, length);
            }
        }

        internal void MarkConsistent()
        {
            lock (_lock)
            {
                ThrowIfGivenBack();
                using (_owner.Act())
                    _file.MarkConsistentAt(_held.At);
            }
        }

        internal void GiveBack()
        {
            lock (_lock)
            {
                if (_isGivenBack)
                    return;
                _isGivenBack = true;
                using (_owner.Act())
                    _ = _held.GiveBack();
            }
        }

        private void ThrowIfGivenBack()
        {
            if (_isGivenBack)
                throw HeldLock.GivenBack();
        }
    }
}
