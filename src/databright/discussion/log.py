"""The log: every signed action in the order in which it came in, appended and never changed.

One transaction for each action, the same code on SQLite and PostgreSQL. The row of
`discussion_head` is the lock: whoever appends updates it first, so numbers have no gaps, and what
is checked after it still holds when the action is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, text

from databright.database.connection import reading
from databright.database.migrations import migrate
from databright.discussion.actions import Action
from databright.discussion.entries import Entry, read_entries, read_entry, read_size
from databright.discussion.schema import ROOM, STEPS
from databright.discussion.signed import Signed
from databright.errors import BadInputError, RateLimitedError, UnknownEntityError
from databright.records.strict_json import dumps_canonical

HOUR_S: Final = 3_600


@dataclass(frozen=True)
class Limits:
    """How much may be logged.

    Attributes:
        per_author: actions of one author in an hour.
        strangers: actions in an hour of all authors who carry no mark.
    """

    per_author: int
    strangers: int


@dataclass(frozen=True)
class Told:
    """A notice that goes with an action.

    Attributes:
        address: who is told.
        kind: why, e.g. mention, reply.
    """

    address: str
    kind: str


@dataclass(frozen=True)
class Placed:
    """Where an action belongs, worked out before it is written.

    Attributes:
        subject: the thread, e.g. proposal/7.
        about: digest of the comment or draft that it is about, or "".
        follows: what only one action can follow: the version that an edit replaces, the draft
            that a link names; or "".
        marks: marks that the author carries in that thread now.
        told: who is told of it.
    """

    subject: str
    about: str = ""
    follows: str = ""
    marks: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()


class Log:
    """Signed actions in SQL.

    Attributes:
        engine: made by database.connection.connect.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        migrate(engine, ROOM, STEPS)

    def size(self) -> int:
        """Number of entries.

        Returns:
            The count; the next entry gets this number.
        """
        with reading(self.engine) as connection:
            return read_size(connection)

    def find(self, digest: str) -> Entry | None:
        """The entry of an action.

        Args:
            digest: the action's id, 0x-prefixed.

        Returns:
            The entry, or None.
        """
        with reading(self.engine) as connection:
            return read_entry(connection, digest)

    def entry(self, digest: str) -> Entry:
        """The entry of an action that must be there.

        Args:
            digest: the action's id, 0x-prefixed.

        Returns:
            The entry.

        Raises:
            UnknownEntityError: the log holds none of that id.
        """
        found = self.find(digest)
        if found is None:
            raise UnknownEntityError(f"the log holds nothing with the id {digest[:80]}")
        return found

    def entries(self, first: int, count: int) -> list[Entry]:
        """Entries by number.

        Args:
            first: number of the first, from 0.
            count: at most so many.

        Returns:
            Entries in order.
        """
        with reading(self.engine) as connection:
            return read_entries(connection, first, count)

    def append(
        self, digest: str, signed: Signed, placed: Placed, now: int, limits: Limits, *, keep: bool
    ) -> tuple[Entry, bool]:
        """Write an action with its notices, once.

        Args:
            digest: the action's id, 0x-prefixed.
            signed: the action; its signature has been checked.
            placed: where it belongs.
            now: seconds since 1970.
            limits: how much may be logged.
            keep: False checks everything and writes nothing.

        Returns:
            The entry, and whether it is new.

        Raises:
            BadInputError: the nonce is used, or another action came first.
            RateLimitedError: too many actions in the last hour.
        """
        action = signed.action
        with self.engine.connect() as connection, connection.begin() as transaction:
            connection.execute(text("UPDATE discussion_head SET entries = entries WHERE id = 0"))
            known = read_entry(connection, digest)
            if known is not None:
                return known, False
            _check_free(connection, action, placed)
            _check_rate(connection, action, placed, now, limits)
            entry = Entry(
                seq=read_size(connection),
                digest=digest,
                signed=signed,
                subject=placed.subject,
                about=placed.about,
                received_at=now,
                marks=placed.marks,
            )
            _insert(connection, entry, placed.follows)
            insert_notices(connection, placed.told, digest, placed.subject, action.author, now)
            if not keep:
                transaction.rollback()
        return entry, True


def _check_free(connection: Connection, action: Action, placed: Placed) -> None:
    used = connection.execute(
        text("SELECT digest FROM discussion_log WHERE author = :author AND nonce = :nonce"),
        {"author": action.author, "nonce": str(action.nonce)},
    ).scalar()
    if used is not None:
        raise BadInputError(
            f"{action.author} has used the nonce {action.nonce} for {used}: sign with a fresh one"
        )
    if placed.follows:
        taken = connection.execute(
            text("SELECT digest FROM discussion_log WHERE follows = :follows"),
            {"follows": placed.follows},
        ).scalar()
        if taken is not None:
            raise BadInputError(
                f"{taken} came first: read the thread again and sign on top of what it shows now"
            )


def _check_rate(
    connection: Connection, action: Action, placed: Placed, now: int, limits: Limits
) -> None:
    since = {"since": now - HOUR_S}
    own = connection.execute(
        text(
            "SELECT COUNT(*), MIN(received_at) FROM discussion_log "
            "WHERE received_at > :since AND author = :author"
        ),
        {**since, "author": action.author},
    ).one()
    if int(own[0]) >= limits.per_author:
        raise _too_many(f"{action.author} has", limits.per_author, int(own[1]), now)
    if placed.marks:
        return
    others = connection.execute(
        text(
            "SELECT COUNT(*), MIN(received_at) FROM discussion_log "
            "WHERE received_at > :since AND marks = ''"
        ),
        since,
    ).one()
    if int(others[0]) >= limits.strangers:
        raise _too_many("authors without a part here have", limits.strangers, int(others[1]), now)


def _too_many(who: str, limit: int, oldest: int, now: int) -> RateLimitedError:
    wait = max(1, oldest + HOUR_S - now)
    return RateLimitedError(
        f"{who} logged {limit} actions within an hour, the most that is taken: "
        f"send it again in {wait} s",
        retry_after_s=wait,
    )


def _insert(connection: Connection, entry: Entry, follows: str) -> None:
    connection.execute(
        text(
            "INSERT INTO discussion_log (seq, digest, type, author, nonce, subject, about, follows,"
            " received_at, marks, record) VALUES (:seq, :digest, :type, :author, :nonce, :subject,"
            " :about, :follows, :received_at, :marks, :record)"
        ),
        {
            "seq": entry.seq,
            "digest": entry.digest,
            "type": entry.action.NAME,
            "author": entry.action.author,
            "nonce": str(entry.action.nonce),
            "subject": entry.subject,
            "about": entry.about,
            "follows": follows or None,
            "received_at": entry.received_at,
            "marks": " ".join(entry.marks),
            "record": dumps_canonical(entry.signed.to_plain()).decode("utf-8"),
        },
    )
    connection.execute(text("UPDATE discussion_head SET entries = entries + 1 WHERE id = 0"))


def insert_notices(
    connection: Connection, told: Sequence[Told], source: str, subject: str, author: str, now: int
) -> int:
    """Write notices, each once for an address and a source.

    Args:
        connection: a transaction that holds the row of `discussion_head`.
        told: who is told and why.
        source: digest of the action, or a name of what happened on chain.
        subject: the thread.
        author: who caused it, or "".
        now: seconds since 1970.

    Returns:
        How many were new.
    """
    made = 0
    for one in told:
        known = connection.execute(
            text("SELECT 1 FROM discussion_notices WHERE address = :address AND source = :source"),
            {"address": one.address, "source": source},
        ).scalar()
        if known is not None:
            continue
        connection.execute(text("UPDATE discussion_head SET notices = notices + 1 WHERE id = 0"))
        connection.execute(
            text(
                "INSERT INTO discussion_notices (id, address, kind, source, subject, author, at) "
                "SELECT notices, :address, :kind, :source, :subject, :author, :at "
                "FROM discussion_head WHERE id = 0"
            ),
            {
                "address": one.address,
                "kind": one.kind,
                "source": source,
                "subject": subject,
                "author": author,
                "at": now,
            },
        )
        made += 1
    return made
