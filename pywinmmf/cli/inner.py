"""Sections that are parts of other sections, which users need not see."""

from __future__ import annotations

from collections.abc import Sequence

from pywinmmf.registry import claim_name


def visible(names: Sequence[str]) -> list[str]:
    """The names that are no part of a channel in the same list, such as the mark of a shared camera,
    ``NAME.shared``."""
    inner = {claim_name(name) for name in names}
    return [name for name in names if name not in inner]
