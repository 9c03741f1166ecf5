"""Named shared memory with a lock inside, for programs in Python, C, C++ and C# on one machine.

from pywinmmf import MemoryMappedFile

with MemoryMappedFile.create("camera", 1_000_000) as section:
    section.write(b"hello")

with MemoryMappedFile.open("camera") as section:
    section.read(5)
"""

from importlib.util import find_spec as _find_spec

from . import _starting  # noqa: F401 (for its side effect)

if _find_spec("._native", __name__) is None:
    raise ImportError(
        f"{__path__[0]} is a source tree that was not built: start Python from another folder or with "
        "PYTHONSAFEPATH=1 to import the installed package, or run: pip install ."
    )

from ._core.binding import ffi, lib
from .enums import Access, Advice, ChannelState, FileShare, Layout, Namespace, Status
from .errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ArgumentIndexError,
    ArgumentTypeError,
    ClosedError,
    Error,
    FormatError,
    FrameLostError,
    InUseError,
    InvalidArgumentError,
    LockTimeoutError,
    NotFoundError,
    NotIntactError,
    NotSupportedError,
    OwnerDiedError,
    PoisonedError,
)
from .frame_channel import FrameChannel
from .frame_sets import next_set, next_set_async
from .frames import Frame, NewFrame
from .inspection import PageSizes, list_sections, page_sizes
from .locks import ReadLock, WriteLock
from .memory_mapped_file import MemoryMappedFile
from .paths import include_dir, library_path
from .payload_lock import PayloadLock
from .records import AuditReport, Hold, LockState, Participant
from .registry import shared_cameras
from .shared_memory import SharedMemory
from .video_capture import VideoCapture

__version__: str = ffi.string(lib.wmmf_version()).decode()

__all__ = [
    "Access",
    "AccessDeniedError",
    "Advice",
    "AlreadyExistsError",
    "ArgumentIndexError",
    "ArgumentTypeError",
    "AuditReport",
    "ChannelState",
    "ClosedError",
    "Error",
    "FileShare",
    "FormatError",
    "Frame",
    "FrameChannel",
    "FrameLostError",
    "Hold",
    "InUseError",
    "InvalidArgumentError",
    "Layout",
    "LockState",
    "LockTimeoutError",
    "MemoryMappedFile",
    "Namespace",
    "NewFrame",
    "NotFoundError",
    "NotIntactError",
    "NotSupportedError",
    "OwnerDiedError",
    "PageSizes",
    "Participant",
    "PayloadLock",
    "PoisonedError",
    "ReadLock",
    "SharedMemory",
    "Status",
    "VideoCapture",
    "WriteLock",
    "__version__",
    "include_dir",
    "library_path",
    "list_sections",
    "next_set",
    "next_set_async",
    "page_sizes",
    "shared_cameras",
]
