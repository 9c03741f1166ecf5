using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using System.Threading.Tasks;

namespace Wmmf
{
    // Creating and opening sections.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>Creates a section of zeros; <see cref="WmmfStatus.Exists"/> if the name is taken.</summary>
        /// <param name="name">At most 230 bytes of UTF-8, without <c>Global\</c> or <c>Local\</c>.</param>
        /// <param name="size">Bytes of payload, at least 1; the memory is reserved at once.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="layout">The meaning of the bytes.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">How many writable handles may be open at once; 0 takes the default, 56.</param>
        /// <param name="reserve">Payload size to which <see cref="Resize"/> can make it grow; 0: none. Native layout
        /// only.</param>
        /// <param name="locks">How many locks in its payload one object can hold or wait for at once, at most 64; see
        /// <see cref="LockAt"/>. Native layout only.</param>
        /// <param name="memory">Large pages, or locked memory; not combined with a reserve.</param>
        /// <returns>The section, open for writing; dispose it.</returns>
        /// <exception cref="ArgumentException">An argument has an invalid value.</exception>
        public static MemoryMappedFile Create(
            string name, long size, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionLayout layout = SectionLayout.Native, SectionAccess access = SectionAccess.Owner, string? sddl = null,
            int mode = 0, int participants = 0, long reserve = 0, int locks = 0,
            SectionMemory memory = SectionMemory.Ordinary) =>
            Make(
                name, size, false, Arguments.Options(nameSpace, layout, access, mode, participants, false, reserve, locks, memory), sddl,
                out _);

        /// <summary>Opens the section, or creates it if there is none. An existing one must have this layout and at
        /// least this size; the other parameters apply to a new one and are those of <see cref="Create"/>.</summary>
        /// <param name="name">At most 230 bytes of UTF-8.</param>
        /// <param name="size">Bytes of payload, at least 1.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="layout">The meaning of the bytes.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">How many writable handles may be open at once; 0 takes the default, 56.</param>
        /// <param name="reserve">Payload size to which <see cref="Resize"/> can make it grow; 0: none. Native layout
        /// only.</param>
        /// <param name="locks">How many locks in its payload one object can hold or wait for at once, at most 64; see
        /// <see cref="LockAt"/>. Native layout only.</param>
        /// <param name="memory">Large pages, or locked memory; not combined with a reserve.</param>
        /// <param name="ownOnly">Refuse one of another user or, on POSIX, one of this user with other access.</param>
        /// <returns>The section, open for writing; dispose it.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Size"/>: the existing one has fewer
        /// bytes.</exception>
        public static MemoryMappedFile CreateOrOpen(
            string name, long size, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionLayout layout = SectionLayout.Native, SectionAccess access = SectionAccess.Owner, string? sddl = null,
            int mode = 0, int participants = 0, long reserve = 0, int locks = 0,
            SectionMemory memory = SectionMemory.Ordinary, bool ownOnly = false) =>
            Make(
                name, size, true,
                Arguments.Options(nameSpace, layout, access, mode, participants, false, reserve, locks, memory, ownOnly), sddl,
                out _);

        /// <summary>The same; also tells which of the two it did.</summary>
        /// <param name="name">At most 230 bytes of UTF-8.</param>
        /// <param name="size">Bytes of payload, at least 1.</param>
        /// <param name="created">Whether the section is new, and all zeros.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="layout">The meaning of the bytes.</param>
        /// <param name="access">Who may open it.</param>
        /// <param name="sddl">A security descriptor, with <see cref="SectionAccess.Sddl"/> (Windows).</param>
        /// <param name="mode">Permission bits, with <see cref="SectionAccess.Mode"/> (POSIX).</param>
        /// <param name="participants">How many writable handles may be open at once; 0 takes the default, 56.</param>
        /// <param name="reserve">Payload size to which <see cref="Resize"/> can make it grow; 0: none. Native layout
        /// only.</param>
        /// <param name="locks">How many locks in its payload one object can hold or wait for at once, at most 64; see
        /// <see cref="LockAt"/>. Native layout only.</param>
        /// <param name="memory">Large pages, or locked memory; not combined with a reserve.</param>
        /// <param name="ownOnly">Refuse one of another user or, on POSIX, one of this user with other access.</param>
        /// <returns>The section, open for writing; dispose it.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Size"/>: the existing one has fewer
        /// bytes.</exception>
        public static MemoryMappedFile CreateOrOpen(
            string name, long size, out bool created, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionLayout layout = SectionLayout.Native, SectionAccess access = SectionAccess.Owner, string? sddl = null,
            int mode = 0, int participants = 0, long reserve = 0, int locks = 0,
            SectionMemory memory = SectionMemory.Ordinary, bool ownOnly = false) =>
            Make(
                name, size, true,
                Arguments.Options(nameSpace, layout, access, mode, participants, false, reserve, locks, memory, ownOnly), sddl,
                out created);

        private static MemoryMappedFile Make(
            string name, long size, bool orOpen, wmmf_options options, string? sddl, out bool created)
        {
            var bytes = Arguments.Bytes(size, nameof(size));
            int isNew = 1;
            var result = Arguments.TryOpen(
                (text, given, opened) =>
                {
                    int made = 1;
                    var answer = orOpen
                        ? NativeMethods.wmmf_create_or_open(text, bytes, given, opened, &made)
                        : NativeMethods.wmmf_create(text, bytes, given, opened);
                    isNew = made;
                    return answer;
                },
                name, nameof(name), options, sddl, out var native);
            if (!result.IsOk)
                throw WmmfException.Of(
                    result,
                    $"create {(orOpen ? "or open " : "")}section '{name}' with {size} bytes, layout {(SectionLayout)options.layout}, "
                    + $"access {(SectionAccess)options.access}",
                    Arguments.Hint(result.Status, name, readOnly: true));
            created = isNew != 0;
            return new MemoryMappedFile(name, native);
        }

        /// <summary>Opens an existing section; <see cref="WmmfStatus.NotFound"/> if there is none.</summary>
        /// <param name="name">The name with which it was created.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="layout">The meaning of the bytes.</param>
        /// <param name="size">Bytes of payload to show; 0 shows all.</param>
        /// <param name="readOnly">Ask only for the right to read, and map read-only pages.</param>
        /// <returns>The section; dispose it.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotFound"/>: nothing has this
        /// name.</exception>
        public static MemoryMappedFile Open(
            string name, SectionNamespace nameSpace = SectionNamespace.Local, SectionLayout layout = SectionLayout.Native,
            long size = 0, bool readOnly = false)
        {
            var result = TryOpen(name, nameSpace, layout, size, readOnly, out var file);
            return file ?? throw WmmfException.Of(
                result, $"open section '{name}' with {Wanted(size)}, layout {layout}", Arguments.Hint(result.Status, name, readOnly));
        }

        /// <summary>Opens a section, if there is one.</summary>
        /// <param name="name">The name with which it was created.</param>
        /// <param name="file">The section, or null; dispose it.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="layout">The meaning of the bytes.</param>
        /// <param name="size">Bytes of payload to show; 0 shows all.</param>
        /// <param name="readOnly">Ask only for the right to read, and map read-only pages.</param>
        /// <returns>False if no section has this name. Any other failure is an exception.</returns>
        /// <exception cref="WmmfException">Something has this name and cannot be opened, or nothing can have
        /// it.</exception>
        public static bool TryOpen(
            string name, [NotNullWhen(true)] out MemoryMappedFile? file, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionLayout layout = SectionLayout.Native, long size = 0, bool readOnly = false)
        {
            var result = TryOpen(name, nameSpace, layout, size, readOnly, out file);
            if (file == null && result.Status != WmmfStatus.NotFound)
                throw WmmfException.Of(
                    result, $"open section '{name}' with {Wanted(size)}, layout {layout}", Arguments.Hint(result.Status, name, readOnly));
            return file != null;
        }

        private static NativeResult TryOpen(
            string name, SectionNamespace nameSpace, SectionLayout layout, long size, bool readOnly, out MemoryMappedFile? file)
        {
            var bytes = Arguments.Bytes(size, nameof(size));
            var result = Arguments.TryOpen(
                (text, given, opened) => NativeMethods.wmmf_open(text, bytes, given, opened),
                name, nameof(name), Arguments.Options(nameSpace, layout, readOnly: readOnly), null, out var native);
            file = result.IsOk ? new MemoryMappedFile(name, native) : null;
            return result;
        }

        /// <summary>Whether a section of any layout has this name now, even one that may not be opened.</summary>
        /// <param name="name">The name with which it was created.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <returns>Whether it exists; that may change right after.</returns>
        /// <exception cref="WmmfException">Nothing can have such a name.</exception>
        public static bool Exists(string name, SectionNamespace nameSpace = SectionNamespace.Local)
        {
            var result = TryOpen(name, nameSpace, SectionLayout.Raw, 0, true, out var file);
            file?.Dispose();
            if (result.Status is WmmfStatus.NameInvalid or WmmfStatus.NameEmpty or WmmfStatus.NameTooLong)
                throw WmmfException.Of(result, $"look for section '{name}'", Arguments.Hint(result.Status, name, true));
            return result.Status != WmmfStatus.NotFound;
        }

        /// <summary>Opens a section, and waits until there is one.</summary>
        /// <param name="name">The name with which it will be created.</param>
        /// <param name="timeout">How long; null waits for ever.</param>
        /// <param name="nameSpace">Where the name is valid.</param>
        /// <param name="layout">The meaning of the bytes.</param>
        /// <param name="size">Bytes of payload to show; 0 shows all.</param>
        /// <param name="readOnly">Ask only for the right to read, and map read-only pages.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        /// <returns>The section; dispose it.</returns>
        /// <exception cref="WmmfTimeoutException">There was none in time.</exception>
        /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
        public static Task<MemoryMappedFile> OpenAsync(
            string name, TimeSpan? timeout = null, SectionNamespace nameSpace = SectionNamespace.Local,
            SectionLayout layout = SectionLayout.Native, long size = 0, bool readOnly = false,
            CancellationToken cancellationToken = default) =>
            Polling.Of(
                () => TryOpen(name, out var file, nameSpace, layout, size, readOnly) ? file : null,
                $"open section '{name}'", timeout, cancellationToken);

        /// <summary>The names of the sections and channels that are open in any process and that this user may read: on
        /// Linux of all layouts, on Windows native ones.</summary>
        /// <param name="nameSpace">Local or Global.</param>
        /// <returns>The names.</returns>
        /// <exception cref="ArgumentOutOfRangeException">Another namespace.</exception>
        public static IReadOnlyList<string> List(SectionNamespace nameSpace = SectionNamespace.Local)
        {
            NativeLibraryLoader.Ensure();
            if (nameSpace != SectionNamespace.Local && nameSpace != SectionNamespace.Global)
                throw new ArgumentOutOfRangeException(
                    nameof(nameSpace), nameSpace, $"expected {SectionNamespace.Local} or {SectionNamespace.Global}");
            var result = NativeText.Of(
                (text, capacity, needed) => NativeMethods.wmmf_list((uint)nameSpace, text, capacity, needed), out var names);
            if (!result.IsOk)
                throw WmmfException.Of(result, $"list the sections of namespace {nameSpace}");
            return names.Split(s_nul, StringSplitOptions.RemoveEmptyEntries);
        }

        private static readonly char[] s_nul = { '\0' };

        private static string Wanted(long size) => size == 0 ? "all its bytes" : $"{size} bytes";
    }
}
