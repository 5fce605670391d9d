"""The index: what the chain says, kept in SQL so that a page answers at once.

It holds nothing that cannot be read from the chain again. A batch is applied whole or not at all:
what a reorg took back, the new blocks with their events, the rows that these change, how far the
chain is final, and with them the cursor, which is the newest block.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection, Engine, bindparam, text

from databright.database.connection import reading, writing
from databright.database.migrations import migrate
from databright.errors import ChainError, ConfigError
from databright.views import tables
from databright.views.batches import IndexBatch, IndexedBlock, IndexedEvent, json_safe
from databright.views.book import Book
from databright.views.folds import FOLDS, fingerprint
from databright.views.snapshot import Snapshot, read_head

RECENT = 256
"""Blocks handed to the follower so that it finds the common ancestor after a reorg; for as many,
the index keeps what they replaced."""
NOTHING = (-1, "")
"""Cursor of an empty index."""
_PAGE = 1_000

_STEPS: Sequence[Sequence[str]] = (
    (
        """
        CREATE TABLE blocks (
            number BIGINT NOT NULL PRIMARY KEY,
            hash TEXT NOT NULL UNIQUE,
            parent TEXT NOT NULL,
            timestamp BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE events (
            block_hash TEXT NOT NULL REFERENCES blocks (hash) ON DELETE CASCADE,
            log_index BIGINT NOT NULL,
            block_number BIGINT NOT NULL,
            name TEXT NOT NULL,
            contract TEXT NOT NULL,
            address TEXT NOT NULL,
            args TEXT NOT NULL,
            tx TEXT NOT NULL,
            PRIMARY KEY (block_hash, log_index)
        )
        """,
        "CREATE INDEX events_by_name ON events (name, block_number, log_index)",
        "CREATE INDEX events_by_place ON events (block_number, log_index)",
    ),
    tables.SCHEMA,
)


class Index:
    """Chain events in SQL, and the rows that they make.

    Attributes:
        engine: made by database.connection.connect.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        migrate(engine, "views", _STEPS)
        with writing(engine) as connection:
            if tables.fact(connection, "folds", "") != fingerprint():
                _refold(connection)
                tables.set_fact(connection, "folds", fingerprint())

    def recent(self, limit: int = RECENT) -> list[tuple[int, str]]:
        """The newest blocks known, for the follower's parent check.

        Args:
            limit: at most so many, > 0.

        Returns:
            (number, hash), oldest first; the last one is the cursor. Empty before the first batch.
        """
        with reading(self.engine) as connection:
            rows = connection.execute(
                text("SELECT number, hash FROM blocks ORDER BY number DESC LIMIT :n"), {"n": limit}
            ).all()
        return [(int(number), str(hash_)) for number, hash_ in reversed(rows)]

    def head(self) -> IndexedBlock | None:
        """The newest block applied.

        Returns:
            The block, or None before the first batch.
        """
        with reading(self.engine) as connection:
            return read_head(connection)

    def size(self) -> tuple[int, int]:
        """How much the index holds.

        Returns:
            Number of blocks, number of events.
        """
        with reading(self.engine) as connection:
            blocks = connection.execute(text("SELECT COUNT(*) FROM blocks")).scalar()
            events = connection.execute(text("SELECT COUNT(*) FROM events")).scalar()
        return int(blocks or 0), int(events or 0)

    def finality(self) -> tuple[int, int]:
        """How far the chain was settled when it was last asked.

        Returns:
            Heights up to which blocks are safe and final; -1 where that is not known.
        """
        with reading(self.engine) as connection:
            safe, final = (int(tables.fact(connection, name, "-1")) for name in ("safe", "final"))
        return safe, final

    def apply(self, batch: IndexBatch, cursor: tuple[int, str] | None = None) -> bool:
        """Apply rollback, blocks, events, rows, finality and cursor in one transaction.

        Args:
            batch: what the follower found; it continues the head, or the block of rollback_to.
            cursor: (number, hash) of the head that the batch was read for, NOTHING for an empty
                index; None where nobody else writes.

        Returns:
            False, and nothing was changed, where another process has moved the head meanwhile.

        Raises:
            ChainError: the batch does not continue what is known, or holds an event of a block
                that it does not bring; nothing was changed.
            ConfigError: another release has taken the index over; nothing was changed.
        """
        hashes = {block.hash: block.number for block in batch.blocks}
        for found in batch.events:
            if hashes.get(found.block_hash) != found.block_number:
                raise ChainError(
                    f"event {found.name} belongs to block {found.block_number} "
                    f"({found.block_hash}), which its batch does not bring"
                )
        with writing(self.engine) as connection:
            if tables.fact(connection, "folds", "") != fingerprint():
                raise ConfigError(
                    "another release of databright has opened this index and made its rows anew: "
                    "end this process and start it from that release"
                )
            head = read_head(connection)
            at = NOTHING if head is None else (head.number, head.hash)
            if cursor is not None and at != cursor:
                return False
            if batch.rollback_to is not None:
                _roll_back(connection, batch.rollback_to)
                head = read_head(connection)
            _check_continues(head, batch.blocks)
            _add(connection, batch)
            for name, height in (("safe", batch.safe), ("final", batch.final)):
                if height is not None:
                    tables.set_fact(connection, name, str(height))
        return True

    def require_genesis(self, genesis: str) -> None:
        """Empty the index where it was made from another chain.

        Args:
            genesis: hash of block 0 of the chain that will feed it, 0x-prefixed hex.
        """
        with writing(self.engine) as connection:
            known = connection.execute(text("SELECT hash FROM blocks WHERE number = 0")).scalar()
            if known is not None and str(known).lower() != genesis.lower():
                _empty(connection)

    def forget(self) -> None:
        """Empty the index, so that the chain is read again from its first block."""
        with writing(self.engine) as connection:
            _empty(connection)

    def events(self, names: Iterable[str] | None = None) -> list[IndexedEvent]:
        """Events in chain order.

        Args:
            names: only these; None for all.

        Returns:
            Events by (block, place within it).
        """
        with reading(self.engine) as connection:
            return list(read_events(connection, names))

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Read several tables as of one block.

        Yields:
            The reader, good within the block.
        """
        with reading(self.engine) as connection:
            yield Snapshot(connection)


def _check_continues(head: IndexedBlock | None, blocks: Sequence[IndexedBlock]) -> None:
    before = head
    for block in blocks:
        if before is not None and (
            block.number != before.number + 1 or block.parent != before.hash
        ):
            raise ChainError(
                f"block {block.number} with parent {block.parent} does not continue block "
                f"{before.number} ({before.hash}); ask the follower again from the newest blocks"
            )
        before = block


def read_events(connection: Connection, names: Iterable[str] | None) -> Iterator[IndexedEvent]:
    """Read events inside a transaction, some at a time.

    Args:
        connection: a read or write transaction.
        names: only these; None for all.

    Yields:
        Events in chain order.
    """
    columns = "name, contract, address, args, block_number, block_hash, log_index, tx"
    order = "ORDER BY block_number, log_index"
    if names is None:
        query = text(f"SELECT {columns} FROM events {order}")  # noqa: S608
        values = {}
    else:
        query = text(f"SELECT {columns} FROM events WHERE name IN :names {order}")  # noqa: S608
        query = query.bindparams(bindparam("names", expanding=True))
        values = {"names": sorted(set(names))}
    for row in connection.execute(query, values, execution_options={"yield_per": _PAGE}):
        yield IndexedEvent(
            name=row.name,
            contract=row.contract,
            address=row.address,
            args=json.loads(row.args),
            block_number=int(row.block_number),
            block_hash=row.block_hash,
            log_index=int(row.log_index),
            tx=row.tx,
        )


def _empty(connection: Connection) -> None:
    connection.execute(text("DELETE FROM blocks"))
    tables.forget(connection)
    connection.execute(text("DELETE FROM facts WHERE name <> 'folds'"))


def _roll_back(connection: Connection, height: int) -> None:
    connection.execute(text("DELETE FROM blocks WHERE number > :n"), {"n": height})
    if height >= int(tables.fact(connection, "floor", "-1")):
        tables.take_back(connection, height)
    else:
        _refold(connection)


def _add(connection: Connection, batch: IndexBatch) -> None:
    if not batch.blocks:
        return
    connection.execute(
        text(
            "INSERT INTO blocks (number, hash, parent, timestamp) "
            "VALUES (:number, :hash, :parent, :timestamp)"
        ),
        [vars(block) for block in batch.blocks],
    )
    floor = _raise_floor(connection, batch.blocks[-1].number)
    if not batch.events:
        return
    events = [replace(found, args=_plain(found)) for found in batch.events]
    connection.execute(
        text(
            "INSERT INTO events (block_hash, log_index, block_number, name, contract,"
            " address, args, tx) VALUES (:block_hash, :log_index, :block_number, :name,"
            " :contract, :address, :args, :tx)"
        ),
        [{**vars(found), "args": json.dumps(found.args, sort_keys=True)} for found in events],
    )
    book = tables.opened(connection, floor)
    _fold_all(book, sorted(events, key=lambda found: (found.block_number, found.log_index)))
    tables.write(connection, book)


def _plain(found: IndexedEvent) -> dict[str, object]:
    return {name: json_safe(value) for name, value in found.args.items()}


def _fold_all(book: Book, events: Iterable[IndexedEvent]) -> None:
    for event in events:
        book.fold(event, FOLDS)


def _raise_floor(connection: Connection, head: int) -> int:
    """Forget versions that no rollback can need; the height down to which they are kept."""
    floor = max(int(tables.fact(connection, "floor", "-1")), head - RECENT)
    tables.set_fact(connection, "floor", str(floor))
    tables.forget_versions(connection, floor)
    return floor


def _refold(connection: Connection) -> None:
    """Make all rows anew from the stored events."""
    tables.forget(connection)
    head = read_head(connection)
    floor = -1 if head is None else max(-1, head.number - RECENT)
    book = Book(undo_above=floor)
    _fold_all(book, read_events(connection, None))
    tables.write(connection, book)
    tables.set_fact(connection, "floor", str(floor))
