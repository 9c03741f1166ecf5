using System;
using System.IO;
using System.Runtime.InteropServices;

namespace Wmmf
{
    // Checks before the first native call that the native library exists and has the right ABI version.
    internal static class NativeLibraryLoader
    {
        private static bool s_isChecked;

        // Not in a static constructor: its errors would reach the caller only inside a TypeInitializationException.
        internal static void Ensure()
        {
            if (s_isChecked)
                return;
            LoadForNetFramework();
            int version;
            try
            {
                version = NativeMethods.wmmf_abi_version();
            }
            catch (DllNotFoundException error)
            {
                throw new DllNotFoundException(
                    $"the native library wmmf was not found for {Platform}. Looked for {FileName} in {AssemblyFolder()}, in "
                    + $"{Path.Combine("runtimes", Platform, "native")} there, beside the program ({AppContext.BaseDirectory}) "
                    + "and where the system looks for libraries. The package Wmmf carries it for win-x64, win-x86, win-arm64, "
                    + $"linux-x64, linux-arm64, linux-musl-x64 and linux-musl-arm64. ({error.Message})", error);
            }
            if (version != NativeMethods.WMMF_ABI_VERSION)
                throw new NotSupportedException(
                    $"the native library wmmf has ABI version {version}, expected {NativeMethods.WMMF_ABI_VERSION}: "
                    + "it is not the one that came with this assembly");
            s_isChecked = true;
        }

        private static string FileName => IsWindows ? "wmmf.dll" : "libwmmf.so";

#if NETCOREAPP
        private static bool IsWindows => RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

        private static string Platform
        {
            get
            {
#if NET8_0_OR_GREATER
                return RuntimeInformation.RuntimeIdentifier;
#else
                return (IsWindows ? "win-" : "linux-") + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
#endif
            }
        }
#else
        // Not RuntimeInformation, which .NET Framework before 4.7.1 does not have.
        private static bool IsWindows => Environment.OSVersion.Platform == PlatformID.Win32NT;

        private static string Architecture
        {
            get
            {
                var named = Environment.GetEnvironmentVariable("PROCESSOR_ARCHITECTURE"); // of this process; Windows only
                return IntPtr.Size == 4 ? "x86" : named == "ARM64" ? "arm64" : "x64";
            }
        }

        private static string Platform => (IsWindows ? "win-" : "linux-") + Architecture;
#endif

        private static string AssemblyFolder()
        {
#if NETCOREAPP
            return AppContext.BaseDirectory;
#else
            // Not Location: with shadow copies that is a folder without the native library.
            var assembly = new Uri(typeof(NativeLibraryLoader).Assembly.CodeBase);
            return Path.GetDirectoryName(assembly.LocalPath) ?? "";
#endif
        }

#if NETCOREAPP
        private static void LoadForNetFramework()
        {
        }
#else
        private const uint LoadWithAlteredSearchPath = 8;

        // .NET Framework has no runtimes folder: the package puts the library into x86, x64 or arm64 beside the
        // program. A loaded library of this name serves every later call. Otherwise the ordinary search goes on.
        private static void LoadForNetFramework()
        {
            var isNetFramework = typeof(object).Assembly.GetName().Name == "mscorlib" && Type.GetType("Mono.Runtime") == null;
            if (!isNetFramework || !IsWindows)
                return;
            var path = Path.Combine(AssemblyFolder(), Architecture, FileName);
            if (File.Exists(path))
                _ = LoadLibraryExW(path, IntPtr.Zero, LoadWithAlteredSearchPath);
        }

        [DllImport("kernel32", ExactSpelling = true, CharSet = CharSet.Unicode)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        private static extern IntPtr LoadLibraryExW(string path, IntPtr reserved, uint flags);
#endif
    }
}
