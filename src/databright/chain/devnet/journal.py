"""The write-ahead journal: every transaction and clock advance, on disk before it is executed.

One SQLite file in WAL mode with `synchronous=FULL`. A row is appended and synced before the node
sees the transaction. The block that came of it is noted together with the next append, so each
transaction costs one sync; only the last row's outcome can be missing, and replay restores it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from databright.chain.devnet.genesis import SCHEMA, check_schema
from databright.errors import ConfigError

FILE = "journal.sqlite"
PENDING, MINED, REJECTED = "pending", "mined", "rejected"
_PAGE = 500

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('tx', 'advance')),
    timestamp INTEGER NOT NULL,
    raw BLOB,
    seconds INTEGER,
    tx_hash TEXT,
    status TEXT NOT NULL CHECK (status IN ('pending', 'mined', 'rejected')),
    block_hash TEXT,
    reason TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS once ON entries (tx_hash)
    WHERE tx_hash IS NOT NULL AND status != 'rejected';
"""


@dataclass(frozen=True)
class Entry:
    """One journaled act; each one that is not rejected is one block.

    Attributes:
        seq: place in the journal, from 1 without gaps.
        kind: "tx" or "advance".
        timestamp: chain time of its block.
        raw: the signed transaction, or None for an advance.
        status: "pending", "mined" or "rejected".
        block_hash: hash of its block once noted, or None.
        reason: why it was rejected, or None.
    """

    seq: int
    kind: str
    timestamp: int
    raw: bytes | None
    status: str
    block_hash: str | None
    reason: str | None


_COLUMNS = "seq, kind, timestamp, raw, status, block_hash, reason"


class Journal:
    """The journal of one chain's folder.

    Args:
        home: the chain's own folder.

    Raises:
        ConfigError: another release wrote it.
    """

    def __init__(self, home: Path) -> None:
        self._db = sqlite3.connect(home / FILE, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)
        self._noted: tuple[int, str] | None = None
        schema = self.meta("schema")
        if schema is None:
            self.set_meta("schema", str(SCHEMA))
        elif schema != str(SCHEMA):
            check_schema(home, schema)
        row = self._db.execute(
            "SELECT COALESCE(MAX(seq), 0), COALESCE(MAX(timestamp), 0),"
            " COALESCE(SUM(seconds), 0) FROM entries"
        ).fetchone()
        self._last, self._timestamp, self._advanced = (int(value) for value in row)

    @property
    def last_seq(self) -> int:
        """Place of the newest row, 0 when empty."""
        return self._last

    @property
    def last_timestamp(self) -> int:
        """Newest chain time that was given out, 0 when empty."""
        return self._timestamp

    @property
    def advanced(self) -> int:
        """Seconds by which the clock was advanced in all."""
        return self._advanced

    def meta(self, name: str) -> str | None:
        """Read a recorded fact about the chain.

        Args:
            name: its name.

        Returns:
            Its value, or None.
        """
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        """Record a fact about the chain.

        Args:
            name: its name.
            value: its value.
        """
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def append_tx(self, raw: bytes, tx_hash: str, timestamp: int) -> int:
        """Append a transaction; synced to disk on return.

        Args:
            raw: the signed transaction.
            tx_hash: its hash, 0x-prefixed hex.
            timestamp: chain time of its block.

        Returns:
            Its place.
        """
        return self._append("tx", timestamp, raw, None, tx_hash)

    def append_advance(self, seconds: int, timestamp: int) -> int:
        """Append a clock advance; synced to disk on return.

        Args:
            seconds: by how much.
            timestamp: chain time of its block.

        Returns:
            Its place.
        """
        seq = self._append("advance", timestamp, None, seconds, None)
        self._advanced += seconds
        return seq

    def _append(
        self, kind: str, timestamp: int, raw: bytes | None, seconds: int | None, tx: str | None
    ) -> int:
        seq = self._last + 1
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._flush()
            self._db.execute(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, 'pending', NULL, NULL)",
                (seq, kind, timestamp, raw, seconds, tx),
            )
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._noted = None
        self._last, self._timestamp = seq, timestamp
        return seq

    def _flush(self) -> None:
        if self._noted is not None:
            seq, block = self._noted
            self._db.execute(
                "UPDATE entries SET status = 'mined', block_hash = ? WHERE seq = ?", (block, seq)
            )

    def note_mined(self, seq: int, block_hash: str) -> None:
        """Note the block of a row; written with the next append or `sync`.

        Args:
            seq: the row.
            block_hash: hash of its block.
        """
        if self._noted is not None and self._noted[0] != seq:
            self.sync()
        self._noted = (seq, block_hash)

    def sync(self) -> None:
        """Write what is noted."""
        self._flush()
        self._noted = None

    def reject(self, seq: int, reason: str) -> None:
        """Mark a row as refused by the node: replay leaves it out.

        Args:
            seq: the row.
            reason: the node's answer.
        """
        self._db.execute(
            "UPDATE entries SET status = 'rejected', reason = ? WHERE seq = ?", (reason, seq)
        )

    def entry(self, seq: int) -> Entry:
        """Read one row.

        Args:
            seq: its place.

        Returns:
            The row.

        Raises:
            ConfigError: there is none.
        """
        row = self._db.execute(
            f"SELECT {_COLUMNS} FROM entries WHERE seq = ?",  # noqa: S608 (a constant)
            (seq,),
        ).fetchone()
        if row is None:
            raise ConfigError(f"the journal has no row {seq}: it was changed by another program")
        return Entry(*row)

    def find(self, tx_hash: str) -> Entry | None:
        """The row of a transaction that is not rejected.

        Args:
            tx_hash: its hash.

        Returns:
            The row, or None.
        """
        row = self._db.execute(
            f"SELECT {_COLUMNS} FROM entries WHERE tx_hash = ? AND status != 'rejected'",  # noqa: S608
            (tx_hash,),
        ).fetchone()
        return None if row is None else Entry(*row)

    def after(self, seq: int) -> Iterator[Entry]:
        """The rows after a place that are to be executed, in order.

        Args:
            seq: place before the first row.

        Yields:
            Rows that are not rejected, also those appended while this runs.
        """
        while True:
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM entries WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
                (seq, _PAGE),
            ).fetchall()
            if not rows:
                return
            for row in rows:
                entry = Entry(*row)
                seq = entry.seq
                if entry.status != REJECTED:
                    yield entry

    def close(self) -> None:
        """Write what is noted and close the file."""
        self.sync()
        self._db.close()
