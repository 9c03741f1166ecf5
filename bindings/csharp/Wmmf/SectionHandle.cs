using System;
using System.Runtime.InteropServices;

namespace Wmmf
{
    /// <summary>Owns a native handle; it is closed when this has been disposed and no call or view uses it.</summary>
    internal sealed class SectionHandle : SafeHandle
    {
        internal SectionHandle(IntPtr native) : base(IntPtr.Zero, ownsHandle: true) => SetHandle(native);

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle() => NativeMethods.wmmf_close(handle) == (int)Status.Ok;

        /// <summary>Keeps the native handle open for the length of a call.</summary>
        internal Use Hold() => new Use(this);

        internal readonly ref struct Use
        {
            private readonly SectionHandle _owner;

            internal Use(SectionHandle owner)
            {
                var held = false;
                owner.DangerousAddRef(ref held); // ObjectDisposedException if it is closed
                _owner = owner;
            }

            internal IntPtr Pointer => _owner.handle;

            public void Dispose() => _owner.DangerousRelease();
        }
    }
}
