"""Builds the extension and, from the same C sources, the shared library that the wheel carries.

Everything that is not code is in pyproject.toml.

Cross-building for 64-bit Windows with mingw-w64 is steered by three environment variables:
PYWINMMF_CROSS=win_amd64, and PYWINMMF_CROSS_INCLUDE and PYWINMMF_CROSS_LIB, the include and libs folders of a
Python for Windows.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CROSS = os.environ.get("PYWINMMF_CROSS", "")
if CROSS not in ("", "win_amd64"):
    raise SystemExit(f"PYWINMMF_CROSS={CROSS}: expected win_amd64 or nothing")
WINDOWS = bool(CROSS) or sys.platform == "win32"

INCLUDE = "csrc/include"
OTHER_PLATFORM = "platform_posix.c" if WINDOWS else "platform_win.c"
SOURCES = sorted(str(path) for path in Path("csrc/src").glob("*.c") if path.name != OTHER_PLATFORM)
LIBRARIES = ["advapi32"] if WINDOWS else []
LIBRARY_NAME = "wmmf.dll" if WINDOWS else "libwmmf.so"
HIDDEN = ["-fvisibility=hidden"]


class BuildNative(build_ext):
    """The extension with the C library inside it, and the C library beside it."""

    def build_extensions(self) -> None:
        if CROSS:
            self._aim_at_windows()
        super().build_extensions()
        self._build_library()

    def build_extension(self, ext: Extension) -> None:
        ext.sources += SOURCES
        ext.depends += [str(path) for path in Path("csrc").rglob("*.h")]
        ext.include_dirs.append(INCLUDE)
        ext.define_macros += [("WMMF_STATIC", None), self._version_macro()]
        if ext.py_limited_api:
            ext.define_macros.append(("Py_LIMITED_API", "0x030B0000"))
        ext.extra_compile_args += HIDDEN
        ext.libraries += LIBRARIES
        super().build_extension(ext)

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split("."))) + ".pyd" if CROSS else super().get_ext_filename(fullname)

    def get_libraries(self, ext: Extension) -> list[str]:
        return [*ext.libraries, "python3"] if CROSS else super().get_libraries(ext)

    def get_outputs(self) -> list[str]:
        return [*super().get_outputs(), str(self._library_path())]

    def _aim_at_windows(self) -> None:
        gcc = ["x86_64-w64-mingw32-gcc", "-O2"]
        self.compiler.set_executables(compiler_so=gcc, linker_so=[*gcc, "-shared", "-static-libgcc", "-s"])
        self.compiler.set_include_dirs([os.environ["PYWINMMF_CROSS_INCLUDE"]])
        self.compiler.set_library_dirs([os.environ["PYWINMMF_CROSS_LIB"]])

    def _build_library(self) -> None:
        compiler = self.compiler
        objects = compiler.compile(
            SOURCES,
            output_dir=str(Path(self.build_temp, "library")),
            macros=[("WMMF_BUILD", None), self._version_macro()],
            include_dirs=[INCLUDE],
            extra_postargs=HIDDEN,
        )
        # The soname is the file's name: what links against this copy finds this copy.
        soname = [] if WINDOWS else [f"-Wl,-soname,{LIBRARY_NAME}"]
        compiler.link_shared_object(objects, str(self._library_path()), libraries=LIBRARIES, extra_postargs=soname)

    def _library_path(self) -> Path:
        return Path(self.get_ext_fullpath("pywinmmf._native")).with_name(LIBRARY_NAME)

    def _version_macro(self) -> tuple[str, str]:
        return "WMMF_VERSION_STRING", f'"{self.distribution.get_version()}"'


def options() -> dict[str, Any]:
    """The wheel's tag; a cross-build gets a build folder of its own, so that nothing native slips in."""
    if CROSS:
        return {
            "bdist_wheel": {"py_limited_api": "cp311", "plat_name": CROSS},
            "build": {"build_base": f"build/{CROSS}"},
        }
    return {"bdist_wheel": {"py_limited_api": "cp311"}}


setup(
    cffi_modules=["pywinmmf/_core/build.py:ffibuilder"],
    cmdclass={"build_ext": BuildNative},
    options=options(),
)
