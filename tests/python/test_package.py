"""What the installed package carries for programs in other languages, its command line, its types."""

from __future__ import annotations

import ctypes
import importlib.metadata
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import pywinmmf
from pywinmmf import errors

BUILTINS = {
    errors.NotFoundError: FileNotFoundError,
    errors.AlreadyExistsError: FileExistsError,
    errors.AccessDeniedError: PermissionError,
    errors.LockTimeoutError: TimeoutError,
    errors.InvalidArgumentError: ValueError,
    errors.ArgumentTypeError: TypeError,
    errors.FormatError: ValueError,
    errors.ClosedError: ValueError,
    errors.NotSupportedError: Exception,
    errors.OwnerDiedError: Exception,
    errors.PoisonedError: Exception,
}


def command(*arguments: str) -> str:
    """The output of ``python -m pywinmmf``."""
    return subprocess.run(
        [sys.executable, "-m", "pywinmmf", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()


def test_the_command_line_says_where_things_are() -> None:
    assert command("--version") == pywinmmf.__version__ == importlib.metadata.version("pywinmmf")
    assert Path(command("--include-dir")) == pywinmmf.include_dir()
    assert Path(command("--library")) == pywinmmf.library_path()
    assert (pywinmmf.include_dir() / "wmmf.h").is_file()
    assert pywinmmf.library_path().is_file()


def run_into(output: int, *arguments: str) -> tuple[int, str]:
    """The exit code of ``python -m pywinmmf``, and its complaints, where its output goes there."""
    done = subprocess.run(
        [sys.executable, "-m", "pywinmmf", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


OUTPUTS = pytest.mark.parametrize("arguments", [["ls"], ["audit", "NAME"]])


@OUTPUTS
def test_a_pipe_that_is_closed(section: pywinmmf.MemoryMappedFile, arguments: list[str]) -> None:
    """This is no error, and the exit code is not that of an audit that found damage."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        code, complaints = run_into(pipe.fileno(), *(section.name if one == "NAME" else one for one in arguments))
    assert complaints == "" or sys.platform == "win32"  # which calls it an invalid argument
    assert code == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
@OUTPUTS
def test_a_disk_that_is_full(section: pywinmmf.MemoryMappedFile, arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        code, complaints = run_into(full.fileno(), *(section.name if one == "NAME" else one for one in arguments))
    assert complaints.startswith("pywinmmf: [Errno 28]")
    assert complaints.count("\n") == 1
    assert code == 2


def test_the_library_is_of_the_same_build() -> None:
    library = ctypes.CDLL(str(pywinmmf.library_path()))
    library.wmmf_version.restype = ctypes.c_char_p
    assert library.wmmf_version().decode() == pywinmmf.__version__
    assert library.wmmf_abi_version() == 1


def test_the_library_shares_sections_with_the_extension(section: pywinmmf.MemoryMappedFile) -> None:
    """Both in one process: they have no state in common but the section."""
    library = ctypes.CDLL(str(pywinmmf.library_path()))
    handle = ctypes.c_void_p()
    opened = library.wmmf_open(section.name.encode(), ctypes.c_uint64(0), None, ctypes.byref(handle))
    assert opened == 0
    try:
        written = library.wmmf_write(handle, ctypes.c_uint64(0), b"from C", ctypes.c_uint64(6), ctypes.c_int64(-1))
        assert written == 0
        assert section.read(6) == b"from C"
        with section.write_lock():
            assert library.wmmf_lock_write(handle, ctypes.c_int64(0)) == -20
    finally:
        library.wmmf_close(handle)


@pytest.mark.skipif(sys.platform == "win32" or not shutil.which("cc"), reason="needs a C compiler here")
def test_a_c_program_builds_and_runs_against_the_wheel(section: pywinmmf.MemoryMappedFile, tmp_path: Path) -> None:
    source = tmp_path / "hello.c"
    source.write_text(
        """
        #include <wmmf.h>
        int main(int argc, char **argv) {
            wmmf_section *map;
            int32_t status = argc == 2 ? wmmf_open(argv[1], 0, 0, &map) : WMMF_E_ARGUMENT;
            if (status == WMMF_OK)
                status = wmmf_write(map, 0, "hello", 5, -1);
            return status == WMMF_OK ? wmmf_close(map) : 1;
        }
        """
    )
    library = pywinmmf.library_path()
    program = tmp_path / "hello"
    flags = ["-Wall", "-Werror", f"-I{pywinmmf.include_dir()}", f"-Wl,-rpath,{library.parent}"]
    subprocess.run(["cc", *flags, str(source), str(library), "-o", str(program)], check=True)
    subprocess.run([program, section.name], check=True, timeout=60)
    assert section.read(5) == b"hello"


def test_the_package_says_what_it_is() -> None:
    description = importlib.metadata.metadata("pywinmmf").get_payload()  # type: ignore[attr-defined]
    assert description.startswith("# pywinmmf")


def test_the_wheel_is_for_every_python_from_3_11_on() -> None:
    wheel = importlib.metadata.distribution("pywinmmf").read_text("WHEEL")
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel is not None
    assert f"Tag: cp311-abi3-{platform}" in wheel


@pytest.mark.parametrize("kind", [kind for kind, builtin in BUILTINS.items() if issubclass(builtin, OSError)])
def test_an_error_of_the_system_has_the_errno_of_its_kind(kind: type[errors.Error]) -> None:
    error = pickle.loads(pickle.dumps(kind("no")))
    assert isinstance(error, OSError)
    assert type(OSError(error.errno, "")) is BUILTINS[kind]
    assert str(error) == "no"


@pytest.mark.parametrize("kind", list(BUILTINS))
def test_errors_are_what_people_already_catch(kind: type[errors.Error]) -> None:
    assert issubclass(kind, (errors.Error, BUILTINS[kind]))
    assert issubclass(kind, errors.Error)
    assert issubclass(kind, BUILTINS[kind])
    error = kind("what happened", -5, 7)
    assert (str(error), error.status, error.os_error) == ("what happened", -5, 7)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.status, again.os_error) == ("what happened", -5, 7)


def test_errors_come_back_from_other_processes(name: str) -> None:
    with (
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool,
        pytest.raises(pywinmmf.NotFoundError) as caught,
    ):
        pool.submit(pywinmmf.MemoryMappedFile.open, name).result(60)
    assert name in str(caught.value)
    assert caught.value.status == -14


def test_all_public_names_are_there_and_documented() -> None:
    for public in pywinmmf.__all__:
        assert public == "__version__" or getattr(pywinmmf, public).__doc__


def test_it_is_typed(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="checks the types with mypy")
    program = tmp_path / "program.py"
    program.write_text(
        "from pywinmmf import MemoryMappedFile\n"
        "with MemoryMappedFile.create('x', 5) as section, section.write_lock() as guard:\n"
        "    reveal_type(section.read())\n"
        "    reveal_type(guard.owner_died)\n"
        "section.write('text')\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        timeout=300,
    )
    assert 'Revealed type is "bytes"' in result.stdout.replace("builtins.", "")
    assert 'Revealed type is "bool"' in result.stdout.replace("builtins.", "")
    assert '"write" of "MemoryMappedFile" has incompatible type "str"' in result.stdout
    assert "Found 1 error" in result.stdout


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_its_options_compile_and_link_a_program_that_runs(tmp_path: Path) -> None:
    """As one line of a shell, from a folder whose name needs quotes."""
    packages = tmp_path / "Zoë d'A B"
    shutil.copytree(Path(pywinmmf.__file__).parent, packages / "pywinmmf")
    (tmp_path / "program.c").write_text(
        "#include <wmmf.h>\nint main(void) { return (int)wmmf_abi_version() - WMMF_ABI_VERSION; }\n"
    )
    pywinmmf_command = f'"{sys.executable}" -m pywinmmf'
    line = f'eval "cc $({pywinmmf_command} --cflags) program.c $({pywinmmf_command} --ldflags) -o program"; ./program'
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    subprocess.run(["sh", "-ec", line], cwd=tmp_path, env=environment, check=True, timeout=60)


def test_the_import_library_is_there() -> None:
    assert Path(command("--import-library")).is_file()
