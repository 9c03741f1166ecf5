"""Folders with programs of other releases of Debian, or for other processors, unpacked by Debian's own mmdebstrap.

Nothing is installed: programs of another processor run under qemu, those of another release by that release's own
loader, 32-bit Wine in a chroot.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab import cache

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
ARM64_PACKAGES = ("python3", "python3-cffi", "musl")
NEWEST_PACKAGES = ("python3.14", "python3-cffi")
WINE32_PACKAGES = ("wine", "wine64", "wine32:i386")


def arm64() -> Path:
    """Return the folder with Debian 12's Python, cffi and both C libraries for ARM64, for ``qemu-aarch64 -L``."""
    return _unpacked("debian-arm64", "bookworm", "extract", "arm64", ARM64_PACKAGES)


def newest() -> Path:
    """Return the folder with CPython 3.14 and cffi, of the release after the next but one."""
    return _unpacked("debian-newest", "forky", "extract", "amd64", NEWEST_PACKAGES)


def newest_python() -> list[str]:
    """Return the command that runs that Python; PYTHONHOME must be the folder's ``usr``."""
    folder = newest()
    libraries = folder / Path(LOADER).parent
    return [str(folder / LOADER), "--library-path", str(libraries), str(folder / "usr/bin/python3.14")]


def wine32() -> Path:
    """Return the folder with Debian 12 and a Wine that runs 32-bit programs, to be entered by ``chroot_command``."""
    return _unpacked("debian-wine32", "bookworm", "minbase", "amd64,i386", WINE32_PACKAGES)


def chroot_command(folder: Path, inside: Path, command: Sequence[str]) -> list[str]:
    """Return the command, to be run by root, that sees ``folder`` as the system and ``inside`` as /mnt; what it mounts
    is gone with it."""
    script = (
        'root=$1 inside=$2; shift 2; mount --bind /proc "$root/proc" && mount --bind /dev "$root/dev" && '
        'mount --bind "$inside" "$root/mnt" && exec chroot "$root" "$@"'
    )
    return ["unshare", "--mount", "sh", "-ec", script, "sh", str(folder), str(inside), *command]


def _unpacked(name: str, suite: str, variant: str, architectures: str, packages: Sequence[str]) -> Path:
    mirror = f"deb {_mirror()} {suite} main"

    def make(folder: Path) -> None:
        # The stored index of a release that is being made may be older than it says it may be.
        age = ['--aptopt=Acquire::Check-Valid-Until "false"']
        chosen = [f"--variant={variant}", f"--architectures={architectures}", f"--include={','.join(packages)}"]
        command = [cache.tool("mmdebstrap", "mmdebstrap"), "--quiet", *age, *chosen, f"--keyring={KEYRING}"]
        cache.checked([*command, suite, folder, mirror], f"cannot unpack {', '.join(packages)} of Debian {suite}")
        if variant == "extract":  # qemu would take what is here for the machine's own
            for name in ("dev", "proc", "run", "tmp"):
                shutil.rmtree(folder / name, ignore_errors=True)

    return cache.make_once(name, make, suite, variant, architectures, *packages)


def _mirror() -> str:
    """Return the address that this machine itself has Debian's packages from."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"]
    listed = subprocess.run(asked, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout.split()
    mirrors = [uri for uri in listed[::2] if uri.rstrip("/").endswith("/debian")]
    if not mirrors:
        raise cache.LabError("apt's sources name no mirror of Debian")
    return mirrors[0]
