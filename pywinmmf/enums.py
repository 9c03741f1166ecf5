"""The choices that a section is made or opened with. Written by bindings/generate.py from wmmf.h: do not edit."""

from enum import IntEnum


class Status(IntEnum):
    """Status of a call. The values never change; new ones are appended."""

    OK = 0
    """Success."""
    ARGUMENT = -1
    """A NULL pointer, an unknown enum value or a reserved field that is not 0."""
    SIZE = -2
    """The size is 0, too large for this machine, or larger than the section."""
    RANGE = -3
    """Offset + length reaches outside the section."""
    STRUCT_SIZE = -4
    """A struct_size that this library does not know."""
    NAME_EMPTY = -10
    """The name is empty."""
    NAME_TOO_LONG = -11
    """More than 230 bytes."""
    NAME_INVALID = -12
    """Not UTF-8, or contains a slash or backslash that is not allowed."""
    EXISTS = -13
    """The name is taken; what it names is unchanged."""
    NOT_FOUND = -14
    """No section has this name."""
    TIMEOUT = -20
    """The timeout expired."""
    OWNER_DIED = -21
    """A writer died while it held the lock: the payload may be half written."""
    POISONED = -22
    """An audit found damage, or a program poisoned it: the section is useless for ever."""
    CLOSED = -23
    """The handle is closed (reported by the bindings)."""
    DEADLOCK = -24
    """The calling thread would wait for itself: it holds the lock, through any handle."""
    NOT_OWNER = -25
    """The calling thread does not hold the lock."""
    READ_ONLY = -26
    """The handle was opened read-only, or gets copies of frames only."""
    NOT_SUPPORTED = -27
    """Not supported by this layout, or by this system."""
    FULL = -28
    """All participant records, or the handle's places for readers, locks or frames, are in use."""
    FORKED = -29
    """The handle belongs to the parent process."""
    FORMAT = -30
    """Not a section of this layout."""
    VERSION = -31
    """A native section of a format version that this library does not know."""
    TRUNCATED = -32
    """The section is smaller than its header claims, or the file was cut."""
    NOT_READY = -33
    """The creator has not initialised it in time."""
    NOT_INTACT = -34
    """The frame was overwritten while it was held."""
    LOST = -35
    """The channel no longer has the frame, or never had it."""
    ACCESS = -40
    """The system refuses access."""
    NO_MEMORY = -41
    """The system cannot reserve that much memory."""
    OS = -42
    """Any other error of the system."""
    DESCRIPTOR = -43
    """POSIX: the program has closed the file descriptor of this handle."""


class Namespace(IntEnum):
    """Where a name is looked up."""

    LOCAL = 0
    r"""This user; on Windows (Local\) this session."""
    GLOBAL = 1
    r"""The machine; on Windows (Global\) creating needs the right SeCreateGlobalPrivilege."""
    CUSTOM = 2
    """The name exactly as given to the operating system."""
    ANY = 3
    """For opening only: looks in GLOBAL, then in LOCAL."""


class Layout(IntEnum):
    """What the bytes of a section mean."""

    NATIVE = 0
    """Our header with lock, sequence and participants, then the payload."""
    WINMMF = 1
    """The Rust crate WinMMF: a 4-byte lock word, then the payload."""
    RAW = 2
    """Payload only; nothing to lock."""


class Access(IntEnum):
    """Who may open a section, besides its creator. On Windows USERS_WRITE of the winmmf and raw layouts grants what
    other programs of these layouts ask for, which includes the right to change the access itself. The winmmf layout has
    no read-only access (NOT_SUPPORTED), because its programs ask for all rights even to read."""

    OWNER = 0
    """No other user (0600; a DACL with the creating user and the system)."""
    USERS_READ = 1
    """Every user of the machine, read-only (0644)."""
    USERS_WRITE = 2
    """Every user of the machine (0666)."""


class Advice(IntEnum):
    """How memory is going to be used."""

    NORMAL = 0
    """Nothing special."""
    SEQUENTIAL = 1
    """From the first byte to the last: read far ahead."""
    RANDOM = 2
    """At scattered offsets: do not read ahead."""
    WILL_NEED = 3
    """Soon: read it now."""
    DONT_NEED = 4
    """Not soon: this process releases the pages; no byte is lost."""
    LARGE_PAGES = 5
    """Often: use large pages, where the system can."""


class FileShare(IntEnum):
    """What others may do with a file while it is mapped."""

    ALL = 0
    """Anything."""
    READ = 1
    """Windows only: open it for reading."""
    NONE = 2
    """Windows only: nothing; they get ERROR_SHARING_VIOLATION, in this library ACCESS."""


class Element(IntEnum):
    """Element type of an array; little endian. Complex numbers are two floats, the real part first."""

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
    """A publisher has it open."""
    STALLED = 1
    """Like LIVE, but no frame has come for some time."""
    HUNG_UP = 2
    """The last publisher died, and none took over."""
    GONE = 3
    """The last publisher has closed it."""
