using System.IO;
using System.Runtime.InteropServices;

namespace Wmmf
{
    /// <summary>A call of the native library failed. <see cref="Status"/> says why, for example
    /// <c>catch (WmmfException e) when (e.Status == WmmfStatus.Timeout)</c>.</summary>
    public sealed class WmmfException : IOException
    {
        /// <summary>Describes a failure.</summary>
        public WmmfException(WmmfStatus status, int osError, string message) : base(message)
        {
            Status = status;
            OsError = osError;
        }

        /// <summary>The status that the native call returned.</summary>
        public WmmfStatus Status { get; }

        /// <summary>errno or GetLastError() if the operating system refused something, else 0.</summary>
        public int OsError { get; }

        /// <summary>Throws if <paramref name="status"/> is a failure; <paramref name="what"/> says what was tried, with
        /// the values. Called on the thread of the failed call, whose system error it picks up.</summary>
        internal static void ThrowIfFailed(int status, string what)
        {
            if (status != (int)WmmfStatus.Ok)
                throw Failure((WmmfStatus)status, what);
        }

        internal static unsafe WmmfException Failure(WmmfStatus status, string what)
        {
            var osError = IsFromTheSystem(status) ? NativeMethods.wmmf_last_os_error() : 0;
            // The native sentences are ASCII.
            var reason = Marshal.PtrToStringAnsi((System.IntPtr)NativeMethods.wmmf_strerror((int)status));
            return new WmmfException(status, osError, "cannot " + what + ": " + reason);
        }

        // With any other status the system's last code is that of an older call.
        private static bool IsFromTheSystem(WmmfStatus status)
        {
            switch (status)
            {
                case WmmfStatus.NameInvalid:
                case WmmfStatus.NameTooLong:
                case WmmfStatus.Exists:
                case WmmfStatus.NotFound:
                case WmmfStatus.Format:
                case WmmfStatus.Access:
                case WmmfStatus.NoMemory:
                case WmmfStatus.Os:
                    return true;
                default:
                    return false;
            }
        }
    }
}
