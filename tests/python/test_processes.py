"""Other processes: attaching, exiting, being killed, forking, spawning."""

from __future__ import annotations

import copy
import importlib.util
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import (
    AccessDeniedError,
    AlreadyExistsError,
    ClosedError,
    Error,
    FormatError,
    Layout,
    LockTimeoutError,
    MemoryMappedFile,
    Namespace,
    NotFoundError,
    OwnerDiedError,
)

Child = Callable[..., Any]
Eventually = Callable[[Callable[[], object]], None]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc and /dev/shm")


def exists(name: str) -> bool:
    try:
        MemoryMappedFile.open(name, readonly=True).close()
    except NotFoundError:
        return False
    return True


@pytest.mark.parametrize("ending", ["", "section.close()", "del section", "sys.exit()", "import os; os._exit(0)"])
@pytest.mark.parametrize("readonly", [False, True])
def test_attaching_and_leaving_destroys_nothing(
    section: MemoryMappedFile, child: Child, ending: str, readonly: bool
) -> None:
    """CPython #82300."""
    section.write(b"here to stay")
    code = f"section = MemoryMappedFile.open(sys.argv[1], readonly={readonly})\nprint(section.read(12))\n"
    assert child(code + ending, section.name).result() == "b'here to stay'"
    assert section.read(12) == b"here to stay"
    with MemoryMappedFile.open(section.name) as again:
        assert again.read(12) == b"here to stay"


def test_a_section_outlives_its_creator(name: str, child: Child) -> None:
    creator = child(
        """
section = MemoryMappedFile.create(sys.argv[1], 100)
section.write(b"inherited")
print("made")
section.wait(1)
""",
        name,
    )
    assert creator.line() == "made"
    with MemoryMappedFile.open(name) as heir:
        heir.write(b"I", 0)
        creator.result()
        assert heir.read(9) == b"Inherited"
        with MemoryMappedFile.open(name) as late:
            assert late.read(9) == b"Inherited"
    assert not exists(name)


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "raise SystemExit", "view = section.view()"])
def test_a_script_that_does_not_close_leaves_nothing(name: str, child: Child, ending: str) -> None:
    child(f"section = MemoryMappedFile.create(sys.argv[1], 100)\n{ending}", name).result()
    if sys.platform.startswith("linux"):
        assert not [entry for entry in os.listdir("/dev/shm") if name in entry]
    assert not exists(name)


HELD_AT_THE_END = {
    "frames": "channel.publish(b'x'); frame = channel.latest(); view = memoryview(frame); new = channel.begin()",
    "a lock": "guard = section.write_lock(); guard.__enter__()",
    "a cycle": "channel.publish(b'x'); loop = [channel.latest()]; loop.append(loop); loop.append(memoryview(loop[0]))",
    "threads that wait": "start(lambda: channel.next(600)); start(lambda: section.wait(0))",
    "threads that work": """
def work():
    while True:
        with section.write_lock():
            section.write(b'x')
        channel.publish(b'x' * 1000)
        with channel.latest() as frame:
            bytes(frame.data)
start(work)
start(work)
while channel.sequence < 20:
    pass
""",
}


@pytest.mark.parametrize("held", HELD_AT_THE_END.values(), ids=list(HELD_AT_THE_END))
def test_a_script_ends_whatever_it_holds(name: str, child: Child, held: str) -> None:
    child(
        """
import threading
section = MemoryMappedFile.create(sys.argv[1], 100)
channel = FrameChannel.create(sys.argv[1] + "-frames", capacity=1000)
def start(work):
    threading.Thread(target=work, daemon=True).start()
"""
        + held,
        name,
    ).result()  # its exit code is 0
    assert not exists(name)
    assert not exists(f"{name}-frames")


KILLED = """
section = MemoryMappedFile.create(sys.argv[1], 5000)
section.write(b"left behind")
print("made")
import time
time.sleep(600)
"""


def test_the_name_of_a_killed_process_is_free(name: str, child: Child) -> None:
    creator = child(KILLED, name)
    assert creator.line() == "made"
    creator.kill()
    with pytest.raises(NotFoundError):
        MemoryMappedFile.open(name)
    with MemoryMappedFile.create(name, 10) as mine:
        assert mine.read() == bytes(10)


@linux_only
def test_leftovers_of_killed_processes_are_swept(name: str, child: Child) -> None:
    """The next creator removes the files of the dead, whatever their names (iceoryx2 #1869)."""
    creators = [child(KILLED, f"{name}-{i}") for i in range(3)]
    for creator in creators:
        assert creator.line() == "made"
    for creator in creators:
        creator.kill()
    with MemoryMappedFile.create(name, 10):
        assert [entry for entry in os.listdir("/dev/shm") if name in entry] == [f"wmmf-{os.geteuid()}-{name}"]


def test_it_cannot_be_copied(section: MemoryMappedFile) -> None:
    for use in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot copy section"):
            use(section)


DOUBLE = """
from pywinmmf import MemoryMappedFile
with MemoryMappedFile.open(name) as section, section.write_lock():
    section.write(section.read(5) * 2)
"""


DIE_INSIDE = """
import os
from pywinmmf import MemoryMappedFile
guard = MemoryMappedFile.open(name).write_lock().__enter__()
os._exit(0)
"""

BE_KEPT_OUT = """
from pywinmmf import LockTimeoutError, MemoryMappedFile
with MemoryMappedFile.open(name) as section:
    try:
        section.read(timeout=0)
    except LockTimeoutError:
        raise SystemExit(0)
    raise SystemExit(1)
"""

each_start_method = pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())


def multiprocess(method: str, code: str, name: str) -> None:
    context: Any = multiprocessing.get_context(method)
    process = context.Process(target=exec, args=(code, {"name": name}))
    process.start()
    process.join(60)
    assert process.exitcode == 0


@each_start_method
def test_multiprocessing(section: MemoryMappedFile, method: str) -> None:
    section.write(b"hello")
    multiprocess(method, DOUBLE, section.name)
    assert section.read(11) == b"hellohello\0"


@each_start_method
def test_a_multiprocessing_child_dies_with_the_lock(section: MemoryMappedFile, method: str) -> None:
    multiprocess(method, DIE_INSIDE, section.name)
    with section.write_lock(timeout=30, repair=True) as guard:
        assert guard.owner_died
        section.mark_consistent()
    section.write(b"mended")


@each_start_method
def test_a_multiprocessing_child_is_kept_out(section: MemoryMappedFile, method: str) -> None:
    with section.write_lock():
        multiprocess(method, BE_KEPT_OUT, section.name)
        section.write(b"mine")
    assert section.read(4) == b"mine"


def in_fork(work: Callable[[], object]) -> None:
    """Do this in a forked child, and see that it went well there."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


@posix_only
def test_a_forked_child_must_open_for_itself(section: MemoryMappedFile) -> None:
    section.write(b"parent")

    def work() -> None:
        uses: list[Callable[[], Any]] = [
            section.read,
            lambda: section.write(b"child"),
            section.view,
            section.read_lock().__enter__,
            section.audit,
            lambda: section.sequence,
        ]
        for use in uses:
            with pytest.raises(ClosedError, match="forked"):
                use()
        assert section.closed
        section.close()
        with MemoryMappedFile.open(section.name) as own:
            assert own.read(6) == b"parent"
            own.write(b"child!")

    in_fork(work)
    assert section.read(6) == b"child!"
    assert section.audit().participants == 1


@posix_only
def test_a_child_does_not_own_its_parents_lock(section: MemoryMappedFile) -> None:
    def work() -> None:
        with MemoryMappedFile.open(section.name) as own, pytest.raises(LockTimeoutError):
            own.read(timeout=0)

    with section.write_lock():
        in_fork(work)
        section.write(b"x")

    def leave_the_with_block() -> None:
        guard.__exit__(None, None, None)
        with MemoryMappedFile.open(section.name) as own, pytest.raises(LockTimeoutError):
            own.read(timeout=0)

    with section.write_lock() as guard:
        in_fork(leave_the_with_block)
    assert section.sequence == 2


@posix_only
def test_inherited_views_stay_valid(section: MemoryMappedFile) -> None:
    view = section.view()

    def work() -> None:
        view[0] = 7

    in_fork(work)
    assert section.read(1) == b"\x07"


WAIT = """
threading.Thread(target=section.wait, args=(section.sequence,), daemon=True).start()
with MemoryMappedFile.open(sys.argv[1], layout=Layout.RAW) as raw:
    while not any(raw.read(4, 192 + 16 + 4)):  # how many sleep until a change
        pass
"""


@linux_only
@pytest.mark.parametrize("holding", ["", "view = section.view()", WAIT], ids=["nothing", "a view", "a waiting thread"])
def test_a_child_does_not_keep_its_dead_parent_alive(section: MemoryMappedFile, child: Child, holding: str) -> None:
    """The parent is killed with the lock while its child, a copy, lives on."""
    parent = child(
        f"""
import os, threading, time
section = MemoryMappedFile.open(sys.argv[1])
{holding}
guard = section.write_lock().__enter__()
pid = os.fork()
if pid == 0:
    section.closed  # a reference, so that it lives
    print(os.getpid())
time.sleep(600)
""",
        section.name,
    )
    grandchild = int(parent.line())
    try:
        parent.kill()
        with pytest.raises(OwnerDiedError):
            section.read(timeout=30)
    finally:
        os.kill(grandchild, signal.SIGKILL)


@linux_only
def test_a_child_knows_what_was_being_opened_and_closed(section: MemoryMappedFile) -> None:
    def work() -> None:
        inherited = [os.readlink(file) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
        assert not [path for path in inherited if section.name in path]

    def come_and_go() -> None:
        while not enough.is_set():
            MemoryMappedFile.open(section.name).close()

    enough = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        coming_and_going = [pool.submit(come_and_go) for _ in range(2)]
        try:
            for _ in range(50):
                in_fork(work)
        finally:
            enough.set()
    for one in coming_and_going:
        one.result()


CHURN = """
from pywinmmf import MemoryMappedFile
def churn(name):
    while True:
        MemoryMappedFile.open(name).close()
"""


def test_the_end_does_not_wait_for_daemon_threads_that_open(
    section: MemoryMappedFile, child: Child, tmp_path: Path
) -> None:
    (tmp_path / "churning.py").write_text(CHURN)
    code = """
import threading
sys.path.insert(0, sys.argv[2])
from churning import churn
kept = MemoryMappedFile.open(sys.argv[1])
for _ in range(3):
    threading.Thread(target=churn, args=[sys.argv[1]], daemon=True).start()
"""
    for _ in range(3):
        assert child(code, section.name, str(tmp_path)).result() == ""


def handles_in_use() -> int:
    """How many descriptors and mappings this process has; on Windows, how far its table of handles is filled."""
    if sys.platform == "win32":
        import ctypes

        handle: int = ctypes.windll.kernel32.CreateEventW(None, False, False, None)
        ctypes.windll.kernel32.CloseHandle(handle)
        return handle // 4
    return len(os.listdir("/proc/self/fd")) + Path("/proc/self/maps").read_text().count("/dev/shm/")


def leaks(call: Callable[[], object]) -> bool:
    """Whether each call leaves something open."""
    times = 50
    call()
    before = handles_in_use()
    for _ in range(times):
        call()
    return handles_in_use() - before >= times


def test_a_leak_would_be_seen(section: MemoryMappedFile) -> None:
    kept: list[MemoryMappedFile] = []
    assert leaks(lambda: kept.append(MemoryMappedFile.open(section.name, readonly=True)))


def test_no_call_that_fails_leaves_anything_open(section: MemoryMappedFile, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    raw = MemoryMappedFile.create(section.name + "-raw", 5000, layout=Layout.RAW)
    raw.write(b"?" * 5000)
    fails: list[Callable[[], Any]] = [
        lambda: MemoryMappedFile.create(section.name, 10),
        lambda: MemoryMappedFile.create(section.name, 10**6, exist_ok=True),
        lambda: MemoryMappedFile.create(section.name + "-new", 1 << 46),
        lambda: MemoryMappedFile.create(section.name + "-new", 10, access="no SDDL"),
        lambda: MemoryMappedFile.create("bad/name", 10),
        lambda: MemoryMappedFile.open(section.name + "-new"),
        lambda: MemoryMappedFile.open(section.name, size=1001),
        lambda: MemoryMappedFile.open(raw.name),
        lambda: MemoryMappedFile.open(raw.name, readonly=True),
        lambda: MemoryMappedFile.open_file(tmp_path),
        lambda: MemoryMappedFile.open_file(empty),
        lambda: MemoryMappedFile.open_file(tmp_path / "nothing"),
        lambda: section.view(0, 1001),
        lambda: section.wait(section.sequence, 0),
        lambda: section.write(bytes(1001)),
        lambda: section.read(1001),
    ]
    for number, fail in enumerate(fails):

        def call(fail: Callable[[], Any] = fail) -> None:
            with pytest.raises(Error):
                fail()

        assert not leaks(call), f"call {number}"
    assert not exists(section.name + "-new")
    raw.close()


@linux_only
def test_no_call_that_fails_leaves_a_file(section: MemoryMappedFile) -> None:
    for size in (0, 10, 1 << 46):
        with pytest.raises(Error):
            MemoryMappedFile.create(section.name, size)
        with pytest.raises(Error):
            MemoryMappedFile.create(section.name + "-new", size, access="D:")
    assert [entry for entry in os.listdir("/dev/shm") if section.name in entry] == [
        f"wmmf-{os.geteuid()}-{section.name}"
    ]


def test_opening_and_closing_leaves_nothing(section: MemoryMappedFile) -> None:
    def open_and_close() -> None:
        with MemoryMappedFile.open(section.name) as again:
            again.view()

    assert not leaks(open_and_close)
    assert section.audit().participants == 1
    assert section.audit().dead == 0


def test_closing_in_one_thread_while_others_read(section: MemoryMappedFile, eventually: Eventually) -> None:
    """Either a result or ClosedError, never a crash."""

    def use(shared: MemoryMappedFile, started: threading.Event) -> type[BaseException]:
        try:
            while True:
                shared.read()
                started.set()
        except BaseException as error:
            return type(error)

    with ThreadPoolExecutor(3) as pool:
        for _ in range(50):
            shared = MemoryMappedFile.open(section.name)
            started = threading.Event()
            outcomes = [pool.submit(use, shared, started) for _ in range(3)]
            assert started.wait(60)
            shared.close()
            assert [outcome.result(60) for outcome in outcomes] == [ClosedError] * 3
    eventually(lambda: section.audit().participants == 1)


def plant_nothing_behind_a_link(path: Path, _elsewhere: Path) -> None:
    path.symlink_to("/dev/shm/there-is-no-such-file")


def plant_a_link(path: Path, elsewhere: Path) -> None:
    elsewhere.write_bytes(b"mine" * 2000)
    path.symlink_to(elsewhere)


def plant_a_pipe(path: Path, _elsewhere: Path) -> None:
    os.mkfifo(path)


def plant_a_folder(path: Path, _elsewhere: Path) -> None:
    path.mkdir()


@linux_only
@pytest.mark.parametrize("plant", [plant_nothing_behind_a_link, plant_a_link, plant_a_pipe, plant_a_folder])
@pytest.mark.parametrize("layout", list(Layout))
def test_what_is_planted_under_a_name_is_refused_and_left_alone(
    name: str, tmp_path: Path, plant: Callable[[Path, Path], None], layout: Layout
) -> None:
    elsewhere = tmp_path / "elsewhere"
    path = Path(f"/dev/shm/wmmf-{os.geteuid()}-{name}")
    plant(path, elsewhere)
    try:
        planted = path.lstat()
        for readonly in (False, True):
            with pytest.raises((FormatError, AccessDeniedError)):
                MemoryMappedFile.open(name, layout=layout, readonly=readonly)
        with pytest.raises(AlreadyExistsError):
            MemoryMappedFile.create(name, 100, layout=layout)
        with pytest.raises((FormatError, AccessDeniedError)):
            MemoryMappedFile.create(name, 100, layout=layout, exist_ok=True)
        assert (path.lstat().st_ino, path.lstat().st_mode) == (planted.st_ino, planted.st_mode)
        assert not elsewhere.exists() or elsewhere.read_bytes() == b"mine" * 2000
        assert not Path("/dev/shm/there-is-no-such-file").exists()
    finally:
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


@linux_only
@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("namespace", [n for n in Namespace if n != Namespace.ANY])
def test_nothing_is_writable_for_others_by_default(name: str, layout: Layout, namespace: Namespace) -> None:
    umask = os.umask(0)
    try:
        with MemoryMappedFile.create(name, 100, layout=layout, namespace=namespace):
            made = [file for file in Path("/dev/shm").iterdir() if name in file.name]
            assert [file.stat().st_mode & 0o777 for file in made] == [0o600]
    finally:
        os.umask(umask)


INSIDE = """
from pywinmmf import FrameChannel, MemoryMappedFile
section, channel = MemoryMappedFile.open(name), FrameChannel.open(name + "-frames")
lock = section.write_lock()
lock.__enter__()
section.write(b"inside")
channel.publish(b"inside")
frame = channel.latest()
view = frame.data
"""
OUTSIDE = """
import sys
from pywinmmf import FrameChannel, MemoryMappedFile
try:
    import _interpreters as interpreters
    other = interpreters.create("legacy")
except ModuleNotFoundError:  # before Python 3.13
    import _xxsubinterpreters as interpreters
    other = interpreters.create(isolated=False)
name, inside = sys.argv[1:]
with MemoryMappedFile.create(name, 100) as section, FrameChannel.create(name + "-frames", capacity=10) as channel:
    failed = interpreters.run_string(other, f"name = {name!r}" + inside)
    print(failed, len(section.participants()), section.lock_state().writing, channel.sequence)
    interpreters.destroy(other)
    print(len(section.participants()), section.read(6, timeout=0), [one.pins for one in channel.participants()])
"""
"""Its interpreters share the GIL; CFFI cannot be imported by those that have one of their own."""


@pytest.mark.skipif(
    not any(map(importlib.util.find_spec, ("_interpreters", "_xxsubinterpreters"))),
    reason="cannot make interpreters here",
)
def test_what_a_subinterpreter_holds_is_released_when_it_ends(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", OUTSIDE, name, INSIDE], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["None 2 True 1", "1 b'inside' [0]"], done.stderr
