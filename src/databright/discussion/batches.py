"""Batches: runs of log entries under one Merkle root, with the transaction that anchors each.

A batch is planned once and never changes; its signed transaction is stored before it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak
from sqlalchemy import Connection, Engine, text

from databright.database.connection import reading
from databright.discussion.entries import Entry, read_entries, read_size
from databright.discussion.merkle import leaf_hash, merkle_root

MAX_COUNT: Final = 4_096
"""Most entries of one batch."""
_COLUMNS: Final = "first, count, root, raw, tx, block"


@dataclass(frozen=True)
class Batch:
    """A run of entries.

    Attributes:
        first: number of its first entry.
        count: how many, at least 1.
        root: Merkle root over their leaves, 32 bytes.
        raw: the signed transaction that anchors it; empty before it is signed.
        tx: hash of that transaction, or "".
        block: block that anchored it, or None.
    """

    first: int
    count: int
    root: bytes
    raw: bytes
    tx: str
    block: int | None

    @property
    def end(self) -> int:
        """Number of the first entry after it."""
        return self.first + self.count


def leaf_content(seq: int, received_at: int, digest: bytes, signature_hash: bytes) -> bytes:
    """What a log entry's leaf stands for.

    Args:
        seq: the entry's number.
        received_at: when it came in, seconds since 1970.
        digest: the action's EIP-712 digest.
        signature_hash: keccak-256 of its signature.

    Returns:
        Four words of 32 bytes; no text of a draft can be guessed from them.
    """
    return seq.to_bytes(32, "big") + received_at.to_bytes(32, "big") + digest + signature_hash


def leaf_of(entry: Entry) -> bytes:
    """Hash of an entry's leaf.

    Args:
        entry: of the log.

    Returns:
        32 bytes.
    """
    digest, signature = bytes.fromhex(entry.digest[2:]), entry.signed.signature
    return leaf_hash(leaf_content(entry.seq, entry.received_at, digest, keccak(signature)))


class Batches:
    """The batches of a log.

    Args:
        engine: of the log, whose tables exist.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Batch]:
        """All batches.

        Returns:
            In order.
        """
        with reading(self._engine) as connection:
            return _select(connection, "first >= 0")

    def containing(self, seq: int) -> Batch | None:
        """The batch of an entry.

        Args:
            seq: the entry's number.

        Returns:
            The batch, or None while it is in none.
        """
        with reading(self._engine) as connection:
            found = _select(connection, "first <= :seq AND :seq < first + count", seq=seq)
        return found[0] if found else None

    def oldest_open(self) -> Batch | None:
        """The batch that has to be anchored next.

        Returns:
            The batch, or None when all are.
        """
        with reading(self._engine) as connection:
            found = _select(connection, "block IS NULL")
        return found[0] if found else None

    def plan(self, now: int, every_s: int) -> Batch | None:
        """Make a batch of the entries that are in none.

        Args:
            now: seconds since 1970.
            every_s: how long the oldest of them waits, unless there are enough for a full batch.

        Returns:
            The batch, or None where there is nothing to anchor yet.
        """
        with self._engine.begin() as connection:
            connection.execute(text("UPDATE discussion_head SET entries = entries WHERE id = 0"))
            last = connection.execute(
                text("SELECT MAX(first + count) FROM discussion_batches")
            ).scalar()
            first = int(last or 0)
            waiting = read_size(connection) - first
            if waiting <= 0:
                return None
            entries = read_entries(connection, first, min(waiting, MAX_COUNT))
            if len(entries) < MAX_COUNT and now < entries[0].received_at + every_s:
                return None
            root = merkle_root([leaf_of(entry) for entry in entries])
            connection.execute(
                text(
                    "INSERT INTO discussion_batches (first, count, root, raw, tx, block) "
                    "VALUES (:first, :count, :root, '', '', NULL)"
                ),
                {"first": first, "count": len(entries), "root": root.hex()},
            )
        return Batch(first, len(entries), root, b"", "", None)

    def store_signed(self, batch: Batch, raw: bytes, tx: str) -> None:
        """Keep the transaction that anchors a batch, before it is sent.

        Args:
            batch: the batch.
            raw: the signed transaction.
            tx: its hash.
        """
        self._update(batch.first, "raw = :raw, tx = :tx", raw=raw.hex(), tx=tx)

    def settle(self, batch: Batch, tx: str, block: int) -> None:
        """Note that a batch is anchored.

        Args:
            batch: the batch.
            tx: hash of the transaction that did it.
            block: number of its block.
        """
        self._update(batch.first, "tx = :tx, block = :block", tx=tx, block=block)

    def reopen_from(self, first: int) -> int:
        """Note that a reorganisation took anchored batches back.

        Args:
            first: number of the first entry that the chain does not anchor.

        Returns:
            How many batches have to be anchored again.
        """
        with self._engine.begin() as connection:
            done = connection.execute(
                text(
                    "UPDATE discussion_batches SET block = NULL "
                    "WHERE first >= :first AND block IS NOT NULL"
                ),
                {"first": first},
            )
        return int(done.rowcount)

    def _update(self, first: int, change: str, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                text(f"UPDATE discussion_batches SET {change} WHERE first = :first"),  # noqa: S608
                {"first": first, **values},
            )


def _select(connection: Connection, where: str, **values: object) -> list[Batch]:
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM discussion_batches WHERE {where} ORDER BY first"),  # noqa: S608
        values,
    )
    # By position: `count` is also a method of a row.
    return [
        Batch(
            first=int(row[0]),
            count=int(row[1]),
            root=bytes.fromhex(row[2]),
            raw=bytes.fromhex(row[3]),
            tx=row[4],
            block=None if row[5] is None else int(row[5]),
        )
        for row in rows
    ]
