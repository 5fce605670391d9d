"""Reading stored rows as of one block, each with its tag."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Connection, text

from databright.views import tables
from databright.views.batches import IndexedBlock
from databright.views.book import FINAL, SAFE, SEEN, Part, Row, Table

R = TypeVar("R", bound=Row)


class Snapshot:
    """Stored rows as of one block; made by Index.snapshot.

    Attributes:
        head: that block, None before the first.
        safe: height up to which blocks are safe, -1 for none.
        final: height up to which blocks are final, -1 for none.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.head = read_head(connection)
        top = -1 if self.head is None else self.head.number
        self.final = min(top, int(tables.fact(connection, "final", "-1")))
        self.safe = max(self.final, min(top, int(tables.fact(connection, "safe", "-1"))))

    def tag(self, block: int) -> str:
        """How settled a block is.

        Args:
            block: its height.

        Returns:
            "seen", "safe" or "final".
        """
        if block <= self.final:
            return FINAL
        return SAFE if block <= self.safe else SEEN

    def rows(
        self, table: Table[R], of: Part | None = None, newest: int | None = None
    ) -> tuple[R, ...]:
        """Rows of a table.

        Args:
            table: which.
            of: only rows whose key begins with this, e.g. the votes of one proposal.
            newest: those that changed last, so many and the rest of the oldest one's block.

        Returns:
            Rows by key, each with its tag.
        """
        scope = None if of is None else table.place(of).scope
        found = tables.select(self._connection, table.name, scope, newest)
        made = (table.read(kept, self.tag(kept.block)) for kept in found)
        return tuple(sorted(made, key=table.order))

    def row(self, table: Table[R], *key: Part) -> R | None:
        """One row.

        Args:
            table: its table.
            key: its key.

        Returns:
            The row with its tag, or None.
        """
        kept = tables.load(self._connection, table.place(*key))
        return None if kept is None else table.read(kept, self.tag(kept.block))


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
