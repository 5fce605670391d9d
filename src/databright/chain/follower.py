"""Follow a chain block by block, and step back when it reorganises.

Pure: it keeps nothing. The caller says which blocks it holds, gets what has changed since, and
applies it (rollback, rows and cursor) in one database transaction. Whatever kills the caller, the
next call goes on from what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from databright.chain.base import Chain, Header, Log
from databright.errors import BadInputError, ChainError
from databright.units import Address

MAX_LIMIT = 2_000
"""Most blocks in one batch."""
_TRIES = 5


@dataclass(frozen=True)
class Batch:
    """What to apply, in this order.

    Attributes:
        rollback_to: height above which stored blocks are to be deleted with all that came of
            them, or None when nothing is to be deleted. -1 deletes everything.
        headers: blocks to store, each the child of the one before.
        logs: events of these blocks in chain order.
    """

    rollback_to: int | None
    headers: tuple[Header, ...]
    logs: tuple[Log, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to apply."""
        return self.rollback_to is None and not self.headers


def next_batch(
    chain: Chain,
    addresses: Sequence[Address],
    recent: Sequence[tuple[int, str]],
    limit: int = 500,
    *,
    start: int = 0,
) -> Batch:
    """What the chain has that the caller does not hold.

    Args:
        chain: the chain to follow.
        addresses: contracts whose events are wanted.
        recent: (height, hash) of the newest stored blocks, ascending, without gaps; as many as
            the deepest reorganisation that is to be survived, better all. Empty at the start.
        limit: most blocks in the batch, 1..MAX_LIMIT.
        start: first block of interest, used when nothing is stored.

    Returns:
        The batch; empty when the caller holds the head.

    Raises:
        BadInputError: `recent` or `limit` is malformed.
        ChainError: the chain reorganised deeper than `recent` reaches back, or kept changing
            while it was read.
    """
    _check(recent, limit)
    for _ in range(_TRIES):
        found = _attempt(chain, addresses, recent, limit, start)
        if found is not None:
            return found
    raise ChainError(f"the chain changed {_TRIES} times while one batch was read: try again later")


def _check(recent: Sequence[tuple[int, str]], limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInputError(f"a batch holds 1 to {MAX_LIMIT} blocks, not {limit}")
    numbers = [number for number, _ in recent]
    if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise BadInputError("the stored blocks must be given in ascending order without gaps")


def _attempt(
    chain: Chain,
    addresses: Sequence[Address],
    recent: Sequence[tuple[int, str]],
    limit: int,
    start: int,
) -> Batch | None:
    head = chain.head()
    base = _common_ancestor(chain, recent, start)
    held = recent[-1][0] if recent else start - 1
    rollback = base if base < held else None
    parent = dict(recent).get(base)
    headers: list[Header] = []
    for number in range(base + 1, min(head.number, base + limit) + 1):
        header = chain.header(number)
        if header is None or (parent is not None and header.parent_hash != parent):
            return None  # it reorganised while it was read
        headers.append(header)
        parent = header.hash
    if not headers:
        return Batch(rollback, (), ())
    logs = chain.logs(headers[0].number, headers[-1].number, addresses)
    hashes = {header.number: header.hash for header in headers}
    last = chain.header(headers[-1].number)
    if last is None or last.hash != headers[-1].hash:
        return None
    if any(hashes.get(log.block_number) != log.block_hash for log in logs):
        return None  # the events are of other blocks than the headers
    return Batch(rollback, tuple(headers), tuple(logs))


def _common_ancestor(chain: Chain, recent: Sequence[tuple[int, str]], start: int) -> int:
    # Newest stored block that is still in the chain; one look where nothing has changed.
    for number, block_hash in reversed(recent):
        header = chain.header(number)
        if header is not None and header.hash == block_hash:
            return number
    if recent and recent[0][0] > start:
        raise ChainError(
            f"the chain reorganised below block {recent[0][0]}, the oldest that was given: give "
            "older blocks, or read the index anew from the beginning"
        )
    return start - 1
