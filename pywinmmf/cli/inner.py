"""Sections that are parts of other sections, which users need not see."""

from __future__ import annotations

from collections.abc import Sequence

from pywinmmf.registry import claim_name


def visible(names: Sequence[str]) -> list[str]:
    """The names without those that belong to a channel in the same list, such as ``NAME.shared`` of a shared camera."""
    inner = {claim_name(name) for name in names}
    return [name for name in names if name not in inner]
