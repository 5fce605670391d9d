"""Two ways to one discussion: the database of this home, or a page over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import httpx

from databright.database.connection import reading
from databright.discussion.documents import from_plain
from databright.discussion.door import Accepted, Door
from databright.discussion.log import Log
from databright.discussion.notices import Feed
from databright.discussion.places import Place, find_place
from databright.discussion.proofs import Item, Proof, prove, read_items
from databright.discussion.signed import Signed
from databright.discussion.subjects import Subject
from databright.discussion.threads import (
    DraftText,
    DraftView,
    Thread,
    ThreadLine,
    read_lines,
    read_thread,
)
from databright.errors import (
    BadInputError,
    ChainError,
    ConfigError,
    DatabrightError,
    MalformedDataError,
    NotAuthorisedError,
    ProtocolError,
    RateLimitedError,
    UnknownEntityError,
)
from databright.records.strict_json import JsonValue, loads_object
from databright.units import Address

_MOST_BYTES: Final = 64 << 20
_TIMEOUT_S: Final = 60.0
_KINDS: Final[Mapping[str, type[DatabrightError]]] = {
    kind.__name__: kind
    for kind in (
        BadInputError,
        MalformedDataError,
        UnknownEntityError,
        NotAuthorisedError,
        ChainError,
        ConfigError,
    )
}


class Way(Protocol):
    """How a discussion is reached; records and errors are the same on every way."""

    def publisher(self) -> Address | None:
        """Who anchors the log, or None where nobody does."""
        ...

    def check(self, signed: Signed) -> None:
        """Check an action as far as can be done without handing it in."""
        ...

    def accept(self, signed: Signed) -> Accepted:
        """Hand in an action."""
        ...

    def lines(self) -> list[ThreadLine]:
        """Threads that everybody may read."""
        ...

    def thread(self, subject: Subject, page: int) -> Thread:
        """One page of a thread that everybody may read."""
        ...

    def place(self, digest: str) -> Place:
        """Where a comment stands."""
        ...

    def feed(self, signed: Signed) -> Feed:
        """The signer's feed."""
        ...

    def mark_read(self, signed: Signed) -> int:
        """Note how far the signer has read; gives the mark."""
        ...

    def drafts(self, signed: Signed) -> tuple[DraftText, ...]:
        """Drafts that the signer may read."""
        ...

    def draft(self, signed: Signed, page: int) -> DraftView:
        """One draft, with one page of its thread."""
        ...

    def items(self, first: int, count: int) -> list[Item]:
        """Entries of the log."""
        ...

    def proof(self, digest: str) -> Proof:
        """The proof that an entry is anchored."""
        ...


class LocalWay:
    """The database of this home.

    Args:
        log: the home's log.
        door: its door.
        publisher: who anchors it, or None.
    """

    def __init__(self, log: Log, door: Door, publisher: Address | None) -> None:
        self._log = log
        self._door = door
        self._publisher = publisher

    def publisher(self) -> Address | None:
        """Who anchors the log, or None where nobody does."""
        return self._publisher

    def check(self, signed: Signed) -> None:
        """Check an action; nothing is written."""
        self._door.accept(signed, keep=False)

    def accept(self, signed: Signed) -> Accepted:
        """Hand in an action."""
        return self._door.accept(signed)

    def lines(self) -> list[ThreadLine]:
        """Threads that everybody may read."""
        with reading(self._log.engine) as connection:
            return read_lines(connection)

    def thread(self, subject: Subject, page: int) -> Thread:
        """One page of a thread that everybody may read."""
        with reading(self._log.engine) as connection:
            return read_thread(connection, subject, page)

    def place(self, digest: str) -> Place:
        """Where a comment stands."""
        return find_place(self._log, digest, private=True)

    def feed(self, signed: Signed) -> Feed:
        """The signer's feed."""
        return self._door.feed(signed)

    def mark_read(self, signed: Signed) -> int:
        """Note how far the signer has read; gives the mark."""
        return self._door.mark_read(signed)

    def drafts(self, signed: Signed) -> tuple[DraftText, ...]:
        """Drafts that the signer may read."""
        return self._door.drafts(signed)

    def draft(self, signed: Signed, page: int) -> DraftView:
        """One draft, with one page of its thread."""
        return self._door.draft(signed, page)

    def items(self, first: int, count: int) -> list[Item]:
        """Entries of the log."""
        return read_items(self._log, first, count)

    def proof(self, digest: str) -> Proof:
        """The proof that an entry is anchored.

        Raises:
            ConfigError: nobody anchors this log.
        """
        if self._publisher is None:
            raise ConfigError(
                "this log is not anchored: make the key with 'databright key create discussion'"
            )
        return prove(self._log, digest, self._door.domain, self._publisher)


class RemoteWay:
    """A page over HTTP.

    Args:
        url: its address, e.g. http://127.0.0.1:8000/.
        chain_id: of the market that it must serve.
        contract: DiscussionAnchor of that market.

    Raises:
        BadInputError: no address of a page.
        ConfigError: it serves another market.
        ProtocolError: no page answers there.
    """

    def __init__(self, url: str, chain_id: int, contract: Address) -> None:
        if not url.startswith(("http://", "https://")):
            raise BadInputError(f"{url[:80]!r} is no address of a page: write http://HOST:PORT/")
        self._base = url.rstrip("/") + "/api/discussion/"
        found = self._get("domain")
        if (found.get("chain_id"), found.get("contract")) != (chain_id, contract):
            raise ConfigError(
                f"{url[:80]} serves the discussion of {found.get('contract')} on chain "
                f"{found.get('chain_id')}, this home's market has {contract} on {chain_id}"
            )
        self._publisher = str(found.get("publisher") or "")

    def publisher(self) -> Address | None:
        """Who anchors the log, as the page says; None where nobody does."""
        return Address(self._publisher) if self._publisher else None

    def check(self, signed: Signed) -> None:
        """Nothing: a page that has seen an action could keep it."""

    def accept(self, signed: Signed) -> Accepted:
        """Hand in an action."""
        return from_plain(Accepted, self._post("actions", signed))

    def lines(self) -> list[ThreadLine]:
        """Threads that everybody may read."""
        return [from_plain(ThreadLine, one) for one in _list(self._get("threads"), "threads")]

    def thread(self, subject: Subject, page: int) -> Thread:
        """One page of a thread that everybody may read."""
        return from_plain(Thread, self._get(f"threads/{subject}?page={page}"))

    def place(self, digest: str) -> Place:
        """Where a comment stands."""
        return from_plain(Place, self._get(f"comments/{digest}"))

    def feed(self, signed: Signed) -> Feed:
        """The signer's feed."""
        return from_plain(Feed, self._post("feed", signed))

    def mark_read(self, signed: Signed) -> int:
        """Note how far the signer has read; gives the mark."""
        return from_plain(int, self._post("read", signed).get("read_upto"))

    def drafts(self, signed: Signed) -> tuple[DraftText, ...]:
        """Drafts that the signer may read."""
        found = _list(self._post("drafts", signed), "drafts")
        return tuple(from_plain(DraftText, one) for one in found)

    def draft(self, signed: Signed, page: int) -> DraftView:
        """One draft, with one page of its thread."""
        return from_plain(DraftView, self._post(f"draft?page={page}", signed))

    def items(self, first: int, count: int) -> list[Item]:
        """Entries of the log."""
        found = _list(self._get(f"log?first={first}&count={count}"), "items")
        return [from_plain(Item, one) for one in found]

    def proof(self, digest: str) -> Proof:
        """The proof that an entry is anchored."""
        return from_plain(Proof, self._get(f"proof/{digest}"))

    def _get(self, path: str) -> dict[str, JsonValue]:
        return self._ask("GET", path)

    def _post(self, path: str, signed: Signed) -> dict[str, JsonValue]:
        headers = {"Content-Type": "application/json"}
        return self._ask("POST", path, content=signed.to_bytes(), headers=headers)

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, JsonValue]:  # noqa: ANN401
        data = bytearray()
        try:
            with httpx.stream(method, self._base + path, timeout=_TIMEOUT_S, **more) as answer:
                for piece in answer.iter_bytes():
                    data += piece
                    if len(data) > _MOST_BYTES:
                        raise ProtocolError(f"{self._base} answers more than {_MOST_BYTES} bytes")
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProtocolError(
                f"no page answers at {self._base}: {error}; start it with 'databright up'"
            ) from error
        found = loads_object(bytes(data), max_bytes=_MOST_BYTES)
        if status != 200:
            raise _refusal(found, status)
        return found


def _list(found: dict[str, JsonValue], name: str) -> list[JsonValue]:
    value = found.get(name)
    if not isinstance(value, list):
        raise MalformedDataError(f"the page answers {str(value)[:60]!r} where {name} should be")
    return value


def _refusal(found: dict[str, JsonValue], status: int) -> DatabrightError:
    error = found.get("error")
    if not isinstance(error, dict):
        return ProtocolError(f"the page answers {status}: {str(found)[:200]}")
    message = str(error.get("message"))[:2_000]
    if error.get("kind") == RateLimitedError.__name__:
        wait = error.get("retry_after_s")
        return RateLimitedError(message, retry_after_s=wait if isinstance(wait, int) else 0)
    return _KINDS.get(str(error.get("kind")), ProtocolError)(message)
