"""A private PostgreSQL server for tests: one a session, on a Unix socket only, a database a test.

The server runs with its defaults for durability (fsync on), as an unprivileged user where the
tests run as root, dies with the tests, and is ended by its process id.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

ADMIN = "databright"
_READY = "database system is ready to accept connections"
_PR_SET_PDEATHSIG = 1
MISSING = "no PostgreSQL server: apt-get install postgresql"


def find_binaries() -> Path | None:
    """The folder of initdb and postgres: on PATH, else where Debian keeps them."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    fit = (place for place in places if all((place / n).is_file() for n in ("initdb", "postgres")))
    return next(fit, None)


def _unprivileged() -> tuple[int, int] | None:
    """Whom a server may run as where we are root, who may not run one."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    return 65_534, 65_534


def _bound_to(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def bind() -> None:  # runs in the child, between fork and exec
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


@dataclass
class Server:
    """A running server.

    Attributes:
        folder: where its data and its socket lie.
        binaries: folder of its programs.
        process: the running program; restart replaces it.
    """

    folder: Path
    binaries: Path
    process: subprocess.Popen[str]

    @classmethod
    def make(cls, folder: Path, binaries: Path) -> Server:
        """Make a cluster in an empty folder and start it."""
        _run_as_owner(
            [
                str(binaries / "initdb"),
                f"--pgdata={folder / 'data'}",
                f"--username={ADMIN}",
                "--auth-local=trust",  # of the socket's folder, which its owner alone enters
                "--auth-host=reject",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",  # of making it; the server itself syncs
            ],
            folder,
        )
        return cls(folder, binaries, _start(folder, binaries))

    def url(self, name: str) -> str:
        """Address of one of its databases."""
        made = URL.create(
            "postgresql+psycopg",
            username=ADMIN,
            database=name,
            query={"host": str(self.folder)},
        )
        return made.render_as_string(hide_password=False)

    def administer(self, statement: str) -> None:
        """Run a statement outside a transaction."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh database; its address."""
        name = f"test_{secrets.token_hex(8)}"
        self.administer(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    def crash(self) -> None:
        """kill -9 of the server, and a start on what it left."""
        self.process.kill()
        self.process.wait()
        self.process = _start(self.folder, self.binaries)

    def stop(self) -> None:
        """End the server and wait for its end."""
        self.process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        self.process.wait()


def _run_as_owner(words: list[str], folder: Path) -> None:
    owner = _unprivileged()
    user, group = owner or (None, None)
    done = subprocess.run(
        words,
        cwd=folder,
        user=user,
        group=group,
        extra_groups=[] if owner else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _start(folder: Path, binaries: Path) -> subprocess.Popen[str]:
    owner = _unprivileged()
    user, group = owner or (None, None)
    words = [str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    for setting in ("listen_addresses=", "fsync=on", "log_statement=none", "max_connections=40"):
        words += ["-c", setting]
    process = subprocess.Popen(
        words,
        cwd=folder,
        user=user,
        group=group,
        extra_groups=[] if owner else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_bound_to(os.getpid()),
    )
    assert process.stderr is not None
    said: list[str] = []
    for line in process.stderr:
        said.append(line)
        if _READY in line:
            threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
            return process
    process.wait()
    raise AssertionError("PostgreSQL did not start: " + "".join(said))


def _drain(pipe: IO[str]) -> None:
    # An unread pipe would fill up and stop the server.
    with pipe:
        for _ in pipe:
            pass


@contextmanager
def private_server() -> Iterator[Server]:
    """A server of its own in a folder of its own; both are gone afterwards."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(MISSING)
    # A short path: a Unix socket's has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="databright-pg-"))
    try:
        owner = _unprivileged()
        if owner is not None:
            os.chown(folder, *owner)
        server = Server.make(folder, binaries)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
