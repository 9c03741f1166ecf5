"""A stand-in for Microsoft's compiler: clang-cl and lld-link, with the headers of Wine, which are made for it.

cl.exe is in no registry. clang-cl takes the same options and, like cl.exe, gives ``_MSC_VER``
and Microsoft's ABI, so the sources take the way that they take with cl.exe. The import libraries are made from the
names that Wine's DLLs have. What it cannot show: warnings of cl.exe alone, and its code.
"""

from __future__ import annotations

import functools
import re
import shlex
import shutil
from pathlib import Path

from lab import cache, winpython

HEADERS = Path("/usr/include/wine/wine")
WINE_LIBRARIES = Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows")
# The name that programs are linked with, and the DLL.
DLLS = {
    "kernel32": "kernel32.dll",
    "advapi32": "advapi32.dll",
    "ntdll": "ntdll.dll",
    "ucrtbase": "ucrtbase.dll",
    "vcruntime140": "vcruntime140.dll",
}
TARGETS = {"x64": "x86_64-pc-windows-msvc", "arm64": "aarch64-pc-windows-msvc"}
DLLTOOL_MACHINES = {"x64": "i386:x86-64", "arm64": "arm64"}
CMAKE_PROCESSORS = {"x64": "AMD64", "arm64": "ARM64"}
# The stack's cookie is of Microsoft's C runtime, which is not here.
OPTIONS = "--driver-mode=cl /GS- -fms-compatibility-version=19.29"
X86 = "--target=i686-pc-windows-msvc -msse2 -D_WIN32_WINNT=0x0602"


@functools.cache
def home() -> Path:
    """Return the folder with ``bin/cl.exe`` and ``bin/link.exe`` (x64), and of each of TARGETS a CMake toolchain
    file ``x64.cmake`` and a folder of import libraries ``x64/``; of x86 it has the compiler alone, ``bin/x86-cl``,
    because no import libraries of 32-bit Wine are here."""
    standin, missing, x86 = (cache.source(name) for name in ("msvc_runtime.c", "msvc_missing.h", "msvc_x86.h"))
    python = winpython.libs() / "python3_import.def"

    def make(folder: Path) -> None:
        if not (HEADERS / "msvcrt/crtdefs.h").exists():
            raise cache.LabError(f"no {HEADERS}/msvcrt: install the Debian package 'libwine-dev'")
        (folder / "bin").mkdir()
        for header in (missing, x86):
            shutil.copy(header, folder / "bin")
        _make_compiler(folder / "bin/x86-cl", X86, "msvc_x86.h", "msvc_missing.h")
        for arch, target in TARGETS.items():
            _make_libraries(folder / arch, DLLTOOL_MACHINES[arch], python)
            compiler = folder / f"bin/{arch}-cl"
            _make_compiler(
                compiler, f"--target={target} -D_InterlockedCompareExchange128=declared_by_winnt_h", "msvc_missing.h"
            )
            cache.checked(
                [compiler, "/nologo", "/c", "/O2", f"/Fo{folder / arch / 'standin.obj'}", "--", standin],
                "cannot compile it",
            )
            (folder / f"{arch}.cmake").write_text(_toolchain(arch))
        _make_tools_for_setuptools(folder / "bin")

    return cache.make_once("msvc", make, standin, missing, x86, python, OPTIONS, X86)


def toolchain(arch: str) -> Path:
    """Return the CMake toolchain file for "x64" or "arm64"."""
    return home() / f"{arch}.cmake"


def environment() -> dict[str, str]:
    """Return what setuptools' MSVCCompiler and the programs in ``bin`` need in the environment."""
    return {"PATH": f"{home() / 'bin'}:/usr/bin:/bin", "LIB": str(home() / "x64"), "DISTUTILS_USE_SDK": "1"}


def _includes() -> str:
    return f"/imsvc {HEADERS}/msvcrt /imsvc {HEADERS}/windows"


def _make_compiler(path: Path, options: str, *headers: str) -> None:
    """A script; ``headers`` lie beside it and are included before all others."""
    included = " ".join(f'/FI"$(dirname "$(readlink -f "$0")")"/{header}' for header in headers)
    clang = shlex.quote(cache.tool("clang", "clang"))
    cache.write_script(path, f'exec {clang} {OPTIONS} {options} {_includes()} {included} "$@"')


def _make_libraries(folder: Path, machine: str, python: Path) -> None:
    folder.mkdir()
    dlltool = cache.tool("llvm-dlltool", "llvm")
    for name, dll in DLLS.items():
        archive = WINE_LIBRARIES / f"lib{name}.a"
        if not archive.exists():
            raise cache.LabError(f"no {archive}: install the Debian package 'libwine-dev'")
        names = cache.checked(["llvm-nm", "--defined-only", "--format=just-symbols", archive], f"cannot read {archive}")
        exports = sorted(set(re.findall(r"^__imp_(\w+)$", names, re.M)))
        definition = folder / f"{name}.def"
        definition.write_text(f"LIBRARY {dll}\nEXPORTS\n" + "".join(f"{export}\n" for export in exports))
        cache.checked(
            [dlltool, "-m", machine, "-d", definition, "-l", folder / f"{name}.lib"], f"cannot make {name}.lib"
        )
    cache.checked([dlltool, "-m", machine, "-d", python, "-l", folder / "python3.lib"], "cannot make python3.lib")


def _toolchain(arch: str) -> str:
    folder = "${CMAKE_CURRENT_LIST_DIR}"
    libraries = " ".join(f"{name}.lib" for name in DLLS)
    return f"""set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR {CMAKE_PROCESSORS[arch]})
set(CMAKE_C_COMPILER {folder}/bin/{arch}-cl)
set(CMAKE_CXX_COMPILER {folder}/bin/{arch}-cl)
set(CMAKE_LINKER "{cache.tool("lld-link", "lld")}")
set(CMAKE_AR "{shutil.which("llvm-lib-14") or cache.tool("llvm-lib", "llvm")}")
set(CMAKE_RC_COMPILER "{cache.tool("llvm-rc", "llvm")}")
set(CMAKE_MT "{cache.tool("llvm-mt", "llvm")}")
set(CMAKE_RC_FLAGS_INIT "/I {HEADERS}/windows")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_STANDARD_LIBRARIES "{libraries} standin.obj" CACHE STRING "")
set(CMAKE_CXX_STANDARD_LIBRARIES "{libraries} standin.obj" CACHE STRING "")
foreach(kind SHARED MODULE EXE)
  set(CMAKE_${{kind}}_LINKER_FLAGS_INIT "/nodefaultlib /libpath:\\"{folder}/{arch}\\" /manifest:no")
endforeach()
"""


def _make_tools_for_setuptools(folder: Path) -> None:
    """cl.exe and link.exe as setuptools calls them; whole program optimisation is what they leave out."""
    leave_out = 'args=(); for a in "$@"; do case "$a" in /GL|/LTCG*) ;; *) args+=("$a");; esac; done'
    own = '$(dirname "$(readlink -f "$0")")'
    libraries = " ".join(f'"$L/{name}.lib"' for name in [*DLLS, "python3"])
    cache.write_script(folder / "cl.exe", f'{leave_out}\nexec "{own}/x64-cl" "${{args[@]}}"')
    cache.write_script(
        folder / "link.exe",
        f'{leave_out}\nL="{own}/../x64"\n'
        f'exec {shlex.quote(cache.tool("lld-link", "lld"))} "${{args[@]}}" /nodefaultlib "$L/standin.obj" {libraries}',
    )
    for unused in ("lib", "rc", "mc", "mt"):
        cache.write_script(folder / f"{unused}.exe", "exit 0")
