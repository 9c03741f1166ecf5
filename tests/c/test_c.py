"""The C library on both systems: its contract, its faults, its builds, and programs that find it installed."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import native
import pytest
from lab import wine, zig

EXTERNAL = Path(__file__).parent / "external"
EXTERNAL_NAME = f"wmmf-external-{os.getpid()}"
SECONDS = 300


def run(program: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of Linux, or of Windows under Wine."""
    if program.suffix == ".exe":
        return wine.run([program, *arguments], timeout=SECONDS, cwd=cwd)
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=SECONDS, cwd=cwd)


def check_passed(done: subprocess.CompletedProcess[str]) -> None:
    """All tests of a program with our harness have passed, and there was at least one."""
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", last), done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("program", ["unit", "faults", "deaths", "groups", "scans", "calls"])
def test_contract_on_linux(program: str, tmp_path: Path) -> None:
    check_passed(run(native.programs("gcc") / program, cwd=tmp_path))


@pytest.mark.parametrize("program", ["unit", "faults"])
def test_contract_on_linux_sanitized(program: str, tmp_path: Path) -> None:
    check_passed(run(native.programs("gcc", "address,undefined") / program, cwd=tmp_path))


def test_contract_on_linux_thread_sanitized(tmp_path: Path) -> None:
    """With clang: gcc's knows no fences, which the optimistic reader needs."""
    check_passed(run(native.programs("clang", "thread") / "unit", cwd=tmp_path))


@pytest.mark.parametrize("program", ["unit", "faults"])
def test_contract_with_musl(program: str, tmp_path: Path) -> None:
    """Linked statically: shows that the wheels for Alpine work, although there is no Python of Alpine here."""
    check_passed(run(native.zig_programs("x86_64-linux-musl") / program, cwd=tmp_path))


@pytest.mark.parametrize("program", ["unit", "faults"])
def test_contract_on_32_bit_linux(program: str, tmp_path: Path) -> None:
    """With musl, whose time_t has 64 bits there."""
    check_passed(run(native.zig_programs("x86-linux-musl") / program, cwd=tmp_path))


def test_suite_compiles_for_32_bit_arm() -> None:
    """The suite is not run: the child processes that it starts would need the emulator as well."""
    header = native.checked("readelf", "-h", native.zig_programs("arm-linux-gnueabihf") / "unit")
    assert "Machine:" in header and "ARM" in header and "ELF32" in header


@pytest.mark.parametrize("program", ["unit.exe", "faults.exe", "deaths.exe", "scans.exe"])
def test_contract_on_windows(program: str, tmp_path: Path) -> None:
    check_passed(run(native.programs("mingw64") / program, cwd=tmp_path))


def test_loading_and_unloading_leaves_nothing_on_linux() -> None:
    folder = native.programs("gcc")
    done = run(folder / "unload", str(folder / "libwmmf.so"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.windows
def test_loading_and_unloading_leaves_nothing_on_windows() -> None:
    """The library has its own thread-local memory, because mingw's takes an index and never gives it back."""
    folder = native.programs("mingw64")
    done = run(folder / "unload.exe", "wmmf.dll", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


# Calls of the library that have no failure to undo: they only release, wait, wake or return what is always known.
HARMLESS = {
    "gcc": (
        "__ctype_b_loc __errno_location __isoc99_sscanf __isoc99_strtoull _GLOBAL_OFFSET_TABLE_ atexit clock_gettime "
        "close closedir fclose fgets free geteuid getpid getrlimit lseek memcmp memcpy memmove memset "
        "munmap nanosleep pthread_key_delete qsort rewinddir sched_yield snprintf stat strchr strcmp strcpy strlen "
        "strncmp strpbrk strstr strtok_r strtoull syscall sysconf unlink vsnprintf"
    ),
    "x86_64-w64-mingw32-gcc": (
        "__emutls_get_address __mingw_vsnprintf __mingw_vsnwprintf AcquireSRWLockExclusive atexit CloseHandle "
        "DeleteFileW EqualSid FlsFree FlsGetValue free GetAce GetCurrentProcess GetCurrentProcessId GetFileType "
        "GetLargePageMinimum GetLastError GetModuleHandleW GetProcAddress GetSystemInfo "
        "GetSystemTimeAsFileTime GetSystemTimePreciseAsFileTime LocalFree memcmp memcpy memmove memset "
        "ProcessIdToSessionId qsort QueryPerformanceCounter QueryPerformanceFrequency ReleaseSemaphore "
        "ReleaseSRWLockExclusive SetEvent SetLastError Sleep strcpy strlen strncmp strpbrk SwitchToThread "
        "SystemFunction036 UnlockFileEx ___chkstk_ms "
        "UnmapViewOfFile WaitForMultipleObjects WaitForSingleObject wcschr wcslen wcsncmp WideCharToMultiByte "
        "wmemcpy"
    ),
}


@pytest.mark.parametrize("compiler", HARMLESS)
def test_every_call_that_can_fail_is_among_the_faults(compiler: str, tmp_path: Path) -> None:
    other_platform = "_posix" if "mingw" in compiler else "_win"
    sources = [path for path in (native.CSRC / "src").glob("*.c") if not path.stem.endswith(other_platform)]
    library = tmp_path / "library.o"
    options = ["-std=c99", "-O1", "-r", "-nostdlib", "-DWMMF_STATIC", "-I", str(native.CSRC / "include")]
    native.checked(compiler, *options, *sources, "-o", library)
    called = native.checked("nm", "--undefined-only", "--format=posix", library).splitlines()
    names = {re.sub("^__imp_|64$", "", line.split()[0]) for line in called}
    faults = set(re.findall(r"^#define (\w+)\(\.\.\.\)", (Path(__file__).parent / "faults.h").read_text(), re.M))
    assert names - faults <= set(HARMLESS[compiler].split())


@pytest.mark.parametrize("compiler", HARMLESS)
@pytest.mark.parametrize(("source", "places"), [("rwlock.c", 2), ("channel_write.c", 1)])
def test_a_large_copy_stays_behind_what_announces_it(compiler: str, source: str, places: int) -> None:
    """After an odd sequence, the end of the next piece, and an odd stamp an instruction keeps non-temporal stores
    behind. Without it, a processor shows the wrong order only now and then (test_copies.c)."""
    options = ["-std=gnu99", "-O2", "-S", "-o", "-", "-DWMMF_BUILD", "-I", str(native.CSRC / "include")]
    assert native.checked(compiler, *options, native.CSRC / "src" / source).count("sfence") >= places


@pytest.mark.parametrize("target", native.TARGETS)
def test_library_builds_and_installs(target: str) -> None:
    prefix = native.installed(target)
    library = ["bin/wmmf.dll", "lib/libwmmf.dll.a"] if target.startswith("mingw") else ["lib/libwmmf.so"]
    for file in ["include/wmmf.h", "include/wmmf.hpp", "lib/cmake/wmmf/wmmf-config.cmake", "lib/pkgconfig/wmmf.pc"]:
        assert (prefix / file).is_file()
    for file in library:
        assert (prefix / file).is_file()


# The system calls the first when a thread ends; the second is the place of a thread's error, which the system supplies.
CALLED_BACK = {"thread_ended", "last_error"}


def test_files_call_each_other_in_one_direction() -> None:
    """The files for a system count as one. `CycleError` names the files of a circle."""
    defined: dict[str, str] = {}
    called: dict[str, set[str]] = {}
    for path in native.programs("gcc").parent.glob("CMakeFiles/inside.dir/**/*.o"):
        file = re.sub(r".*_posix", "platform", path.name.removesuffix(".c.o"))
        for line in native.checked("nm", "--format=posix", path).splitlines():
            name, kind = line.split()[:2]
            if kind == "U":
                called.setdefault(file, set()).add(name)
            elif kind.isupper():
                defined[name] = file
    uses = {file: {defined.get(name, file) for name in names - CALLED_BACK} - {file} for file, names in called.items()}
    assert "rwlock" in uses["section"]
    TopologicalSorter(uses).prepare()


STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Werror", "-fsyntax-only"]


@pytest.mark.parametrize("compiler", ["gcc", "clang", "x86_64-w64-mingw32-gcc", "i686-w64-mingw32-gcc"])
def test_header_is_c99(compiler: str) -> None:
    native.checked(compiler, *STRICT, "-std=c99", "-x", "c", native.CSRC / "include/wmmf.h")


@pytest.mark.parametrize("standard", ["c++17", "c++20"])
@pytest.mark.parametrize("compiler", ["g++", "clang++", "x86_64-w64-mingw32-g++"])
def test_headers_are_cpp(compiler: str, standard: str, tmp_path: Path) -> None:
    program = tmp_path / "program.cpp"
    program.write_text(
        '#include "wmmf.h"\n#include "wmmf.hpp"\nauto f(wmmf::section &m) { return m.bytes().size(); }\n'
    )
    native.checked(compiler, *STRICT, f"-std={standard}", "-I", native.CSRC / "include", program)


@functools.cache
def external(target: str) -> Path:
    return native.configure_and_build(EXTERNAL, target, f"-Dwmmf_DIR={native.installed(target)}/lib/cmake/wmmf")


@pytest.mark.parametrize("program", ["program-c", "program-cpp"])
@pytest.mark.parametrize("target", ["gcc", "clang", "mingw64"])
def test_external_program_finds_the_package(target: str, program: str) -> None:
    suffix = ".exe" if target == "mingw64" else ""
    done = run(external(target) / (program + suffix), EXTERNAL_NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(native.VERSION)


def test_external_program_through_pkg_config(tmp_path: Path) -> None:
    prefix = native.installed("gcc")
    line = (
        f'export PKG_CONFIG_PATH="{prefix}/lib/pkgconfig" LD_LIBRARY_PATH="{prefix}/lib"\n'
        f'cc "{EXTERNAL}/program.c" $(pkg-config --cflags --libs wmmf) -o program && ./program {EXTERNAL_NAME}\n'
        "pkg-config --modversion wmmf"
    )
    output = native.checked("sh", "-ec", line, cwd=tmp_path).splitlines()
    assert output == [f"{native.VERSION} success hello", native.VERSION]


@pytest.mark.windows
def test_dll_says_its_version() -> None:
    dll = (native.installed("mingw64") / "bin/wmmf.dll").read_bytes()
    for text in ("FileVersion", native.VERSION, "wmmf.dll"):
        assert text.encode("utf-16-le") in dll


@pytest.mark.parametrize("target", ["mingw64", "mingw32"])
def test_dll_needs_only_what_windows_has(target: str) -> None:
    dll = native.installed(target) / "bin/wmmf.dll"
    needed = set(re.findall(r"DLL Name: (\S+)", native.checked("x86_64-w64-mingw32-objdump", "-p", dll)))
    assert needed <= {"KERNEL32.dll", "ADVAPI32.dll", "msvcrt.dll", "bcrypt.dll", "ntdll.dll"}


@pytest.mark.parametrize("triple", ["aarch64-windows-gnu", "aarch64-linux-gnu", "x86-linux-gnu"])
def test_library_compiles_for_other_processors(triple: str, tmp_path: Path) -> None:
    other_platform = "_posix" if "windows" in triple else "_win"
    sources = [path for path in (native.CSRC / "src").glob("*.c") if not path.stem.endswith(other_platform)]
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wvla", "-Wundef", "-Werror"]
    options = ["-std=c99", "-O2", "-DWMMF_BUILD", "-I", str(native.CSRC / "include")]
    for source in sources:
        native.checked(*zig.command(triple), "-c", *options, *warnings, source, cwd=tmp_path)


SLEEP = """
#include <stdio.h>
#include <sys/resource.h>
#include "platform.h"

int main(void) {
    static shared_u32 word;
    struct rusage used;
    int sleeps = 0;
    for (int64_t start = platform_monotonic_ns(); platform_monotonic_ns() - start < 1000000000; sleeps++)
        platform_sleep(NULL, EVENT_CHANGE, &word, 0, 1000000000);
    getrusage(RUSAGE_SELF, &used);
    printf("%d sleeps, %ld us\\n", sleeps, (long)(used.ru_utime.tv_usec + used.ru_stime.tv_usec));
    return sizeof(long) != 4 || sizeof(time_t) != 8 || sleeps > 3;
}
"""


def test_a_sleep_lasts_on_32_bit_linux_with_64_bit_times(tmp_path: Path) -> None:
    """As musl has them: the system call for 32-bit times would take the timeout for 0."""
    program = tmp_path / "sleep.c"
    program.write_text(SLEEP)
    sources = [path for path in (native.CSRC / "src").glob("*.c") if not path.stem.endswith("_win")]
    include = ["-I", str(native.CSRC / "include"), "-I", str(native.CSRC / "src")]
    options = ["-static", "-O1", "-std=gnu99", "-DWMMF_STATIC", *include]
    native.checked(*zig.command("x86-linux-musl"), *options, program, *sources, "-o", tmp_path / "sleep", cwd=tmp_path)
    try:
        done = subprocess.run([tmp_path / "sleep"], capture_output=True, text=True, timeout=60)
    except OSError as error:
        pytest.skip(f"this kernel runs no 32-bit programs: {error}")
    assert done.returncode == 0, done.stdout
