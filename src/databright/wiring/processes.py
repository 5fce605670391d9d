"""What every long-running process of a home shares: log file, clean stop, patient loops."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final, TypeVar

from databright.errors import (
    ChainError,
    ConfigError,
    DatabrightError,
    WrongChainError,
)
from databright.wiring.leash import die_with_parent
from databright.wiring.session import LOGS_FOLDER

_LOG = logging.getLogger(__name__)
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 10.0
T = TypeVar("T")


def log_to(home: Path, name: str) -> None:
    """Send the process's log to `home`/logs/NAME.log and its warnings to stderr too.

    Args:
        home: the home folder, which exists.
        name: of the process.

    Raises:
        ConfigError: the log cannot be written.
    """
    folder = home / LOGS_FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        to_file = logging.FileHandler(folder / f"{name}.log")
    except OSError as error:
        raise ConfigError(
            f"cannot write logs in {folder}: {error.strerror}; choose a home folder that you may "
            "write to"
        ) from error
    to_stderr = logging.StreamHandler()
    to_stderr.setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=[to_file, to_stderr])
    for noisy in ("web3", "urllib3", "eth_account", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def stop_on_signals() -> threading.Event:
    """Turn SIGTERM and SIGINT into an event, and end with the parent process.

    Returns:
        Set when the process should stop.
    """
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    if os.getppid() > 1:
        die_with_parent(os.getppid())
    return stop


def until_ready(make: Callable[[], T], stop: threading.Event, what: str) -> T | None:
    """Try until something can be opened: a chain that restarts is waited for.

    Args:
        make: opens it.
        stop: ends the waiting.
        what: what the log calls it.

    Returns:
        What `make` gave, or None when the process was asked to stop.

    Raises:
        WrongChainError: the endpoint serves another chain; waiting would not help.
    """
    wait = _FIRST_WAIT_S
    while not stop.is_set():
        try:
            return make()
        except WrongChainError:
            raise
        except ChainError as error:
            _LOG.warning("%s is not there yet, trying again: %s", what, error)
        stop.wait(wait)
        wait = min(2 * wait, _LONGEST_WAIT_S)
    return None


def run_passes(passes: Callable[[], object], stop: threading.Event, pause_s: float) -> None:
    """Do passes until asked to stop; what fails on purpose is logged and tried again.

    Args:
        passes: one pass; a true result means that there may be more to do at once.
        stop: ends the loop.
        pause_s: wait after a pass that did nothing, seconds.

    Raises:
        WrongChainError: the endpoint serves another chain now.
    """
    wait = pause_s
    while not stop.is_set():
        try:
            busy = bool(passes())
            wait = 0.0 if busy else pause_s
        except WrongChainError:
            raise
        except DatabrightError as error:
            wait = min(max(2 * wait, _FIRST_WAIT_S), _LONGEST_WAIT_S)
            _LOG.warning("going on in %.1f s: %s", wait, error)
        stop.wait(wait)


def exit_with(main: Callable[[], int]) -> None:
    """Run a process's main function and end the process with its code.

    Args:
        main: gives the exit code.

    Raises:
        SystemExit: always, with the code; 2 after an error of settings or input.
    """
    try:
        code = main()
    except DatabrightError as error:
        sys.stderr.write(f"databright: {error}\n")
        code = 2
    raise SystemExit(code)
