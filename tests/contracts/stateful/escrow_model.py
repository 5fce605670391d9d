"""The money of jobs and predictions once more, in plain Python and from the rules alone.

Nothing of the package or the contracts is used. A job is read as the rules tell it: lines that
only shrink, a pot, a list of what is owed. Every refused call raises `Refused` with the reason that
the contract must give.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

BUYER = "buyer"
FUNDED, RUNNING, FINISHED, REFUNDED = 1, 2, 3, 4
WRONG, LOST = 1, 2


class Refused(Exception):
    """The rules refuse this call."""


def require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


@dataclass(frozen=True)
class Terms:
    """What a job is opened with; money in base units."""

    num_shards: int
    num_rounds: int
    replicas: int
    cap_bps: int
    segment_price: int
    reserve: int
    node_fee: int
    chain_fee: int
    chain_price: int
    silence: int
    data_fee: int

    @property
    def compute(self) -> int:
        return self.num_shards * self.num_rounds * self.replicas * self.segment_price


@dataclass
class Worker:
    """A registered owner."""

    min_fee: int
    stake: int
    barred: bool = False


@dataclass
class Place:
    """An owner on a shard, and what is set aside for its first segment there."""

    owner: str
    from_pot: int = 0
    from_reserve: int = 0


@dataclass
class Job:
    """One job's money and who works on it."""

    terms: Terms
    data_fee: int
    compute: int
    reserve: int
    node_fee: int
    chain: int
    funded_at: int
    last_active: int
    pot: int = 0
    status: int = FUNDED
    hub: str = ""
    epoch: int = 0
    claimed_at: int = 0
    places: dict[int, list[Place]] = field(default_factory=dict)
    ever: dict[str, set[int]] = field(default_factory=dict)
    offers: dict[str, int] = field(default_factory=dict)
    done: Counter[int] = field(default_factory=Counter)
    vacant: Counter[int] = field(default_factory=Counter)
    wronged_segments: set[int] = field(default_factory=set)
    wronged: dict[tuple[int, str], int] = field(default_factory=dict)
    buyer_due: int = 0

    @property
    def held(self) -> int:
        """All money of the job that nobody owns yet."""
        aside = sum(p.from_pot + p.from_reserve for row in self.places.values() for p in row)
        lines = self.data_fee + self.compute + self.reserve + self.node_fee + self.chain
        return lines + self.pot + aside

    def place(self, shard: int, owner: str) -> Place | None:
        found = [p for p in self.places.get(shard, []) if p.owner == owner]
        return found[0] if found else None


@dataclass
class Money:
    """Every account of the escrow, and what went in and out of it."""

    workers: dict[str, Worker]
    nodes: tuple[str, ...]
    now: int = 0
    jobs: list[Job] = field(default_factory=list)
    credit: Counter[str] = field(default_factory=Counter)
    paid_in: int = 0
    withdrawn: int = 0
    to_data: int = 0
    burnt: int = 0
    wages: Counter[tuple[int, int, str]] = field(default_factory=Counter)

    @property
    def balance(self) -> int:
        return self.paid_in - self.withdrawn - self.to_data - self.burnt

    @property
    def owed(self) -> int:
        return sum(job.held for job in self.jobs) + sum(self.credit.values())

    # Buyer

    def open_job(self, terms: Terms) -> int:
        require(terms.cap_bps * terms.num_shards >= 10_000, "escrow: cap below one shard")
        job = Job(
            terms, terms.data_fee, terms.compute, terms.reserve, terms.node_fee,
            terms.chain_fee, self.now, self.now,
        )  # fmt: skip
        self.paid_in += job.held
        self.jobs.append(job)
        return len(self.jobs)

    def cancel(self, number: int) -> None:
        job = self.jobs[number - 1]
        require(job.status == FUNDED, "escrow: job has started")
        self._end(number, REFUNDED)

    def refund(self, number: int, who: str) -> None:
        job = self.jobs[number - 1]
        require(job.status in (FUNDED, RUNNING), "escrow: job is not running")
        idle = self.now - job.last_active
        require(who == BUYER or idle > 4 * job.terms.silence, "escrow: not the buyer")
        require(idle > 2 * job.terms.silence, "escrow: hub is not silent long enough")
        self._end(number, REFUNDED)

    # Node

    def claim(self, number: int, node: str) -> None:
        job = self.jobs[number - 1]
        require(job.status in (FUNDED, RUNNING), "escrow: job is not running")
        if job.hub and node != job.hub:
            since = max(job.last_active, job.claimed_at)
            require(self.now > since + job.terms.silence, "escrow: hub is not silent long enough")
        if node != job.hub:
            job.hub, job.claimed_at = node, self.now
        job.epoch += 1

    def _check(self, number: int, node: str, epoch: int) -> Job:
        job = self.jobs[number - 1]
        require(job.status in (FUNDED, RUNNING), "escrow: job is not running")
        require(epoch == job.epoch, "escrow: stale epoch")
        require(node == job.hub, "escrow: not the hub")
        return job

    def _repay(self, job: Job) -> None:
        job.last_active = self.now
        amount = min(job.terms.chain_price, job.chain)
        job.chain -= amount
        self.credit[job.hub] += amount

    def reserve(self, number: int, node: str, epoch: int, owner: str, shards: set[int]) -> None:
        job = self._check(number, node, epoch)
        worker = self.workers[owner]
        require(not worker.barred, "escrow: owner is not available")
        before = job.ever.get(owner, set())
        if before:
            require(worker.min_fee <= job.offers[owner], "escrow: owner has raised its fee")
        else:
            most = job.terms.segment_price
            require(worker.min_fee <= most, "escrow: owner asks more than the segment price")
        price = job.offers[owner] if before else worker.min_fee
        require(bool(shards), "escrow: no shards")
        require(max(shards) < job.terms.num_shards, "escrow: unknown shard")
        require(not shards & before, "escrow: shard was reserved before")
        pool_pot, pool_reserve, places = job.pot, job.reserve, {}
        for shard in sorted(shards):
            require(job.done[shard] < job.terms.num_rounds, "escrow: shard is finished")
            row = job.places.get(shard, [])
            require(len(row) < job.terms.replicas, "escrow: shard has all its owners")
            places[shard] = Place(owner)
            if job.vacant[shard]:
                part = min(price, pool_pot)
                require(price - part <= pool_reserve, "escrow: nothing left for redone work")
                pool_pot, pool_reserve = pool_pot - part, pool_reserve - (price - part)
                places[shard] = Place(owner, part, price - part)
        exposed = len(before | shards)
        allowed = job.terms.cap_bps * job.terms.num_shards
        require(exposed * 10_000 <= allowed, "escrow: exposure cap")
        job.pot, job.reserve = pool_pot, pool_reserve
        job.offers[owner] = price
        job.ever[owner] = before | shards
        for shard, place in places.items():
            job.places.setdefault(shard, []).append(place)
            job.vacant[shard] -= 1 if job.vacant[shard] else 0
        if job.status == FUNDED:
            job.status = RUNNING
            self.to_data += job.data_fee
            job.data_fee = 0
        self._repay(job)

    def _next(self, job: Job, segment: int) -> int:
        shards = job.terms.num_shards
        require(segment < shards * job.terms.num_rounds, "escrow: unknown segment")
        shard, turn = segment % shards, segment // shards
        require(turn >= job.done[shard], "escrow: segment already paid")
        require(turn == job.done[shard], "escrow: round out of order")
        return shard

    def accept(self, number: int, node: str, epoch: int, segment: int, owners: list[str]) -> None:
        job = self._check(number, node, epoch)
        require(job.status == RUNNING, "escrow: job is not running")
        shard = self._next(job, segment)
        require(len(owners) == job.terms.replicas, "escrow: wrong number of owners")
        for index, owner in enumerate(owners):
            require(owner not in owners[:index], "escrow: duplicate owner")
            require(job.place(shard, owner) is not None, "escrow: owner is not active")
            require(not self.workers[owner].barred, "escrow: owner is barred")
        for place in job.places[shard]:
            price = job.offers[place.owner]
            self.credit[place.owner] += price
            self.wages[number, segment, place.owner] += 1
            if place.from_pot + place.from_reserve:
                by_buyer = place.from_reserve
            else:
                by_buyer = price
                job.compute -= price
            place.from_pot = place.from_reserve = 0
            if segment in job.wronged_segments:
                job.buyer_due += by_buyer
        job.done[shard] += 1
        self._repay(job)

    def void(self, number: int, node: str, epoch: int, segment: int, owner: str, kind: int) -> None:
        job = self._check(number, node, epoch)
        shard = self._next(job, segment)
        place = job.place(shard, owner)
        require(place is not None, "escrow: owner is not active")
        if place is None:
            return
        job.places[shard].remove(place)
        job.pot += place.from_pot
        job.reserve += place.from_reserve
        job.vacant[shard] += 1
        if kind == WRONG:
            job.wronged_segments.add(segment)
            for other in job.places[shard]:
                price = job.offers[other.owner]
                if price and len(job.wronged) < 64:
                    job.wronged.setdefault((segment, other.owner), price)
            job.pot += self.workers[owner].stake
            self.paid_in += self.workers[owner].stake
            self.workers[owner].stake = 0
            self.workers[owner].barred = True
        self._repay(job)

    def finish(self, number: int, node: str, epoch: int) -> None:
        job = self._check(number, node, epoch)
        require(job.status == RUNNING, "escrow: job is not running")
        total = job.terms.num_shards * job.terms.num_rounds
        require(sum(job.done.values()) == total, "escrow: segments are missing")
        self._repay(job)
        self.credit[node] += job.node_fee
        job.node_fee = 0
        self._end(number, FINISHED)

    def _end(self, number: int, status: int) -> None:
        job = self.jobs[number - 1]
        job.status = status
        for row in job.places.values():
            for place in row:
                job.pot += place.from_pot
                job.reserve += place.from_reserve
                place.from_pot = place.from_reserve = 0
        owed = {key: price for key, price in job.wronged.items() if not self.workers[key[1]].barred}
        pot, due = job.pot, sum(owed.values())
        for (_, owner), price in owed.items():
            part = price if pot >= due else price * pot // due
            self.credit[owner] += part
            job.pot -= part
        to_buyer = min(job.pot, job.buyer_due)
        self.burnt += job.pot - to_buyer
        lines = job.data_fee + job.compute + job.reserve + job.node_fee + job.chain
        self.credit[BUYER] += to_buyer + lines
        job.data_fee = job.compute = job.reserve = job.node_fee = job.chain = job.pot = 0

    # Anyone

    def withdraw(self, who: str) -> int:
        amount = self.credit.pop(who, 0)
        self.withdrawn += amount
        return amount


def split_prediction(price: int, fee: int, data_bps: int, shares: int) -> tuple[int, int, int, int]:
    """Worker, data, model owner, returned to the payer: their sum is the price."""
    require(fee <= price, "prediction: worker fee above price")
    data = (price - fee) * data_bps // 10_000
    owner = price - fee - data
    return (fee, data, owner, 0) if shares else (fee, 0, owner, data)
