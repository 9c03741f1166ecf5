using System;

namespace Wmmf
{
    // Maps .NET types to elements of an array.
    internal static class FrameElements
    {
        internal static FrameElement Of<T>() where T : unmanaged
        {
            if (typeof(T) == typeof(bool))
                return FrameElement.Bool;
            if (typeof(T) == typeof(sbyte))
                return FrameElement.Int8;
            if (typeof(T) == typeof(byte))
                return FrameElement.Uint8;
            if (typeof(T) == typeof(short))
                return FrameElement.Int16;
            if (typeof(T) == typeof(ushort))
                return FrameElement.Uint16;
            if (typeof(T) == typeof(int))
                return FrameElement.Int32;
            if (typeof(T) == typeof(uint))
                return FrameElement.Uint32;
            if (typeof(T) == typeof(long))
                return FrameElement.Int64;
            if (typeof(T) == typeof(ulong))
                return FrameElement.Uint64;
            if (typeof(T) == typeof(float))
                return FrameElement.Float32;
            if (typeof(T) == typeof(double))
                return FrameElement.Float64;
            if (typeof(T) == typeof(System.Numerics.Complex))
                return FrameElement.Complex128;
#if NET8_0_OR_GREATER
            if (typeof(T) == typeof(Half))
                return FrameElement.Float16;
#endif
            throw new NotSupportedException($"{typeof(T)} cannot be an element of an array frame");
        }

        // Refuses to show an array as elements of another size.
        internal static unsafe void Check<T>(FrameElement element) where T : unmanaged
        {
            if (element != FrameElement.None && Size(element) != sizeof(T))
                throw new InvalidOperationException(
                    $"the frame is an array of {element}, {Size(element)} bytes each; {typeof(T)} has {sizeof(T)}");
        }

        private static int Size(FrameElement element)
        {
            switch (element)
            {
                case FrameElement.Int16:
                case FrameElement.Uint16:
                case FrameElement.Float16:
                    return 2;
                case FrameElement.Int32:
                case FrameElement.Uint32:
                case FrameElement.Float32:
                    return 4;
                case FrameElement.Int64:
                case FrameElement.Uint64:
                case FrameElement.Float64:
                case FrameElement.Complex64:
                    return 8;
                case FrameElement.Complex128:
                    return 16;
                default:
                    return 1;
            }
        }
    }
}
