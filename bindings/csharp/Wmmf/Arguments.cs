using System;
using System.Text;
using System.Threading;

namespace Wmmf
{
    // Converts arguments for the native library, or refuses them.
    internal static unsafe class Arguments
    {
        // Strict: text that is not Unicode is refused, not replaced.
        internal static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

        internal delegate int Opening(byte* name, wmmf_options* options, IntPtr* native);

        // The handle of a native call, if it succeeds. `options`: everything except the security descriptor.
        internal static NativeResult TryOpen(
            Opening call, string name, string parameter, wmmf_options options, string? sddl, out IntPtr native)
        {
            NativeLibraryLoader.Ensure();
            fixed (byte* text = Text(name, parameter), descriptor = Descriptor(sddl, (SectionAccess)options.access))
            {
                IntPtr opened = default;
                options.sddl = descriptor;
                NativeResult result = call(text, &options, &opened);
                native = opened;
                return result;
            }
        }

        // The handle of a mapped file, if it succeeds. `described`: everything except the name.
        internal static NativeResult TryMap(string path, string? name, ulong size, wmmf_file_options described, out IntPtr native)
        {
            NativeLibraryLoader.Ensure();
            fixed (byte* text = Text(path, nameof(path)), named = name == null ? null : Text(name, "mapName"))
            {
                IntPtr mapped = default;
                described.name = named;
                NativeResult result = NativeMethods.wmmf_map_file(text, size, &described, &mapped);
                native = mapped;
                return result;
            }
        }

        // A hint about a failure to open or create.
        internal static string Hint(WmmfStatus status, string name, bool readOnly)
        {
            switch (status)
            {
                case WmmfStatus.NameInvalid when name.StartsWith(@"Global\", StringComparison.Ordinal):
                    return $"give the name without Global\\, and nameSpace: {nameof(SectionNamespace)}.{SectionNamespace.Global}";
                case WmmfStatus.NameInvalid when name.StartsWith(@"Local\", StringComparison.Ordinal):
                    return $"give the name without Local\\: {nameof(SectionNamespace)}.{SectionNamespace.Local} is the default";
                case WmmfStatus.Access when !readOnly:
                    return "if you only read, open it with readOnly: true";
                default:
                    return "";
            }
        }

        internal static wmmf_options Options(
            SectionNamespace nameSpace, SectionLayout layout, SectionAccess access = SectionAccess.Owner, int mode = 0,
            int participants = 0, bool readOnly = false, long reserve = 0, int locks = 0,
            SectionMemory memory = SectionMemory.Ordinary, bool ownOnly = false)
        {
            if (mode < 0 || mode > 511)
                throw new ArgumentOutOfRangeException(nameof(mode), mode, "expected 0 to 511 (octal 777)");
            if (mode != 0 && access != SectionAccess.Mode)
                throw new ArgumentException(
                    $"mode {mode} with access {access}: a mode needs access: {nameof(SectionAccess)}.{SectionAccess.Mode}", nameof(mode));
            Within(participants, NativeMethods.WMMF_PARTICIPANTS_MAX, nameof(participants));
            Within(locks, NativeMethods.WMMF_LOCKS_MAX, nameof(locks));
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
                reserve = Bytes(reserve, nameof(reserve)),
                locks = (uint)locks,
                flags = (uint)memory,
                own_only = ownOnly ? 1u : 0u,
            };
        }

        internal static void Known<T>(T value, string parameter) where T : struct, Enum
        {
#if NET8_0_OR_GREATER
            var isKnown = Enum.IsDefined(value);
            var names = Enum.GetNames<T>();
#else
            var isKnown = Enum.IsDefined(typeof(T), value);
            var names = Enum.GetNames(typeof(T));
#endif
            if (!isKnown)
                throw new ArgumentOutOfRangeException(parameter, value, $"expected {string.Join(", ", names)}");
        }

        private static byte[]? Descriptor(string? sddl, SectionAccess access)
        {
            if ((sddl != null) != (access == SectionAccess.Sddl))
                throw new ArgumentException(
                    $"{(sddl == null ? "null" : $"'{sddl}'")} with access {access}: expected a security descriptor with "
                    + $"{SectionAccess.Sddl}, else null", nameof(sddl));
            return sddl == null ? null : Text(sddl, nameof(sddl));
        }

        private static byte[] Text(string value, string parameter)
        {
            NotNull(value, parameter);
            foreach (var character in value)
                if (character == '\0')
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

        internal static void NotNull(object? value, string parameter)
        {
#if NET8_0_OR_GREATER
            ArgumentNullException.ThrowIfNull(value, parameter);
#else
            if (value == null)
                throw new ArgumentNullException(parameter);
#endif
        }

        internal static void NotNull(IntPtr value, string parameter)
        {
            if (value == IntPtr.Zero)
                throw new ArgumentNullException(parameter);
        }

        internal static ulong Bytes(long value, string parameter)
        {
            if (value < 0)
                throw new ArgumentOutOfRangeException(parameter, value, "expected 0 or more bytes");
            return (ulong)value;
        }

        internal static uint NotNegative(int value, string parameter)
        {
            if (value < 0)
                throw new ArgumentOutOfRangeException(parameter, value, "expected 0 or more");
            return (uint)value;
        }

        // At most `limit`, for example an offset.
        internal static void Within(long value, long limit, string parameter)
        {
            if (value < 0 || value > limit)
                throw new ArgumentOutOfRangeException(parameter, value, $"expected 0 to {limit}");
        }

        // Nanoseconds; -1 for null and Timeout.InfiniteTimeSpan, which wait for ever.
        internal static long Nanoseconds(TimeSpan? timeout, string parameter = "timeout")
        {
            if (timeout == null || timeout == Timeout.InfiniteTimeSpan)
                return -1;
            var ticks = timeout.Value.Ticks;
            if (ticks < 0)
                throw new ArgumentOutOfRangeException(
                    parameter, timeout, "expected zero or more, null or Timeout.InfiniteTimeSpan");
            return ticks > long.MaxValue / 100 ? long.MaxValue : ticks * 100;
        }
    }
}
