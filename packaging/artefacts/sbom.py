"""Software bills of materials in CycloneDX's JSON: what an artefact consists of and was compiled with."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from lab import zig

from .source import VERSION, date


def document(name: str, platform: str) -> str:
    """Return the bill of one artefact. Nothing of others' is inside but the compiler's own runtime."""
    compiler, _, release = zig.RELEASE.partition("==")
    component = {"type": "library", "name": name, "version": VERSION, "bom-ref": name, "licenses": [_licence("MIT")]}
    runtime = {
        "type": "library",
        "name": "compiler-rt",
        "version": release,
        "bom-ref": "compiler-rt",
        "description": f"The runtime of LLVM's compiler that {compiler} {release} brings, linked in",
        "licenses": [_licence("Apache-2.0 WITH LLVM-exception", expression=True)],
    }
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{name}-{VERSION}-{platform}-{date()}')}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(date(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": component,
        },
        "components": [runtime],
        "dependencies": [{"ref": name, "dependsOn": ["compiler-rt"]}, {"ref": "compiler-rt"}],
    }
    return json.dumps(bill, indent=2) + "\n"


def _licence(name: str, *, expression: bool = False) -> dict[str, object]:
    return {"expression": name} if expression else {"license": {"id": name}}
