"""The compute market: workers, trusted nodes, jobs and what is paid for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databright.units import Address, Amount, BasisPoints
from databright.views.batches import IndexedEvent
from databright.views.book import AnyTable, Book, Fold, Row, Table


@dataclass(frozen=True, kw_only=True)
class WorkerRow(Row):
    """A worker owner.

    Attributes:
        owner: its address.
        min_fee: least fee of a segment.
        stake: stake at risk.
        tls_pin: pin of its key, hex.
        state: offering, leaving, left or barred.
        slashed: stake that it lost.
    """

    owner: Address
    min_fee: Amount
    stake: Amount
    tls_pin: str
    state: str = "offering"
    slashed: Amount = Amount(0)


@dataclass(frozen=True, kw_only=True)
class ServingRow(Row):
    """Which node a worker owner serves.

    Attributes:
        owner: the worker owner.
        node: the node's operator.
        until: chain time at which that ends.
    """

    owner: Address
    node: Address
    until: int


@dataclass(frozen=True, kw_only=True)
class NodeRow(Row):
    """A trusted node.

    Attributes:
        operator: its address.
        endpoint: where it says that it listens; somebody's text.
        tls_pin: pin of its key, hex.
        hpke_key: key to seal for, hex.
    """

    operator: Address
    endpoint: str
    tls_pin: str
    hpke_key: str


@dataclass(frozen=True, kw_only=True)
class JobRow(Row):
    """A job.

    Attributes:
        id: from 1.
        buyer: who funded it.
        dataset: what it trains on.
        snapshot: which version of it.
        segments: how many are to be accepted.
        accepted: how many are.
        voided: results proved wrong or lost.
        paid: wages credited so far, compensation included.
        state: funded, running, finished or refunded.
        hub: the trusted node at work, empty before one took it.
        weights: digest of the final weights, empty before.
        metric_bps: measured accuracy at the end, 0 before.
        data_fee: money that went to the data.
        node_paid: money that went to nodes, chain costs included.
        refunded: money that went back to the buyer.
        burnt: slashed stake that was burnt.
    """

    id: int
    buyer: Address
    dataset: int
    snapshot: int
    segments: int
    accepted: int = 0
    voided: int = 0
    paid: Amount = Amount(0)
    state: str = "funded"
    hub: str = ""
    weights: str = ""
    metric_bps: BasisPoints = BasisPoints(0)
    data_fee: Amount = Amount(0)
    node_paid: Amount = Amount(0)
    refunded: Amount = Amount(0)
    burnt: Amount = Amount(0)


@dataclass(frozen=True, kw_only=True)
class SegmentRow(Row):
    """An accepted segment.

    Attributes:
        job: its job.
        segment: its number, from 0.
        result: digest of the accepted result, hex.
        receipt: digest of the receipt, hex.
    """

    job: int
    segment: int
    result: str
    receipt: str


@dataclass(frozen=True, kw_only=True)
class WageRow(Row):
    """What one worker owner did in one job.

    Attributes:
        job: the job.
        owner: the worker owner.
        shards: shards reserved for it, all in all.
        segments: payments for segments.
        paid: their sum.
        compensated: paid for work that another owner's fault made void.
        voided: its results that were proved wrong or lost.
    """

    job: int
    owner: Address
    shards: int = 0
    segments: int = 0
    paid: Amount = Amount(0)
    compensated: Amount = Amount(0)
    voided: int = 0


WORKERS = Table("workers", WorkerRow, ("owner",))
SERVING = Table("serving", ServingRow, ("owner", "node"))
NODES = Table("nodes", NodeRow, ("operator",))
JOBS = Table("jobs", JobRow, ("id",))
SEGMENTS = Table("segments", SegmentRow, ("job", "segment"))
WAGES = Table("wages", WageRow, ("job", "owner"))
TABLES: Sequence[AnyTable] = (WORKERS, SERVING, NODES, JOBS, SEGMENTS, WAGES)


# ------------------------------------------------------------------ workers and nodes


def _worker_registered(book: Book, event: IndexedEvent) -> None:
    owner = event.address_of("owner")
    before = book.find(WORKERS, owner)
    row = WorkerRow(
        owner=owner,
        min_fee=Amount(event.number("min_fee")),
        stake=Amount(event.number("stake")),
        tls_pin=event.text("tls_pin"),
        slashed=Amount(0) if before is None else before.slashed,
    )
    book.put(WORKERS, row)


def _min_fee_set(book: Book, event: IndexedEvent) -> None:
    row = book.get(WORKERS, event.address_of("owner"))
    book.put(WORKERS, replace(row, min_fee=Amount(event.number("min_fee"))))


def _pin_set(book: Book, event: IndexedEvent) -> None:
    row = book.get(WORKERS, event.address_of("owner"))
    book.put(WORKERS, replace(row, tls_pin=event.text("tls_pin")))


def _stake_added(book: Book, event: IndexedEvent) -> None:
    row = book.get(WORKERS, event.address_of("owner"))
    book.put(WORKERS, replace(row, stake=Amount(row.stake + event.number("amount"))))


def _leaving(book: Book, event: IndexedEvent) -> None:
    row = book.get(WORKERS, event.address_of("owner"))
    book.put(WORKERS, row if row.state == "barred" else replace(row, state="leaving"))


def _stake_returned(book: Book, event: IndexedEvent) -> None:
    row = book.get(WORKERS, event.address_of("owner"))
    state = row.state if row.state == "barred" else "left"
    book.put(WORKERS, replace(row, stake=Amount(0), state=state))


def _slashed(book: Book, event: IndexedEvent) -> None:
    row = book.get(WORKERS, event.address_of("owner"))
    lost = Amount(row.slashed + event.number("amount"))
    book.put(WORKERS, replace(row, stake=Amount(0), state="barred", slashed=lost))


def _serving(book: Book, event: IndexedEvent) -> None:
    row = ServingRow(
        owner=event.address_of("owner"),
        node=event.address_of("node"),
        until=event.number("until"),
    )
    book.put(SERVING, row)


def _node_registered(book: Book, event: IndexedEvent) -> None:
    row = NodeRow(
        operator=event.address_of("operator"),
        endpoint=event.text("endpoint"),
        tls_pin=event.text("tls_pin"),
        hpke_key=event.text("hpke_key"),
    )
    book.put(NODES, row)


def _endpoint_set(book: Book, event: IndexedEvent) -> None:
    row = book.get(NODES, event.address_of("operator"))
    book.put(NODES, replace(row, endpoint=event.text("endpoint")))


# ------------------------------------------------------------------ jobs


def _job_opened(book: Book, event: IndexedEvent) -> None:
    row = JobRow(
        id=event.number("job"),
        buyer=event.address_of("buyer"),
        dataset=event.number("dataset"),
        snapshot=event.number("snapshot"),
        segments=event.number("num_shards") * event.number("num_rounds"),
    )
    book.put(JOBS, row)


def _hub_claimed(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, hub=event.text("node")))


def _wage(book: Book, event: IndexedEvent) -> WageRow:
    job, owner = event.number("job"), event.address_of("owner")
    return book.find(WAGES, job, owner) or WageRow(job=job, owner=owner)


def _reserved(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, state="running"))
    wage = _wage(book, event)
    book.put(WAGES, replace(wage, shards=wage.shards + event.number("shards")))


def _accepted(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, accepted=row.accepted + 1))
    segment = SegmentRow(
        job=row.id,
        segment=event.number("segment"),
        result=event.text("result"),
        receipt=event.text("receipt"),
    )
    book.put(SEGMENTS, segment)


def _voided(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, voided=row.voided + 1))
    wage = _wage(book, event)
    book.put(WAGES, replace(wage, voided=wage.voided + 1))


def _pay(book: Book, event: IndexedEvent) -> WageRow:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, paid=Amount(row.paid + event.number("amount"))))
    return _wage(book, event)


def _segment_paid(book: Book, event: IndexedEvent) -> None:
    wage = _pay(book, event)
    paid = Amount(wage.paid + event.number("amount"))
    book.put(WAGES, replace(wage, segments=wage.segments + 1, paid=paid))


def _compensated(book: Book, event: IndexedEvent) -> None:
    wage = _pay(book, event)
    book.put(WAGES, replace(wage, compensated=Amount(wage.compensated + event.number("amount"))))


def _data_fee_paid(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, data_fee=Amount(row.data_fee + event.number("amount"))))


def _node_paid(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, node_paid=Amount(row.node_paid + event.number("amount"))))


def _buyer_refunded(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, refunded=Amount(row.refunded + event.number("amount"))))


def _pot_burnt(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, burnt=Amount(row.burnt + event.number("amount"))))


def _job_finished(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    done = replace(
        row,
        state="finished",
        weights=event.text("weights"),
        metric_bps=BasisPoints(event.number("metric_bps")),
    )
    book.put(JOBS, done)


def _job_refunded(book: Book, event: IndexedEvent) -> None:
    row = book.get(JOBS, event.number("job"))
    book.put(JOBS, replace(row, state="refunded"))


FOLDS: Mapping[str, Fold] = {
    "WorkerRegistry.WorkerRegistered": _worker_registered,
    "WorkerRegistry.MinFeeSet": _min_fee_set,
    "WorkerRegistry.PinSet": _pin_set,
    "WorkerRegistry.StakeAdded": _stake_added,
    "WorkerRegistry.Leaving": _leaving,
    "WorkerRegistry.StakeReturned": _stake_returned,
    "WorkerRegistry.Slashed": _slashed,
    "WorkerRegistry.Serving": _serving,
    "WorkerRegistry.NodeRegistered": _node_registered,
    "WorkerRegistry.EndpointSet": _endpoint_set,
    "JobEscrow.JobOpened": _job_opened,
    "JobEscrow.HubClaimed": _hub_claimed,
    "JobEscrow.Reserved": _reserved,
    "JobEscrow.SegmentAccepted": _accepted,
    "JobEscrow.Voided": _voided,
    "JobEscrow.SegmentPaid": _segment_paid,
    "JobEscrow.Compensated": _compensated,
    "JobEscrow.DataFeePaid": _data_fee_paid,
    "JobEscrow.NodePaid": _node_paid,
    "JobEscrow.ChainRepaid": _node_paid,
    "JobEscrow.BuyerRefunded": _buyer_refunded,
    "JobEscrow.PotBurnt": _pot_burnt,
    "JobEscrow.JobFinished": _job_finished,
    "JobEscrow.JobRefunded": _job_refunded,
}
