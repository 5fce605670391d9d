"""The data market: datasets, requests, proposals, their evidence and ballots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databright.units import Address, Amount, BasisPoints, Shares
from databright.views.batches import IndexedEvent
from databright.views.book import AnyTable, Book, Fold, Row, Table

_OUTCOMES = ("voted down", "copy", "harmful", "fraud or licence breach")
_ACCEPTED = 2
_STATUS = {_ACCEPTED: "accepted", 3: "rejected", 4: "expired"}


@dataclass(frozen=True, kw_only=True)
class DatasetRow(Row):
    """A dataset.

    Attributes:
        id: from 1.
        creator: who opened it.
        database: its Database contract.
        max_exposure_bps: share of the data that one worker owner may ever see.
        price_per_use: data fee of a job.
        snapshot: number of the newest one, 0 for none.
        num_rows: rows accepted.
        shares: shares minted.
        income: all income paid into it.
    """

    id: int
    creator: Address
    database: Address
    max_exposure_bps: BasisPoints
    price_per_use: Amount
    snapshot: int = 0
    num_rows: int = 0
    shares: Shares = Shares(0)
    income: Amount = Amount(0)


@dataclass(frozen=True, kw_only=True)
class RequestRow(Row):
    """A request for data.

    Attributes:
        id: from 1.
        dataset: its dataset.
        initiator: who asks.
        escrow: money left in it.
        award_rate: base units per 1,000 shares.
        deadline: chain time after which nothing is taken.
        awarded: money paid out of it for accepted proposals.
        state: open or closed.
        reveal: digest of the holdout's reveal, empty before it is retired.
    """

    id: int
    dataset: int
    initiator: Address
    escrow: Amount
    award_rate: int
    deadline: int
    awarded: Amount = Amount(0)
    state: str = "open"
    reveal: str = ""


@dataclass(frozen=True, kw_only=True)
class ProposalRow(Row):
    """A proposal with its verdict.

    Attributes:
        id: from 1.
        dataset: its dataset.
        request: the request that pays for it, 0 for none.
        proposer: who proposed.
        num_rows: rows proposed.
        deadline: chain time at which voting ends.
        evidence: how often evaluators published evidence.
        yes: weight in favour.
        no: weight against.
        verdict: open, accepted, rejected or expired.
        reason: why it was rejected, empty otherwise.
        copy_of: the proposal that it copies, 0 for none.
        shares: shares minted.
    """

    id: int
    dataset: int
    request: int
    proposer: Address
    num_rows: int
    deadline: int
    evidence: int = 0
    yes: int = 0
    no: int = 0
    verdict: str = "open"
    reason: str = ""
    copy_of: int = 0
    shares: Shares = Shares(0)


@dataclass(frozen=True, kw_only=True)
class EvidenceRow(Row):
    """The newest evidence of one evaluator for a proposal.

    Attributes:
        proposal: what was measured.
        evaluator: who measured.
        base: the snapshot it was measured on, 0 for none.
        evidence: digest of the signed evidence.
    """

    proposal: int
    evaluator: Address
    base: int
    evidence: str


@dataclass(frozen=True, kw_only=True)
class VoteRow(Row):
    """The ballot that counts for one voter.

    Attributes:
        proposal: what is voted on.
        voter: whose weight.
        by: who cast it, the voter or an oracle.
        support: in favour.
        weight: how much.
    """

    proposal: int
    voter: Address
    by: Address
    support: bool
    weight: int


DATASETS = Table("datasets", DatasetRow, ("id",))
REQUESTS = Table("requests", RequestRow, ("id",))
PROPOSALS = Table("proposals", ProposalRow, ("id",))
EVIDENCE = Table("evidence", EvidenceRow, ("proposal", "evaluator"))
VOTES = Table("votes", VoteRow, ("proposal", "voter"))
TABLES: Sequence[AnyTable] = (DATASETS, REQUESTS, PROPOSALS, EVIDENCE, VOTES)


# ------------------------------------------------------------------ datasets


def _dataset_created(book: Book, event: IndexedEvent) -> None:
    row = DatasetRow(
        id=event.number("dataset"),
        creator=event.address_of("creator"),
        database=event.address_of("database"),
        max_exposure_bps=BasisPoints(event.number("max_exposure_bps")),
        price_per_use=Amount(event.number("price_per_use")),
    )
    book.put(DATASETS, row)


def _registered(book: Book, event: IndexedEvent) -> None:
    row = book.get(DATASETS, event.number("dataset"))
    more = replace(
        row,
        snapshot=event.number("snapshot"),
        num_rows=row.num_rows + event.number("num_rows"),
        shares=Shares(row.shares + event.number("shares")),
    )
    book.put(DATASETS, more)


def _funded(book: Book, event: IndexedEvent) -> None:
    row = book.get(DATASETS, event.number("dataset"))
    book.put(DATASETS, replace(row, income=Amount(row.income + event.number("amount"))))


# ------------------------------------------------------------------ requests


def _request_opened(book: Book, event: IndexedEvent) -> None:
    row = RequestRow(
        id=event.number("request"),
        dataset=event.number("dataset"),
        initiator=event.address_of("initiator"),
        escrow=Amount(event.number("escrow")),
        award_rate=event.number("award_rate"),
        deadline=event.number("deadline"),
    )
    book.put(REQUESTS, row)


def _topped_up(book: Book, event: IndexedEvent) -> None:
    row = book.get(REQUESTS, event.number("request"))
    book.put(REQUESTS, replace(row, escrow=Amount(row.escrow + event.number("amount"))))


def _request_closed(book: Book, event: IndexedEvent) -> None:
    row = book.get(REQUESTS, event.number("request"))
    book.put(REQUESTS, replace(row, state="closed", escrow=Amount(0)))


def _holdout_retired(book: Book, event: IndexedEvent) -> None:
    row = book.get(REQUESTS, event.number("request"))
    book.put(REQUESTS, replace(row, reveal=event.text("reveal")))


def _award_paid(book: Book, event: IndexedEvent) -> None:
    row = book.get(REQUESTS, book.get(PROPOSALS, event.number("proposal")).request)
    paid = event.number("award") + event.number("fee_back")
    more = replace(row, escrow=Amount(row.escrow - paid), awarded=Amount(row.awarded + paid))
    book.put(REQUESTS, more)


# ------------------------------------------------------------------ proposals


def _proposed(book: Book, event: IndexedEvent) -> None:
    row = ProposalRow(
        id=event.number("proposal"),
        dataset=event.number("dataset"),
        request=event.number("request"),
        proposer=event.address_of("proposer"),
        num_rows=event.number("num_rows"),
        deadline=event.number("deadline"),
    )
    book.put(PROPOSALS, row)


def _evidence_published(book: Book, event: IndexedEvent) -> None:
    row = book.get(PROPOSALS, event.number("proposal"))
    book.put(PROPOSALS, replace(row, evidence=row.evidence + 1))
    found = EvidenceRow(
        proposal=row.id,
        evaluator=event.address_of("evaluator"),
        base=event.number("base"),
        evidence=event.text("evidence"),
    )
    book.put(EVIDENCE, found)


def _voted(book: Book, event: IndexedEvent) -> None:
    row = book.get(PROPOSALS, event.number("proposal"))
    vote = VoteRow(
        proposal=row.id,
        voter=event.address_of("voter"),
        by=event.address_of("by"),
        support=bool(event.args["support"]),
        weight=event.number("weight"),
    )
    # A voter's own ballot replaces the one that an oracle cast with the same weight.
    replaced = book.find(VOTES, row.id, vote.voter)
    for ballot, sign in ((replaced, -1), (vote, 1)):
        if ballot is not None and ballot.support:
            row = replace(row, yes=row.yes + sign * ballot.weight)
        elif ballot is not None:
            row = replace(row, no=row.no + sign * ballot.weight)
    book.put(PROPOSALS, row)
    book.put(VOTES, vote)


def _executed(book: Book, event: IndexedEvent) -> None:
    row = book.get(PROPOSALS, event.number("proposal"))
    status, outcome = event.number("status"), event.number("outcome")
    closed = replace(
        row,
        verdict=_STATUS.get(status, f"status {status}"),
        reason="" if status == _ACCEPTED else _OUTCOMES[min(outcome, len(_OUTCOMES) - 1)],
        copy_of=event.number("copy_of"),
        shares=Shares(event.number("shares")),
    )
    book.put(PROPOSALS, closed)


def _expired(book: Book, event: IndexedEvent) -> None:
    row = book.get(PROPOSALS, event.number("proposal"))
    book.put(PROPOSALS, replace(row, verdict="expired", reason="not executed in time"))


FOLDS: Mapping[str, Fold] = {
    "DataAssociation.DatasetCreated": _dataset_created,
    "DataAssociation.RequestOpened": _request_opened,
    "DataAssociation.RequestToppedUp": _topped_up,
    "DataAssociation.RequestClosed": _request_closed,
    "DataAssociation.HoldoutRetired": _holdout_retired,
    "DataAssociation.Proposed": _proposed,
    "DataAssociation.EvidencePublished": _evidence_published,
    "DataAssociation.Voted": _voted,
    "DataAssociation.Executed": _executed,
    "DataAssociation.Expired": _expired,
    "DataAssociation.AwardPaid": _award_paid,
    "Database.Registered": _registered,
    "Database.Funded": _funded,
    "Database.TrancheFunded": _funded,
}
