"""Runs setup.py with setuptools' own MSVCCompiler and its options, as on Windows with Visual Studio; cl.exe and
link.exe are those of PATH (see lab/msvc.py)."""

import os

import setuptools  # noqa: F401 (it brings the distutils that is meant below)

from distutils.compilers.C import msvc  # isort: skip

msvc.get_host_platform = lambda: "win-amd64"
msvc.get_platform = lambda: "win-amd64"
msvc._get_vc_env = lambda _spec: {"path": os.environ["PATH"], "include": "", "lib": ""}

with open("setup.py") as file:
    exec(compile(file.read(), "setup.py", "exec"))
