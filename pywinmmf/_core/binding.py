"""The compiled binding, once it has been seen to fit."""

from __future__ import annotations

from typing import Any

from .._native import ffi, lib

if lib.wmmf_abi_version() != lib.WMMF_ABI_VERSION:
    raise ImportError(
        f"pywinmmf's native library has ABI version {lib.wmmf_abi_version()}: expected {lib.WMMF_ABI_VERSION}"
    )


def new_struct(kind: str, **fields: Any) -> Any:
    """A struct of wmmf.h, which says its size."""
    return ffi.new(f"{kind} *", {"struct_size": ffi.sizeof(kind), **fields})


__all__ = ["ffi", "lib", "new_struct"]
