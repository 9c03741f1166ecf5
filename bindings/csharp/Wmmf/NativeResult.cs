namespace Wmmf
{
    // What a native call returned. Of a failure also the system's error and the library's details, which the next
    // native call of this thread erases: the conversion of a returned number reads them, so convert it at once, before
    // anything is released. A status that the layer itself finds has no details.
    internal readonly struct NativeResult
    {
        private readonly string? _detail;

        private NativeResult(WmmfStatus status, int osError, string? detail)
        {
            Status = status;
            OsError = osError;
            _detail = detail;
        }

        internal WmmfStatus Status { get; }

        internal int OsError { get; }

        internal string Detail => _detail ?? "";

        internal bool IsOk => Status == WmmfStatus.Ok;

        internal bool IsTimeout => Status == WmmfStatus.Timeout;

        public static implicit operator NativeResult(int returned) =>
            returned == (int)WmmfStatus.Ok ? default : OfFailure((WmmfStatus)returned);

        public static implicit operator NativeResult(WmmfStatus found) => new NativeResult(found, 0, null);

        private static unsafe NativeResult OfFailure(WmmfStatus status) => new NativeResult(
            status, NativeMethods.wmmf_last_os_error(), NativeText.At(NativeMethods.wmmf_last_detail()));
    }
}
