"""Native waits for asyncio: in threads of their own. The event loop has only a few, and others want those, too."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

MOST = 1000


@cache
def _threads() -> ThreadPoolExecutor:
    """Started as they are needed, and used again."""
    from concurrent.futures import ThreadPoolExecutor  # with asyncio as long as all the rest: for who uses it

    return ThreadPoolExecutor(MOST, thread_name_prefix="pywinmmf-wait")


async def in_thread(wait: Callable[..., int], *arguments: Any) -> int:
    """The status of a native wait, while the event loop runs on. A thread waits on when the task was cancelled."""
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(_threads(), wait, *arguments)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # there they do not run
