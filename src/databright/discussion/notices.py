"""Notices: who is told of what, and how far each has read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eth_utils.address import to_checksum_address
from sqlalchemy import Engine, text

from databright.database.connection import reading
from databright.discussion.actions import (
    ANSWER,
    COMMENT,
    EVALUATION_REQUEST,
    INFORMATION_REQUEST,
    QUESTION,
    Comment,
)
from databright.discussion.facts import People
from databright.discussion.log import Told, insert_notices
from databright.discussion.subjects import DRAFT, Subject
from databright.errors import BadInputError
from databright.units import Address

MAX_MENTIONS: Final = 20
"""Most addresses that one comment may mention."""
PAGE: Final = 100
"""Most notices of one reading."""
MENTION, REPLY, INVITED, LINKED, HIDDEN = "mention", "reply", "invited", "linked", "hidden"
# Neither in a word nor in an e-mail address; fences and `code` mention nobody.
_MENTION = re.compile(r"(?<![\w@./-])@(0x[0-9a-fA-F]{40}(?![0-9a-zA-Z])|[a-z0-9][a-z0-9-]{0,63})")
_CODE = re.compile(
    r"^(`{3,}|~{3,})[^\n]*\n.*?(?:^\1[^\n]*$|\Z)|`[^`\n]+`", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Notice:
    """One line of an address's feed.

    Attributes:
        id: its number, from 1, over all addresses.
        kind: mention, reply, answer, comment, question, information_request, evaluation_request,
            invited, linked, hidden, or verdict.
        source: digest of the action, or a name of what happened on chain.
        subject: the thread.
        author: who caused it; "" for the chain.
        at: seconds since 1970.
    """

    id: int
    kind: str
    source: str
    subject: str
    author: str
    at: int


@dataclass(frozen=True)
class Feed:
    """What an address was told, newest first.

    Attributes:
        address: whose feed it is.
        notices: at most 100.
        read_upto: number of the newest notice that it marked as read, 0 for none.
        unread: how many of its notices are newer.
    """

    address: str
    notices: tuple[Notice, ...]
    read_upto: int
    unread: int


def mentioned(body: str, names: Mapping[str, Address]) -> list[Address]:
    """Addresses that a text mentions, as @0xADDRESS or @name.

    Args:
        body: markdown.
        names: the market's address book; other names mention nobody.

    Returns:
        Addresses in order of their first mention.

    Raises:
        BadInputError: more than 20.
    """
    found: dict[Address, None] = {}
    for match in _MENTION.finditer(_CODE.sub(" ", body)):
        word = match[1]
        if word.startswith("0x") and len(word) == 42:
            found[Address(str(to_checksum_address(word)))] = None
        elif word in names:
            found[names[word]] = None
    if len(found) > MAX_MENTIONS:
        raise BadInputError(f"{len(found)} are mentioned: mention at most {MAX_MENTIONS}")
    return list(found)


def told_of_comment(
    comment: Comment, people: People, asker: Address | None, mentions: Iterable[Address]
) -> tuple[Told, ...]:
    """Who is told of a comment, each for the strongest reason.

    Args:
        comment: what was written.
        people: who has to do with its subject.
        asker: author of the comment that it replies to, or None.
        mentions: whom its text mentions.

    Returns:
        One notice for each address; none for the author.
    """
    told: dict[Address, str] = {}
    if comment.kind in {QUESTION, INFORMATION_REQUEST}:
        told.update(dict.fromkeys(sorted(people.owners), comment.kind))
    if comment.kind == EVALUATION_REQUEST:
        told.update(dict.fromkeys(sorted(people.nodes | people.owners), comment.kind))
    if asker is not None:
        told.setdefault(asker, ANSWER if comment.kind == ANSWER else REPLY)
    for address in mentions:
        told.setdefault(address, MENTION)
    for address in sorted(people.owners):
        told.setdefault(address, COMMENT)
    told.pop(comment.author, None)
    return tuple(Told(address, kind) for address, kind in told.items())


class Notices:
    """Feeds and read marks.

    Args:
        engine: of the log, whose tables exist.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tell(self, told: Sequence[Told], source: str, subject: Subject, now: int) -> int:
        """Tell of something that happened on chain, once for each address and source.

        Args:
            told: who is told and why.
            source: names what happened, e.g. proposal/7/accepted.
            subject: the thread.
            now: seconds since 1970.

        Returns:
            How many notices are new.
        """
        with self._engine.begin() as connection:
            connection.execute(text("UPDATE discussion_head SET notices = notices WHERE id = 0"))
            return insert_notices(connection, told, source, str(subject), "", now)

    def knows(self, source: str) -> bool:
        """Whether somebody was told of something.

        Args:
            source: names what happened.

        Returns:
            True when there is such a notice.
        """
        with reading(self._engine) as connection:
            found = connection.execute(
                text("SELECT 1 FROM discussion_notices WHERE source = :source LIMIT 1"),
                {"source": source},
            ).scalar()
        return found is not None

    def feed(self, address: Address, *, private: bool, before: int | None = None) -> Feed:
        """What an address was told.

        Args:
            address: whose feed.
            private: whether notices of drafts are among it; only its owner sees these.
            before: only notices with a smaller number.

        Returns:
            The newest notices.
        """
        where = "address = :address" + ("" if private else " AND subject NOT LIKE :draft")
        values: dict[str, object] = {
            "address": address,
            "before": 2**62 if before is None else before,
            "most": PAGE,
        } | ({} if private else {"draft": f"{DRAFT}/%"})
        with reading(self._engine) as connection:
            upto = connection.execute(
                text("SELECT upto FROM discussion_read WHERE address = :address"),
                {"address": address},
            ).scalar()
            read_upto = int(upto or 0)
            rows = connection.execute(
                text(
                    "SELECT id, kind, source, subject, author, at FROM discussion_notices "  # noqa: S608
                    f"WHERE {where} AND id < :before ORDER BY id DESC LIMIT :most"
                ),
                values,
            ).all()
            unread = connection.execute(
                text(f"SELECT COUNT(*) FROM discussion_notices WHERE {where} AND id > :upto"),  # noqa: S608
                {k: v for k, v in values.items() if k in {"address", "draft"}}
                | {"upto": read_upto},
            ).scalar()
        notices = tuple(
            Notice(int(row.id), row.kind, row.source, row.subject, row.author, int(row.at))
            for row in rows
        )
        return Feed(str(address), notices, read_upto, int(unread or 0))

    def mark_read(self, address: Address, upto: int) -> int:
        """Note how far an address has read; the mark never moves back.

        Args:
            address: whose feed.
            upto: number of a notice that exists.

        Returns:
            The mark now.

        Raises:
            BadInputError: there is no notice of that number yet.
        """
        with self._engine.begin() as connection:
            last = connection.execute(
                text("UPDATE discussion_head SET notices = notices WHERE id = 0 RETURNING notices")
            ).scalar()
            if not 0 <= upto <= int(last or 0):
                raise BadInputError(f"there is no notice {upto}: the newest is {last}")
            connection.execute(
                text(
                    "INSERT INTO discussion_read (address, upto) VALUES (:address, :upto) "
                    "ON CONFLICT (address) DO UPDATE SET upto = :upto "
                    "WHERE discussion_read.upto < :upto"
                ),
                {"address": address, "upto": upto},
            )
            found = connection.execute(
                text("SELECT upto FROM discussion_read WHERE address = :address"),
                {"address": address},
            ).scalar()
        return int(found or 0)
