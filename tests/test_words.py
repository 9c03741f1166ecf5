"""The project uses the field's words. These private ones were replaced, and do not come back."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SOURCES = (
    *("*.c", "*.h", "*.hpp", "*.cpp", "*.cs", "*.py", "*.pyi", "*.pml", "*.md", "*.rst", "*.yml", "*.toml", "*.csproj"),
    *("*CMakeLists.txt", "run", ".ci/run"),
)

# Pattern: what to write instead.
PRIVATE = {
    r"wmmf_map\b(?!_file|_window)": "wmmf_section",
    r"\bcourteous": "yielding",
    r"\bdisinherit": "wmmf_after_fork_child",
    r"\bbur(y|ied)\b": "reap",
    r"\bbells?\b|\b[Gg]ates?\b": "eventcount, or epoch",
    r"\bpatien(ce|tly)\b|PATIENCE": "timeout, or retry",
    r"_in_turn\b": "queued",
    r"_natives\b|\b_ties\b": "handle, or hold",
    r"\bto be had\b|\bcan(not)? be had\b": "is there; or name the status",
    r"\blet go of (the|it|a)\b|\bis let go\b": "release, or close",
    r"\b[Aa]gain: nothing\b": "calling it again does nothing",
    r"\b[Ww]ho only\b|\b[Ww]ho just\b": "a subject: a process that only ...",
    r"\b([Ss]o|And|[Bb]ut) who\b": "a subject: the process that ...",
    r"(^|[.;:] )[Ww]ho (makes|clears|finds|lowers|asks|gives|loses|dies|waits|looks|may not)\b": "a process that ...",
    r"\b([Ww]hat|next|[Oo]nes?|[Tt]hose) who\b(?! created)|\bWhoever\b": "a subject: the next opener, those threads",
    r"(/\*|//|\"\"\"|#) Who (?!may|goes|can)": "a subject: the process that ...",
    r"\w, too\b(?! large)": "also",
    r"\b[Ww]hoever (lives|gets)\b": "a subject: a process that ...; makes progress",
    r"\bsays? so\b|\bsaid so\b": "reports it, or the message itself",
    r"\b(wakes|reaches) who\b": "a subject: waiters, the holder of the lock",
    r"\b(LEAST|MOST)\b": "MIN, MAX",
    r"\b(the )?time (was|is) up\b": "the timeout expired",
    r"\bmapped once more\b": "mapped again, or in a mapping of its own",
    r"\b(gives?|gave|given) back\b": "releases",
    r"\bso large pieces\b": "contiguous",
    r"\bwhatever becomes\b|\bwhat becomes of\b": "whatever happens to",
    r"\bnot told\b": "unknown",
    r"\bof the user's own\b|\bbytes of your own\b": "user data",
    r"\bin being\b": "alive",
    r"\blest\b": "so that ... not",
    r"\basked for, and\b": "needed, and; or expected ...",
    r"\ball who\b": "every process that ...",
    r"\b(is|are|was|were) not to be\b|\bnothing is to be\b": "must not be; or there is no ...",
    r"\b(leaves?|does|answers|needs|takes|gets)( it| one| them)? that (dies|died|is|was|has|had|links|ends)\b": (
        "the relative clause behind its noun: what a creator that died leaves"
    ),
}


@pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="the list of files is that of git")
def test_no_private_words() -> None:
    names = subprocess.run(["git", "ls-files", *SOURCES], cwd=PROJECT, capture_output=True, text=True, check=True)
    found = []
    for name in names.stdout.split():
        if name == "tests/test_words.py":
            continue
        for number, line in enumerate((PROJECT / name).read_text(encoding="utf-8").splitlines(), 1):
            words = line.replace("_", " ")  # those of names
            for pattern, instead in PRIVATE.items():
                if re.search(pattern, line) or re.search(pattern, words):
                    found.append(f"{name}:{number}: {line.strip()!r}: expected {instead}")
    assert not found, "\n".join(found)
