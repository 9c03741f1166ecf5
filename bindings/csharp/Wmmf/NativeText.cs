using System;

namespace Wmmf
{
    // Texts of the native library, whose length only the library knows.
    internal static unsafe class NativeText
    {
        internal delegate int Writing(byte* text, ulong capacity, ulong* needed);

        // Returns the text that a native call writes, or its status.
        internal static int Of(Writing call, out string text)
        {
            var bytes = new byte[256];
            for (;;)
            {
                ulong needed;
                int status;
                fixed (byte* start = bytes)
                    status = call(start, (ulong)bytes.Length, &needed);
                if (status == (int)WmmfStatus.Range)
                {
                    bytes = new byte[checked(needed + 1024)]; // more may come before the next call
                    continue;
                }
                text = status == (int)WmmfStatus.Ok ? Arguments.Utf8.GetString(bytes, 0, checked((int)needed)) : "";
                return status;
            }
        }
    }
}
