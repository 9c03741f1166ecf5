using System;

namespace Wmmf
{
    // A writer's description of a frame, for the native library.
    internal static unsafe class FrameDescription
    {
        internal static void CheckUser(ReadOnlySpan<byte> user)
        {
            if (user.Length > NativeMethods.WMMF_FRAME_USER_SIZE)
                throw new ArgumentException(
                    $"{user.Length} bytes: expected at most {NativeMethods.WMMF_FRAME_USER_SIZE}", nameof(user));
        }

        internal static void SetUser(ref wmmf_frame frame, ReadOnlySpan<byte> user)
        {
            CheckUser(user);
            fixed (byte* bytes = frame.user)
                user.CopyTo(new Span<byte>(bytes, NativeMethods.WMMF_FRAME_USER_SIZE));
            frame.user_size = (uint)user.Length;
        }

        internal static void SetArray(ref wmmf_frame frame, FrameElement element, ReadOnlySpan<int> shape)
        {
            frame.element = (uint)element;
            frame.dimensions = (uint)shape.Length;
            for (var i = 0; i < shape.Length; i++)
                frame.shape[i] = (ulong)shape[i];
        }

        // Bytes of an array of this shape.
        internal static int BytesOf<T>(ReadOnlySpan<int> shape) where T : unmanaged
        {
            if (shape.Length > NativeMethods.WMMF_FRAME_DIMENSIONS_MAX)
                throw new ArgumentException(
                    $"{shape.Length} dimensions: expected at most {NativeMethods.WMMF_FRAME_DIMENSIONS_MAX}", nameof(shape));
            var bytes = (long)sizeof(T);
            foreach (var length in shape)
            {
                if (length < 0 || length != 0 && bytes > int.MaxValue / length)
                    throw new ArgumentOutOfRangeException(
                        nameof(shape), length, $"expected 0 or more, and at most {int.MaxValue} bytes in all");
                bytes *= length;
            }
            return (int)bytes;
        }

        // What a writer can do about a failure.
        internal static string Hint(WmmfStatus status) => status switch
        {
            WmmfStatus.Deadlock => "this thread has begun a frame: publish or dispose that first",
            WmmfStatus.ReadOnly => "the channel was opened with readOnly: true",
            _ => "",
        };

        internal static Exception Failure(in NativeResult result, in wmmf_frame frame, string channel) => WmmfException.Of(
            result,
            $"publish a frame of {frame.used} bytes, {frame.width} x {frame.height} '{new FourCC(frame.fourcc)}', stride {frame.stride}, "
            + $"in channel '{channel}'", Hint(result.Status));
    }
}
