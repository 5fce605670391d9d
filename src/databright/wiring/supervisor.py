"""Keep a set of child processes running, and leave none behind.

Every child runs on a leash (`wiring/leash.py`): the kernel kills it when the thread that
started it ends, so that even `kill -9` of the supervisor leaves no orphan. For that reason
one thread, which lives as long as the supervisor, starts every child.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from databright.errors import ConfigError

_LOG = logging.getLogger(__name__)
_FIRST_BACKOFF_S = 0.2
_LONGEST_BACKOFF_S = 5.0
_STABLE_AFTER_S = 10.0
_POLL_S = 0.1


@dataclass(frozen=True)
class ChildSpec:
    """How one child is started.

    Attributes:
        name: unique name; its log is logs/NAME.log.
        module: one of our modules, run as the child's main program.
        args: its arguments.
        env: variables added to the supervisor's own environment.
        restart: start it again when it ends unasked.
    """

    name: str
    module: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    restart: bool = True


@dataclass
class _Child:
    spec: ChildSpec
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    backoff_s: float = _FIRST_BACKOFF_S
    next_start: float = 0.0
    restarts: int = 0
    wanted: bool = True


class Supervisor:
    """Starts children, restarts those that die with growing back-off, stops them all.

    Args:
        log_folder: each child's output goes to NAME.log in it.
    """

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self._children: dict[str, _Child] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        log_folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def add(self, spec: ChildSpec) -> None:
        """Start a child and keep it running.

        Args:
            spec: how.

        Raises:
            ConfigError: a child of that name exists already.
        """
        with self._lock:
            if spec.name in self._children:
                raise ConfigError(
                    f"a process named {spec.name!r} runs already: choose another name"
                )
            self._children[spec.name] = _Child(spec)
        self._wake.set()

    def pid(self, name: str) -> int | None:
        """Process id of a child that runs now.

        Args:
            name: the child's name.

        Returns:
            The id, or None while it is down.
        """
        with self._lock:
            child = self._children[name]
            process = child.process
            return process.pid if process is not None and process.poll() is None else None

    def restarts(self, name: str) -> int:
        """How often a child was started again.

        Args:
            name: the child's name.

        Returns:
            A count, 0 after the first start.
        """
        with self._lock:
            return self._children[name].restarts

    def names(self) -> list[str]:
        """Names of all children that are meant to run.

        Returns:
            Names in order of addition.
        """
        with self._lock:
            return [name for name, child in self._children.items() if child.wanted]

    def kill(self, name: str) -> int | None:
        """Send SIGKILL to a child, which is then restarted if its spec says so.

        Args:
            name: the child's name.

        Returns:
            The process id that was killed, or None when it was down.
        """
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        self._wake.set()
        return pid

    def remove(self, name: str, grace_s: float = 5.0) -> None:
        """Stop one child for good.

        Args:
            name: the child's name.
            grace_s: seconds between SIGTERM and SIGKILL; 0 kills at once.
        """
        with self._lock:
            child = self._children.get(name)
            if child is None:
                return
            child.wanted = False
        self._end([child], grace_s)
        with self._lock:
            self._children.pop(name, None)

    def stop(self, grace_s: float = 5.0) -> None:
        """Stop every child: SIGTERM to all, SIGKILL after the grace; first-added ends last.

        Args:
            grace_s: seconds to wait before SIGKILL.
        """
        with self._lock:
            for child in self._children.values():
                child.wanted = False
            children = list(self._children.values())
        # The chain is added first: everything that talks to it ends before it does.
        self._end(children[1:], grace_s)
        self._end(children[:1], grace_s)
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout=grace_s)

    @staticmethod
    def _end(children: list[_Child], grace_s: float) -> None:
        running = [c.process for c in children if c.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate() if grace_s > 0 else process.kill()
        limit = time.monotonic() + grace_s
        for process in running:
            try:
                process.wait(timeout=max(0.05, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                for child in list(self._children.values()):
                    self._look_after(child)
            self._wake.wait(_POLL_S)
            self._wake.clear()

    def _look_after(self, child: _Child) -> None:
        now = time.monotonic()
        if not child.wanted:
            return
        if child.process is None:
            if now >= child.next_start:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            if now - child.started_at > _STABLE_AFTER_S:
                child.backoff_s = _FIRST_BACKOFF_S
            return
        if not child.spec.restart:
            child.wanted = False
            return
        _LOG.warning(
            "%s ended with %s: it starts again in %.1f s", child.spec.name, code, child.backoff_s
        )
        child.process = None
        child.next_start = now + child.backoff_s
        child.backoff_s = min(child.backoff_s * 2, _LONGEST_BACKOFF_S)
        child.restarts += 1

    def _start(self, child: _Child) -> None:
        log = self._log_folder / f"{child.spec.name}.log"
        with log.open("ab") as output:
            argv = [sys.executable, "-m", "databright.wiring.leash", str(os.getpid())]
            child.process = subprocess.Popen(
                [*argv, child.spec.module, *child.spec.args],
                env={**os.environ, **child.spec.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child.started_at = time.monotonic()
