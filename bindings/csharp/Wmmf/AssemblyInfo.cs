using System.Runtime.InteropServices;

// The native library is looked for beside the assembly and where the system keeps its own, not in the current folder.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
#if NET8_0_OR_GREATER
[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]
#endif
