"""Where a channel is looked for that is given by its name."""

from __future__ import annotations

import argparse
from typing import Callable, TypeVar

from pywinmmf import Namespace, NotFoundError

Found = TypeVar("Found")

USUAL = (Namespace.GLOBAL, Namespace.LOCAL)  # where `pywinmmf camera` publishes, by the user's rights
_CHOICES = {namespace.name.lower(): namespace for namespace in Namespace}


def add_option(parser: argparse.ArgumentParser) -> None:
    """``--namespace``."""
    parser.add_argument("--namespace", choices=_CHOICES, help="default: global, then local")


def chosen(arguments: argparse.Namespace) -> tuple[Namespace, ...]:
    """The namespaces to look in, in this order."""
    return (_CHOICES[arguments.namespace],) if arguments.namespace else USUAL


def first_found(namespaces: tuple[Namespace, ...], look: Callable[[Namespace], Found]) -> Found:
    """What ``look`` finds in the first namespace that has it; `NotFoundError` if none has."""
    for namespace in namespaces[:-1]:
        try:
            return look(namespace)
        except NotFoundError:
            continue
    return look(namespaces[-1])
