using System;

namespace Wmmf
{
    // A part of a section that is mapped on its own. It keeps the section open, so that the file under it is not made shorter
    // through that.
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
