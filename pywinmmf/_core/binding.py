"""The compiled binding, after a check that it fits."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ExtensionFileLoader
from typing import TYPE_CHECKING, Any

from .. import _native
from .._native import ffi, lib

if TYPE_CHECKING:
    from . import hold
else:
    # Loaded from the same file, so that there is only one copy of the C library: each copy numbers threads for itself,
    # and another one would not know which thread holds which lock.
    _spec = importlib.util.spec_from_loader(
        f"{__package__}.hold", ExtensionFileLoader(f"{__package__}.hold", _native.__file__)
    )
    hold = importlib.util.module_from_spec(_spec)
    sys.modules[_spec.name] = hold
    _spec.loader.exec_module(hold)

if lib.wmmf_abi_version() != lib.WMMF_ABI_VERSION:
    raise ImportError(
        f"pywinmmf's native library has ABI version {lib.wmmf_abi_version()}: expected {lib.WMMF_ABI_VERSION}"
    )


def new_struct(kind: str, **fields: Any) -> Any:
    """A struct of wmmf.h with its size filled in."""
    return ffi.new(f"{kind} *", {"struct_size": ffi.sizeof(kind), **fields})


__all__ = ["ffi", "hold", "lib", "new_struct"]
