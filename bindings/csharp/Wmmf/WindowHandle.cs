using System;

namespace Wmmf
{
    // A separately mapped part of a section. It keeps the section open, so that its file cannot be made shorter through
    // the section.
    internal sealed class WindowHandle : MappedHandle
    {
        private readonly SectionHandle _section;

        internal WindowHandle(IntPtr native, SectionHandle section) : base(native, section.Name)
        {
            section.Retain();
            _section = section;
        }

        protected override bool ReleaseHandle()
        {
            var isUnmapped = NativeMethods.wmmf_unmap_window(handle) == (int)WmmfStatus.Ok;
            _section.Release();
            return isUnmapped;
        }
    }
}
