using System;

namespace Wmmf
{
    /// <summary>More options of <see cref="MemoryMappedFile.CreateFromFile"/>.</summary>
    [Flags]
    public enum SectionFileOptions
    {
        /// <summary>Nothing.</summary>
        None = 0,

        /// <summary>A write returns when its bytes are on the device; only with the raw layout.</summary>
        WriteThrough = NativeMethods.WMMF_FILE_WRITE_THROUGH,

        /// <summary>Growth reserves its disk space at once, not when it is first touched.</summary>
        Reserve = NativeMethods.WMMF_FILE_RESERVE,

        /// <summary>Maps nothing, so that files of any size can be opened. Use
        /// <see cref="MemoryMappedFile.MapWindow"/>, reads and writes. Only with the raw layout.</summary>
        Unmapped = NativeMethods.WMMF_FILE_UNMAPPED,
    }
}
