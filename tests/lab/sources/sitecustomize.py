"""The Windows Python starts each process twice if Wine refuses it once.

This is rare: one start failed in all runs of the tests so far, and 8,000 starts in a loop showed no other. What fails
for a reason fails again, with its own error.
"""

import _winapi
import sys
from collections.abc import Callable
from typing import Any

assert sys.platform == "win32"


def tried_twice(start: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with a second attempt after an OSError; the first error is printed if the second succeeds."""

    def attempt(*arguments: Any) -> Any:
        try:
            return start(*arguments)
        except OSError as error:
            started = start(*arguments)
            print(f"Wine started a process at the second attempt: {error}", file=sys.stderr)
            return started

    return attempt


_winapi.CreateProcess = tried_twice(_winapi.CreateProcess)
