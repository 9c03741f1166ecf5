"""One adapter for each measured library: this one, and others if they are installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from ..transport import Transport


class Peer(NamedTuple):
    """A library for Python."""

    module: str
    """The module to import; if it is missing, the library is not installed."""
    adapter: str
    """The module of the adapter, beside this one."""
    rows: frozenset[str] | None
    """What it can do; None: everything."""

    @property
    def installed(self) -> bool:
        """Whether it can be measured."""
        return find_spec(self.module) is not None

    def transport(self) -> type[Transport]:
        """The adapter."""
        found: type[Transport] = import_module(f".{self.adapter}", __package__).Adapter
        return found


ROUND_TRIPS = frozenset({"roundtrip-sleeping", "roundtrip-spinning"})
READ_IN_PLACE = frozenset({"copy-view", "no-copies", "latency"})

PEERS = {
    "pywinmmf": Peer("pywinmmf", "own", None),
    "pywinmmf, read-only": Peer("pywinmmf", "own_readonly", READ_IN_PLACE),
    "kickmsg": Peer("kickmsg", "kickmsg_region", None),
    "iceoryx2": Peer("iceoryx2", "iceoryx2_service", None),
    # One buffer and one semaphore: it has no slots and knows one reader.
    "posix_ipc": Peer("posix_ipc", "posix_semaphore", frozenset({"latency", "roundtrip-sleeping", "create", "open"})),
    # A queue of messages that are copied.
    "cloudtoid": Peer("cloudtoid_interprocess", "cloudtoid_queue", ROUND_TRIPS),
}
