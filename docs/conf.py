"""Sphinx: the documentation, built by ``./run docs`` into build/docs. Warnings are errors there."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

import pywinmmf

PROJECT = Path(__file__).resolve().parents[1]
sys.path += [str(PROJECT / "tools"), str(PROJECT / "bindings")]

import reference  # noqa: E402

reference.write(PROJECT)

project = "pywinmmf"
version = release = pywinmmf.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["requirements.txt"]
html_theme = "furo"
html_title = f"pywinmmf {version}"
html_copy_source = False
html_show_copyright = False
pygments_style = "friendly"
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]

# In docstrings, `name` links to the documented object of that name, if there is one.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {
    "members": True,
    "inherited-members": "Exception,IntEnum,int,object",
}
python_maximum_signature_line_length = 100
python_use_unqualified_type_names = True


def setup(app: Sphinx) -> None:
    """Hide the constructors of classes that are made by other calls."""

    def skip(_app: Sphinx, _what: str, name: str, member: object, skipped: bool, _options: object) -> bool:
        return skipped or (name == "__init__" and "handle" in getattr(member, "__annotations__", {}))

    app.connect("autodoc-skip-member", skip)
