using System;

namespace Wmmf
{
    /// <summary>What memory a section has.</summary>
    [Flags]
    public enum SectionMemory
    {
        /// <summary>Ordinary pages, which the system may swap.</summary>
        Ordinary = 0,

        /// <summary>When creating: large pages, in whole ones. If the system grants none, the exception says what to set.
        /// </summary>
        LargePages = NativeMethods.WMMF_LARGE_PAGES,

        /// <summary>When creating: large pages if the system grants them, else ordinary ones;
        /// <see cref="MemoryMappedFile.SectionPageSize"/> tells.</summary>
        TryLargePages = NativeMethods.WMMF_TRY_LARGE_PAGES,

        /// <summary>This process keeps it in memory, never swapped, as long as this object has it open.</summary>
        Locked = NativeMethods.WMMF_LOCKED,
    }
}
