"""Sections that belong to another one, of which users need not know."""

from __future__ import annotations

from collections.abc import Sequence

from pywinmmf.registry import claim_name


def visible(names: Sequence[str]) -> list[str]:
    """Those that are not a part of a channel of the same list: the mark of who shares a camera, ``NAME.shared``."""
    inner = {claim_name(name) for name in names}
    return [name for name in names if name not in inner]
