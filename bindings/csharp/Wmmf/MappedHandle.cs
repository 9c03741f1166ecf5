using System;
using System.Runtime.InteropServices;

namespace Wmmf
{
    // Owns native memory that views show. The memory is released when this was disposed and nothing retains it any more.
    internal abstract class MappedHandle : SafeHandle
    {
        private protected MappedHandle(IntPtr native, string name) : base(IntPtr.Zero, ownsHandle: true)
        {
            Name = name;
            SetHandle(native);
        }

        internal string Name { get; }

        public override bool IsInvalid => handle == IntPtr.Zero;

        // Retains it until Release, for uses that outlive a call. Throws ObjectDisposedException if it is closed.
        internal virtual void Retain()
        {
            var held = false;
            DangerousAddRef(ref held);
        }

        internal virtual void Release() => DangerousRelease();
    }
}
