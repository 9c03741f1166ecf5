using System;

namespace Wmmf
{
    // A native lock held by this thread, or by the owner as which it acts.
    internal struct HeldLock
    {
        private readonly bool _isWrite;
        private bool _isExposed; // keeps the section mapped, because spans of it were handed out

        internal HeldLock(SectionHandle section, ulong at, bool isWrite)
        {
            Section = section;
            At = at;
            _isWrite = isWrite;
            _isExposed = false;
        }

        internal SectionHandle Section { get; }

        // Which of its locks: see NativeLock.
        internal ulong At { get; }

        // Whether closing the section has taken it away.
        internal bool IsGone => Section.IsClosed && !_isExposed;

        internal bool Is(SectionHandle section, ulong at, bool isWrite) =>
            ReferenceEquals(Section, section) && At == at && _isWrite == isWrite;

        // Keeps the section mapped until the lock is released; throws ObjectDisposedException if it is gone.
        internal IntPtr Expose()
        {
            if (!_isExposed)
            {
                Section.Retain();
                _isExposed = true;
            }
            return Section.Pointer;
        }

        // Releases it once, also through a disposed section, as long as something keeps it open. If nothing does,
        // closing it has taken the lock away.
        internal WmmfStatus GiveBack()
        {
            if (!Section.TryRetain())
                return WmmfStatus.Ok;
            var status = (WmmfStatus)NativeLock.Unlock(Section.Pointer, At, _isWrite);
            Section.Release();
            if (_isExposed)
                Section.Release();
            return status;
        }

        internal static ObjectDisposedException GivenBack() =>
            new ObjectDisposedException("lock", "the lock was released");
    }
}
