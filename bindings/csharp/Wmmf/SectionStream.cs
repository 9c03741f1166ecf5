using System;
using System.IO;

namespace Wmmf
{
    // A part of a section's payload as a stream.
    internal sealed class SectionStream : Stream
    {
        private readonly MemoryMappedFile _file;
        private readonly long _start;
        private long _position;

        internal SectionStream(MemoryMappedFile file, long start, long length)
        {
            _file = file;
            _start = start;
            Length = length;
        }

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => !_file.IsReadOnly;

        public override long Length { get; }

        public override long Position
        {
            get => _position;
            set => _position = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "expected 0 or more");
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => ReadInto(new Span<byte>(buffer, offset, count));

        public override void Write(byte[] buffer, int offset, int count) => WriteFrom(new ReadOnlySpan<byte>(buffer, offset, count));

#if NETCOREAPP
        public override int Read(Span<byte> buffer) => ReadInto(buffer);

        public override void Write(ReadOnlySpan<byte> buffer) => WriteFrom(buffer);
#endif

        private int ReadInto(Span<byte> buffer)
        {
            var count = (int)Math.Min(buffer.Length, Math.Max(0, Length - _position));
            if (count == 0)
                return 0;
            _file.Read(buffer.Slice(0, count), _start + _position);
            _position += count;
            return count;
        }

        private void WriteFrom(ReadOnlySpan<byte> buffer)
        {
            if (!CanWrite)
                throw new NotSupportedException($"{_file} cannot be written");
            if (buffer.Length > Length - _position)
                throw new NotSupportedException(
                    $"{buffer.Length} bytes at position {_position} of {Length}: a section does not grow");
            _file.Write(buffer, _start + _position);
            _position += buffer.Length;
        }

        public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => _position,
            _ => Length,
        };

        public override void SetLength(long value) => throw new NotSupportedException("a section does not grow");
    }
}
