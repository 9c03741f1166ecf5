using System;

namespace Wmmf
{
    // The geometry of a picture, from the native library.
    internal readonly struct Picture
    {
        private readonly FourCC _format;
        private readonly int _width;

        internal Picture(FourCC format, int width, int height)
        {
            _format = format;
            _width = width;
            Height = height;
        }

        internal int Height { get; }

        // Bytes of the picture with this stride; 0 becomes the stride of rows without gaps. Null if the native library
        // does not know the format, or such a picture is impossible.
        internal unsafe long? Size(ref int stride)
        {
            var bytesOfRow = (uint)stride;
            ulong size;
            var isKnown = NativeMethods.wmmf_picture_size(_format.Code, (uint)_width, (uint)Height, &bytesOfRow, &size)
                == (int)WmmfStatus.Ok;
            if (!isKnown || size > int.MaxValue)
                return null;
            stride = (int)bytesOfRow;
            return (long)size;
        }
    }

    internal static class Rows
    {
        // Copies the rows of a picture, with or without gaps, to rows that are `stride` bytes apart. The writer may have
        // published more bytes than the picture has.
        internal static unsafe void Copy(ReadOnlySpan<byte> from, int fromStride, byte* to, int stride, Picture picture)
        {
            if (fromStride == 0 || picture.Height == 0)
                throw new InvalidOperationException("the frame has no rows: it is not a picture, or a compressed one");
            var tight = 0;
            var row = picture.Size(ref tight) != null ? tight : fromStride;
            if (stride < row)
                throw new ArgumentOutOfRangeException(nameof(stride), stride, $"expected at least {row}");
            var rows = (int)((picture.Size(ref fromStride) ?? (long)fromStride * picture.Height) / fromStride);
            for (var y = 0; y < rows; y++, to += stride)
                from.Slice(y * fromStride, row).CopyTo(new Span<byte>(to, row));
        }
    }
}
