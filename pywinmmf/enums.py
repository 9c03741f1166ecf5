"""The choices that every section is made or opened with. The numbers are those of wmmf.h."""

from enum import IntEnum

from ._core.binding import lib


class Namespace(IntEnum):
    """Where a name is looked up."""

    LOCAL = lib.WMMF_LOCAL
    r"""Windows: ``Local\``, this session. POSIX: this user."""
    GLOBAL = lib.WMMF_GLOBAL
    r"""Windows: ``Global\``, the machine; to create there takes a privilege. POSIX: the machine."""
    CUSTOM = lib.WMMF_CUSTOM
    """The name exactly as given to the operating system."""


class Layout(IntEnum):
    """What the bytes of a section mean."""

    NATIVE = lib.WMMF_NATIVE
    """A header with lock, sequence number and participants, then the payload."""
    WINMMF = lib.WMMF_WINMMF
    """The format of the Rust crate WinMMF: a 4-byte lock word, then the payload."""
    RAW = lib.WMMF_RAW
    """Payload only, nothing to lock: what other programs publish."""


class Access(IntEnum):
    """Who may open a section that is being created, besides its creator."""

    OWNER = lib.WMMF_ACCESS_OWNER
    """Nobody else."""
    USERS_READ = lib.WMMF_ACCESS_USERS_READ
    """Every user of the machine, read-only."""
    USERS_WRITE = lib.WMMF_ACCESS_USERS_WRITE
    """Every user of the machine."""
