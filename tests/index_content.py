"""What an index holds, and whether that is what a replay from zero gives."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import text

from databright.views.book import AnyTable, Row
from databright.views.folds import TABLES, replay
from databright.views.index import Index

# Versions for taking blocks back depend on the way here; all else must not.
QUERIES = {
    "blocks": "SELECT number, hash, parent, timestamp FROM blocks ORDER BY number",
    "events": (
        "SELECT block_number, log_index, block_hash, name, contract, address, args, tx "
        "FROM events ORDER BY block_number, log_index"
    ),
    "projections": "SELECT name, key, scope, body, block FROM projections",
    "facts": "SELECT name, value FROM facts WHERE name <> 'floor'",
}


def content(index: Index) -> dict[str, list[tuple[object, ...]]]:
    """Every stored row of every table, sorted the same way on every database."""
    with index.engine.connect() as connection:
        return {
            table: sorted(tuple(row) for row in connection.execute(text(query)))
            for table, query in QUERIES.items()
        }


def stored(index: Index, table: AnyTable) -> tuple[Row, ...]:
    """A table's rows without their tags."""
    with index.snapshot() as snapshot:
        return tuple(replace(row, tag="") for row in snapshot.rows(table))


def check_replay(index: Index) -> int:
    """Compare all stored tables with a fold of the stored events from zero; the rows compared."""
    book = replay(index.events())
    rows = 0
    for table in TABLES:
        expected = book.rows(table)
        assert stored(index, table) == expected, table.name
        rows += len(expected)
    names = {name for name, *_ in content(index)["projections"]}
    assert names <= {table.name for table in TABLES}
    return rows


def check_same(index: Index, other: Index) -> None:
    """Compare two indexes table by table."""
    mine, theirs = content(index), content(other)
    for table in QUERIES:
        assert mine[table] == theirs[table], table
