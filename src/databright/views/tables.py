"""SQL of the projections: stored rows, the versions that blocks replaced, and a few facts.

`projections` holds each row as it is at the head. `undo` holds, for each of the newest blocks,
what every row that it changed was before it. Taking blocks back gives each of their rows the
oldest of these versions, which is the row as it was at the height returned to. Deeper than the
versions reach, the rows are made anew from the stored events.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from databright.views.book import Book, Kept, Place

SCHEMA: Sequence[str] = (
    """
    CREATE TABLE projections (
        name TEXT NOT NULL,
        key TEXT NOT NULL,
        scope TEXT NOT NULL,
        body TEXT NOT NULL,
        block BIGINT NOT NULL,
        PRIMARY KEY (name, key)
    )
    """,
    "CREATE INDEX projections_by_scope ON projections (name, scope)",
    "CREATE INDEX projections_by_block ON projections (name, block)",
    """
    CREATE TABLE undo (
        changed_in BIGINT NOT NULL,
        name TEXT NOT NULL,
        key TEXT NOT NULL,
        body TEXT,
        block BIGINT,
        PRIMARY KEY (changed_in, name, key)
    )
    """,
    "CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
)

_LOAD = text("SELECT body, block FROM projections WHERE name = :name AND key = :key")
_PUT = text(
    "INSERT INTO projections (name, key, scope, body, block) "
    "VALUES (:name, :key, :scope, :body, :block) "
    "ON CONFLICT (name, key) DO UPDATE SET body = :body, block = :block"
)
_DROP = text("DELETE FROM projections WHERE name = :name AND key = :key")
_REMEMBER = text(
    "INSERT INTO undo (changed_in, name, key, body, block) "
    "VALUES (:changed_in, :name, :key, :body, :block)"
)
_REPLACED = text(
    "SELECT name, key, body, block FROM undo WHERE changed_in > :n ORDER BY changed_in DESC"
)
_FACT = text(
    "INSERT INTO facts (name, value) VALUES (:name, :value) "
    "ON CONFLICT (name) DO UPDATE SET value = :value"
)


def opened(connection: Connection, undo_above: int) -> Book:
    """A book over the stored rows.

    Args:
        connection: inside a write transaction.
        undo_above: versions replaced by blocks up to this height are not remembered.

    Returns:
        The book; `write` stores what it changes.
    """
    return Book(lambda place: load(connection, place), undo_above)


def load(connection: Connection, place: Place) -> Kept | None:
    """Read one stored row.

    Args:
        connection: any transaction.
        place: where it is kept.

    Returns:
        The row, or None.
    """
    row = connection.execute(_LOAD, {"name": place.table, "key": place.key}).first()
    return None if row is None else Kept(str(row[0]), int(row[1]))


def write(connection: Connection, book: Book) -> None:
    """Store what a book changed, and what that replaced.

    Args:
        connection: the transaction that the book was opened in.
        book: the book, which is not used afterwards.
    """
    _store(connection, dict(book.changes()))
    remembered = [
        {
            "changed_in": change.block,
            "name": change.place.table,
            "key": change.place.key,
            "body": None if change.before is None else change.before.body,
            "block": None if change.before is None else change.before.block,
        }
        for change in book.undo
    ]
    if remembered:
        connection.execute(_REMEMBER, remembered)


def take_back(connection: Connection, height: int) -> None:
    """Give every row the form that it had at a height that the kept versions reach.

    Args:
        connection: inside a write transaction.
        height: blocks above it are taken back.
    """
    # Newest first, so that the oldest version of a row is the one that stays in the mapping.
    rows = {
        Place(str(row.name), str(row.key)): (
            None if row.body is None else Kept(str(row.body), int(row.block))
        )
        for row in connection.execute(_REPLACED, {"n": height})
    }
    _store(connection, rows)
    connection.execute(text("DELETE FROM undo WHERE changed_in > :n"), {"n": height})


def _store(connection: Connection, rows: dict[Place, Kept | None]) -> None:
    kept = [
        {
            "name": place.table,
            "key": place.key,
            "scope": place.scope,
            "body": row.body,
            "block": row.block,
        }
        for place, row in rows.items()
        if row is not None
    ]
    gone = [{"name": place.table, "key": place.key} for place, row in rows.items() if row is None]
    if kept:
        connection.execute(_PUT, kept)
    if gone:
        connection.execute(_DROP, gone)


def forget(connection: Connection) -> None:
    """Remove all rows and all their versions.

    Args:
        connection: inside a write transaction.
    """
    connection.execute(text("DELETE FROM projections"))
    connection.execute(text("DELETE FROM undo"))


def forget_versions(connection: Connection, height: int) -> None:
    """Remove the versions that blocks up to a height replaced.

    Args:
        connection: inside a write transaction.
        height: the newest of these blocks.
    """
    connection.execute(text("DELETE FROM undo WHERE changed_in <= :n"), {"n": height})


def fact(connection: Connection, name: str, otherwise: str) -> str:
    """Read a fact.

    Args:
        connection: any transaction.
        name: its name.
        otherwise: what holds where it was never set.

    Returns:
        Its value.
    """
    found = connection.execute(
        text("SELECT value FROM facts WHERE name = :name"), {"name": name}
    ).scalar()
    return otherwise if found is None else str(found)


def set_fact(connection: Connection, name: str, value: str) -> None:
    """Write a fact.

    Args:
        connection: inside a write transaction.
        name: its name.
        value: its value.
    """
    connection.execute(_FACT, {"name": name, "value": value})


def select(connection: Connection, table: str, scope: str | None, newest: int | None) -> list[Kept]:
    """Read stored rows.

    Args:
        connection: any transaction.
        table: name of their table.
        scope: only rows whose key begins with this part, as JSON; None for all.
        newest: those that changed last, so many and the rest of the oldest one's block; None for
            all.

    Returns:
        Rows in no order.
    """
    where = "name = :name" if scope is None else "name = :name AND scope = :scope"
    values: dict[str, str | int] = {"name": table}
    if scope is not None:
        values["scope"] = scope
    if newest is not None:
        # Whole blocks, so that the choice does not hang on how a database sorts texts.
        where += (
            " AND block >= COALESCE((SELECT block FROM projections"  # noqa: S608 - our own words
            f" WHERE {where} ORDER BY block DESC LIMIT 1 OFFSET :skip), 0)"
        )
        values["skip"] = max(0, newest - 1)
    query = text(f"SELECT body, block FROM projections WHERE {where}")  # noqa: S608
    return [Kept(str(row[0]), int(row[1])) for row in connection.execute(query, values)]
