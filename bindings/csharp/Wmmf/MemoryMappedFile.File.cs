using System;
using System.IO;
using System.Threading;

namespace Wmmf
{
    // Files as sections.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>Maps a file of the file system: a section whose memory has a path.</summary>
        /// <param name="path">The file. It stays in place when this is disposed.</param>
        /// <param name="fileMode"><see cref="FileMode.Open"/>, <see cref="FileMode.CreateNew"/>,
        /// <see cref="FileMode.OpenOrCreate"/> or <see cref="FileMode.Create"/>, which empties an existing file.</param>
        /// <param name="size">Bytes of payload; 0 goes to the end of the file. A writable file that is too short
        /// grows.</param>
        /// <param name="protection">What may be done to the memory.</param>
        /// <param name="layout"><see cref="SectionLayout.Raw"/>: the bytes of the file, without a lock.
        /// <see cref="SectionLayout.Native"/>: the file has, or gets, a header with lock, sequence and recovery.</param>
        /// <param name="offset">Where in the file the payload begins; only with the raw layout.</param>
        /// <param name="share">What others may do with the file meanwhile: <see cref="FileShare.ReadWrite"/>, with or
        /// without <see cref="FileShare.Delete"/>, allows anything. Only Windows supports <see cref="FileShare.Read"/>
        /// and <see cref="FileShare.None"/>.</param>
        /// <param name="options">Other options.</param>
        /// <param name="fileSize">The file grows to this, if it is shorter; 0: no more than necessary.</param>
        /// <param name="mode">Permission bits of a new file (POSIX); 0: octal 600.</param>
        /// <param name="mapName">A name for the section over the file, for others to open (Windows); null: none.</param>
        /// <param name="nameSpace">Where that name is valid.</param>
        /// <param name="participants">Writable handles at the same time, of a new file with the native layout; 0 takes the
        /// default, 56.</param>
        /// <param name="locks">See <see cref="Create"/>, of a new file with the native layout.</param>
        /// <returns>The section; dispose it.</returns>
        /// <exception cref="ArgumentException">An argument has an invalid value.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotSupported"/>: this system or the
        /// layout does not support that.</exception>
        /// <example><code>
        /// using var table = MemoryMappedFile.CreateFromFile("table.bin", FileMode.OpenOrCreate, 4096, layout:
        /// SectionLayout.Native); table.Write(42); table.Flush(toDevice: true); </code></example>
        public static MemoryMappedFile CreateFromFile(
            string path, FileMode fileMode = FileMode.Open, long size = 0,
            SectionProtection protection = SectionProtection.ReadWrite, SectionLayout layout = SectionLayout.Raw, long offset = 0,
            FileShare share = FileShare.ReadWrite, SectionFileOptions options = SectionFileOptions.None, long fileSize = 0,
            int mode = 0, string? mapName = null, SectionNamespace nameSpace = SectionNamespace.Local, int participants = 0,
            int locks = 0)
        {
            if (layout == SectionLayout.Winmmf)
                throw new ArgumentOutOfRangeException(nameof(layout), layout, $"expected {SectionLayout.Raw} or {SectionLayout.Native}");
            if (nameSpace == SectionNamespace.Any)
                throw new ArgumentOutOfRangeException(nameof(nameSpace), nameSpace, "expected another, since this creates");
            Arguments.Known(protection, nameof(protection));
            var bytes = Arguments.Bytes(size, nameof(size));
            var checkedOptions = Arguments.Options(
                nameSpace, layout, mode == 0 ? SectionAccess.Owner : SectionAccess.Mode, mode, participants, locks: locks);
            var described = new wmmf_file_options
            {
                struct_size = (uint)sizeof(wmmf_file_options),
                file_mode = (uint)Known(fileMode),
                protection = (uint)protection,
                share = (uint)Known(share),
                native = layout == SectionLayout.Native ? 1u : 0u,
                permissions = checkedOptions.mode,
                flags = (uint)options,
                participants = checkedOptions.participants,
                locks = checkedOptions.locks,
                offset = Arguments.Bytes(offset, nameof(offset)),
                file_size = Arguments.Bytes(fileSize, nameof(fileSize)),
                name_space = checkedOptions.name_space,
            };
            var result = Arguments.TryMap(path, mapName, bytes, described, out var native);
            if (!result.IsOk)
                throw WmmfException.Of(
                    result,
                    $"map file '{path}' with {Wanted(size)} at offset {offset}, {fileMode}, {protection}, share {share}, "
                    + $"options {options}, layout {layout}");
            return new MemoryMappedFile(
                path, native, canBeResized: layout == SectionLayout.Raw, isNativeFile: layout == SectionLayout.Native);
        }

        /// <summary>Gives it <paramref name="size"/> bytes; new bytes are zero.</summary>
        /// <remarks>A section that was created with a reserve, or a native file, can grow while others have it open:
        /// their <see cref="Size"/> then changes. It never gets smaller. Views stay valid; new views show all of it. A
        /// raw, writable file becomes longer or shorter. Its memory moves, so no view, pin or call of another thread
        /// may use it. Other objects and programs that have the file mapped keep their size. Windows refuses to make
        /// the file shorter while others have it mapped; on Linux their programs end if they touch the missing part in
        /// a view. </remarks>
        /// <param name="size">Bytes of payload, at least 1.</param>
        /// <exception cref="InvalidOperationException">Something uses the memory of a raw file.</exception>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.NotSupported"/>: it cannot grow;
        /// <see cref="WmmfStatus.Size"/>: it would get smaller, or larger than its reserve;
        /// <see cref="WmmfStatus.NoMemory"/>; <see cref="WmmfStatus.ReadOnly"/>.</exception>
        public void Resize(long size)
        {
            var bytes = Arguments.Bytes(size, nameof(size));
            if (Layout == SectionLayout.Native)
            {
                using var section = _section.Hold();
                Check(NativeMethods.wmmf_resize(section.Pointer, bytes), $"give {size} bytes to");
                return;
            }
            var result = _section.Alone(native =>
            {
                NativeResult answer = NativeMethods.wmmf_resize(native, bytes);
                if (answer.IsOk)
                    Volatile.Write(ref _size, size);
                return answer;
            });
            if (result == null)
                throw new InvalidOperationException(
                    $"cannot resize section '{Name}' from {Size} to {size} bytes: dispose its views, and what is pinned in them, first, "
                    + "and let no other thread use it meanwhile");
            Check(result.Value, $"give {size} bytes to");
        }

        /// <summary>Maps a part of the payload separately; in a raw file up to the end of the file, even beyond
        /// <see cref="Size"/>.</summary>
        /// <param name="offset">Where it begins: any offset.</param>
        /// <param name="length">How many bytes.</param>
        /// <param name="copyOnWrite">Changes stay in this view, invisible to others and to the file.</param>
        /// <param name="advice">How it will be used, as in <see cref="Advise"/>.</param>
        /// <returns>A view of it; dispose it. It stays mapped even when this object is disposed.</returns>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Range"/>: it is not inside the payload,
        /// or empty.</exception>
        public MappedView MapWindow(
            long offset, int length, bool copyOnWrite = false, SectionAdvice advice = SectionAdvice.Normal)
        {
            var from = Arguments.Bytes(offset, nameof(offset));
            var bytes = Arguments.NotNegative(length, nameof(length));
            var protection = copyOnWrite ? SectionProtection.CopyOnWrite
                : IsReadOnly ? SectionProtection.Read : SectionProtection.ReadWrite;
            using var section = _section.Hold();
            IntPtr native;
            Check(
                NativeMethods.wmmf_map_window(section.Pointer, from, bytes, (uint)protection, &native),
                $"map {length} bytes at offset {offset} of");
            using var window = new WindowHandle(native, _section);
            void* data;
            Check(NativeMethods.wmmf_window_data(native, &data), "look at a window of");
            if (advice != SectionAdvice.Normal)
                Check(NativeMethods.wmmf_advise_window(native, 0, 0, (uint)advice), $"advise {advice} for a window of");
            return new MappedView(window, (byte*)data, length, IsReadOnly && !copyOnWrite);
        }

        /// <summary>Tells the system how bytes will be used. This is only a hint: it changes no byte, and does nothing
        /// on a system without such a hint.</summary>
        /// <param name="advice">How they will be used.</param>
        /// <param name="offset">Where they begin.</param>
        /// <param name="length">How many bytes; 0 goes to the end.</param>
        /// <exception cref="WmmfException"><see cref="WmmfStatus.NotSupported"/>: <see cref="SectionAdvice.DontNeed"/> with
        /// copy-on-write, where changes would be lost, or with locked memory.</exception>
        public void Advise(SectionAdvice advice, long offset = 0, long length = 0)
        {
            var from = Arguments.Bytes(offset, nameof(offset));
            var bytes = Arguments.Bytes(length, nameof(length));
            using var section = _section.Hold();
            Check(NativeMethods.wmmf_advise(section.Pointer, from, bytes, (uint)advice), $"advise {advice} for {length} bytes at offset {offset} of");
        }

        /// <summary>Hands changes of a mapped file to the system, or to the device. For other sections it does
        /// nothing.</summary>
        /// <param name="offset">Where they begin.</param>
        /// <param name="length">How many bytes; 0 goes to the end.</param>
        /// <param name="toDevice">Return only when they are on the device; before that, a loss of power may destroy
        /// them.</param>
        /// <exception cref="WmmfException">Among others <see cref="WmmfStatus.Range"/>: it is not inside the
        /// payload.</exception>
        public void Flush(long offset = 0, long length = 0, bool toDevice = false)
        {
            var from = Arguments.Bytes(offset, nameof(offset));
            var bytes = Arguments.Bytes(length, nameof(length));
            using var section = _section.Hold();
            Check(NativeMethods.wmmf_flush(section.Pointer, from, bytes, toDevice ? 1u : 0u), $"flush {length} bytes at offset {offset} of");
        }

        private static SectionShare Known(FileShare share) => share switch
        {
            FileShare.ReadWrite or (FileShare.ReadWrite | FileShare.Delete) => SectionShare.All,
            FileShare.Read => SectionShare.Read,
            FileShare.None => SectionShare.None,
            _ => throw new ArgumentOutOfRangeException(
                nameof(share), share, $"expected {FileShare.ReadWrite}, with or without {FileShare.Delete}, {FileShare.Read} or {FileShare.None}"),
        };

        private static SectionFileMode Known(FileMode fileMode) => fileMode switch
        {
            FileMode.Open => SectionFileMode.Open,
            FileMode.CreateNew => SectionFileMode.Create,
            FileMode.OpenOrCreate => SectionFileMode.OpenOrCreate,
            FileMode.Create => SectionFileMode.Truncate,
            _ => throw new ArgumentOutOfRangeException(
                nameof(fileMode), fileMode, $"expected {FileMode.Open}, {FileMode.CreateNew}, {FileMode.OpenOrCreate} or {FileMode.Create}"),
        };
    }
}
