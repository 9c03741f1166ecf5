"""The fuzzer: what it once found, then new inputs for a minute (``PYWINMMF_FUZZ_SECONDS``)."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import native

HERE = Path(__file__).parent
SECONDS = int(os.environ.get("PYWINMMF_FUZZ_SECONDS") or 60)
LIMITS = ["-max_len=400", "-timeout=20"]


def fuzz(program: Path, *options: str | Path) -> str:
    return native.checked(program, *LIMITS, *options, timeout=SECONDS + 300)


def test_nothing_a_peer_writes_breaks_the_library(tmp_path: Path) -> None:
    program = native.programs("clang", "address,undefined,fuzzer-no-link") / "fuzz"
    corpus = tmp_path / "corpus"
    shutil.copytree(HERE / "corpus", corpus)
    report = fuzz(program, f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/", corpus)
    done = re.search(r"Done (\d+) runs", report)
    assert done, report
    print(f"{done[1]} executions, coverage {re.findall(r'cov: ([0-9]+)', report)[-1]}")
    assert int(done[1]) > 1000


def test_the_fuzzer_finds_a_check_that_is_missing(tmp_path: Path) -> None:
    """A copy of the library that believes what a channel says of its newest slot."""
    source = tmp_path / "source"
    for folder in ("csrc", "tests", "examples"):
        shutil.copytree(native.CSRC.parent / folder, source / folder)
    shutil.copy(native.CSRC.parent / "pyproject.toml", source)
    channel = source / "csrc/src/channel.c"
    text = channel.read_text()
    check = "return (newest & NEWEST_SLOT) < channel->slots;"
    assert check in text
    channel.write_text(text.replace(check, "return newest || channel;"))
    build = native.configure_and_build(
        source / "tests", "clang", "-DWMMF_SANITIZE=address,undefined,fuzzer-no-link", make="fuzz"
    )
    report = fuzz_until_found(build / "bin/fuzz", tmp_path)
    assert re.search("ERROR: AddressSanitizer|runtime error", report), report


def fuzz_until_found(program: Path, folder: Path) -> str:
    """The report of a run that ends with an error."""
    corpus = folder / "corpus"
    shutil.copytree(HERE / "corpus", corpus)
    try:
        return fuzz(program, f"-max_total_time={SECONDS}", f"-artifact_prefix={folder}/", corpus)
    except AssertionError as found:
        return str(found)
