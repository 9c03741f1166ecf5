"""The exceptions, and which status of the native library becomes which."""

from __future__ import annotations

from ._core.binding import ffi, lib


class Error(Exception):
    """The base of all errors of this package.

    ``status`` is the native status, one of wmmf.h's ``WMMF_E_...`` values, and ``os_error`` the operating
    system's own code (``errno`` or ``GetLastError()``), 0 if the system had no part in it.
    """

    def __init__(self, message: str, status: int = lib.WMMF_E_ARGUMENT, os_error: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.os_error = os_error


class NotFoundError(Error, FileNotFoundError):
    """No section has this name."""


class AlreadyExistsError(Error, FileExistsError):
    """The name is taken. What it names is unchanged."""


class AccessDeniedError(Error, PermissionError):
    """The system, or having opened read-only, does not permit this."""


class LockTimeoutError(Error, TimeoutError):
    """The time was up before the lock, or the change waited for, was there."""


class InvalidArgumentError(Error, ValueError):
    """An argument has a value that it cannot have. Nothing was done."""


class ArgumentTypeError(InvalidArgumentError, TypeError):
    """An argument is of a type that it cannot be. Nothing was done."""


class ArgumentIndexError(InvalidArgumentError, IndexError):
    """An index lies outside the section."""


class FormatError(Error, ValueError):
    """What is in the section is not what its layout asks for."""


class NotSupportedError(Error):
    """This layout, or this system, cannot do that."""


class OwnerDiedError(Error):
    """A writer died while it held the lock, so the payload may be half written.

    Take the lock with ``write_lock(repair=True)``, repair the payload and call ``mark_consistent()``.
    """


class PoisonedError(Error):
    """A half-written payload was never declared consistent, or the section is damaged. Create a new one."""


class ClosedError(Error, ValueError):
    """The object is closed, or belongs to the process that this one was forked from."""


_CLASSES: dict[int, type[Error]] = {
    lib.WMMF_E_ARGUMENT: InvalidArgumentError,
    lib.WMMF_E_SIZE: InvalidArgumentError,
    lib.WMMF_E_RANGE: InvalidArgumentError,
    lib.WMMF_E_STRUCT_SIZE: InvalidArgumentError,
    lib.WMMF_E_NAME_EMPTY: InvalidArgumentError,
    lib.WMMF_E_NAME_TOO_LONG: InvalidArgumentError,
    lib.WMMF_E_NAME_INVALID: InvalidArgumentError,
    lib.WMMF_E_EXISTS: AlreadyExistsError,
    lib.WMMF_E_NOT_FOUND: NotFoundError,
    lib.WMMF_E_TIMEOUT: LockTimeoutError,
    lib.WMMF_E_OWNER_DIED: OwnerDiedError,
    lib.WMMF_E_POISONED: PoisonedError,
    lib.WMMF_E_CLOSED: ClosedError,
    lib.WMMF_E_FORKED: ClosedError,
    lib.WMMF_E_READ_ONLY: AccessDeniedError,
    lib.WMMF_E_ACCESS: AccessDeniedError,
    lib.WMMF_E_NOT_SUPPORTED: NotSupportedError,
    lib.WMMF_E_FORMAT: FormatError,
    lib.WMMF_E_VERSION: FormatError,
    lib.WMMF_E_TRUNCATED: FormatError,
    lib.WMMF_E_NOT_READY: FormatError,
}


def native_error(status: int, action: str, hint: str = "") -> Error:
    """The exception for what this thread's last native call answered, while it tried to do ``action``."""
    os_error: int = lib.wmmf_last_os_error()
    detail = ffi.string(lib.wmmf_last_detail()).decode(errors="replace")
    message = f"cannot {action}: {ffi.string(lib.wmmf_strerror(status)).decode()}{hint}"
    if detail:
        message += f": {detail}"
    if os_error:
        message += f" (system error {os_error})"
    return _CLASSES.get(status, Error)(message, status, os_error)
