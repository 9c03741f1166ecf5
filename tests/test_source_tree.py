"""The source tree: files form no circles, and importing it, while it is not built, fails with one sentence."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Set
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


BUILT = [file for kind in ("so", "pyd") for file in PROJECT.glob(f"pywinmmf/_native*.{kind}")]


def without_safe_path() -> dict[str, str]:
    """Return the environment of a shell in which nobody has thought of it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}


@pytest.mark.skipif(BUILT != [], reason="the sources are built: an editable installation")
def test_the_source_tree_says_what_it_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import pywinmmf"],
        cwd=PROJECT,
        env=without_safe_path(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == (
        f"ImportError: {PROJECT / 'pywinmmf'} is a source tree that was not built: "
        "start Python from another folder or with PYTHONSAFEPATH=1 to import the installed package, "
        "or run: pip install ."
    )
    assert "_native" not in done.stderr


@pytest.mark.skipif(BUILT != [], reason="the sources are built: an editable installation")
@pytest.mark.parametrize(
    ("line", "harmless"), [("pytest tests/python", "--collect-only"), ("pywinmmf doctor", "--help")]
)
def test_the_workflow_for_windows_imports_what_is_installed(line: str, harmless: str) -> None:
    """Its lines run in the folder of the sources."""
    workflow = (PROJECT / ".github/workflows/ci.yml").read_text()
    job = re.split(r"^  (?=\S)", workflow.partition("\n  windows:\n")[2], flags=re.MULTILINE)[0]
    environment = dict(
        re.findall(r'^      (\w+): "(.*?)"', job.partition("\n    env:\n")[2].partition("\n    steps:")[0], re.M)
    )
    (command,) = re.findall(rf"py -m ({line}.*)", job)
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), harmless],
        cwd=PROJECT,
        env={**without_safe_path(), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


WITHOUT_EXTRAS = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("aiohttp", "argcomplete", "av", "cv2", "greenlet", "matplotlib", "mypy", "psutil",
                                      "rich", "trio"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
"""


def test_the_python_suite_is_collected_without_extras(tmp_path: Path) -> None:
    """Like the workflow for Windows on ARM64, where their dependencies have no wheels."""
    (tmp_path / "without_extras.py").write_text(WITHOUT_EXTRAS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "without_extras", "--collect-only", "tests/python"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the extra 'headless' is not installed" in done.stdout


def test_the_files_in_c_form_no_circle() -> None:
    """A header belongs to the file of its name. `CycleError` names the files of a circle."""
    uses: dict[str, set[str]] = {}
    for path in PROJECT.glob("csrc/src/*.[ch]"):
        headers = re.findall(r'#include "(\w+)\.h"', path.read_text(encoding="utf-8"))
        uses.setdefault(path.stem, set()).update(set(headers) - {path.stem})
    assert "rwlock" in uses["section"]
    TopologicalSorter(uses).prepare()


def test_the_modules_of_python_form_no_circle() -> None:
    """Whether imported first or inside a function; imports for type checkers do not count."""
    paths = [path for kind in ("py", "pyi") for path in PROJECT.glob(f"pywinmmf/**/*.{kind}")]
    modules = {module_of(path): path for path in paths}
    uses = {module: set(imported(module, path, modules.keys())) - {module} for module, path in modules.items()}
    assert "pywinmmf.camera.systemd" in uses["pywinmmf.camera.service_manager"]
    TopologicalSorter(uses).prepare()


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def imported(module: str, path: Path, modules: Set[str]) -> Iterator[str]:
    """The modules of the package that a module imports."""
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    for node in carried_out(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            names = {f"{source}.{name.name}" for name in node.names}
            yield from names & modules or {source} & modules


def carried_out(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a program, without what only type checkers see."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from carried_out(child)
