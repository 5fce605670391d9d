"""What the chain's events say about jobs and workers: pure replays, so that anybody gets the same.

Nothing here asks the chain; the caller hands in decoded events in chain order. The trusted node
decides from these projections alone, which is why a restarted node, or another one, goes on where
the chain stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from databright.errors import UnknownEntityError
from databright.units import Address, Amount, BasisPoints, Digest

WRONG: Final = 1
LOST: Final = 2
_FOREVER: Final = 2**256 - 1


class ChainEvent(Protocol):
    """The part of a decoded event that the replays read."""

    @property
    def name(self) -> str:
        """The event's name."""

    @property
    def args(self) -> Mapping[str, Any]:
        """Its values by name."""

    @property
    def block_number(self) -> int:
        """Where it is."""


@dataclass(frozen=True)
class Opened:
    """A job as it was paid for.

    Attributes:
        job: id.
        buyer: who paid.
        dataset: dataset id.
        snapshot: its version.
        program: digest of the program.
        spec: digest of the job spec blob.
        data_fee: dividends of the snapshot.
        compute: for all replicas of all segments.
        reserve: for redone work.
        node_fee: for scheduling, audits, evaluation.
        chain_fee: for transactions.
        cap_bps: exposure cap.
        num_shards: shards.
        num_rounds: rounds.
        replicas: owners of a segment.
        block_number: where it was funded.
    """

    job: int
    buyer: Address
    dataset: int
    snapshot: int
    program: Digest
    spec: Digest
    data_fee: Amount
    compute: Amount
    reserve: Amount
    node_fee: Amount
    chain_fee: Amount
    cap_bps: BasisPoints
    num_shards: int
    num_rounds: int
    replicas: int
    block_number: int

    @property
    def segment_price(self) -> Amount:
        """The most that a replica of one segment may cost."""
        return Amount(self.compute // (self.num_shards * self.num_rounds * self.replicas))


@dataclass(frozen=True)
class Reservation:
    """An owner may compute these shards."""

    owner: Address
    shards: tuple[int, ...]
    block_number: int


@dataclass(frozen=True)
class Void:
    """An owner was taken off a segment's shard."""

    segment: int
    owner: Address
    kind: int
    evidence: Digest


@dataclass(frozen=True)
class Acceptance:
    """A segment's result that all its owners agree on."""

    result: Digest
    receipt: Digest


@dataclass
class JobHistory:
    """Everything that the chain says about one job.

    Attributes:
        opened: what was paid for.
        hub: (node, epoch) of the present hub; None before the first claim.
        reservations: in chain order.
        voids: in chain order.
        accepted: segment -> result.
        active: shard -> owners that compute it, in order of reservation.
        weights: digest of the final weights once finished.
        closed: finished, refunded or cancelled.
    """

    opened: Opened
    hub: tuple[Address, int] | None = None
    reservations: list[Reservation] = field(default_factory=list)
    voids: list[Void] = field(default_factory=list)
    accepted: dict[int, Acceptance] = field(default_factory=dict)
    active: dict[int, list[Address]] = field(default_factory=dict)
    weights: Digest | None = None
    closed: bool = False

    def attempt(self, segment: int) -> int:
        """Number of the attempt at a segment that is under way.

        Args:
            segment: its number.

        Returns:
            Owners voided on this very segment so far.
        """
        return sum(void.segment == segment for void in self.voids)

    def ever_on(self, shard: int) -> set[Address]:
        """Owners that were ever reserved for a shard.

        Args:
            shard: its number.

        Returns:
            Their addresses.
        """
        return {item.owner for item in self.reservations if shard in item.shards}

    def shards_of(self, owner: Address) -> set[int]:
        """Shards ever reserved for an owner.

        Args:
            owner: its address.

        Returns:
            Shard numbers.
        """
        return {s for item in self.reservations if item.owner == owner for s in item.shards}

    def round_receipts(self) -> list[Digest]:
        """Receipts of the rounds accepted so far.

        Returns:
            Digests in order of rounds.
        """
        shards = self.opened.num_shards
        rounds = sorted({segment // shards for segment in self.accepted})
        return [
            self.accepted[min(s for s in self.accepted if s // shards == number)].receipt
            for number in rounds
        ]


def replay_jobs(events: Iterable[ChainEvent]) -> dict[int, JobHistory]:
    """Rebuild all jobs.

    Args:
        events: of the JobEscrow, in chain order.

    Returns:
        Job id -> history.
    """
    jobs: dict[int, JobHistory] = {}
    for event in events:
        if event.name == "JobOpened":
            jobs[int(event.args["job"])] = JobHistory(_opened(event))
        elif "job" in event.args and int(event.args["job"]) in jobs:
            _apply(jobs[int(event.args["job"])], event)
    return jobs


def job_of(jobs: Mapping[int, JobHistory], job: int) -> JobHistory:
    """One job.

    Args:
        jobs: all of them.
        job: id.

    Returns:
        Its history.

    Raises:
        UnknownEntityError: there is none of that id.
    """
    if job not in jobs:
        raise UnknownEntityError(
            f"there is no job {job}: this market has {len(jobs)}; 'databright job list' shows them"
        )
    return jobs[job]


def shards_of_bitmap(bitmap: int) -> tuple[int, ...]:
    """Read a bitmap of shards.

    Args:
        bitmap: bit 0 = shard 0.

    Returns:
        Shard numbers in ascending order.
    """
    return tuple(index for index in range(bitmap.bit_length()) if bitmap >> index & 1)


def _opened(event: ChainEvent) -> Opened:
    args = event.args
    return Opened(
        job=int(args["job"]),
        buyer=Address(str(args["buyer"])),
        dataset=int(args["dataset"]),
        snapshot=int(args["snapshot"]),
        program=Digest(bytes(args["program"])),
        spec=Digest(bytes(args["spec"])),
        data_fee=Amount(int(args["data_fee"])),
        compute=Amount(int(args["compute"])),
        reserve=Amount(int(args["reserve"])),
        node_fee=Amount(int(args["node_fee"])),
        chain_fee=Amount(int(args["chain_fee"])),
        cap_bps=BasisPoints(int(args["cap_bps"])),
        num_shards=int(args["num_shards"]),
        num_rounds=int(args["num_rounds"]),
        replicas=int(args["replicas"]),
        block_number=event.block_number,
    )


def _apply(job: JobHistory, event: ChainEvent) -> None:
    args = event.args
    if event.name == "HubClaimed":
        job.hub = (Address(str(args["node"])), int(args["epoch"]))
    elif event.name == "Reserved":
        owner, shards = Address(str(args["owner"])), shards_of_bitmap(int(args["shards"]))
        job.reservations.append(Reservation(owner, shards, event.block_number))
        for shard in shards:
            job.active.setdefault(shard, []).append(owner)
    elif event.name == "Voided":
        owner, segment = Address(str(args["owner"])), int(args["segment"])
        evidence = Digest(bytes(args["evidence"]))
        job.voids.append(Void(segment, owner, int(args["kind"]), evidence))
        job.active[segment % job.opened.num_shards].remove(owner)
    elif event.name == "SegmentAccepted":
        accepted = Acceptance(Digest(bytes(args["result"])), Digest(bytes(args["receipt"])))
        job.accepted[int(args["segment"])] = accepted
    elif event.name == "JobFinished":
        job.weights, job.closed = Digest(bytes(args["weights"])), True
    elif event.name == "JobRefunded":
        job.closed = True


@dataclass
class WorkerEntry:
    """One owner of the worker registry.

    Attributes:
        owner: its address.
        min_fee: least pay for one replica of a segment.
        tls_pin: SHA-256 of its certificate.
        numeric_class: class of its arithmetic.
        stake: locked stake.
        barred: slashed: gets no more work.
        leaving: takes no new work.
        serves: nodes whose work and verdicts it takes.
    """

    owner: Address
    min_fee: Amount
    tls_pin: Digest
    numeric_class: Digest
    stake: Amount
    barred: bool = False
    leaving: bool = False
    serves: set[Address] = field(default_factory=set)

    def takes_work(self, node: Address, segment_price: Amount, numeric_class: Digest) -> bool:
        """Whether a node may give this owner work.

        Args:
            node: the hub.
            segment_price: what a replica pays.
            numeric_class: class that results are compared in.

        Returns:
            True when nothing speaks against it.
        """
        return (
            not self.barred
            and not self.leaving
            and node in self.serves
            and self.min_fee <= segment_price
            and self.numeric_class == numeric_class
        )


def replay_workers(
    events: Iterable[ChainEvent], to_block: int | None = None
) -> dict[Address, WorkerEntry]:
    """Rebuild the worker registry.

    Args:
        events: of the WorkerRegistry, in chain order.
        to_block: last block that counts; all when None.

    Returns:
        Owner -> entry, in order of registration.
    """
    workers: dict[Address, WorkerEntry] = {}
    for event in events:
        if to_block is not None and event.block_number > to_block:
            break
        if event.name == "WorkerRegistered":
            args = event.args
            owner = Address(str(args["owner"]))
            workers[owner] = WorkerEntry(
                owner=owner,
                min_fee=Amount(int(args["min_fee"])),
                tls_pin=Digest(bytes(args["tls_pin"])),
                numeric_class=Digest(bytes(args["numeric_class"])),
                stake=Amount(int(args["stake"])),
                serves=workers[owner].serves if owner in workers else set(),
            )
        elif "owner" in event.args and str(event.args["owner"]) in workers:
            _apply_worker(workers[Address(str(event.args["owner"]))], event)
    return workers


def _apply_worker(entry: WorkerEntry, event: ChainEvent) -> None:
    args = event.args
    if event.name == "MinFeeSet":
        entry.min_fee = Amount(int(args["min_fee"]))
    elif event.name == "PinSet":
        entry.tls_pin = Digest(bytes(args["tls_pin"]))
    elif event.name == "StakeAdded":
        entry.stake = Amount(entry.stake + int(args["amount"]))
    elif event.name == "Leaving":
        entry.leaving = True
    elif event.name == "StakeReturned":
        entry.stake, entry.leaving = Amount(0), True
    elif event.name == "Slashed":
        entry.stake, entry.barred = Amount(0), True
    elif event.name == "Serving":
        node = Address(str(args["node"]))
        if int(args["until"]) == _FOREVER:
            entry.serves.add(node)
        else:
            entry.serves.discard(node)
