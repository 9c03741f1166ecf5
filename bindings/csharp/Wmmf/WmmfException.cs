using System.IO;
using System.Runtime.InteropServices;

namespace Wmmf
{
    /// <summary>A call of the native library failed. <see cref="Status"/> says why, for example
    /// <c>catch (WmmfException e) when (e.Status == Status.Timeout)</c>.</summary>
    public sealed class WmmfException : IOException
    {
        /// <summary>Describes a failure.</summary>
        public WmmfException(Status status, int osError, string message) : base(message)
        {
            Status = status;
            OsError = osError;
        }

        /// <summary>The status that the native call returned.</summary>
        public Status Status { get; }

        /// <summary>errno or GetLastError() if the operating system refused something, else 0.</summary>
        public int OsError { get; }

        /// <summary>Throws if <paramref name="status"/> is a failure; <paramref name="what"/> says what was tried, with
        /// the values. Called on the thread of the failed call, whose system error it picks up.</summary>
        internal static void ThrowIfFailed(int status, string what)
        {
            if (status != (int)Status.Ok)
                throw Failure((Status)status, what);
        }

        internal static unsafe WmmfException Failure(Status status, string what)
        {
            var osError = IsFromTheSystem(status) ? NativeMethods.wmmf_last_os_error() : 0;
            // The native sentences are ASCII.
            var reason = Marshal.PtrToStringAnsi((System.IntPtr)NativeMethods.wmmf_strerror((int)status));
            return new WmmfException(status, osError, "cannot " + what + ": " + reason);
        }

        // With any other status the system's last code is that of an older call.
        private static bool IsFromTheSystem(Status status)
        {
            switch (status)
            {
                case Status.NameInvalid:
                case Status.NameTooLong:
                case Status.Exists:
                case Status.NotFound:
                case Status.Format:
                case Status.Access:
                case Status.NoMemory:
                case Status.Os:
                    return true;
                default:
                    return false;
            }
        }
    }
}
