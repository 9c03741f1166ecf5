using System;
using System.IO;

namespace Wmmf
{
    // Files as sections.
    public sealed unsafe partial class MemoryMappedFile
    {
        /// <summary>Maps a file of the file system: a section whose memory has a path.</summary>
        /// <param name="path">The file. It stays in place when this is disposed.</param>
        /// <param name="fileMode"><see cref="FileMode.Open"/>, <see cref="FileMode.CreateNew"/>,
        /// <see cref="FileMode.OpenOrCreate"/> or <see cref="FileMode.Create"/>, which empties one that exists.</param>
        /// <param name="size">Bytes of payload; 0 goes to the end of the file. A writable file that is too short grows.</param>
        /// <param name="protection">What writing does.</param>
        /// <param name="layout"><see cref="SectionLayout.Raw"/>: the bytes as they are, without a lock.
        /// <see cref="SectionLayout.Native"/>: the file has, or gets, a header with lock, sequence and recovery.</param>
        /// <param name="offset">Where in the file the payload begins; only with the raw layout.</param>
        /// <returns>The section; dispose it.</returns>
        /// <exception cref="ArgumentException">An argument has a value that it cannot have.</exception>
        /// <example><code>
        /// using var table = MemoryMappedFile.MapFile("table.bin", FileMode.OpenOrCreate, 4096, layout: SectionLayout.Native);
        /// table.Write(42);
        /// table.Flush(toDevice: true);
        /// </code></example>
        public static MemoryMappedFile MapFile(
            string path, FileMode fileMode = FileMode.Open, long size = 0,
            SectionProtection protection = SectionProtection.ReadWrite, SectionLayout layout = SectionLayout.Raw, long offset = 0)
        {
            if (layout == SectionLayout.Winmmf)
                throw new ArgumentOutOfRangeException(nameof(layout), layout, $"expected {SectionLayout.Raw} or {SectionLayout.Native}");
            var bytes = Arguments.Bytes(size, nameof(size));
            var options = new wmmf_file_options
            {
                struct_size = (uint)sizeof(wmmf_file_options),
                file_mode = (uint)Known(fileMode),
                protection = (uint)protection,
                native = layout == SectionLayout.Native ? 1u : 0u,
                offset = Arguments.Bytes(offset, nameof(offset)),
            };
            var status = Arguments.TryOpen(
                (text, _, result) =>
                {
                    var given = options;
                    return NativeMethods.wmmf_map_file(text, bytes, &given, result);
                },
                path, nameof(path), Arguments.Options(SectionNamespace.Local, layout), null, out var native);
            if (status != (int)WmmfStatus.Ok)
                throw WmmfException.Of(status, $"map file '{path}' with {Wanted(size)} at offset {offset}, {fileMode}, {protection}, layout {layout}");
            return new MemoryMappedFile(path, native);
        }

        /// <summary>Hands changes of a mapped file to the system, or to the device; of other sections it does nothing.</summary>
        /// <param name="offset">Where they begin.</param>
        /// <param name="length">How many bytes; 0 goes to the end.</param>
        /// <param name="toDevice">Returns once they are on the device: until then a loss of power may take them.</param>
        public void Flush(long offset = 0, long length = 0, bool toDevice = false)
        {
            var from = Arguments.Bytes(offset, nameof(offset));
            var bytes = Arguments.Bytes(length, nameof(length));
            using var section = _section.Hold();
            Check(NativeMethods.wmmf_flush(section.Pointer, from, bytes, toDevice ? 1u : 0u), "flush");
        }

        private static SectionFileMode Known(FileMode mode) => mode switch
        {
            FileMode.Open => SectionFileMode.Open,
            FileMode.CreateNew => SectionFileMode.Create,
            FileMode.OpenOrCreate => SectionFileMode.OpenOrCreate,
            FileMode.Create => SectionFileMode.Truncate,
            _ => throw new ArgumentOutOfRangeException(
                nameof(mode), mode, $"expected {FileMode.Open}, {FileMode.CreateNew}, {FileMode.OpenOrCreate} or {FileMode.Create}"),
        };
    }
}
