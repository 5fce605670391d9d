"""The index: what the chain says, kept in SQL so that a page answers at once.

It holds nothing that cannot be read from the chain again. A batch is applied whole or not at all:
what a reorg took back, the new blocks with their events, and with them the cursor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, bindparam, text

from databright.database.connection import reading
from databright.database.migrations import migrate
from databright.errors import ChainError

RECENT = 256
"""Blocks handed to the follower so that it finds the common ancestor after a reorg."""

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
)


@dataclass(frozen=True)
class IndexedBlock:
    """A block's header as the index keeps it.

    Attributes:
        number: height.
        hash: 0x-prefixed hex.
        parent: hash of the block before.
        timestamp: chain time in seconds.
    """

    number: int
    hash: str
    parent: str
    timestamp: int


@dataclass(frozen=True)
class IndexedEvent:
    """A decoded event as the index keeps it.

    Attributes:
        name: the event's name.
        contract: name of the contract that emitted it.
        address: its address.
        args: argument name -> int, bool, str or list of these; bytes are 0x-prefixed hex.
        block_number: height.
        block_hash: 0x-prefixed hex.
        log_index: place within the block.
        tx: transaction hash, 0x-prefixed hex.
    """

    name: str
    contract: str
    address: str
    args: Mapping[str, object]
    block_number: int
    block_hash: str
    log_index: int
    tx: str


@dataclass(frozen=True)
class IndexBatch:
    """What the follower found since the cursor.

    Attributes:
        rollback_to: height of the common ancestor after a reorg, blocks above it are gone;
            None when nothing was taken back.
        blocks: new headers, consecutive, oldest first.
        events: events of those blocks.
    """

    rollback_to: int | None
    blocks: Sequence[IndexedBlock]
    events: Sequence[IndexedEvent]


def json_safe(value: object) -> object:
    """A decoded argument as JSON can carry it.

    Args:
        value: int, bool, str, bytes, or a list, tuple or mapping of these.

    Returns:
        The same with bytes as 0x-prefixed hex and tuples as lists.

    Raises:
        ChainError: any other type.
    """
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): json_safe(part) for name, part in value.items()}
    if isinstance(value, Sequence):
        return [json_safe(part) for part in value]
    raise ChainError(f"an event carries a value of type {type(value).__name__}, which no ABI has")


class Index:
    """Chain events in SQL.

    Attributes:
        engine: made by database.connection.connect.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        migrate(engine, "views", _STEPS)

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

    def apply(self, batch: IndexBatch) -> None:
        """Apply rollback, blocks, events and cursor in one transaction.

        Args:
            batch: what the follower found; it continues the head, or the block of rollback_to.

        Raises:
            ChainError: the batch does not continue what is known, or holds an event of a block
                that it does not bring; nothing was changed.
        """
        hashes = {block.hash: block.number for block in batch.blocks}
        for found in batch.events:
            if hashes.get(found.block_hash) != found.block_number:
                raise ChainError(
                    f"event {found.name} belongs to block {found.block_number} "
                    f"({found.block_hash}), which its batch does not bring"
                )
        with self.engine.begin() as connection:
            if batch.rollback_to is not None:
                connection.execute(
                    text("DELETE FROM blocks WHERE number > :n"), {"n": batch.rollback_to}
                )
            _check_continues(read_head(connection), batch.blocks)
            if batch.blocks:
                connection.execute(
                    text(
                        "INSERT INTO blocks (number, hash, parent, timestamp) "
                        "VALUES (:number, :hash, :parent, :timestamp)"
                    ),
                    [vars(block) for block in batch.blocks],
                )
            if batch.events:
                connection.execute(
                    text(
                        "INSERT INTO events (block_hash, log_index, block_number, name, contract,"
                        " address, args, tx) VALUES (:block_hash, :log_index, :block_number, :name,"
                        " :contract, :address, :args, :tx)"
                    ),
                    [
                        {**vars(found), "args": json.dumps(json_safe(found.args), sort_keys=True)}
                        for found in batch.events
                    ],
                )

    def require_genesis(self, genesis: str) -> None:
        """Empty the index where it was made from another chain.

        Args:
            genesis: hash of block 0 of the chain that will feed it, 0x-prefixed hex.
        """
        with self.engine.begin() as connection:
            known = connection.execute(text("SELECT hash FROM blocks WHERE number = 0")).scalar()
            if known is not None and str(known).lower() != genesis.lower():
                connection.execute(text("DELETE FROM blocks"))

    def events(self, names: Iterable[str] | None = None) -> list[IndexedEvent]:
        """Events in chain order.

        Args:
            names: only these; None for all.

        Returns:
            Events by (block, place within it).
        """
        with reading(self.engine) as connection:
            return read_events(connection, names)


def read_head(connection: Connection) -> IndexedBlock | None:
    """The newest block, inside a transaction.

    Args:
        connection: a read or write transaction.

    Returns:
        The block, or None before the first batch.
    """
    row = connection.execute(
        text("SELECT number, hash, parent, timestamp FROM blocks ORDER BY number DESC LIMIT 1")
    ).first()
    return None if row is None else IndexedBlock(int(row[0]), row[1], row[2], int(row[3]))


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


def read_events(connection: Connection, names: Iterable[str] | None) -> list[IndexedEvent]:
    """Read events inside a transaction.

    Args:
        connection: a read or write transaction.
        names: only these; None for all.

    Returns:
        Events in chain order.
    """
    columns = "name, contract, address, args, block_number, block_hash, log_index, tx"
    order = "ORDER BY block_number, log_index"
    if names is None:
        rows = connection.execute(text(f"SELECT {columns} FROM events {order}"))  # noqa: S608
    else:
        query = text(f"SELECT {columns} FROM events WHERE name IN :names {order}")  # noqa: S608
        rows = connection.execute(
            query.bindparams(bindparam("names", expanding=True)), {"names": sorted(set(names))}
        )
    return [
        IndexedEvent(
            name=row.name,
            contract=row.contract,
            address=row.address,
            args=json.loads(row.args),
            block_number=int(row.block_number),
            block_hash=row.block_hash,
            log_index=int(row.log_index),
            tx=row.tx,
        )
        for row in rows
    ]
