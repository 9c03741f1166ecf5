"""``pywinmmf camera share``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from pywinmmf import AlreadyExistsError, Error, registry
from pywinmmf.cli.ending import Ending
from pywinmmf.cli.terminal import FAILED, shown

from .arguments import sharings_of
from .rotating_log import RotatingLog
from .service_manager import service_manager
from .share import Pace, SharedCamera
from .sharing import Sharing
from .source_names import IN_FILE, is_meant_as_file, source_in, without_secrets
from .sources import open_source, prepare_opencv
from .standby import Standby

LOG_BYTES, OLD_LOGS = 1_000_000, 3
RETRY_SECONDS = 5.0  # between tries to get a taken name
TICK = 0.2  # seconds between checks whether to end
STANDBY_TICK = 0.02  # the same, and between checks whether to take over


def run(arguments: argparse.Namespace) -> int:
    """Share cameras until the user or the system ends the command."""
    try:
        _log_to(arguments.log)
        prepare_opencv()
        sharings = sharings_of(arguments)
        if arguments.run_service:
            service_manager().run(arguments.run_service, lambda is_over, began: share_until(is_over, began, sharings))
        else:
            for sharing in sharings:
                _check_file(sharing.source)
            with Ending() as ending:
                share_until(ending.is_asked, lambda: None, sharings)
    except (Error, OSError) as error:
        print(f"pywinmmf: {shown(error)}", file=sys.stderr)
        return FAILED
    return 0


def _check_file(source: str) -> None:
    """`OSError` if the source is a file that cannot be played: unlike a camera, nobody will plug it in later."""
    said = source_in(Path(source[len(IN_FILE) :])) if source.startswith(IN_FILE) else source
    if is_meant_as_file(said):
        open_source(source).release()


def _log_to(file: Path | None) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler()] if sys.stderr else []
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(RotatingLog(file, maxBytes=LOG_BYTES, backupCount=OLD_LOGS, encoding="utf-8"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)


def share_until(is_over: Callable[[], bool], began: Callable[[], None], sharings: Sequence[Sharing]) -> None:
    """Share cameras until ``is_over()``, which is polled, returns True. Calls ``began()`` when they are shared.

    If one camera's name is taken, the others are still shared, and this one is tried again. Cameras on standby are
    shared when no other program shares them any more.
    """
    with ExitStack() as stack:
        cameras: list[SharedCamera] = []

        def share(sharing: Sharing) -> None:
            cameras.append(stack.enter_context(shared(sharing)))

        try:
            standbys = {each: stack.enter_context(closing(Standby(each))) for each in sharings if each.standby}
            failed = _failures(share, (each for each in sharings if not each.standby))
            if not cameras and not standbys:
                raise next(iter(failed.values()))
            for error in failed.values():
                logging.warning("%s; it is tried again", shown(error))
            began()
            retries = Pace(1 / RETRY_SECONDS)
            while not is_over():
                time.sleep(STANDBY_TICK if standbys else TICK)
                failed |= _take_over(share, standbys)
                if failed and retries.is_due():
                    retries.step()
                    failed = _failures(share, failed)
        finally:
            for camera in cameras:  # stop all of them first, so that the waits for silent cameras overlap
                camera.stop()


def _failures(share: Callable[[Sharing], None], sharings: Iterable[Sharing]) -> dict[Sharing, Error]:
    """Share each camera; log and return those that cannot be shared, and why."""
    failed = {}
    for sharing in sharings:
        try:
            share(sharing)
        except Error as error:
            failed[sharing] = error
    return failed


def _take_over(share: Callable[[Sharing], None], standbys: dict[Sharing, Standby]) -> dict[Sharing, Error]:
    """Share each camera that no other program shares any more, and remove it from the standbys. Returns the cameras
    that cannot be shared, and why."""
    failed: dict[Sharing, Error] = {}
    for sharing, standby in list(standbys.items()):
        if not standby.is_due():
            continue
        try:
            share(sharing)
        except AlreadyExistsError:  # another program was quicker
            continue
        except Error as error:
            logging.warning("%s; it is tried again", shown(error))
            failed[sharing] = error
        else:
            standby.took_over()
        standbys.pop(sharing).close()
    return failed


@contextmanager
def shared(sharing: Sharing) -> Iterator[SharedCamera]:
    """Share and list a camera while this context manager is active."""
    camera = SharedCamera(sharing)
    source = without_secrets(sharing.source)
    try:
        file = registry.announce(sharing.name, camera.namespace, source, sharing.seconds_between_pictures)
        if file is None:
            logging.warning("%s is not in the camera list: %s cannot be written", shown(sharing.name), registry.FILE)
        logging.info("sharing %s as %s (%s)", shown(source), shown(sharing.name), camera.namespace.name.lower())
        try:
            yield camera
        finally:
            if file is not None:
                with suppress(OSError):
                    registry.withdraw(sharing.name, camera.namespace, file)
    finally:
        camera.close()
        logging.info("stopped sharing %s", shown(sharing.name))
