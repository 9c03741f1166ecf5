using System;

namespace Wmmf
{
    // Sections without a name, which are handed over.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>Creates a section of zeroes that nobody finds: other processes get it by <see cref="Share"/> and
        /// <see cref="OpenHandle"/>. On Linux nobody can make it shorter, so that use of its views never ends the program.
        /// </summary>
        /// <param name="size">Bytes of payload, at least 1; the memory is reserved at once.</param>
        /// <param name="layout">What the bytes mean; not <see cref="SectionLayout.Winmmf"/>, whose programs open by name.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">Writable handles at the same time; 0 takes the default, 56.</param>
        /// <param name="reserve">As of <see cref="Create"/>.</param>
        /// <param name="locks">As of <see cref="Create"/>.</param>
        /// <param name="memory">As of <see cref="Create"/>.</param>
        /// <returns>The section, open for writing; its <see cref="Name"/> is empty. Dispose it.</returns>
        /// <exception cref="ArgumentException">An argument has a value that it cannot have.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotSupported"/>: the layout, or the system, has
        /// none.</exception>
        /// <example><code>
        /// using var section = MemoryMappedFile.CreateUnnamed(4096);
        /// var handle = section.Share(child.Id); // Windows: tell the child this number, which it gives to OpenHandle
        /// </code></example>
        public static MemoryMappedFile CreateUnnamed(
            long size, SectionLayout layout = SectionLayout.Native, SectionAccess access = SectionAccess.Owner,
            string? sddl = null, int mode = 0, int participants = 0, long reserve = 0, int locks = 0,
            SectionMemory memory = SectionMemory.Ordinary)
        {
            var bytes = Arguments.Bytes(size, nameof(size));
            var options = Arguments.Options(
                SectionNamespace.Local, layout, access, mode, participants, false, reserve, locks, memory);
            return Unnamed(
                (_, given, result) => NativeMethods.wmmf_create_unnamed(bytes, given, result), options, sddl,
                $"create an unnamed section with {size} bytes, layout {layout}, access {access}");
        }

        /// <summary>Opens the unnamed section behind a handle of <see cref="Share"/>, in whatever language, that is valid in
        /// this process.</summary>
        /// <param name="handle">The handle; it stays the caller's, to use again or to close.</param>
        /// <param name="layout">What the bytes mean.</param>
        /// <param name="size">Bytes of payload to show; 0 shows all.</param>
        /// <param name="readOnly">Ask for read rights only and map read-only pages.</param>
        /// <returns>The section; its <see cref="Name"/> is empty. Dispose it.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Argument"/>: no handle of this process;
        /// <see cref="WmmfStatus.Format"/>: not of a section, or on Linux of memory that somebody can make shorter.</exception>
        public static MemoryMappedFile OpenHandle(
            IntPtr handle, SectionLayout layout = SectionLayout.Native, long size = 0, bool readOnly = false)
        {
            var bytes = Arguments.Bytes(size, nameof(size));
            return Unnamed(
                (_, given, result) => NativeMethods.wmmf_open_handle(handle.ToInt64(), bytes, given, result),
                Arguments.Options(SectionNamespace.Local, layout, readOnly: readOnly), null,
                $"open handle {handle} with {Wanted(size)}, layout {layout}");
        }

        private static MemoryMappedFile Unnamed(
            Arguments.Opening call, wmmf_options options, string? sddl, string what)
        {
            var status = Arguments.TryOpen(call, "", "name", options, sddl, out var native);
            return status == (int)WmmfStatus.Ok ? new MemoryMappedFile("", native) : throw WmmfException.Of(status, what);
        }

        /// <summary>Makes a handle of the system with which another process opens this unnamed section; one for each
        /// process.</summary>
        /// <remarks>Windows: a handle that is valid in the process <paramref name="processId"/>, and that process closes it.
        /// POSIX: a file descriptor of this process, close-on-exec. A Unix socket carries it, or a process of the same user
        /// opens <c>/proc/PID/fd/HANDLE</c>, PID being this process. Whoever has a handle closes it with
        /// <c>new SafeFileHandle(handle, true).Dispose()</c>. It keeps the section in being.</remarks>
        /// <param name="processId">Windows: the process, 0: this one. POSIX: 0.</param>
        /// <param name="readOnly">The handle opens it read-only; a process of the creator's user can get more rights from the
        /// system all the same.</param>
        /// <returns>The handle, whose number is what the other process is told.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotSupported"/>: the section has a name, to open
        /// it by; <see cref="WmmfStatus.ReadOnly"/>: this object only reads, so it hands on nothing else;
        /// <see cref="WmmfStatus.NotFound"/>: there is no such process.</exception>
        public IntPtr Share(int processId = 0, bool readOnly = false)
        {
            var pid = Arguments.NotNegative(processId, nameof(processId));
            using var section = _section.Hold();
            long handle;
            Check(NativeMethods.wmmf_share(section.Pointer, pid, readOnly ? 1u : 0u, &handle), $"give process {processId} a handle of");
            return new IntPtr(handle);
        }
    }
}
