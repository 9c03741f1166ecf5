"""Converts arguments for the native library, or refuses them with a clear message."""

from __future__ import annotations

import operator
import os
import re
import sys
from enum import IntEnum
from typing import Any, TypeVar

from ..enums import Access, Namespace
from ..errors import ArgumentTypeError, InvalidArgumentError
from .binding import ffi, lib

_UINT64_MAX = 2**64 - 1
_Choice = TypeVar("_Choice", bound=IntEnum)


def whole(
    what: str, value: object, *, least: int = 0, most: int = _UINT64_MAX, status: int = lib.WMMF_E_ARGUMENT
) -> int:
    """The value as an integer in this range."""
    if type(value) is int and least <= value <= most:
        return value
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise ArgumentTypeError(f"{what} {value!r}: expected an integer, not {type(value).__name__}")
    if number < least:
        raise InvalidArgumentError(f"{what} {number}: expected at least {least}", status)
    if number > most:
        raise InvalidArgumentError(f"{what} {number}: expected at most {most}", status)
    return number


def choice(kind: type[_Choice], value: int | str) -> _Choice:
    """The value as a member of this enumeration. Accepts its name as well, as on the command line: ``"users-read"``."""
    if isinstance(value, kind):
        return value
    try:
        return kind[value.upper().replace("-", "_")] if isinstance(value, str) else kind(value)
    except (KeyError, ValueError):
        raise InvalidArgumentError(f"{kind.__name__.lower()} {value!r}: expected one of {members(kind)}") from None


def members(kind: type[IntEnum]) -> str:
    """The members of an enumeration, for messages."""
    return ", ".join(f"{kind.__name__}.{member.name}" for member in kind)


def text(what: str, value: object, status: int = lib.WMMF_E_ARGUMENT) -> bytes:
    """The value as UTF-8."""
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{what} {value!r}: expected a str, not {type(value).__name__}")
    if "\0" in value:
        raise InvalidArgumentError(f"{what} {value!r}: expected no NUL in it", status)
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{what} {value!r}: expected no lone surrogates in it", status) from None


def section_name(action: str, name: object, namespace: Namespace) -> bytes:
    """The name as UTF-8. A name that begins with a namespace, as Windows writes it, is refused with a hint."""
    encoded = text(f"cannot {action}: name", name, lib.WMMF_E_NAME_INVALID)
    prefix, backslash, rest = str(name).partition("\\")
    if (
        backslash
        and namespace is not Namespace.CUSTOM
        and prefix.upper() in (Namespace.GLOBAL.name, Namespace.LOCAL.name)
    ):
        raise InvalidArgumentError(
            f"cannot {action}: give the namespace separately: name {rest!r} and namespace=Namespace.{prefix.upper()} "
            f"(in commands: --namespace {prefix.lower()})",
            lib.WMMF_E_NAME_INVALID,
        )
    return encoded


def path_text(what: str, value: Any) -> tuple[str, bytes]:
    """A path for messages, and for the native library."""
    try:
        shown, encoded = os.fsdecode(value), os.fsencode(value)
    except TypeError:
        raise ArgumentTypeError(f"{what} {value!r}: expected a path, not {type(value).__name__}") from None
    except UnicodeError:
        raise InvalidArgumentError(f"{what} {value!r}: expected no lone surrogates in it") from None
    if b"\0" in encoded:
        raise InvalidArgumentError(f"{what} {shown!r}: expected no NUL in it", lib.WMMF_E_NAME_INVALID)
    return shown, encoded


def access_options(access: Access | str | int) -> tuple[Access | str | int, dict[str, Any]]:
    """The fields of wmmf_options for an access. ``sddl``, if there is one, must outlive the options."""
    if isinstance(access, str) and access.upper().replace("-", "_") in Access.__members__:
        access = choice(Access, access)
    if isinstance(access, Access):
        return access, {"access": access}
    if isinstance(access, str):
        return access, {"access": lib.WMMF_ACCESS_SDDL, "sddl": ffi.new("char[]", text("access", access))}
    return access, {"access": lib.WMMF_ACCESS_MODE, "mode": whole("access mode", access, most=0o777)}


_PLAIN = frozenset([bytes, bytearray, memoryview])


def buffer(what: str, value: Any) -> memoryview:
    """A view of an object with the buffer protocol. Refuses arrays of Python objects, and masked arrays."""
    try:
        view = value if type(value) is memoryview else memoryview(value)
        objects = view.itemsize > 2 and "O" in view.format and "O" in re.sub(":.*?:", "", view.format)
    except TypeError:
        raise ArgumentTypeError(f"{what}: expected bytes or another buffer, not {type(value).__name__}") from None
    except (ValueError, BufferError) as error:  # released, or of a type that the protocol does not support
        raise InvalidArgumentError(f"{what}: expected a buffer, but {error}") from None
    if objects:
        raise ArgumentTypeError(f"{what}: expected numbers or bytes, not Python objects (format {view.format!r})")
    if type(value) not in _PLAIN:
        _refuse_masked(what, value)
    return view


def _refuse_masked(what: str, value: Any) -> None:
    """The buffer of a masked NumPy array has no mask: its reader would take the masked elements for valid ones."""
    masked_arrays = sys.modules.get("numpy.ma")
    if masked_arrays is None or not isinstance(value, masked_arrays.MaskedArray):
        return
    count = masked_arrays.getmaskarray(value).tobytes().count(1)
    if count:
        raise InvalidArgumentError(
            f"{what} is a masked array with {count} masked elements: expected none, because the mask is not sent. Use "
            "filled(value), or send the mask as an array of its own"
        )


def contiguous(what: str, value: Any, *, writable: bool = False) -> memoryview:
    """The bytes of such an object, in place."""
    view = buffer(what, value)
    if not view.c_contiguous:
        raise InvalidArgumentError(f"{what} is not C-contiguous: expected it to be, or a copy")
    if writable and view.readonly:
        raise InvalidArgumentError(f"{what} is read-only: expected a writable buffer")
    return view
