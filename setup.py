"""Builds the extension and, from the same C sources, the shared library that the wheel carries.

Everything that is not code is in pyproject.toml.

These environment variables control cross-building for Windows with mingw-w64's gcc or with zig:
PYWINMMF_CROSS=win_amd64 (win32, win_arm64); PYWINMMF_CROSS_CC, the compiler's command (x86_64-w64-mingw32-gcc);
PYWINMMF_CROSS_INCLUDE and PYWINMMF_CROSS_LIB, the include and libs folders of a Python for that Windows.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CROSS = os.environ.get("PYWINMMF_CROSS", "")
if CROSS not in ("", "win_amd64", "win32", "win_arm64"):
    raise SystemExit(f"PYWINMMF_CROSS={CROSS}: expected win_amd64, win32, win_arm64 or nothing")
WINDOWS = bool(CROSS) or sys.platform == "win32"
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))  # has no stable ABI

INCLUDE = "csrc/include"
OTHER_PLATFORM = "_posix" if WINDOWS else "_win"
SOURCES = sorted(str(path) for path in Path("csrc/src").glob("*.c") if not path.stem.endswith(OTHER_PLATFORM))
LIBRARIES = ["advapi32"] if WINDOWS else []
LIBRARY_NAME = "wmmf.dll" if WINDOWS else "libwmmf.so"
IMPORT_LIBRARY_NAME = "wmmf.lib"


class BuildNative(build_ext):
    """The extension with the C library inside it, and the C library beside it."""

    def build_extensions(self) -> None:
        if CROSS:
            self._aim_at_windows()
        elif not WINDOWS:  # on Windows setuptools says where to get the compiler
            check_tools(self.compiler.compiler[0])
        super().build_extensions()
        self._build_library()

    def build_extension(self, ext: Extension) -> None:
        ext.sources += [*SOURCES, *sorted(str(path) for path in Path("pywinmmf/_core").glob("hold*.c"))]
        ext.depends += ["pywinmmf/_core/hold.h", *(str(path) for path in Path("csrc").rglob("*.h"))]
        ext.include_dirs += [INCLUDE, "csrc/src"]
        ext.define_macros += [("WMMF_STATIC", None), self._version_macro()]
        if ext.py_limited_api:
            ext.define_macros.append(("Py_LIMITED_API", "0x030b0000"))
        ext.extra_compile_args += self._compile_options()
        ext.libraries += LIBRARIES
        super().build_extension(ext)

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split("."))) + ".pyd" if CROSS else super().get_ext_filename(fullname)

    def get_libraries(self, ext: Extension) -> list[str]:
        return [*ext.libraries, "python3"] if CROSS else super().get_libraries(ext)

    def get_outputs(self) -> list[str]:
        return [*super().get_outputs(), *map(str, self._library_files())]

    def copy_extensions_to_source(self) -> None:
        """For editable installations: the library goes where its extension goes."""
        super().copy_extensions_to_source()
        package = self.get_finalized_command("build_py").get_package_dir("pywinmmf")
        for file in self._library_files():
            self.copy_file(str(file), str(Path(package, file.name)))

    def _aim_at_windows(self) -> None:
        if self.compiler.compiler_type != "msvc":
            command = shlex.split(os.environ.get("PYWINMMF_CROSS_CC", "x86_64-w64-mingw32-gcc"))
            static = [] if "zig" in command[0] else ["-static-libgcc"]
            self.compiler.set_executables(
                compiler_so=[*command, "-O2"], linker_so=[*command, "-O2", "-shared", *static, "-s"]
            )
        self.compiler.set_include_dirs([os.environ["PYWINMMF_CROSS_INCLUDE"]])
        self.compiler.set_library_dirs([os.environ["PYWINMMF_CROSS_LIB"]])

    def _build_library(self) -> None:
        compiler, library = self.compiler, self._library_files()[0]
        msvc = compiler.compiler_type == "msvc"
        objects = compiler.compile(
            SOURCES,
            output_dir=str(Path(self.build_temp, "library")),
            macros=[("WMMF_BUILD", None), self._version_macro()],
            include_dirs=[INCLUDE],
            # Programs that load it may lack VCRUNTIME140.dll, which is not a part of Windows.
            extra_postargs=[*self._compile_options(), *(["/MT"] if msvc else [])],
        )
        if msvc:
            options = [f"/IMPLIB:{library.with_name(IMPORT_LIBRARY_NAME)}"]
            options += ["/NODEFAULTLIB:libucrt.lib", "/DEFAULTLIB:ucrt.lib"]  # the part of the runtime that Windows has
        elif WINDOWS:
            options = [f"-Wl,--out-implib,{library.with_name(IMPORT_LIBRARY_NAME)}"]
        else:
            options = [f"-Wl,-soname,{LIBRARY_NAME}"]  # programs linked against this copy find this copy
        compiler.link_shared_object(objects, str(library), libraries=LIBRARIES, extra_postargs=options)

    def _compile_options(self) -> list[str]:
        return [] if self.compiler.compiler_type == "msvc" else ["-fvisibility=hidden"]

    def _library_files(self) -> list[Path]:
        library = Path(self.build_lib, "pywinmmf", LIBRARY_NAME)
        return [library, library.with_name(IMPORT_LIBRARY_NAME)] if WINDOWS else [library]

    def _version_macro(self) -> tuple[str, str]:
        return "WMMF_VERSION_STRING", f'"{self.distribution.get_version()}"'


def check_tools(compiler: str) -> None:
    """Say what to install, before the build fails with a missing file."""
    header = Path(sysconfig.get_path("include"), "Python.h")
    missing = [] if shutil.which(compiler) else [f"compiler {compiler}"]
    missing += [] if header.exists() else [str(header)]
    if missing:
        raise SystemExit(
            f"pywinmmf is built from C, and there is no {' and no '.join(missing)}: install gcc and "
            "python3-dev (Debian, Ubuntu), or gcc and python3-devel (Fedora, openSUSE), or a wheel"
        )


def options() -> dict[str, Any]:
    """The wheel's tag. A cross-build gets its own build folder, so that nothing native slips in."""
    wheel = {} if FREE_THREADED else {"py_limited_api": "cp311"}
    if CROSS:
        return {"bdist_wheel": {**wheel, "plat_name": CROSS}, "build": {"build_base": f"build/{CROSS}"}}
    return {"bdist_wheel": wheel}


setup(
    cffi_modules=["pywinmmf/_core/build.py:ffibuilder"],
    cmdclass={"build_ext": BuildNative},
    options=options(),
)
