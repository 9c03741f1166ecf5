"""A second service, which waits until the first has died or ended, and then takes its place."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pywinmmf import ChannelState, Error, FrameChannel, Namespace
from pywinmmf.cli.terminal import shown
from pywinmmf.registry import is_claimed

if TYPE_CHECKING:
    from .sharing import Sharing

logger = logging.getLogger(__name__)

ENDED = (ChannelState.HUNG_UP, ChannelState.GONE)


class Standby:
    """Checks whether a camera is still shared. The kernel decides that: the claim of the program that shares it ends
    with the program, however that ends, and so does the token of a publisher of the channel.

    It keeps the channel open meanwhile, so that its sequence and its history outlive the program.
    """

    def __init__(self, sharing: Sharing) -> None:
        self._name = sharing.name
        self._namespace = Namespace.ANY if sharing.namespace is None else sharing.namespace
        self._kept: FrameChannel | None = None
        if not self.is_due():
            logger.info("%s: standing by", shown(self._name))

    def is_due(self) -> bool:
        """Whether no program shares the camera any more. A program whose claim was removed may still publish."""
        return self._has_ended() and not is_claimed(self._name, self._namespace)

    def took_over(self) -> None:
        """Log how long there were no frames."""
        age = self._kept.age if self._kept else None
        if age is not None:
            logger.info("%s: took over, %.3f s after the last frame", shown(self._name), age)

    def close(self) -> None:
        """Close the channel."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _has_ended(self) -> bool:
        """Whether the channel has no publisher. Getting the state also follows to its current pictures."""
        try:
            if self._kept is None:
                self._kept = FrameChannel.open(self._name, namespace=self._namespace, readonly=True)
            return self._kept.state(stalled=None) in ENDED
        except Error:  # it does not exist, or is not readable: the claim decides
            return True
