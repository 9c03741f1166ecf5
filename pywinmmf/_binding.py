"""The compiled binding, once it has been seen to fit."""

from ._native import ffi, lib

if lib.wmmf_abi_version() != lib.WMMF_ABI_VERSION:
    raise ImportError(
        f"pywinmmf's native library has ABI version {lib.wmmf_abi_version()}: expected {lib.WMMF_ABI_VERSION}"
    )

__all__ = ["ffi", "lib"]
