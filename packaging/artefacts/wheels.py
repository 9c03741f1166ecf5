"""The Python package: a wheel for each platform, and the source distribution."""

from __future__ import annotations

import base64
import hashlib
import shlex
import shutil
import sys
import sysconfig
from functools import partial
from pathlib import Path

from lab import cache, winpython, zig

from . import sbom
from .archive import change_zip, write_tar_gz
from .platforms import Platform
from .source import DIST, VERSION, WORK, cleared, copy_to, run, without_folder

DLLTOOL_MACHINES = {"win-x64": "i386:x86-64", "win-x86": "i386", "win-arm64": "arm64"}


def build(platform: Platform) -> Path:
    """Build the wheel for every CPython from 3.11 on."""
    folder = cleared(WORK / "wheels" / platform.rid)
    source = copy_to(folder / "source")
    compiler = zig.toolchain(platform.zig) / "cc"
    environment = _windows(platform, compiler, folder) if platform.windows else _linux(platform, compiler, source)
    run(
        *(sys.executable, "setup.py", "-q", "bdist_wheel", "--plat-name", platform.wheel, "-d", folder),
        cwd=source,
        env=environment,
    )
    (made,) = folder.glob("*.whl")
    change_zip(made, partial(_add_bill, platform))
    return Path(shutil.copy(made, DIST))


def build_sdist() -> Path:
    """Pack the sources, all that git has."""
    folder = cleared(WORK / "sdist")
    source = copy_to(folder / "source")
    run(sys.executable, "setup.py", "-q", "sdist", "-d", folder, "--owner=root", "--group=root", cwd=source)
    (made,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(made, folder)
    unpacked = folder / f"pywinmmf-{VERSION}"
    return write_tar_gz(unpacked, DIST / made.name, unpacked.name)


def _linux(platform: Platform, compiler: Path, source: Path) -> dict[str, str]:
    command = shlex.quote(str(compiler))
    return {
        "CC": command,
        "LDSHARED": f"{command} -shared",
        "CFLAGS": f"-O2 -g0 -I{shlex.quote(str(_linux_headers(source)))} {without_folder(source)}",
        "LDFLAGS": "-s",
        "_PYTHON_HOST_PLATFORM": f"linux-{platform.zig.split('-')[0]}",
    }


def _windows(platform: Platform, compiler: Path, folder: Path) -> dict[str, str]:
    libraries = folder / "libs"
    libraries.mkdir()
    definition = winpython.libs() / "python3_import.def"
    dlltool = cache.tool("llvm-dlltool-14", "llvm-14")
    run(dlltool, "-m", DLLTOOL_MACHINES[platform.rid], "-d", definition, "-l", libraries / "libpython3.a")
    return {
        "PYWINMMF_CROSS": platform.wheel,
        "PYWINMMF_CROSS_CC": shlex.quote(str(compiler)),
        "PYWINMMF_CROSS_INCLUDE": str(_windows_headers(platform, folder)),
        "PYWINMMF_CROSS_LIB": str(libraries),
    }


def _linux_headers(source: Path) -> Path:
    """Return a folder with Python.h and its pyconfig.h. Debian has that where only its own compilers look."""
    include = Path(sysconfig.get_path("include"))
    headers = Path(shutil.copytree(include, source / "build/python"))
    of_debian = include.parent / sysconfig.get_config_var("MULTIARCH") / include.name / "pyconfig.h"
    if of_debian.exists():
        shutil.copy(of_debian, headers)
    return headers


def _windows_headers(platform: Platform, folder: Path) -> Path:
    """Return the folder of Python.h; the lab's pyconfig.h is that of a 64-bit Windows."""
    if platform.rid != "win-x86":
        return winpython.include()
    headers = Path(shutil.copytree(winpython.include(), folder / "include"))
    config = (headers / "pyconfig.h").read_text()
    for wide, narrow in (("MS_WIN64\n", "MS_WIN32\n"), ("VOID_P       8", "VOID_P 4"), ("SIZE_T       8", "SIZE_T 4")):
        assert wide in config
        config = config.replace(wide, narrow)
    (headers / "pyconfig.h").write_text(config)
    return headers


def _add_bill(platform: Platform, wheel: dict[str, bytes]) -> None:
    """PEP 770: the bill lies in the wheel's .dist-info/sboms, and RECORD names it."""
    information = f"pywinmmf-{VERSION}.dist-info"
    bill = sbom.document("pywinmmf", platform.wheel).encode()
    place = f"{information}/sboms/pywinmmf.cdx.json"
    digest = base64.urlsafe_b64encode(hashlib.sha256(bill).digest()).rstrip(b"=").decode()
    record = wheel[f"{information}/RECORD"].decode()
    wheel[f"{information}/RECORD"] = f"{place},sha256={digest},{len(bill)}\n{record}".encode()
    wheel[place] = bill
