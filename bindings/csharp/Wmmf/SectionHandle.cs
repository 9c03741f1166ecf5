using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Wmmf
{
    /// <summary>Owns a native handle; it is closed when this has been disposed and no call or view uses it.</summary>
    internal sealed class SectionHandle : SafeHandle
    {
        private readonly string _owner;
        private readonly Func<IntPtr, int> _close;
        private bool _closed;

        internal SectionHandle(IntPtr native, string owner, Func<IntPtr, int> close)
            : base(IntPtr.Zero, ownsHandle: true)
        {
            _owner = owner;
            _close = close;
            SetHandle(native);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle() => _close(handle) == (int)WmmfStatus.Ok;

        /// <summary>Refuses further use; the native handle stays open for the views that there are.</summary>
        internal void Refuse()
        {
            Volatile.Write(ref _closed, true);
            Dispose();
        }

        /// <summary>Keeps the native handle open for the length of a call.</summary>
        /// <exception cref="ObjectDisposedException">It is closed.</exception>
        internal Use Hold() => new Use(this);

        /// <summary>This, kept open until <see cref="SafeHandle.DangerousRelease"/>: for what outlives a call.</summary>
        internal SectionHandle Kept()
        {
            var held = false;
            DangerousAddRef(ref held);
            return this;
        }

        internal readonly ref struct Use
        {
            private readonly SectionHandle _owner;

            internal Use(SectionHandle owner)
            {
                _owner = owner;
                // While views hold it, SafeHandle itself would still let others in.
                ThrowIfRefused();
                owner.Kept();
            }

            internal IntPtr Pointer => _owner.handle;

            /// <summary>Whether <see cref="Refuse"/> was called meanwhile.</summary>
            internal bool IsRefused => Volatile.Read(ref _owner._closed);

            internal void ThrowIfRefused()
            {
                if (IsRefused)
                    throw new ObjectDisposedException(_owner._owner);
            }

            public void Dispose() => _owner.DangerousRelease();
        }
    }
}
