using System;

namespace Wmmf
{
    // Texts of the native library.
    internal static unsafe class NativeText
    {
        internal delegate int Writing(byte* text, ulong capacity, ulong* needed);

        // A text that ends with NUL.
        internal static string At(byte* utf8)
        {
            var length = 0;
            while (utf8[length] != 0)
                length++;
            return System.Text.Encoding.UTF8.GetString(utf8, length);
        }

        // The text that a native call writes; only the library knows its length.
        internal static NativeResult Of(Writing call, out string text)
        {
            var bytes = new byte[256];
            for (;;)
            {
                ulong needed;
                NativeResult result;
                fixed (byte* start = bytes)
                    result = call(start, (ulong)bytes.Length, &needed);
                if (result.Status == WmmfStatus.Range)
                {
                    bytes = new byte[checked(needed + 1024)]; // more may come before the next call
                    continue;
                }
                text = result.IsOk ? Arguments.Utf8.GetString(bytes, 0, checked((int)needed)) : "";
                return result;
            }
        }
    }
}
