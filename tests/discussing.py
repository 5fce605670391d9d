"""People, subjects and a clock for the tests of the discussion; signatures are real."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from sqlalchemy import Engine

from databright.database.connection import reading
from databright.discussion.actions import (
    Access,
    Action,
    Comment,
    Draft,
    Edit,
    Hide,
    Link,
)
from databright.discussion.door import Accepted, Door
from databright.discussion.facts import Facts, People
from databright.discussion.log import Limits, Log
from databright.discussion.notices import Notices
from databright.discussion.signed import Signed, sign_action
from databright.discussion.subjects import Subject, parse_subject
from databright.discussion.threads import Shown, Thread, read_thread
from databright.errors import UnknownEntityError
from databright.records.signatures import Domain
from databright.units import Address

ANCHOR = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
DOMAIN = Domain(31337, ANCHOR)
NOW = 1_800_000_000
NAMES = (
    "creator", "proposer", "curator", "node", "holder", "stranger", "other", "reviewer",
)  # fmt: skip
KEYS: dict[str, LocalAccount] = {
    name: Account.from_key(bytes([number]) * 32) for number, name in enumerate(NAMES, 1)
}
SUBJECTS = ("dataset/1", "request/1", "proposal/7", "proposal/8", "model/2")


def address(name: str) -> Address:
    return Address(str(KEYS[name].address))


def people(subject: Subject) -> People:
    """proposal/8 is the stranger's, everything else the proposer's; one dataset."""
    if str(subject) not in SUBJECTS:
        raise UnknownEntityError(f"there is no {subject}")
    owner = "stranger" if str(subject) == "proposal/8" else "proposer"
    return People(
        owners=frozenset({address(owner)}),
        moderators=frozenset(map(address, ("creator", "curator", "node"))),
        nodes=frozenset({address("node")}),
    )


def marks(subject: Subject, who: Address) -> frozenset[str]:
    known = people(subject)
    carried = {
        "author": who in known.owners,
        "curator": who == address("curator"),
        "node": who == address("node"),
        "holder": who == address("holder"),
    }
    return frozenset(mark for mark, has in carried.items() if has)


FACTS = Facts(people, marks, lambda: {name: address(name) for name in NAMES})


@dataclass
class Clock:
    """Seconds that only a test moves."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Room:
    """A discussion with its people."""

    log: Log
    clock: Clock
    door: Door
    nonces: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def sign(self, kind: Callable[..., Action], who: str, /, **fields: Any) -> Signed:
        base = {"created_at": int(self.clock.now), "nonce": next(self.nonces)}
        action = kind(author=address(who), **(base | fields))
        return sign_action(KEYS[who], DOMAIN, action)

    def do(self, kind: Callable[..., Action], who: str, /, **fields: Any) -> Accepted:
        return self.door.accept(self.sign(kind, who, **fields))

    def say(self, who: str, body: str = "text", **fields: Any) -> str:
        return self.do(Comment, who, **({"subject": "proposal/7", "body": body} | fields)).digest

    def reply(self, who: str, parent: str, body: str = "reply", **fields: Any) -> str:
        return self.say(who, body, parent=word(parent), **fields)

    def edit(self, who: str, comment: str, previous: str, body: str = "new") -> str:
        return self.do(Edit, who, comment=word(comment), previous=word(previous), body=body).digest

    def hide(self, who: str, comment: str, reason: str = "spam", hidden: bool = True) -> str:
        return self.do(Hide, who, comment=word(comment), reason=reason, hidden=hidden).digest

    def share(self, who: str = "proposer", *invited: str, **fields: Any) -> str:
        base = {
            "dataset": 1,
            "title": "Rows",
            "description": "More *rows*.",
            "sample": "1,2\n3,4",
            "invited": tuple(map(address, invited or ("reviewer",))),
        }
        return self.do(Draft, who, **(base | fields)).digest

    def link(self, who: str, draft: str, subject: str = "proposal/7") -> Accepted:
        return self.do(Link, who, draft=word(draft), subject=subject)

    def access(self, who: str, resource: str, lasts_s: int = 100, **fields: Any) -> Signed:
        expires_at = int(self.clock.now) + lasts_s
        return self.sign(Access, who, **({"resource": resource, "expires_at": expires_at} | fields))

    def thread(self, subject: str = "proposal/7", page: int = 1) -> Thread:
        with reading(self.log.engine) as connection:
            return read_thread(connection, parse_subject(subject), page)

    def shown(self, digest: str, subject: str = "proposal/7") -> Shown:
        (found,) = [one for one in self.thread(subject).comments if one.digest == digest]
        return found


def word(digest: str) -> bytes:
    return bytes.fromhex(digest[2:])


def make_room(engine: Engine, per_author: int = 1_000, strangers: int = 1_000) -> Room:
    log, clock = Log(engine), Clock()
    return Room(log, clock, Door(log, DOMAIN, FACTS, Limits(per_author, strangers), clock))


def kinds(room: Room, who: str, private: bool = True) -> list[tuple[str, str]]:
    """What somebody was told, oldest first: kind and subject."""
    feed = Notices(room.log.engine).feed(address(who), private=private)
    return [(one.kind, one.subject) for one in reversed(feed.notices)]
