using System;

namespace Wmmf
{
    // Unnamed sections, which one process hands over to another.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>Creates an unnamed section of zeros: other processes get it only by <see cref="Share"/> and
        /// <see cref="OpenHandle"/>. On Linux nobody can make it shorter, so using its views never ends the program.
        /// </summary>
        /// <param name="size">Bytes of payload, at least 1; the memory is reserved at once.</param>
        /// <param name="layout">The meaning of the bytes; not <see cref="SectionLayout.Winmmf"/>, whose programs open
        /// by name.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">How many writable handles may be open at once; 0 takes the default, 56.</param>
        /// <param name="reserve">See <see cref="Create"/>.</param>
        /// <param name="locks">See <see cref="Create"/>.</param>
        /// <param name="memory">See <see cref="Create"/>.</param>
        /// <returns>The section, open for writing; its <see cref="Name"/> is empty. Dispose it.</returns>
        /// <exception cref="ArgumentException">An argument has an invalid value.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotSupported"/>: the layout or the system
        /// does not support it.</exception>
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
                (_, given, opened) => NativeMethods.wmmf_create_unnamed(bytes, given, opened), options, sddl,
                $"create an unnamed section with {size} bytes, layout {layout}, access {access}");
        }

        /// <summary>Opens the unnamed section behind a handle of <see cref="Share"/>, from any language, that is valid
        /// in this process.</summary>
        /// <param name="handle">The handle; it stays the caller's, to use again or to close.</param>
        /// <param name="layout">The meaning of the bytes.</param>
        /// <param name="size">Bytes of payload to show; 0 shows all.</param>
        /// <param name="readOnly">Ask only for the right to read, and map read-only pages.</param>
        /// <returns>The section; its <see cref="Name"/> is empty. Dispose it.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Argument"/>: not a handle of this process;
        /// <see cref="WmmfStatus.Format"/>: not a section, or on Linux memory that can be made shorter.</exception>
        public static MemoryMappedFile OpenHandle(
            IntPtr handle, SectionLayout layout = SectionLayout.Native, long size = 0, bool readOnly = false)
        {
            var bytes = Arguments.Bytes(size, nameof(size));
            return Unnamed(
                (_, given, opened) => NativeMethods.wmmf_open_handle(handle.ToInt64(), bytes, given, opened),
                Arguments.Options(SectionNamespace.Local, layout, readOnly: readOnly), null,
                $"open handle {handle} with {Wanted(size)}, layout {layout}");
        }

        private static MemoryMappedFile Unnamed(
            Arguments.Opening call, wmmf_options options, string? sddl, string what)
        {
            var result = Arguments.TryOpen(call, "", "name", options, sddl, out var native);
            return result.IsOk ? new MemoryMappedFile("", native) : throw WmmfException.Of(result, what);
        }

        /// <summary>Makes a system handle with which another process can open this unnamed section; make one for each
        /// process.</summary>
        /// <remarks>Windows: a handle that is valid in the process <paramref name="processId"/>, which closes it.
        /// POSIX: a file descriptor of this process, close-on-exec. A Unix socket carries it, or a process of the same user
        /// opens <c>/proc/PID/fd/HANDLE</c>, where PID is this process. Each process closes its handle with
        /// <c>new SafeFileHandle(handle, true).Dispose()</c>. The handle keeps the section alive.</remarks>
        /// <param name="processId">Windows: the process, 0: this one. POSIX: 0.</param>
        /// <param name="readOnly">The handle opens it read-only. This does not restrict processes of the creator's
        /// user, which the system gives more rights.</param>
        /// <returns>The handle; tell the other process its number.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotSupported"/>: the section has a name;
        /// open it by that; <see cref="WmmfStatus.ReadOnly"/>: this object is read-only and <paramref name="readOnly"/>
        /// is false; <see cref="WmmfStatus.NotFound"/>: there is no such process.</exception>
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
