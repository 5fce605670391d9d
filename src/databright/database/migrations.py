"""Schema steps: each room's tables change by numbered steps, applied once and in order.

Steps are plain SQL that SQLite and PostgreSQL both read. Alembic would bring a folder of scripts
and a second way to declare tables; see decision 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text

from databright.database.connection import writing
from databright.errors import ConfigError

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_steps (
    room TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
)
"""


def migrate(engine: Engine, room: str, steps: Sequence[Sequence[str]]) -> int:
    """Bring a room's tables to the newest version, all steps in one transaction.

    Args:
        engine: made by database.connection.connect.
        room: whose tables these are; each room counts for itself.
        steps: step n (from 1) is a list of SQL statements; earlier steps never change.

    Returns:
        The version that the tables have now: len(steps).

    Raises:
        ConfigError: the tables were written by a newer release.
    """
    with writing(engine) as connection:
        connection.execute(text(_TABLE))
        version = version_of(connection, room)
        if version > len(steps):
            raise ConfigError(
                f"the tables of {room!r} have version {version}, and this release knows "
                f"{len(steps)}; install the newer release or use another home folder"
            )
        for step in steps[version:]:
            for statement in step:
                connection.execute(text(statement))
        connection.execute(
            text(
                "INSERT INTO schema_steps (room, version) VALUES (:room, :version) "
                "ON CONFLICT (room) DO UPDATE SET version = :version"
            ),
            {"room": room, "version": len(steps)},
        )
    return len(steps)


def version_of(connection: Connection, room: str) -> int:
    """Which version a room's tables have.

    Args:
        connection: inside a transaction.
        room: whose tables.

    Returns:
        Number of steps applied, 0 for none.
    """
    found = connection.execute(
        text("SELECT version FROM schema_steps WHERE room = :room"), {"room": room}
    ).scalar()
    return int(found or 0)
