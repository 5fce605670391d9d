"""Rows of the read models: what the page, the command line and the SDK show."""

from __future__ import annotations

from dataclasses import dataclass

from databright.units import Address, Amount, BasisPoints, Shares
from databright.views.index import IndexedBlock


@dataclass(frozen=True)
class DatasetRow:
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


@dataclass(frozen=True)
class ProposalRow:
    """A proposal with its verdict.

    Attributes:
        id: from 1.
        dataset: its dataset.
        request: the request that pays for it, 0 for none.
        proposer: who proposed.
        num_rows: rows proposed.
        deadline: chain time at which voting ends.
        evidence: number of evaluators that published evidence.
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


@dataclass(frozen=True)
class JobRow:
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


@dataclass(frozen=True)
class ModelRow:
    """A model.

    Attributes:
        id: from 1.
        owner: who sells it.
        dataset: what it was trained on.
        snapshot: which version of it.
        job: the job that made its weights.
        weights: their digest.
        metric_bps: measured accuracy.
        price: of one prediction.
        predictions: fulfilled so far.
        income: its owner's income.
    """

    id: int
    owner: Address
    dataset: int
    snapshot: int
    job: int
    weights: str
    metric_bps: BasisPoints
    price: Amount
    predictions: int = 0
    income: Amount = Amount(0)


@dataclass(frozen=True)
class BalanceRow:
    """What one account holds.

    Attributes:
        account: its address.
        contract: the market contract that it is, empty for people.
        amount: market token.
        shares: shares of all tranches.
    """

    account: Address
    contract: str
    amount: Amount
    shares: Shares


@dataclass(frozen=True)
class Dashboard:
    """Everything that the page shows, as of one block.

    Attributes:
        head: that block, None before the first.
        datasets: by id.
        proposals: by id.
        jobs: by id.
        models: by id.
        balances: contracts first, then people, by address.
    """

    head: IndexedBlock | None
    datasets: tuple[DatasetRow, ...]
    proposals: tuple[ProposalRow, ...]
    jobs: tuple[JobRow, ...]
    models: tuple[ModelRow, ...]
    balances: tuple[BalanceRow, ...]
