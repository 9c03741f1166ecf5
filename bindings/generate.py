"""Writes what C# and Python have of csrc/include/wmmf.h; with ``--check``, fails if a file is stale. Needs pycparser.

One header is the source of the native calls, the enums, the records and their documentation in both languages.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generator import csharp, header, python

PROJECT = Path(__file__).resolve().parents[1]
HEADER = PROJECT / "csrc/include/wmmf.h"
OUTPUTS = {
    "bindings/csharp/Wmmf/NativeMethods.g.cs": csharp.native_methods,
    "bindings/csharp/Wmmf/PublicTypes.g.cs": csharp.public_types,
    "pywinmmf/enums.py": python.enums,
    "pywinmmf/records.py": python.records,
}


def main() -> None:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="do not write; exit with 1 if a file is stale")
    options = parser.parse_args()
    declared = header.read(HEADER.read_text(encoding="utf-8"))
    for name, text in ((name, make(declared)) for name, make in OUTPUTS.items()):
        path = PROJECT / name
        if not options.check:
            path.write_bytes(text.encode())
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{name} is stale: run python {Path(__file__).relative_to(PROJECT)}")


if __name__ == "__main__":
    main()
