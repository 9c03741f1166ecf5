"""The choices that a section is made or opened with. Written by bindings/generate.py from wmmf.h: do not edit."""

from enum import IntEnum


class Namespace(IntEnum):
    """Where a name is looked up."""

    LOCAL = 0
    r"""This user; on Windows (Local\) this session."""
    GLOBAL = 1
    r"""The machine; on Windows (Global\) creating takes the right SeCreateGlobalPrivilege."""
    CUSTOM = 2
    """The name exactly as given to the operating system."""
    ANY = 3
    """For opening only: WMMF_GLOBAL, and if nothing has the name there, WMMF_LOCAL."""


class Layout(IntEnum):
    """What the bytes of a section mean."""

    NATIVE = 0
    """Our header with lock, sequence and participants, then the payload."""
    WINMMF = 1
    """The Rust crate WinMMF: a 4-byte lock word, then the payload."""
    RAW = 2
    """Payload only; nothing to lock."""


class Access(IntEnum):
    """Who may open a section, besides its creator. On Windows WMMF_ACCESS_USERS_WRITE of the winmmf and raw layouts
    grants what programs of other makers ask for, and that includes changing the access itself. The winmmf layout has no
    read-only access (WMMF_E_NOT_SUPPORTED): its programs ask for all rights even to read."""

    OWNER = 0
    """No other user (0600; a DACL with the creating user and the system)."""
    USERS_READ = 1
    """Every user of the machine, read-only (0644)."""
    USERS_WRITE = 2
    """Every user of the machine (0666)."""


class Element(IntEnum):
    """What an array is made of; little endian. Complex numbers are two floats, the real part first."""

    NONE = 0
    """No array: a picture, or bytes."""
    BOOL = 1
    """A byte, 0 or 1."""
    INT8 = 2
    """Signed, 8 bits."""
    UINT8 = 3
    """Unsigned, 8 bits."""
    INT16 = 4
    """Signed, 16 bits."""
    UINT16 = 5
    """Unsigned, 16 bits."""
    INT32 = 6
    """Signed, 32 bits."""
    UINT32 = 7
    """Unsigned, 32 bits."""
    INT64 = 8
    """Signed, 64 bits."""
    UINT64 = 9
    """Unsigned, 64 bits."""
    FLOAT16 = 10
    """IEEE 754, 16 bits."""
    FLOAT32 = 11
    """IEEE 754, 32 bits."""
    FLOAT64 = 12
    """IEEE 754, 64 bits."""
    COMPLEX64 = 13
    """Two of 32 bits."""
    COMPLEX128 = 14
    """Two of 64 bits."""


class ChannelState(IntEnum):
    """The state of a channel."""

    LIVE = 0
    """A program is there to publish."""
    STALLED = 1
    """As LIVE, but no frame has come for some time."""
    HUNG_UP = 2
    """The last program that published died, and none took over."""
    GONE = 3
    """The last program that published has closed it."""
