using System;

namespace Wmmf
{
    // What the system and the lock report about a section.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>Bytes of a page of memory.</summary>
        public static long PageSize => PageSizes(out _, out _);

        /// <summary>Addresses and offsets of mappings are multiples of this number. Your own offsets need not be.</summary>
        public static long MappingGranularity
        {
            get
            {
                _ = PageSizes(out var granularity, out _);
                return granularity;
            }
        }

        /// <summary>Bytes of a large page; 0: the system has none.</summary>
        public static long LargePageSize
        {
            get
            {
                _ = PageSizes(out _, out var large);
                return large;
            }
        }

        private static long PageSizes(out long granularity, out long large)
        {
            NativeLibraryLoader.Ensure();
            ulong page, multiple, big;
            NativeResult result = NativeMethods.wmmf_page_sizes(&page, &multiple, &big);
            if (!result.IsOk)
                throw WmmfException.Of(result, "look at the sizes of pages");
            (granularity, large) = ((long)multiple, (long)big);
            return (long)page;
        }

        /// <summary>The namespace in which the name was found, also after opening with
        /// <see cref="SectionNamespace.Any"/>.</summary>
        public SectionNamespace NameSpace => (SectionNamespace)Info().name_space;

        /// <summary>When the section was created; null if the layout does not store it.</summary>
        public DateTimeOffset? Created
        {
            get
            {
                var created = Info().created_unix_ns;
                return created == 0 ? (DateTimeOffset?)null : UnixTime.FromNanoseconds(created);
            }
        }

        /// <summary>The process id of its creator, in its own pid namespace; null if the layout does not store
        /// it.</summary>
        public long? CreatorProcessId
        {
            get
            {
                var creator = Info().creator_pid;
                return creator == 0 ? (long?)null : creator;
            }
        }

        private wmmf_info Info()
        {
            using var section = _section.Hold();
            var info = new wmmf_info { struct_size = (uint)sizeof(wmmf_info) };
            Check(NativeMethods.wmmf_get_info(section.Pointer, &info), "look at");
            return info;
        }

        /// <summary>The user who owns the section, usually the one who created it.</summary>
        /// <returns>On Linux the user's name or number, on Windows <c>DOMAIN\user</c> or the SID.</returns>
        /// <exception cref="WmmfException">The system cannot tell.</exception>
        public string GetOwner()
        {
            using var section = _section.Hold();
            var pointer = section.Pointer;
            var result = NativeText.Of(
                (text, capacity, needed) => NativeMethods.wmmf_get_owner(pointer, text, capacity, needed), out var owner);
            Check(result, "look at the owner of");
            return owner.TrimEnd('\0');
        }

        /// <summary>Whether the section's name still leads to it. On Linux an administrator, or a cleaner of /dev/shm, can
        /// remove the name: programs that have the section open then go on, but nobody else can open it.</summary>
        /// <returns>True if it does.</returns>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotSupported"/>: a mapped file that has no
        /// name.</exception>
        public bool IsNamed()
        {
            using var section = _section.Hold();
            uint named;
            Check(NativeMethods.wmmf_is_named(section.Pointer, &named), "look at the name of");
            return named != 0;
        }

        /// <summary>The current state of the lock. A read-only object can also call this.</summary>
        /// <returns>A snapshot.</returns>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotSupported"/>: the layout has no lock.</exception>
        public LockState GetLockState() => GetLockStateAt(NativeLock.Own);

        /// <summary>Frees the lock of a section of the layout <see cref="SectionLayout.Winmmf"/>, whichever process
        /// holds it. That layout cannot detect a dead holder: use this only if the holder was killed. The payload may
        /// be half written.</summary>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotSupported"/>: the native layout recovers by itself, the
        /// raw one has no lock.</exception>
        public void BreakLock()
        {
            using var section = _section.Hold();
            Check(NativeMethods.wmmf_break_lock(section.Pointer), "break the lock of");
        }
    }
}
