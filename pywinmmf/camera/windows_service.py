"""The service on Windows, with pywin32.

The service manager keeps its parameters in its command line, that of ``pywinmmf camera share``.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pywintypes
import servicemanager
import win32con
import win32service
import win32serviceutil
import winerror

from .service import DESCRIPTION, NOT_INSTALLED, NOT_RUNNING, Job

WAIT_SECONDS = 60.0  # seconds for a start or a stop
RESTART_MS, FORGET_FAILURES_SECONDS = 2000, 3600

STATES = {
    win32service.SERVICE_STOPPED: "stopped",
    win32service.SERVICE_START_PENDING: "starting",
    win32service.SERVICE_STOP_PENDING: "stopping",
    win32service.SERVICE_RUNNING: "running",
}


def install(name: str, arguments: Sequence[str]) -> bool:
    """Create the service, or give the installed one new arguments. It starts with Windows and after failures. Returns
    whether it is already running."""
    line = command_line(name, arguments)
    with (
        _manager(win32service.SC_MANAGER_CREATE_SERVICE) as manager,
        _closing(_created_or_opened(manager, name, line)) as service,
    ):
        keep = win32service.SERVICE_NO_CHANGE
        win32service.ChangeServiceConfig(service, keep, keep, keep, line, None, 0, None, None, None, None)
        win32service.ChangeServiceConfig2(service, win32service.SERVICE_CONFIG_DESCRIPTION, DESCRIPTION)
        again = {
            "ResetPeriod": FORGET_FAILURES_SECONDS,
            "RebootMsg": "",
            "Command": "",
            "Actions": [(win32service.SC_ACTION_RESTART, RESTART_MS)] * 3,
        }
        win32service.ChangeServiceConfig2(service, win32service.SERVICE_CONFIG_FAILURE_ACTIONS, again)
        return bool(_state(service) != win32service.SERVICE_STOPPED)


def _created_or_opened(manager: Any, name: str, line: str) -> Any:
    try:
        return win32service.CreateService(
            manager,
            name,
            name,
            win32service.SERVICE_ALL_ACCESS,
            win32service.SERVICE_WIN32_OWN_PROCESS,
            win32service.SERVICE_AUTO_START,
            win32service.SERVICE_ERROR_NORMAL,
            line,
            None,
            0,
            None,
            None,
            None,
        )
    except pywintypes.error as error:
        if error.winerror != winerror.ERROR_SERVICE_EXISTS:
            raise
        return win32service.OpenService(manager, name, win32service.SERVICE_ALL_ACCESS)


def uninstall(name: str) -> int:
    """Stop and delete it."""
    stop(name)
    with _service(name, win32con.DELETE) as service:
        win32service.DeleteService(service)
    return 0


def start(name: str) -> int:
    """Start it and wait until it shares."""
    with _service(name, win32service.SERVICE_START | win32service.SERVICE_QUERY_STATUS) as service:
        if _state(service) == win32service.SERVICE_STOPPED:
            win32service.StartService(service, None)
        _wait(name, service, win32service.SERVICE_RUNNING)
    return 0


def stop(name: str) -> int:
    """Stop it and wait until it has ended."""
    with _service(name, win32service.SERVICE_STOP | win32service.SERVICE_QUERY_STATUS) as service:
        if _state(service) not in (win32service.SERVICE_STOPPED, win32service.SERVICE_STOP_PENDING):
            win32service.ControlService(service, win32service.SERVICE_CONTROL_STOP)
        _wait(name, service, win32service.SERVICE_STOPPED)
    return 0


def status(name: str) -> int:
    """Print its state."""
    try:
        with _service(name, win32service.SERVICE_QUERY_STATUS) as service:
            state = _state(service)
    except FileNotFoundError:
        print(f"{name}: not installed")
        return NOT_INSTALLED
    print(f"{name}: {STATES.get(state, state)}")
    return 0 if state == win32service.SERVICE_RUNNING else NOT_RUNNING


def run(name: str, job: Job) -> None:
    """Connect this process to the service manager and do the job."""

    class Service(win32serviceutil.ServiceFramework):  # type: ignore[misc]
        _svc_name_ = name

        def __init__(self, arguments: Any) -> None:
            super().__init__(arguments)
            self.end = threading.Event()
            self.is_running = False

        def SvcStop(self) -> None:
            self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING)
            self.end.set()

        SvcShutdown = SvcStop

        def began(self) -> None:
            self.ReportServiceStatus(win32service.SERVICE_RUNNING)
            self.is_running = True

        def SvcRun(self) -> None:
            try:
                job(self.end.is_set, self.began)
            except Exception:
                logging.exception("service %s", name)
                if self.is_running:
                    os._exit(1)  # without a report: Windows does not restart a service that reports a stop
                self.ReportServiceStatus(
                    win32service.SERVICE_STOPPED, win32ExitCode=winerror.ERROR_EXCEPTION_IN_SERVICE
                )
            else:
                self.ReportServiceStatus(win32service.SERVICE_STOPPED)

    servicemanager.Initialize()
    servicemanager.PrepareToHostSingle(Service)
    servicemanager.StartServiceCtrlDispatcher()


def command_line(name: str, arguments: Sequence[str]) -> str:
    """The command that the service manager runs."""
    words = ["camera", "share", "--run-service", name, *arguments]
    if sys.prefix == sys.base_prefix:
        return subprocess.list2cmdline([sys.executable, "-m", "pywinmmf", *words])
    # The python.exe of a virtual environment starts another process, which the service manager does not know.
    packages = sysconfig.get_path("purelib")
    code = f"import site; site.addsitedir({packages!r}); from pywinmmf.cli import main; raise SystemExit(main())"
    return subprocess.list2cmdline([str(Path(sys.base_prefix, "python.exe")), "-c", code, *words])


@contextmanager
def _manager(access: int) -> Iterator[Any]:
    with _clear_errors("the service manager"), _closing(win32service.OpenSCManager(None, None, access)) as manager:
        yield manager


@contextmanager
def _service(name: str, access: int) -> Iterator[Any]:
    with (
        _manager(win32service.SC_MANAGER_CONNECT) as manager,
        _clear_errors(f"service {name!r}"),
        _closing(win32service.OpenService(manager, name, access)) as service,
    ):
        yield service


@contextmanager
def _closing(handle: Any) -> Iterator[Any]:
    try:
        yield handle
    finally:
        win32service.CloseServiceHandle(handle)


@contextmanager
def _clear_errors(what: str) -> Iterator[None]:
    try:
        yield
    except pywintypes.error as error:
        if error.winerror == winerror.ERROR_SERVICE_DOES_NOT_EXIST:
            raise FileNotFoundError(f"{what} is not installed") from None
        if error.winerror == winerror.ERROR_ACCESS_DENIED:
            raise PermissionError(f"{what}: access denied; this needs an administrator's rights") from None
        raise OSError(f"{what}: {error.strerror} (system error {error.winerror})") from None


def _state(service: Any) -> int:
    return int(win32service.QueryServiceStatus(service)[1])


def _wait(name: str, service: Any, wanted: int) -> None:
    deadline = time.perf_counter() + WAIT_SECONDS
    while (state := _state(service)) != wanted:
        if state == win32service.SERVICE_STOPPED or time.perf_counter() >= deadline:
            raise OSError(f"service {name!r} is {STATES.get(state, state)}: its log says why")
        time.sleep(0.05)
