"""The exceptions, and the mapping from statuses of the C library to them."""

from __future__ import annotations

import errno

from ._core.binding import ffi, lib


class Error(Exception):
    """The base of all errors of this package.

    ``status`` is the status of the C library, see `Status`. ``os_error`` is the code of the operating system (``errno``
    or ``GetLastError()``), or 0 if the system did not cause the error. Subclasses of `OSError` have the ``errno`` of
    their kind, also on Windows, like Python's own.
    """

    def __init__(self, message: str, status: int = lib.WMMF_E_ARGUMENT, os_error: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.os_error = os_error


class NotFoundError(Error, FileNotFoundError):
    """No section has this name."""

    errno = errno.ENOENT


class AlreadyExistsError(Error, FileExistsError):
    """The name is taken. The existing section is unchanged."""

    errno = errno.EEXIST


class AccessDeniedError(Error, PermissionError):
    """The system does not permit this, or the object was opened read-only."""

    errno = errno.EACCES


class LockTimeoutError(Error, TimeoutError):
    """The timeout expired before the lock was free or the change came."""

    errno = errno.ETIMEDOUT


class InvalidArgumentError(Error, ValueError):
    """An argument has an invalid value. Nothing was done."""


class ArgumentTypeError(InvalidArgumentError, TypeError):
    """An argument has a wrong type. Nothing was done."""


class ArgumentIndexError(InvalidArgumentError, IndexError):
    """An index lies outside the section."""


class InUseError(Error, BufferError):
    """Views, locks or calls refer to memory that would have to move."""


class FormatError(Error, ValueError):
    """The section does not have the layout or kind that was expected."""


class NotSupportedError(Error):
    """This layout or this system does not support that."""


class OwnerDiedError(Error):
    """A writer died while it held the lock, so the payload may be half written.

    Take the lock with ``write_lock(repair=True)``, repair the payload and call ``mark_consistent()``.
    """


class PoisonedError(Error):
    """The section is damaged, or a program declared its payload lost. Close it, and open or create it again by name."""


class NotIntactError(Error):
    """A frame was overwritten while you held it in place, so what you read may be a mix of two frames.

    This happens only if the channel was created with a ``pin_limit``, or if a hostile reader interferes.
    """


class FrameLostError(Error, LookupError):
    """The frame is no longer in the channel, or all its frames are later than the time asked for."""


class ClosedError(Error, ValueError):
    """The object is closed, or belongs to the parent of this forked process."""


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
    lib.WMMF_E_NOT_INTACT: NotIntactError,
    lib.WMMF_E_LOST: FrameLostError,
    lib.WMMF_E_READ_ONLY: AccessDeniedError,
    lib.WMMF_E_ACCESS: AccessDeniedError,
    lib.WMMF_E_NOT_SUPPORTED: NotSupportedError,
    lib.WMMF_E_FORMAT: FormatError,
    lib.WMMF_E_VERSION: FormatError,
    lib.WMMF_E_TRUNCATED: FormatError,
    lib.WMMF_E_NOT_READY: FormatError,
}


def native_error(status: int, action: str, hint: str = "") -> Error:
    """The exception for the status of this thread's last call of the C library; ``action`` is what it tried to do."""
    os_error: int = lib.wmmf_last_os_error()
    detail = ffi.string(lib.wmmf_last_detail()).decode(errors="replace")
    message = f"cannot {action}: {ffi.string(lib.wmmf_strerror(status)).decode()}{hint}"
    if detail:
        message += f": {detail}"
    if os_error:
        message += f" (system error {os_error})"
    return _CLASSES.get(status, Error)(message, status, os_error)
