using System;

namespace Wmmf
{
    /// <summary>The kind of a section's memory.</summary>
    [Flags]
    public enum SectionMemory
    {
        /// <summary>Ordinary pages, which the system may swap.</summary>
        Ordinary = 0,

        /// <summary>When creating: whole large pages. If the system grants none, the exception names the setting.
        /// </summary>
        LargePages = NativeMethods.WMMF_LARGE_PAGES,

        /// <summary>When creating: large pages if the system grants them, else ordinary ones;
        /// see <see cref="MemoryMappedFile.SectionPageSize"/>.</summary>
        TryLargePages = NativeMethods.WMMF_TRY_LARGE_PAGES,

        /// <summary>Locked in memory, so that it is never swapped while this object has it open.</summary>
        Locked = NativeMethods.WMMF_LOCKED,
    }
}
