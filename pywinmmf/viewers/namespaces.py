"""Where to look for a channel that is given by its name."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from pywinmmf import AccessDeniedError, Error, FormatError, Namespace, NotFoundError

Found = TypeVar("Found")

USUAL = (Namespace.GLOBAL, Namespace.LOCAL)  # where `pywinmmf camera` publishes, by the user's rights
_CHOICES = {namespace.name.lower(): namespace for namespace in Namespace}


def chosen(arguments: argparse.Namespace) -> tuple[Namespace, ...]:
    """The namespaces to look in, in this order."""
    return (_CHOICES[arguments.namespace],) if arguments.namespace else USUAL


def first_found(namespaces: tuple[Namespace, ...], look: Callable[[Namespace], Found]) -> Found:
    """What ``look`` finds in the first namespace that has the name for this user.

    If none has it: the first error about something else of this name, or `NotFoundError`.
    """
    problem: Error | None = None
    missing: Error | None = None
    for namespace in namespaces:
        try:
            return look(namespace)
        except (AccessDeniedError, FormatError) as error:
            problem = problem or error
        except NotFoundError as error:
            missing = error
    reason = problem or missing
    assert reason is not None
    raise reason
