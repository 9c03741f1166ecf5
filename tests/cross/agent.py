"""The matrix's agent in Python: does with pywinmmf what its standard input asks for (README.md has the protocol)."""

from __future__ import annotations

import sys
from typing import Callable, NoReturn

import pywinmmf
from pywinmmf import Access, Layout, MemoryMappedFile, Namespace, ReadLock, WriteLock
from pywinmmf._native import lib

ARGUMENT, OWNER_DIED, NOT_OWNER = -1, -21, -25
PATIENCE = 10.0


class RefusedError(Exception):
    """The agent itself says no, with this status."""


def seconds(timeout_ns: str) -> float | None:
    """Return a timeout as Python's API takes it."""
    return None if int(timeout_ns) < 0 else int(timeout_ns) / 1e9


def pattern(length: int, seed: int) -> bytes:
    return bytes((seed + i * 7 + (i >> 8)) & 0xFF for i in range(length))


class Agent:
    """Each method is a request; its parameters are the request's fields."""

    def __init__(self) -> None:
        self.section: MemoryMappedFile | None = None
        self.guard: ReadLock | WriteLock | None = None

    def current(self) -> MemoryMappedFile:
        if self.section is None:
            raise RefusedError(ARGUMENT)
        return self.section

    def none_open(self) -> None:
        if self.section is not None:
            raise RefusedError(ARGUMENT)

    def version(self) -> str:
        return f"{lib.wmmf_abi_version()} {pywinmmf.__version__}"

    def create(self, name: str, size: str, namespace: str, layout: str, access: str) -> None:
        self.none_open()
        self.section = MemoryMappedFile.create(
            bytes.fromhex(name).decode(),
            int(size),
            namespace=Namespace(int(namespace)),
            layout=Layout(int(layout)),
            access=Access(int(access)),
        )

    def open(self, name: str, size: str, namespace: str, layout: str, readonly: str) -> str:
        self.none_open()
        self.section = MemoryMappedFile.open(
            bytes.fromhex(name).decode(),
            namespace=Namespace(int(namespace)),
            layout=Layout(int(layout)),
            size=int(size) or None,
            readonly=readonly == "1",
        )
        return str(self.section.size)

    def close(self) -> None:
        if self.section is not None:
            self.section.close()
        self.section = None

    def lock_read(self, timeout: str) -> None:
        self.guard = self.current().read_lock(seconds(timeout)).__enter__()

    def lock_write(self, timeout: str) -> None:
        guard = self.current().write_lock(seconds(timeout)).__enter__()
        self.guard = guard
        if guard.owner_died:
            raise RefusedError(OWNER_DIED)

    def unlock(self, kind: type[ReadLock | WriteLock]) -> None:
        self.current()
        if not isinstance(self.guard, kind):
            raise RefusedError(NOT_OWNER)
        guard, self.guard = self.guard, None
        guard.__exit__(None, None, None)

    def unlock_read(self) -> None:
        self.unlock(ReadLock)

    def unlock_write(self) -> None:
        self.unlock(WriteLock)

    def mark_consistent(self) -> None:
        self.current().mark_consistent()

    def fill(self, offset: str, length: str, seed: str) -> None:
        self.current().write(pattern(int(length), int(seed)), int(offset), timeout=PATIENCE)

    def check(self, offset: str, length: str, seed: str) -> str:
        found = self.current().read(int(length), int(offset), timeout=PATIENCE)
        expected = pattern(len(found), int(seed))
        if found == expected:
            return ""
        return f"mismatch {next(i for i in range(len(found)) if found[i] != expected[i])}"

    def poke(self, offset: str, content: str) -> None:
        data = bytes.fromhex(content)
        self.current().view(int(offset), len(data))[:] = data

    def peek(self, offset: str, length: str) -> str:
        return self.current().view(int(offset), int(length)).hex()

    def sequence(self) -> str:
        return str(self.current().sequence)

    def wait(self, sequence: str, timeout: str) -> str:
        return str(self.current().wait(int(sequence), seconds(timeout)))

    def audit(self) -> str:
        report = self.current().audit()
        return f"{report.damaged:d} {report.poisoned:d}"

    def quit(self) -> NoReturn:
        raise EOFError


REQUESTS = [name for name in vars(Agent) if name not in ("__init__", "current", "none_open", "unlock")]


def serve(agent: Agent, request: str) -> str:
    """Return the answer to one request."""
    name, *fields = request.split(" ")
    run: Callable[..., str | None] | None = getattr(agent, name) if name in REQUESTS else None
    try:
        if run is None:
            raise RefusedError(ARGUMENT)
        result = run(*fields) or ""
    except RefusedError as refused:
        return f"error {refused}"
    except pywinmmf.Error as error:
        return f"error {error.status}"
    except (TypeError, ValueError):
        return f"error {ARGUMENT}"
    return result if result.startswith("mismatch") else f"ok {result}".rstrip()


def main() -> None:
    agent = Agent()
    for line in sys.stdin:
        try:
            answer = serve(agent, line.rstrip("\n"))
        except EOFError:
            print("ok", flush=True)
            return
        print(answer, flush=True)


if __name__ == "__main__":
    main()
