using System;
using System.IO;

namespace Wmmf
{
    /// <summary>The properties of every failure of the native library: <see cref="WmmfException"/>, its subclasses and
    /// <see cref="WmmfTimeoutException"/>.</summary>
    /// <example><code>
    /// try { file.Write(data); }
    /// catch (Exception e) when (e is IWmmfError error)
    /// {
    ///     logger.LogError(e, "shared memory: {Status}", error.Status);
    /// }
    /// </code></example>
    public interface IWmmfError
    {
        /// <summary>The status that the native call returned.</summary>
        WmmfStatus Status { get; }

        /// <summary>errno or GetLastError() if the operating system caused the failure, else 0.</summary>
        int OsError { get; }
    }

    /// <summary>A call of the native library failed; <see cref="Status"/> says why. The hierarchy is:
    /// <list type="bullet">
    /// <item><see cref="WmmfException"/>, an <see cref="IOException"/>: any status but the following;</item>
    /// <item><see cref="OwnerDiedException"/>, a WmmfException: a writer died while it held the lock;</item>
    /// <item><see cref="WmmfTimeoutException"/>, a <see cref="TimeoutException"/>: the timeout expired.</item>
    /// </list>
    /// All are <see cref="IWmmfError"/>. Wrong arguments that never reach the native library are
    /// <see cref="ArgumentException"/>s, disposed objects <see cref="ObjectDisposedException"/>.</summary>
    /// <example><code>
    /// try { file = MemoryMappedFile.Open("camera"); }
    /// catch (WmmfException e) when (e.Status == WmmfStatus.NotFound) { /* not there yet */ }
    /// </code></example>
    public class WmmfException : IOException, IWmmfError
    {
        /// <summary>Describes a failure.</summary>
        /// <param name="status">The status of the native call.</param>
        /// <param name="osError">The system's own code, or 0.</param>
        /// <param name="message">What was tried, and why it failed.</param>
        public WmmfException(WmmfStatus status, int osError, string message) : base(message)
        {
            Status = status;
            OsError = osError;
        }

        /// <inheritdoc/>
        public WmmfStatus Status { get; }

        /// <inheritdoc/>
        public int OsError { get; }

        // `hint` is advice.
        internal static unsafe Exception Of(in NativeResult result, string what, string hint = "")
        {
            var message = $"cannot {what}: {NativeText.At(NativeMethods.wmmf_strerror((int)result.Status))}"
                + (result.Detail.Length != 0 ? $": {result.Detail}" : "")
                + (result.OsError != 0 ? $" (system error {result.OsError})" : "")
                + (hint.Length != 0 ? $"; {hint}" : "");
            return result.Status switch
            {
                WmmfStatus.Timeout => new WmmfTimeoutException(message),
                WmmfStatus.OwnerDied => new OwnerDiedException(result.OsError, message),
                _ => new WmmfException(result.Status, result.OsError, message),
            };
        }
    }

    /// <summary>A writer died while it held the lock, so the payload may be half written. Nothing was done, and no lock is
    /// held.</summary>
    /// <example>The lines that repair:
    /// <code>
    /// using (var held = file.WriteLock(repair: true))
    ///     if (held.OwnerDied)
    ///     {
    ///         WriteAllOf(file);
    ///         file.MarkConsistent();
    ///     }
    /// </code></example>
    public sealed class OwnerDiedException : WmmfException
    {
        internal OwnerDiedException(int osError, string message) : base(WmmfStatus.OwnerDied, osError, message)
        {
        }
    }

    /// <summary>The timeout expired before the lock was free, or the frame or the change came. Nothing was done.</summary>
    /// <example><code>
    /// try { using var frame = channel.Next(TimeSpan.FromSeconds(1)); }
    /// catch (TimeoutException) { Console.WriteLine("the camera stands still"); }
    /// </code></example>
    public sealed class WmmfTimeoutException : TimeoutException, IWmmfError
    {
        internal WmmfTimeoutException(string message) : base(message)
        {
        }

        /// <summary>Always <see cref="WmmfStatus.Timeout"/>.</summary>
        public WmmfStatus Status => WmmfStatus.Timeout;

        /// <summary>Always 0: the system does not cause timeouts.</summary>
        public int OsError => 0;
    }
}
