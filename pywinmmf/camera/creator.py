"""Who created a channel. On Linux any user can create one in the global namespace before the service does. On Windows
that takes a privilege that services and administrators have."""

from __future__ import annotations

import os
import sys

from pywinmmf import Access, Namespace
from pywinmmf.inspection import list_sections

MODES = {Access.OWNER: 0o600, Access.USERS_READ: 0o644, Access.USERS_WRITE: 0o666}


def fault(name: str, namespace: Namespace, access: Access | str | int) -> str:
    """Why a channel is not one that this user created with this access. Empty if it is, as far as the system tells.
    `FileNotFoundError`: there is no such channel."""
    if sys.platform == "win32" or namespace is Namespace.CUSTOM:
        return ""
    list_sections(namespace)  # which removes what killed programs have left
    space = "g" if namespace is Namespace.GLOBAL else os.geteuid()
    status = os.lstat(f"/dev/shm/wmmf-{space}-{name}".encode())
    if status.st_uid != os.geteuid():
        return f"of another user (uid {status.st_uid})"
    mode = status.st_mode & 0o777
    wanted = MODES[access] if isinstance(access, Access) else access
    return "" if mode == wanted else f"made with other access (mode {mode:04o})"
