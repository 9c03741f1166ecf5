"""Which check tries what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from . import c_packages, dotnet_packages, metadata, pythons, workflows

Check = tuple[str, Callable[[], str]]

CHECKS: list[Check] = [
    ("wheel manylinux2014_x86_64", partial(pythons.check_wheel, "*manylinux2014_x86_64.whl")),
    ("wheel manylinux2014_x86_64, for C", partial(pythons.check_compile_line, "*manylinux2014_x86_64.whl")),
    ("CPython 3.14, Linux", pythons.check_newest),
    ("wheel manylinux2014_aarch64", pythons.check_emulated_wheel),
    (
        "wheel musllinux_1_2_x86_64",
        partial(c_packages.check_wheels_library, "*musllinux*x86_64.whl", "x86_64-linux-musl"),
    ),
    (
        "wheel musllinux_1_2_aarch64",
        partial(c_packages.check_wheels_library, "*musllinux*aarch64.whl", "aarch64-linux-musl"),
    ),
    ("wheel win_amd64", pythons.check_windows_wheel),
    ("wheel win_amd64, for C", pythons.check_windows_compile_line),
    ("CPython 3.12 to 3.14, Windows", pythons.check_later_windows),
    ("wheel win32 and archive windows-x86", pythons.check_win32_wheel),
    ("tests of the C library, 32-bit Windows", c_packages.check_win32_suite),
    (
        "wheel win_arm64",
        partial(pythons.check_machine, "*win_arm64.whl", "pywinmmf/_native.pyd", "IMAGE_FILE_MACHINE_ARM64"),
    ),
    ("wheels, metadata", metadata.check_wheels),
    ("wheels, glibc", metadata.check_manylinux),
    ("wheels, DLLs", metadata.check_windows_dlls),
    ("project", metadata.check_project),
    ("sdist", pythons.check_sdist),
    ("archive linux-x86_64", c_packages.check_linux_archive),
    ("archive linux-aarch64", c_packages.check_emulated_archive),
    ("archive windows-x64", c_packages.check_windows_archive),
    (
        "archive windows-arm64",
        partial(c_packages.check_foreign_archive, "windows-arm64", "bin/wmmf.dll", "IMAGE_FILE_MACHINE_ARM64"),
    ),
    ("deb", c_packages.check_debs),
    ("conan", c_packages.check_conan),
    ("nuget", dotnet_packages.check_package),
    ("readme", pythons.check_readme),
    ("workflows", workflows.check_workflows),
]
NOT_TRIED = {
    "vcpkg": "no vcpkg here: written by its guide",
}
"""What is made and cannot be tried here, and why."""
SHORT = [
    *("native linux-x64", "archive linux-x86_64", "wheel manylinux2014_x86_64"),
    *("native win-x64", "archive windows-x64", "wheel win_amd64"),
    *("sdist", "deb", "wheels", "project", "readme", "workflows"),
]
"""What CI makes and tries, within some minutes."""
