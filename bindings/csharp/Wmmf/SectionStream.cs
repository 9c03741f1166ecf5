using System;
using System.IO;

namespace Wmmf
{
    // A part of a section's payload as a stream.
    internal sealed class SectionStream : Stream
    {
        private readonly MemoryMappedFile _file;
        private readonly long _start;
        private readonly long _length;
        private long _position;
        private bool _isDisposed;

        internal SectionStream(MemoryMappedFile file, long start, long length)
        {
            _file = file;
            _start = start;
            _length = length;
        }

        public override bool CanRead => !_isDisposed;

        public override bool CanSeek => !_isDisposed;

        public override bool CanWrite => !_isDisposed && !_file.IsReadOnly;

        public override long Length
        {
            get
            {
                RefuseDisposed();
                return _length;
            }
        }

        public override long Position
        {
            get
            {
                RefuseDisposed();
                return _position;
            }
            set
            {
                RefuseDisposed();
                Arguments.Within(value, long.MaxValue, nameof(value));
                _position = value;
            }
        }

        public override void Flush() => RefuseDisposed();

        protected override void Dispose(bool disposing)
        {
            _isDisposed = true;
            base.Dispose(disposing);
        }

        private void RefuseDisposed()
        {
            if (_isDisposed)
                throw Disposed();
        }

        private static ObjectDisposedException Disposed() => new ObjectDisposedException(nameof(Stream));

        public override int Read(byte[] buffer, int offset, int count) => ReadInto(Part(buffer, offset, count));

        public override void Write(byte[] buffer, int offset, int count) => WriteFrom(Part(buffer, offset, count));

        private static Span<byte> Part(byte[] buffer, int offset, int count)
        {
            Arguments.NotNull(buffer, nameof(buffer));
            Arguments.Within(offset, buffer.Length, nameof(offset));
            Arguments.Within(count, buffer.Length - offset, nameof(count));
            return new Span<byte>(buffer, offset, count);
        }

#if NETCOREAPP
        public override int Read(Span<byte> buffer) => ReadInto(buffer);

        public override void Write(ReadOnlySpan<byte> buffer) => WriteFrom(buffer);
#endif

        private int ReadInto(Span<byte> buffer)
        {
            RefuseDisposed();
            var count = (int)Math.Min(buffer.Length, Math.Max(0, _length - _position));
            if (count == 0)
                return 0;
            _file.Read(buffer.Slice(0, count), _start + _position);
            _position += count;
            return count;
        }

        private void WriteFrom(ReadOnlySpan<byte> buffer)
        {
            RefuseDisposed();
            if (!CanWrite)
                throw new NotSupportedException($"{_file} cannot be written");
            if (buffer.Length > _length - _position)
                throw new NotSupportedException(
                    $"{buffer.Length} bytes at position {_position} of {_length}: a stream of a section does not grow");
            _file.Write(buffer, _start + _position);
            _position += buffer.Length;
        }

        public override long Seek(long offset, SeekOrigin origin)
        {
            RefuseDisposed();
            Arguments.Known(origin, nameof(origin));
            var from = origin == SeekOrigin.Begin ? 0 : origin == SeekOrigin.Current ? _position : _length;
            if (offset < -from || offset > long.MaxValue - from)
                throw new ArgumentOutOfRangeException(nameof(offset), offset, $"expected {-from} to {long.MaxValue - from}");
            return _position = from + offset;
        }

        public override void SetLength(long value) => throw new NotSupportedException("the length of a section's stream is fixed");
    }
}
