"""The lab itself: each piece does what the other tests rely on."""

from __future__ import annotations

import base64
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from lab import cache, csc, dotnet, mingw, msvc, wine, winpython, zig

SECTIONS = """
    using System;
    using System.IO.MemoryMappedFiles;

    // Holds a new section, and writes into it what it is told.
    string name = args[0];
    using var section = MemoryMappedFile.CreateNew(name, 4096);
    using var view = section.CreateViewAccessor();
    Console.WriteLine("ready");
    while (Console.ReadLine() is string line)
    {
        view.Write(0, int.Parse(line));
        Console.WriteLine("written");
    }
"""

EXCEPTIONS = """
    using System;
    using System.Threading;

    for (int i = 0; i < 3; i++)
        Catch(i);
    var thread = new Thread(() => { Catch(3); Catch(4); });
    thread.Start();
    thread.Join();
    Console.WriteLine($"{args[0]} {Console.ReadLine()}");

    static void Catch(int number)
    {
        try { throw new InvalidOperationException($"number {number}"); }
        catch (InvalidOperationException caught) { Console.WriteLine(caught.Message); }
    }
"""
SAID = "number 0\nnumber 1\nnumber 2\nnumber 3\nnumber 4\nпамять 共享\n"

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(program C)
add_executable(program program.c)
"""

# Holds a section and a mutex until its input ends.
HOLDER = r"""
#include <stdio.h>
#include <windows.h>

int main(int argc, char **argv)
{
    char line[8];
    HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, argv[1]);
    HANDLE mutex = argc == 3 ? CreateMutexA(NULL, TRUE, argv[2]) : NULL;
    puts(section && mutex ? "ready" : "failed");
    fflush(stdout);
    return fgets(line, sizeof line, stdin) ? 1 : 0;
}
"""

# For each line "section mutex": how opening the section and waiting for the mutex end.
OBSERVER = """
import ctypes
kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
mutexes = {}
while names := input().split():
    ctypes.set_last_error(0)
    section = kernel32.OpenFileMappingW(4, False, names[0])
    print("open", ctypes.get_last_error(), end=" ")
    kernel32.CloseHandle(section)
    mutex = mutexes.setdefault(names[1], kernel32.OpenMutexW(0x100000, False, names[1]))
    print("wait", hex(kernel32.WaitForSingleObject(mutex, 0)), flush=True)
"""


def program(folder: Path, code: str) -> Path:
    source = folder / "Program.cs"
    source.write_text(code)
    csc.compile([source], folder / "program.dll")
    return folder / "program.dll"


@pytest.fixture
def holder(tmp_path: Path) -> Path:
    source = tmp_path / "holder.c"
    source.write_text(HOLDER)
    mingw.compile([source], tmp_path / "holder.exe")
    return tmp_path / "holder.exe"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Give a list for the programs a test starts, and end them."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        wine.kill(process)


def say(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    print(line, file=process.stdin, flush=True)
    return hear(process)


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_a_piece_is_made_once_even_when_the_first_try_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYWINMMF_CACHE", str(tmp_path))
    tries = []

    def make(folder: Path) -> None:
        tries.append(folder)
        (folder / f"try-{len(tries)}").touch()
        if len(tries) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.make_once("piece", make, "1.0")
    made = cache.make_once("piece", make, "1.0")
    assert [file.name for file in made.iterdir()] == ["try-2"]
    assert cache.make_once("piece", make, "1.0") == made
    assert cache.make_once("piece", make, "1.1") != made
    assert len(tries) == 3


def test_processes_that_need_a_piece_at_once_make_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYWINMMF_CACHE", str(tmp_path))
    context = multiprocessing.get_context("fork")
    makers = context.SimpleQueue()
    barrier = context.Barrier(3)

    def make(folder: Path) -> None:
        makers.put(os.getpid())
        time.sleep(0.2)

    def need() -> None:
        barrier.wait(30)
        cache.make_once("piece", make)

    processes = [context.Process(target=need) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    makers.get()
    assert makers.empty()


def test_a_missing_package_is_named() -> None:
    with pytest.raises(cache.LabError, match=r"'no-such-program'.*'its-package'"):
        cache.tool("no-such-program", "its-package")


@pytest.mark.parametrize("compiler", ["zig", "msvc"])
def test_the_cache_folder_may_have_any_name(compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in a home folder, whose name may be that of a person."""
    root = tmp_path / "Zoë d'A B"
    (root / "project").mkdir(parents=True)
    (root / "project/CMakeLists.txt").write_text(PROJECT)
    (root / "project/program.c").write_text("int main(void) { return 0; }\n")
    (root / "zig").symlink_to(zig.home())
    (root / "libs").symlink_to(winpython.libs())
    monkeypatch.setenv("PYWINMMF_CACHE", str(root))
    monkeypatch.setattr(zig, "home", lambda: root / "zig")
    monkeypatch.setattr(winpython, "libs", lambda: root / "libs")
    if compiler == "zig":
        toolchain = zig.toolchain.__wrapped__("x86_64-windows-gnu") / "toolchain.cmake"
    else:
        toolchain = msvc.home.__wrapped__() / "x64.cmake"
    assert root in toolchain.parents
    project, build = root / "project", root / "build"
    cache.checked(
        ["cmake", "-S", project, "-B", build, f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"], "its toolchain does not work"
    )
    cache.checked(["cmake", "--build", build], "it does not build")
    assert (build / "program.exe").is_file()


@pytest.mark.parametrize("run", [dotnet.run_linux, dotnet.run_wine])
def test_dotnet_speaks_any_script_and_catches_exceptions_on_every_thread(
    tmp_path: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run(program(tmp_path, EXCEPTIONS), ["память"], input="共享\n")
    assert (done.stdout, done.stderr, done.returncode) == (SAID, "", 0)


def test_the_compilers_report_what_is_wrong(tmp_path: Path) -> None:
    source, out = tmp_path / "x.cs", tmp_path / "x.dll"
    source.write_text("class X { static string F() { string? s = null; return s; } }")
    with pytest.raises(cache.LabError, match=r"x\.cs\(1,56\): error CS8603"):
        csc.compile([source], out, target="library")
    csc.compile([source], out, target="library", warnings_as_errors=False)
    assert out.exists()
    source.write_text("class X { int[] a = [1]; }")
    with pytest.raises(cache.LabError, match="CS1525"):
        csc.compile_csharp7([source], out, target="library")
    assert not out.exists()
    source.write_text("/// <summary>Says so.</summary>\npublic class X { public int[] A { get; } = [1]; }")
    with pytest.raises(cache.LabError, match="CS1591"):
        csc.compile([source], out, target="library", doc=tmp_path / "x.xml")
    csc.compile([source], out, target="library", doc=tmp_path / "x.xml", warnings_as_errors=False)
    assert "Says so." in (tmp_path / "x.xml").read_text()


def test_csharp7_runs_on_dotnet_8(tmp_path: Path) -> None:
    source, out = tmp_path / "x.cs", tmp_path / "x.dll"
    source.write_text(
        "class X { static int Main(string[] args) { return (object)args is string[] a ? a.Length : 0; } }"
    )
    csc.compile_csharp7([source], out)
    assert dotnet.run_linux(out, ["a", "b"]).returncode == 2


def test_windows_python_has_its_modules_and_packages() -> None:
    code = """if True:
        import ctypes, sqlite3, ssl, sys
        import cffi, cv2, numpy
        assert sys.platform == "win32" and ssl.OPENSSL_VERSION and ctypes.WinDLL("kernel32")
        assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
        assert cffi.FFI().sizeof("long") == 4
        frame = numpy.full((4, 4, 3), 7, numpy.uint8)
        print(sys.version.split()[0], cv2.resize(frame, (2, 2)).sum(), "память")
    """
    done = winpython.run(["-c", code])
    assert (done.stdout, done.stderr) == ("3.11.9 84 память\n", "")


def test_windows_python_spawns_children(tmp_path: Path) -> None:
    script = tmp_path / "squares.py"
    script.write_text(
        "import multiprocessing, os\n"
        "def square(number): return number * number, os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        result, child = pool.apply(square, (12,))\n"
        "        print(result, child != os.getpid())\n"
    )
    done = winpython.run([script])
    assert (done.stdout, done.stderr) == ("144 True\n", "")


def test_an_extension_for_the_limited_api_is_cross_compiled(tmp_path: Path) -> None:
    source = tmp_path / "probe.c"
    source.write_text(
        "#define Py_LIMITED_API 0x03090000\n"
        "#include <Python.h>\n"
        'static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "probe", .m_size = -1};\n'
        "PyMODINIT_FUNC PyInit_probe(void)\n"
        "{\n"
        "    PyObject *module = PyModule_Create(&definition);\n"
        '    PyModule_AddObject(module, "value", Py_BuildValue("(iO)", 42, PyExc_OSError));\n'
        "    return module;\n"
        "}\n"
    )
    flags = ["-shared", f"-I{winpython.include()}", f"-L{winpython.libs()}", "-lpython3"]
    mingw.compile([source], tmp_path / "probe.pyd", *flags)
    done = winpython.run(["-c", "import probe; print(probe.value)"], cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("(42, <class 'OSError'>)\n", "")


def make_wheel(folder: Path, version: str, module: str) -> Path:
    """Write a wheel of the distribution lab-probe that has one module."""
    info = f"lab_probe-{version}.dist-info"
    files = {
        f"{module}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: lab-probe\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-win_amd64\n",
    }
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(text)}\n"
    path = folder / f"lab_probe-{version}-py3-none-win_amd64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


def test_installing_a_wheel_replaces_the_older_version(tmp_path: Path) -> None:
    question = "import importlib.metadata as m, importlib.util as u; print(m.version('lab-probe'), "
    question += "*(u.find_spec(name) is not None for name in ('lab_probe_old', 'lab_probe_new')))"
    try:
        winpython.install_wheel(make_wheel(tmp_path, "1.0", "lab_probe_old"))
        assert winpython.run(["-c", question]).stdout == "1.0 True False\n"
        winpython.install_wheel(make_wheel(tmp_path, "1.1", "lab_probe_new"))
        assert winpython.run(["-c", question]).stdout == "1.1 False True\n"
    finally:
        winpython.run(["-m", "pip", "uninstall", "--yes", "lab-probe"])


@pytest.mark.parametrize("namespace", ["", "Local\\", "Global\\"])
def test_dotnet_and_python_share_a_section(
    tmp_path: Path, started: list[subprocess.Popen[str]], namespace: str
) -> None:
    name = f"{namespace}lab-{uuid4()}"
    writer = dotnet.popen_wine(program(tmp_path, SECTIONS), [name])
    started.append(writer)
    assert hear(writer) == "ready"
    code = "import mmap, struct, sys\n"
    code += "view = mmap.mmap(-1, 4096, tagname=sys.argv[1])\n"
    code += "while input(): print(*struct.unpack_from('i', view), flush=True)"
    reader = winpython.popen(["-c", code, name])
    started.append(reader)
    for number in (20260101, -7):
        assert say(writer, str(number)) == "written"
        assert say(reader, "read") == str(number)


def test_a_killed_program_leaves_no_name_and_abandons_its_mutex(
    holder: Path, started: list[subprocess.Popen[str]]
) -> None:
    observer = winpython.popen(["-c", OBSERVER])
    started.append(observer)
    for _ in range(20):
        names = f"Local\\lab-{uuid4()} Local\\lab-{uuid4()}"
        process = wine.popen([holder, *names.split()])
        started.append(process)
        assert hear(process) == "ready"
        assert say(observer, names) == "open 0 wait 0x102"
        wine.kill(process)
        answers = [say(observer, names)]
        deadline = time.monotonic() + 60
        while "open 2" not in answers[-1] and time.monotonic() < deadline:
            answers.append(say(observer, names))
        assert "open 2" in answers[-1]
        assert any("wait 0x80" in answer for answer in answers)


def test_a_program_that_hangs_is_killed_in_time() -> None:
    begin = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        winpython.run(["-c", "import time; time.sleep(600)"], timeout=2)
    assert time.monotonic() - begin < 20


def test_nothing_of_the_environment_gets_in_but_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_LEAK", "1")
    code = "import os; print(os.environ.get('LAB_LEAK'), os.environ.get('LAB_GIVEN'))"
    assert winpython.run(["-c", code], env={"LAB_GIVEN": "ключ"}).stdout == "None ключ\n"


def test_paths_are_translated(tmp_path: Path) -> None:
    script = tmp_path / "имя с пробелом.py"
    script.write_text("import os, sys; print(os.getcwd() == sys.argv[1], sys.argv[2])")
    assert winpython.run([script, tmp_path, "a 'b' \"c\" \\"], cwd=tmp_path).stdout == "True a 'b' \"c\" \\\n"


def test_a_missing_program_is_named() -> None:
    with pytest.raises(cache.LabError, match=r"no such Windows program: /nowhere/x\.exe"):
        wine.run([Path("/nowhere/x.exe")])


def test_the_session_lets_go_when_its_process_is_killed() -> None:
    code = "import os, signal; from lab import wine; wine.start(); "
    code += "print(wine._session.keeper.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    env = {**os.environ, "PYTHONPATH": str(Path(cache.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env, timeout=120)
    assert done.returncode == -signal.SIGKILL
    state = Path(f"/proc/{int(done.stdout)}/stat")
    deadline = time.monotonic() + 30
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "the keeper outlives the process it was started by"
        time.sleep(0.05)
