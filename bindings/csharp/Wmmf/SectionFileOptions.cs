using System;

namespace Wmmf
{
    /// <summary>What <see cref="MemoryMappedFile.CreateFromFile"/> does with a file besides.</summary>
    [Flags]
    public enum SectionFileOptions
    {
        /// <summary>Nothing.</summary>
        None = 0,

        /// <summary>A write returns once its bytes are on the device; only with the raw layout.</summary>
        WriteThrough = NativeMethods.WMMF_FILE_WRITE_THROUGH,

        /// <summary>What the file grows by has its place on the disk at once, not only when it is touched.</summary>
        Reserve = NativeMethods.WMMF_FILE_RESERVE,

        /// <summary>Maps nothing, so that files of any size can be opened: for <see cref="MemoryMappedFile.MapWindow"/>,
        /// reads and writes. Only with the raw layout.</summary>
        Unmapped = NativeMethods.WMMF_FILE_UNMAPPED,
    }
}
