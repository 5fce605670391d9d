"""One way to open a database, SQLite or PostgreSQL, with the same promises.

A committed transaction survives kill -9 and power loss; writers wait for one another instead of
failing half way. Source: SQLite's documentation of WAL, `synchronous` and `BEGIN IMMEDIATE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from databright.errors import ConfigError, MissingToolError

BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another one."""
_READ_OPTION = "databright_read_only"
# One number for all writers of a database, as SQLite has one write lock for a file.
_WRITE_LOCK = 0x64617461
_ARGUMENTS: dict[str, dict[str, Any]] = {
    # A server that does not answer is told as such, and none may trade durability for speed.
    "postgresql": {"connect_timeout": 10, "options": "-c synchronous_commit=on"},
}


def connect(url: str) -> Engine:
    """Open a database.

    Args:
        url: SQLAlchemy address: `sqlite:////absolute/file.sqlite` or
            `postgresql+psycopg://user@host/name`.

    Returns:
        An engine; nothing has been read or written yet.

    Raises:
        ConfigError: the address is malformed or names another kind of database.
        MissingToolError: the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "the database address cannot be read; write sqlite:////absolute/file.sqlite "
            "or postgresql+psycopg://user@host/name"
        ) from error
    kind = parsed.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise ConfigError(f"databases of kind {kind!r} are not supported; use sqlite or postgresql")
    if kind == "sqlite" and not parsed.database:
        raise ConfigError("a SQLite database needs a file, since several processes read it")
    try:
        engine = create_engine(
            parsed, pool_pre_ping=kind == "postgresql", connect_args=_ARGUMENTS.get(kind, {})
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise MissingToolError(
            f"the driver of {parsed.drivername} is missing; run: pip install 'databright[postgres]'"
        ) from error
    if kind == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    # The driver would otherwise open transactions by its own rules, after the first write.
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that reads first and locks later can fail half way.
    reading = connection.get_execution_options().get(_READ_OPTION, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a read transaction: one consistent state, and no writer waits for it.

    Args:
        engine: made by connect.

    Yields:
        A connection whose reads all see the same state.
    """
    # Level and option belong to this connection; the pool hands the next one out without them.
    with engine.connect().execution_options(**{_READ_OPTION: True}) as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin() as transaction:
            yield connection
            transaction.rollback()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a write transaction, one at a time: it sees all that was committed before it.

    Args:
        engine: made by connect.

    Yields:
        A connection; committed at the end, rolled back when an error leaves the block.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # SQLite's BEGIN IMMEDIATE does the same for its file.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")
        yield connection


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """Tell a database that cannot be used as an error of ours, for the edges of a program.

    Args:
        engine: made by connect.

    Raises:
        ConfigError: the database refused a connection or a statement; nothing of its
            transaction was kept.
    """
    try:
        yield
    except DBAPIError as error:
        place = engine.url.render_as_string(hide_password=True)
        reason = " ".join(str(error.orig).split())[:300]
        raise ConfigError(
            f"the database {place} cannot be used: {reason}; see that it runs and takes this "
            "user, or correct database.url"
        ) from error
