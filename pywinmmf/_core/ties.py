"""What is kept for as long as somebody holds a native pointer.

Not `ffi.gc` alone: in a cycle of garbage its destructors run in any order, so that a channel would be closed under
frames and views of it. The garbage collector does not know plain pointers: one is gone when its last holder is, after
all finalizers.
"""

from __future__ import annotations

import weakref
from typing import Any


class _Tie(weakref.ref):  # type: ignore[type-arg]
    __slots__ = ("held",)

    # By identity: two pointers to the same slot are equal.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    held: Any


_ties: set[_Tie] = set()


def tie(pointer: Any, held: Any) -> None:
    """Keep ``held`` until ``pointer``, a plain cdata, is gone.

    With a destructor that is native nothing of what happens then is Python: from that an exception, such as a signal
    handler may raise at any moment, would be dropped.
    """
    one = _Tie(pointer, _ties.discard)
    one.held = held
    _ties.add(one)
