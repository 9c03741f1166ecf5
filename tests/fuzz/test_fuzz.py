"""The fuzzer: what it once found, then new inputs for a minute (``PYWINMMF_FUZZ_SECONDS``)."""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import native
import pytest

HERE = Path(__file__).parent
SECONDS = int(os.environ.get("PYWINMMF_FUZZ_SECONDS") or 60)
# Calls that answer without looking at anything that a peer could have written.
WITHOUT_A_SECTION = {
    "wmmf_abi_version",
    "wmmf_version",
    "wmmf_last_os_error",
    "wmmf_page_sizes",
    "wmmf_picture_size",
}


def program(kind: int, *steps: bytes) -> bytes:
    """Return an input: the section (see ``set_up``), without a scribbler, and the calls on it."""
    return bytes([kind * 2]) + b"".join(steps)


def call(name: str, *arguments: int) -> bytes:
    return bytes([CALLS.index(name), *arguments])


def poke(offset: int, value: int) -> bytes:
    """Return the step that stores a 64-bit number at an offset of the section that the kind gives to the peer."""
    return bytes([len(CALLS)]) + offset.to_bytes(2, "big") + bytes([8]) + value.to_bytes(8, "little")


def table_of_calls() -> list[str]:
    """Return the names of the steps of ``fuzz.c``, in their order."""
    source = (HERE / "fuzz.c").read_text()
    table = source[source.index("(*const calls[])(void) = {") :]
    return re.findall(r"^ {4}call_(\w+),$", table[: table.index("};")], re.MULTILINE)


CALLS = table_of_calls()
SECTION, READERS, PICTURES = 0, 3, 4  # as in set_up
PINS = 512 + 64 * 4  # of the first reader: behind the header and the records of four participants
# Each of these keeps a peer's word from moving us out of the section: file, check, what takes its place, an input. The
# numbers point just behind the section, which is forbidden; farther away there may be other memory.
MISSING_CHECKS = [
    (
        "section.c",
        "extent->size > mapped - extent->offset",
        "false",
        program(SECTION, poke(24, 1 << 20), call("open", 1, 0, 0, 0)),
    ),
    (
        "growth.c",
        "lesser(lesser(claimed, section->reserve), there - payload_begin(section))",
        "lesser(claimed, section->reserve)",
        program(SECTION, poke(24, 50_000), call("map_file", 0, 0, 0, 0, 0, 0, 0)),
    ),
    (
        "participants.c",
        "return used < section->participants ? (uint32_t)used : section->participants;",
        "return (uint32_t)used;",
        program(SECTION, poke(80, 80), call("audit", 0)),
    ),
    (
        "pictures.h",
        "uint32_t slot = (uint32_t)(newest & NEWEST_SLOT) - 1;\n    return slot < pictures->slots ?",
        "uint32_t slot = (uint32_t)(newest & NEWEST_SLOT) - 1;\n    return slot < pictures->slots + NEWEST_SLOT ?",
        program(PICTURES, poke(64, 1 << 16 | 16), call("channel_acquire", 0, 0, 1)),
    ),
    (
        "pins.c",
        "return ours && slot < pictures->slots ? slot : NO_SLOT;",
        "return ours ? slot : NO_SLOT;",
        program(READERS, poke(PINS, 1 << 16 | 65), call("channel_begin", 0, 1)),
    ),
]


def build(tests: Path) -> Path:
    """Build the fuzzer of this source folder and return the build folder."""
    sanitizers = "-DWMMF_SANITIZE=address,undefined,fuzzer-no-link"
    return native.configure_and_build(tests, "clang", sanitizers, make=["fuzz"])


@functools.cache
def fuzzer() -> Path:
    return build(native.TESTS) / "bin/fuzz"


@functools.cache
def careless() -> tuple[Path, Path]:
    """Return the source and the build folder of a copy, in which a check can be missing."""
    source = native.temporary_folder()
    for folder in ("csrc", "tests", "examples"):
        shutil.copytree(native.CSRC.parent / folder, source / folder)
    return source, build(source / "tests")


@pytest.fixture(autouse=True)
def no_files_left() -> Iterator[None]:
    """A fuzzer that found something left its section behind; names in the custom namespace are nobody's to sweep."""
    yield
    for file in Path("/dev/shm").glob("fuzz-*"):
        if not Path("/proc", file.name.removeprefix("fuzz-")).exists():
            file.unlink(missing_ok=True)


def test_every_public_call_is_tried() -> None:
    header = (native.CSRC / "include/wmmf.h").read_text()
    calls = set(re.findall(r"\b(wmmf_\w+)\(", header[header.index("begin declarations") :]))
    tried = set(re.findall(r"\b(wmmf_\w+)\(", (HERE / "fuzz.c").read_text()))
    assert calls - tried == WITHOUT_A_SECTION


def test_nothing_a_peer_writes_breaks_the_library(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(HERE / "corpus", corpus)
    limits = ["-max_len=400", "-timeout=20", f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/"]
    report = native.checked(fuzzer(), *limits, corpus, timeout=SECONDS + 300)
    done = re.search(r"Done (\d+) runs", report)
    assert done, report
    print(f"{done[1]} executions, coverage {re.findall(r'cov: ([0-9]+)', report)[-1]}")
    assert int(done[1]) > 1000


@pytest.mark.parametrize(("file", "check", "instead", "steps"), MISSING_CHECKS)
def test_the_fuzzer_notices_a_check_that_is_missing(
    tmp_path: Path, file: str, check: str, instead: str, steps: bytes
) -> None:
    """In a copy of the library that believes what a peer says."""
    source, folder = careless()
    changed = source / "csrc/src" / file
    text = changed.read_text()
    assert check in text
    steps_file = tmp_path / "steps"
    steps_file.write_bytes(steps)
    changed.write_text(text.replace(check, instead))
    try:
        native.checked("cmake", "--build", folder, "--parallel", "2", "--target", "fuzz")
        with pytest.raises(AssertionError, match=r"ERROR: AddressSanitizer|runtime error|broken: "):
            native.checked(folder / "bin/fuzz", steps_file, timeout=60)
    finally:
        changed.write_text(text)
    native.checked(fuzzer(), steps_file, timeout=60)
