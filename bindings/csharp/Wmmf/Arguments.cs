using System;
using System.Text;

namespace Wmmf
{
    /// <summary>From what callers pass to what the native library takes, or a clear refusal.</summary>
    internal static unsafe class Arguments
    {
        // Strict: what is not Unicode is refused, not replaced.
        internal static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

        /// <summary>A native call that creates or opens.</summary>
        internal delegate int Opening(byte* name, wmmf_options* options, IntPtr* native);

        /// <summary>The native handle that such a call gives, which is the caller's to close.</summary>
        /// <param name="call">The call.</param>
        /// <param name="name">As <see cref="Text"/> gives it.</param>
        /// <param name="options">All but the security descriptor.</param>
        /// <param name="sddl">The security descriptor, or null.</param>
        /// <param name="what">What is tried, with the values, for the message of the exception.</param>
        internal static IntPtr Open(Opening call, byte[] name, wmmf_options options, string? sddl, string what)
        {
            CheckLibrary();
            fixed (byte* text = name, descriptor = Descriptor(sddl, (SectionAccess)options.access))
            {
                IntPtr native;
                options.sddl = descriptor;
                WmmfException.ThrowIfFailed(call(text, &options, &native), what);
                return native;
            }
        }

        // Not in a static constructor: its errors would reach the caller only inside a TypeInitializationException.
        internal static void CheckLibrary()
        {
            var version = NativeMethods.wmmf_abi_version();
            if (version != NativeMethods.WMMF_ABI_VERSION)
                throw new NotSupportedException(
                    $"the native library wmmf has ABI version {version}, expected {NativeMethods.WMMF_ABI_VERSION}");
        }

        internal static wmmf_options Options(
            SectionNamespace nameSpace, SectionLayout layout, SectionAccess access = SectionAccess.Owner, int mode = 0, int participants = 0,
            bool readOnly = false)
        {
            if (mode < 0 || mode > 511)
                throw new ArgumentOutOfRangeException(nameof(mode), mode, "expected 0 to 511 (octal 777)");
            if (participants < 0 || participants > NativeMethods.WMMF_PARTICIPANTS_MAX)
                throw new ArgumentOutOfRangeException(
                    nameof(participants), participants, $"expected 0 to {NativeMethods.WMMF_PARTICIPANTS_MAX}");
            Known(nameSpace, nameof(nameSpace));
            Known(layout, nameof(layout));
            Known(access, nameof(access));
            return new wmmf_options
            {
                struct_size = (uint)sizeof(wmmf_options),
                name_space = (uint)nameSpace,
                layout = (uint)layout,
                access = (uint)access,
                mode = (uint)mode,
                participants = (uint)participants,
                read_only = readOnly ? 1u : 0u,
            };
        }

        private static void Known<T>(T value, string parameter) where T : struct, Enum
        {
            if (!Enum.IsDefined(typeof(T), value))
                throw new ArgumentOutOfRangeException(
                    parameter, value, $"expected {string.Join(", ", Enum.GetNames(typeof(T)))}");
        }

        /// <summary>The security descriptor, which goes with <see cref="SectionAccess.Sddl"/> and with nothing else.</summary>
        private static byte[]? Descriptor(string? sddl, SectionAccess access)
        {
            if ((sddl != null) != (access == SectionAccess.Sddl))
                throw new ArgumentException(
                    $"{(sddl == null ? "null" : $"'{sddl}'")} with access {access}: expected a security descriptor with "
                    + $"{SectionAccess.Sddl}, else null", nameof(sddl));
            return sddl == null ? null : Text(sddl, nameof(sddl));
        }

        internal static byte[] Text(string value, string parameter)
        {
            if (value == null)
                throw new ArgumentNullException(parameter);
            if (value.IndexOf('\0') >= 0)
                throw new ArgumentException($"'{value}' contains NUL, which ends a name", parameter);
            try
            {
                return Utf8.GetBytes(value + "\0");
            }
            catch (EncoderFallbackException)
            {
                throw new ArgumentException($"'{value}' is not well-formed Unicode", parameter);
            }
        }

        internal static ulong Bytes(long value, string parameter)
        {
            if (value < 0)
                throw new ArgumentOutOfRangeException(parameter, value, "expected 0 or more bytes");
            return (ulong)value;
        }

        /// <summary>Refuses rows that are too short for their pixels.</summary>
        internal static void Rows(wmmf_frame frame, string parameter)
        {
            var format = new FourCC(frame.fourcc);
            var least = (ulong)frame.width * format.PixelSize;
            if (frame.stride != 0 && frame.stride < least)
                throw new ArgumentException(
                    $"stride {frame.stride}, width {frame.width}, format '{format}': expected at least {least}", parameter);
        }

        internal static uint NotNegative(int value, string parameter)
        {
            if (value < 0)
                throw new ArgumentOutOfRangeException(parameter, value, "expected 0 or more");
            return (uint)value;
        }
    }
}
