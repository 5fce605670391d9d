"""Who may compute which shard: the drawing of owners done again from the chain alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.verifier.export import Event
from tests.verifier.numbers_again import BPS, ceil_bps

FOREVER = 2**256 - 1
NUMERIC_CLASS = hashlib.sha256(b"avx2-1t-v1").digest()
Rows = frozenset[int]


@dataclass
class Worker:
    """One owner of the registry.

    Attributes:
        min_fee: least pay for a replica.
        numeric_class: of its arithmetic.
        barred: slashed for good.
        leaving: takes no new work.
        serves: nodes that it works for.
    """

    min_fee: int
    numeric_class: bytes
    barred: bool = False
    leaving: bool = False
    serves: set[str] = field(default_factory=set)

    @property
    def is_open(self) -> bool:
        """Whether it takes new work at all."""
        return not self.barred and not self.leaving and self.numeric_class == NUMERIC_CLASS


def workers_after(events: Iterable[Event]) -> dict[str, Worker]:
    """The registry after these events, in order of registration."""
    found: dict[str, Worker] = {}
    for event in events:
        args = event.args
        if event.contract != "WorkerRegistry":
            continue
        if event.name == "WorkerRegistered":
            known = found.get(args["owner"])
            found[args["owner"]] = Worker(
                args["min_fee"], args["numeric_class"], serves=known.serves if known else set()
            )
        elif args.get("owner") in found:
            _change(found[args["owner"]], event)
    return found


def _change(worker: Worker, event: Event) -> None:
    if event.name == "MinFeeSet":
        worker.min_fee = event.args["min_fee"]
    elif event.name in {"Leaving", "StakeReturned"}:
        worker.leaving = True
    elif event.name == "Slashed":
        worker.barred = True
    elif event.name == "Serving" and event.args["until"] == FOREVER:
        worker.serves.add(event.args["node"])
    elif event.name == "Serving":
        worker.serves.discard(event.args["node"])


@dataclass
class Draw:
    """The state of a job's drawing.

    Attributes:
        seed: sha256(hash of the block after the funding block | job id).
        shards: rows of each shard.
        num_rows: rows of the snapshot.
        job_bps: the job's cap.
        dataset_bps: the dataset's cap.
        held: owner -> shards of this job, ever.
        seen: owner -> rows of the dataset, ever, over all jobs.
    """

    seed: bytes
    shards: Sequence[Rows]
    num_rows: int
    job_bps: int
    dataset_bps: int
    held: dict[str, set[int]] = field(default_factory=dict)
    seen: dict[str, set[int]] = field(default_factory=dict)

    def take(self, owner: str, shard: int) -> None:
        """Note a reservation."""
        self.held.setdefault(owner, set()).add(shard)
        self.seen.setdefault(owner, set()).update(self.shards[shard])

    def may(self, owner: str, shard: int) -> bool:
        """Whether every cap holds after one more shard."""
        mine = self.held.get(owner, set())
        if shard in mine or (len(mine) + 1) * BPS > self.job_bps * len(self.shards):
            return False
        rows = set().union(*(self.shards[k] for k in mine | {shard}))
        seen = self.seen.get(owner, set()) | self.shards[shard]
        return (
            ceil_bps(len(rows), self.num_rows) <= self.job_bps
            and ceil_bps(len(seen), self.num_rows) <= self.dataset_bps
        )

    def ranked(self, shard: int, candidates: Iterable[str]) -> list[str]:
        """Who may take a shard: fewest unseen rows, then fewest shards, then the smallest lot."""

        def order(owner: str) -> tuple[int, int, bytes]:
            lot = self.seed + shard.to_bytes(4, "big") + bytes.fromhex(owner[2:])
            unseen = len(self.shards[shard] - self.seen.get(owner, set()))
            return unseen, len(self.held.get(owner, ())), hashlib.sha256(lot).digest()

        return sorted((owner for owner in candidates if self.may(owner, shard)), key=order)

    def choose(self, shard: int, candidates: Iterable[str]) -> str:
        """Take the next owner of a shard."""
        free = self.ranked(shard, candidates)
        if not free:
            raise ValueError(f"nobody may take shard {shard}")
        self.take(free[0], shard)
        return free[0]


def shards_of(bitmap: int) -> list[int]:
    """Numbers of the bits that are set."""
    return [k for k in range(bitmap.bit_length()) if bitmap >> k & 1]


def bitmaps(pairs: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    """Owner -> bitmap of (owner, shard) pairs."""
    found: dict[str, int] = {}
    for owner, shard in pairs:
        found[owner] = found.get(owner, 0) | 1 << shard
    return found
