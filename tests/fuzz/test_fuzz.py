"""The fuzzer: what it once found, then new inputs for a minute (``PYWINMMF_FUZZ_SECONDS``)."""

from __future__ import annotations

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
# Each of these keeps a peer's word from moving us out of the section.
MISSING_CHECKS = [
    ("section.c", "extent->size > mapped - extent->offset", "false"),
    (
        "growth.c",
        "lesser(lesser(claimed, section->reserve), there - payload_begin(section))",
        "lesser(claimed, section->reserve)",
    ),
    (
        "participants.c",
        "return used < section->participants ? (uint32_t)used : section->participants;",
        "return (uint32_t)used;",
    ),
    (
        "pictures.h",
        "uint32_t slot = (uint32_t)(newest & NEWEST_SLOT) - 1;\n    return slot < pictures->slots ?",
        "uint32_t slot = (uint32_t)(newest & NEWEST_SLOT) - 1;\n    return slot < pictures->slots + NEWEST_SLOT ?",
    ),
    ("pins.c", "return ours && slot < pictures->slots ? slot : NO_SLOT;", "return ours ? slot : NO_SLOT;"),
]


def fuzz(tests: Path, folder: Path, *options: str) -> str:
    """Build the fuzzer of this source folder, run it, and return what it says."""
    sanitizers = "-DWMMF_SANITIZE=address,undefined,fuzzer-no-link"
    program = native.configure_and_build(tests, "clang", sanitizers, make=["fuzz"]) / "bin/fuzz"
    corpus = folder / "corpus"
    shutil.copytree(HERE / "corpus", corpus)
    limits = ["-max_len=400", "-timeout=20", f"-max_total_time={SECONDS}", f"-artifact_prefix={folder}/"]
    return native.checked(program, *limits, *options, corpus, timeout=SECONDS + 300)


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
    report = fuzz(native.TESTS, tmp_path)
    done = re.search(r"Done (\d+) runs", report)
    assert done, report
    print(f"{done[1]} executions, coverage {re.findall(r'cov: ([0-9]+)', report)[-1]}")
    assert int(done[1]) > 1000


@pytest.mark.parametrize(("file", "check", "instead"), MISSING_CHECKS)
def test_the_fuzzer_finds_a_check_that_is_missing(tmp_path: Path, file: str, check: str, instead: str) -> None:
    """In a copy of the library that believes what a peer says."""
    source = tmp_path / "source"
    for folder in ("csrc", "tests", "examples"):
        shutil.copytree(native.CSRC.parent / folder, source / folder)
    changed = source / "csrc/src" / file
    text = changed.read_text()
    assert check in text
    changed.write_text(text.replace(check, instead))
    with pytest.raises(AssertionError, match=r"ERROR: AddressSanitizer|runtime error|broken: "):
        fuzz(source / "tests", tmp_path, "-seed=1")
