"""Entries of the log, read inside a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from databright.discussion.actions import LOGGED, Action
from databright.discussion.signed import Signed, signed_of
from databright.records.strict_json import loads_object

_MOST_BYTES: Final = 1 << 20
_COLUMNS: Final = "seq, digest, subject, about, received_at, marks, record"


@dataclass(frozen=True)
class Entry:
    """One entry of the log.

    Attributes:
        seq: its number, from 0, without gaps.
        digest: the action's id, 0x-prefixed.
        signed: the action with its signature.
        subject: the thread that it belongs to.
        about: digest of the comment or draft that it is about, or "".
        received_at: seconds since 1970, by this machine's clock.
        marks: marks that its author carried then.
    """

    seq: int
    digest: str
    signed: Signed
    subject: str
    about: str
    received_at: int
    marks: tuple[str, ...]

    @property
    def action(self) -> Action:
        """What was signed."""
        return self.signed.action


def read_size(connection: Connection) -> int:
    """Number of entries, inside a transaction.

    Args:
        connection: a read or write transaction.

    Returns:
        The count.
    """
    found = connection.execute(text("SELECT entries FROM discussion_head WHERE id = 0")).scalar()
    return int(found or 0)


def read_entry(connection: Connection, digest: str) -> Entry | None:
    """The entry of an action, inside a transaction.

    Args:
        connection: a read or write transaction.
        digest: the action's id, 0x-prefixed.

    Returns:
        The entry, or None.
    """
    found = _select(connection, "digest = :digest", digest=digest)
    return found[0] if found else None


def read_entries(connection: Connection, first: int, count: int) -> list[Entry]:
    """Entries by number, inside a transaction.

    Args:
        connection: a read or write transaction.
        first: number of the first, from 0.
        count: at most so many.

    Returns:
        Entries in order.
    """
    return _select(connection, "seq >= :low AND seq < :high", low=first, high=first + count)


def read_subject(connection: Connection, subject: str) -> list[Entry]:
    """Entries of a thread, inside a transaction.

    Args:
        connection: a read or write transaction.
        subject: e.g. proposal/7.

    Returns:
        Entries in order.
    """
    return _select(connection, "subject = :subject", subject=subject)


def read_about(connection: Connection, kind: str, about: str) -> list[Entry]:
    """Entries of one kind that are about a comment or draft, inside a transaction.

    Args:
        connection: a read or write transaction.
        kind: name of the action, e.g. Edit.
        about: digest, or the subject that a link names.

    Returns:
        Entries in order.
    """
    return _select(connection, "type = :kind AND about = :about", kind=kind, about=about)


def _select(connection: Connection, where: str, **values: object) -> list[Entry]:
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM discussion_log WHERE {where} ORDER BY seq"),  # noqa: S608
        values,
    )
    return [
        Entry(
            seq=int(row.seq),
            digest=row.digest,
            signed=signed_of(loads_object(row.record.encode(), max_bytes=_MOST_BYTES), LOGGED),
            subject=row.subject,
            about=row.about,
            received_at=int(row.received_at),
            marks=tuple(row.marks.split()),
        )
        for row in rows
    ]
