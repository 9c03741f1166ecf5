// What the recipes use of other libraries, with the signatures that their documentation gives: they are in no registry that the
// tests reach. So the recipes are known to compile, not to run. The libraries of ASP.NET Core are real.
using System;
using System.Drawing;

namespace Microsoft.AspNetCore.Builder
{
    internal static class EndpointRouteBuilderExtensionsOfNet6
    {
        public static void MapGet(this Routing.IEndpointRouteBuilder app, string pattern, Delegate handler) => throw new NotSupportedException();
    }
}

namespace OpenCvSharp
{
    internal readonly struct MatType
    {
        public static MatType CV_8UC3 => default;
    }

    internal sealed class Mat : IDisposable
    {
        public static Mat FromPixelData(int rows, int cols, MatType type, IntPtr data, long step = 0) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}

namespace SixLabors.ImageSharp
{
    internal sealed class Image<TPixel> : IDisposable where TPixel : unmanaged
    {
        public void Dispose()
        {
        }
    }

    internal static class Image
    {
        public static unsafe Image<TPixel> WrapMemory<TPixel>(void* pointer, int bufferSizeInBytes, int width, int height)
            where TPixel : unmanaged => throw new NotSupportedException();
    }
}

namespace SixLabors.ImageSharp.PixelFormats
{
    internal struct Bgr24
    {
    }
}

namespace SkiaSharp
{
    internal enum SKColorType
    {
        Bgra8888,
    }

    internal readonly struct SKImageInfo
    {
        public SKImageInfo(int width, int height, SKColorType colorType)
        {
        }
    }

    internal sealed class SKBitmap
    {
        public bool InstallPixels(SKImageInfo info, IntPtr pixels, int rowBytes) => throw new NotSupportedException();
    }
}

namespace System.Windows
{
    internal readonly struct Int32Rect
    {
        public Int32Rect(int x, int y, int width, int height)
        {
        }
    }
}

namespace System.Windows.Media.Imaging
{
    internal sealed class WriteableBitmap
    {
        public void WritePixels(Int32Rect sourceRect, IntPtr buffer, int bufferSize, int stride) => throw new NotSupportedException();
    }
}

namespace System.Drawing.Imaging
{
    internal enum ImageLockMode
    {
        WriteOnly,
    }

    internal enum PixelFormat
    {
        Format24bppRgb,
    }

    internal sealed class BitmapData
    {
        public IntPtr Scan0 => default;

        public int Stride => default;
    }
}

namespace System.Drawing
{
    internal sealed class Bitmap
    {
        public Imaging.BitmapData LockBits(Rectangle rect, Imaging.ImageLockMode flags, Imaging.PixelFormat format) =>
            throw new NotSupportedException();

        public void UnlockBits(Imaging.BitmapData bitmapdata) => throw new NotSupportedException();
    }
}
