from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from databright.database.connection import connect, reading
from databright.database.migrations import migrate
from databright.errors import ConfigError

STEPS = (("CREATE TABLE a (x INTEGER PRIMARY KEY)",), ("ALTER TABLE a ADD COLUMN y INTEGER",))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = connect(f"sqlite:///{tmp_path}/state.sqlite")
    yield made
    made.dispose()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
def test_sqlite_keeps_what_it_acknowledged(engine: Engine, setting: str, value: object) -> None:
    with engine.connect() as connection:
        assert connection.execute(text(f"PRAGMA {setting}")).scalar() == value


def test_a_writer_holds_the_lock_from_its_first_word(engine: Engine) -> None:
    with engine.begin(), engine.connect() as other:
        other.exec_driver_sql("ROLLBACK") if other.in_transaction() else None
        raw = other.connection.dbapi_connection
        assert raw is not None
        raw.execute("PRAGMA busy_timeout=0")
        with pytest.raises(OperationalError, match="locked"):
            other.begin()


def test_readers_do_not_wait_for_a_writer_and_see_one_state(engine: Engine) -> None:
    migrate(engine, "room", STEPS)
    with reading(engine) as before:
        assert before.execute(text("SELECT COUNT(*) FROM a")).scalar() == 0
        with engine.begin() as writer:
            writer.execute(text("INSERT INTO a (x) VALUES (1)"))
        assert before.execute(text("SELECT COUNT(*) FROM a")).scalar() == 0
    with reading(engine) as after:
        assert after.execute(text("SELECT COUNT(*) FROM a")).scalar() == 1


def test_steps_are_applied_once_and_each_room_counts_for_itself(engine: Engine) -> None:
    assert migrate(engine, "room", STEPS[:1]) == 1
    assert migrate(engine, "room", STEPS) == 2
    assert migrate(engine, "room", STEPS) == 2
    assert migrate(engine, "other", (("CREATE TABLE b (x INTEGER)",),)) == 1
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO a (x, y) VALUES (1, 2)"))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("INSERT INTO a (x, y) VALUES (1, 3)"))


def test_newer_tables_are_refused(engine: Engine) -> None:
    migrate(engine, "room", STEPS)
    with pytest.raises(ConfigError, match="newer release"):
        migrate(engine, "room", STEPS[:1])


def test_a_step_that_fails_leaves_no_part_of_the_migration(engine: Engine) -> None:
    broken = (("CREATE TABLE c (x INTEGER)", "CREATE TABLE c (x INTEGER)"),)
    with pytest.raises(OperationalError):
        migrate(engine, "room", broken)
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master")).scalars().all()
    assert names == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://host/name", "not supported"),
        ("sqlite://", "needs a file"),
    ],
)
def test_addresses_that_cannot_work_are_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        connect(url)
