"""The data market: datasets, requests, proposals with their evidence, verdicts and challenges."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databright.units import Address, Amount, BasisPoints, Shares
from databright.views.batches import IndexedEvent
from databright.views.book import AnyTable, Book, Fold, Row, Table
from databright.views.folds.money import CONTRACTS

UNIT = 1_000_000
"""A proposal's id is its dataset's, times this, plus its number within the dataset."""
_OUTCOMES = ("voted down", "copy", "harmful", "fraud or licence breach")
_ACCEPTED, _REJECTED = 2, 3
_STATUS = {
    _ACCEPTED: "accepted",
    _REJECTED: "rejected",
    4: "expired",
    5: "withdrawn",
    6: "revised",
}
_REASONS = {4: "not executed in time", 5: "taken back", 6: "replaced by a revision"}
_CHALLENGE = {2: "upheld", 3: "refused", 4: "unanswered"}


@dataclass(frozen=True, kw_only=True)
class DatasetRow(Row):
    """A dataset.

    Attributes:
        id: from 1.
        creator: who opened it.
        database: its Database contract.
        max_exposure_bps: share of the data that one worker owner may ever see, by its newest rules.
        price_per_use: data fee of a job, by its newest rules.
        version: of its rules, from 1.
        snapshot: number of the newest one, 0 for none.
        num_rows: rows in the newest one.
        shares: shares in the newest one.
        income: all income paid into it, value pools included.
    """

    id: int
    creator: Address
    database: Address
    max_exposure_bps: BasisPoints
    price_per_use: Amount
    version: int = 1
    snapshot: int = 0
    num_rows: int = 0
    shares: Shares = Shares(0)
    income: Amount = Amount(0)


@dataclass(frozen=True, kw_only=True)
class DatabaseRow(Row):
    """Whose Database a contract is.

    Attributes:
        address: the contract.
        dataset: its dataset.
    """

    address: Address
    dataset: int


@dataclass(frozen=True, kw_only=True)
class RequestRow(Row):
    """A request for data.

    Attributes:
        id: from 1.
        dataset: its dataset.
        initiator: who asks.
        escrow: money left in it.
        curve: JSON list of [shares up to which, base units per 1,000 shares].
        deadline: chain time after which nothing is taken.
        awarded: money paid out of it for accepted proposals.
        state: open or closed.
        reveal: digest of the holdout's reveal, empty before it is retired.
    """

    id: int
    dataset: int
    initiator: Address
    escrow: Amount
    curve: str
    deadline: int
    awarded: Amount = Amount(0)
    state: str = "open"
    reveal: str = ""


@dataclass(frozen=True, kw_only=True)
class ProposalRow(Row):
    """A proposal with its verdict.

    Attributes:
        id: dataset * UNIT + its number.
        dataset: its dataset.
        request: the request that pays for it, 0 for none.
        proposer: who proposed.
        payee: who gets shares, votes and award.
        num_rows: rows proposed.
        root: Merkle root of its points, hex.
        revises: the proposal that it replaces, 0 for none.
        bond: locked for it.
        fee: paid for its evaluation and its ballots.
        electorate: weight that may vote.
        deadline: chain time to which voting was extended, 0 where it was not.
        evidence: how often evaluators published evidence.
        yes: weight in favour.
        no: weight against.
        posted: how often a verdict was shown while the vote was on.
        challenge: empty, pending, upheld, refused or unanswered.
        verdict: open, accepted, rejected, expired, withdrawn or revised.
        reason: why it was not accepted, empty otherwise.
        copy_of: the proposal that it copies, 0 for none.
        shares: shares minted.
    """

    id: int
    dataset: int
    request: int
    proposer: Address
    payee: Address
    num_rows: int
    root: str
    revises: int
    bond: Amount
    fee: Amount
    electorate: int
    deadline: int = 0
    evidence: int = 0
    yes: int = 0
    no: int = 0
    posted: int = 0
    challenge: str = ""
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


DATASETS = Table("datasets", DatasetRow, ("id",))
DATABASES = Table("databases", DatabaseRow, ("address",))
REQUESTS = Table("requests", RequestRow, ("id",))
PROPOSALS = Table("proposals", ProposalRow, ("id",))
EVIDENCE = Table("evidence", EvidenceRow, ("proposal", "evaluator"))
TABLES: Sequence[AnyTable] = (DATASETS, DATABASES, REQUESTS, PROPOSALS, EVIDENCE)


def dataset_at(book: Book, address: str) -> DatasetRow:
    """The dataset whose Database emitted an event.

    Args:
        book: the rows.
        address: the contract that emitted it.

    Returns:
        The dataset.
    """
    return book.get(DATASETS, book.get(DATABASES, address).dataset)


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
    book.put(DATABASES, DatabaseRow(address=row.database, dataset=row.id))


def _rules_changed(book: Book, event: IndexedEvent) -> None:
    row = book.get(DATASETS, event.number("dataset"))
    book.put(
        DATASETS,
        replace(
            row,
            version=event.number("version"),
            max_exposure_bps=BasisPoints(event.number("max_exposure_bps")),
            price_per_use=Amount(event.number("price_per_use")),
        ),
    )


def _funded(book: Book, event: IndexedEvent) -> None:
    payer = book.find(CONTRACTS, event.text("payer"))
    if payer is not None and payer.name == "ValuePools":
        return  # a pool that falls to the shares was counted when it came in
    row = dataset_at(book, event.address)
    book.put(DATASETS, replace(row, income=Amount(row.income + event.number("amount"))))


# ------------------------------------------------------------------ requests


def _request_opened(book: Book, event: IndexedEvent) -> None:
    row = RequestRow(
        id=event.number("request"),
        dataset=event.number("dataset"),
        initiator=event.address_of("initiator"),
        escrow=Amount(event.number("escrow")),
        curve=json.dumps(event.args["curve"]),
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
    row = book.get(REQUESTS, event.number("request"))
    paid = event.number("award") + event.number("fee_back")
    more = replace(row, escrow=Amount(row.escrow - paid), awarded=Amount(row.awarded + paid))
    book.put(REQUESTS, more)


# ------------------------------------------------------------------ proposals


def _proposed(book: Book, event: IndexedEvent) -> None:
    number = event.number("proposal")
    row = ProposalRow(
        id=number,
        dataset=number // UNIT,
        request=event.number("request"),
        proposer=event.address_of("proposer"),
        payee=event.address_of("payee"),
        num_rows=event.number("num_rows"),
        root=event.text("root"),
        revises=event.number("revises"),
        bond=Amount(event.number("bond")),
        fee=Amount(event.number("fee")),
        electorate=event.number("electorate"),
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


def _verdict_posted(book: Book, event: IndexedEvent) -> None:
    row = book.get(PROPOSALS, event.number("proposal"))
    book.put(PROPOSALS, replace(row, posted=row.posted + 1))


def _challenged(book: Book, event: IndexedEvent) -> None:
    row = book.get(PROPOSALS, event.number("proposal"))
    book.put(PROPOSALS, replace(row, challenge="pending"))


def _challenge_decided(book: Book, event: IndexedEvent) -> None:
    row = book.get(PROPOSALS, event.number("proposal"))
    status = event.number("status")
    book.put(PROPOSALS, replace(row, challenge=_CHALLENGE.get(status, f"status {status}")))


def _executed(book: Book, event: IndexedEvent) -> None:
    # Tells why; what became of the proposal is told by its settlement, in the same transaction.
    row = book.get(PROPOSALS, event.number("proposal"))
    outcome = _OUTCOMES[min(event.number("outcome"), len(_OUTCOMES) - 1)]
    reason = "" if event.number("status") == _ACCEPTED else outcome
    book.put(PROPOSALS, replace(row, reason=reason, copy_of=event.number("copy_of")))


def _settled(book: Book, event: IndexedEvent) -> None:
    row = book.get(PROPOSALS, event.number("proposal"))
    status, shares = event.number("status"), event.number("shares")
    closed = replace(
        row,
        verdict=_STATUS.get(status, f"status {status}"),
        reason=_REASONS.get(status, row.reason),
        shares=Shares(shares),
    )
    book.put(PROPOSALS, closed)
    if status == _ACCEPTED:
        dataset = book.get(DATASETS, row.dataset)
        more = replace(
            dataset,
            snapshot=event.number("snapshot"),
            num_rows=dataset.num_rows + row.num_rows,
            shares=Shares(dataset.shares + shares),
        )
        book.put(DATASETS, more)


FOLDS: Mapping[str, Fold] = {
    "Charter.DatasetCreated": _dataset_created,
    "Charter.RulesChanged": _rules_changed,
    "DataRequests.RequestOpened": _request_opened,
    "DataRequests.RequestToppedUp": _topped_up,
    "DataRequests.RequestClosed": _request_closed,
    "DataRequests.HoldoutRetired": _holdout_retired,
    "DataRequests.AwardPaid": _award_paid,
    "DataAssociation.Proposed": _proposed,
    "DataAssociation.Settled": _settled,
    "Verdicts.EvidencePublished": _evidence_published,
    "Verdicts.VerdictPosted": _verdict_posted,
    "Verdicts.Executed": _executed,
    "Challenges.Challenged": _challenged,
    "Challenges.ChallengeDecided": _challenge_decided,
    "Database.Funded": _funded,
    "Database.TrancheFunded": _funded,
}
