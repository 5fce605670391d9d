"""The data market once more, in plain Python and from the rules alone: its people and its things.

Nothing of the package or the contracts is used. There is no accumulator, tree, window, checkpoint
or packed word: what happened is kept in lists, one entry an event, and every sum is taken anew from
them. A call that the rules refuse raises `Refused` with the reason that the contract must give.
The rules of each part are in the other `data_model_*` modules, as functions of a `Market`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

OPEN, ACCEPTED, REJECTED, EXPIRED, WITHDRAWN, REVISED, VOIDED = range(1, 8)
CARRIED, LOST, ENACTED = 2, 3, 4
OK, COPY, HARM, FRAUD = range(4)
UNIT = 1_000_000
FIRST_MOTION = 500_001
RELAYED = 64
"""Ballots of a proposal that a relayer is repaid for."""
MAX_WEIGHT = 2**52 - 1
MAX_MONEY = 2**96 - 1
DAY = 86_400
BURNT = "burnt"


class Refused(Exception):
    """The rules refuse this call."""


def require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


class Rules(NamedTuple):
    """A dataset's rules, in the contracts' order."""

    metadata: bytes
    schema: bytes
    licence: bytes
    closes_at: int
    quorum_bps: int
    review_minutes: int
    voting_period: int
    bond: int
    evaluation_fee: int
    relay_price: int
    mint_cap: int
    epoch_length: int
    price_per_use: int
    prediction_bps: int
    max_exposure_bps: int
    a_bps: int
    threshold: int
    optimistic_window: int
    challenge_bond: int
    evaluator_stake: int
    tolerance_bps: int
    change_delay: int
    evaluators: tuple[str, ...]
    nodes: tuple[str, ...]
    curators: tuple[str, ...]
    weights: tuple[int, ...]
    programs: tuple[bytes, ...]


class Terms(NamedTuple):
    """What a proposal commits to, in the contracts' order."""

    proposal: int
    request: int
    proposer: str
    payee: str
    root: bytes
    ref: bytes
    manifest: bytes
    num_rows: int
    revises: int
    bond: int
    fee: int
    electorate: int


class Verdict(NamedTuple):
    """What evaluators sign."""

    base: int
    holdout_epoch: int
    outcome: int
    copy_of: int
    amount: int
    evidence: bytes


class Mint(NamedTuple):
    """Votes that accepted data brought, of one proposal."""

    time: int
    to: str
    amount: int
    proposal: int


class Cast(NamedTuple):
    """A ballot that counts."""

    voter: str
    support: bool
    weight: int
    oracle: str


@dataclass
class Loan:
    """Votes that somebody forwards, from one call to the next."""

    oracle: str
    cap: int
    since: int
    expiry: int
    least: int


@dataclass
class Box:
    """The ballot box of a proposal or a motion."""

    id: int
    opener: str
    opened: int
    rules: Rules
    version: int
    is_motion: bool
    status: int = OPEN
    extension: int = 0
    casts: list[Cast] = field(default_factory=list)
    relayed: int = 0

    @property
    def begin(self) -> int:
        return self.opened + 60 * self.rules.review_minutes

    @property
    def deadline(self) -> int:
        """An extension is counted in 1/64 of the period."""
        period = self.rules.voting_period
        return self.begin + period + period * self.extension // 64

    def side(self, support: bool, *, lent: bool | None = None) -> int:
        """Weight on one side, of all ballots or of lent (not lent) ones."""
        return sum(
            cast.weight
            for cast in self.casts
            if cast.support == support and lent in {None, bool(cast.oracle)}
        )


@dataclass
class Posted:
    """A verdict that is shown while the vote is on."""

    verdict: Verdict
    at: int


@dataclass
class Challenge:
    """A doubt in a signed verdict; `found` is what is known of the proposal by it."""

    challenger: str
    bond: int
    verdict: Verdict
    found: Verdict
    deadline: int
    signers: tuple[str, ...]
    status: int = 1


@dataclass
class Proposal:
    """Data that somebody offers to a dataset."""

    terms: Terms
    box: Box
    is_measured: bool = False
    posted: Posted | None = None
    challenge: Challenge | None = None
    decided_at: int = 0
    born: int = 0
    minted: int = 0
    is_bond_held: bool = False
    accepted_at: int = 0

    @property
    def is_pending(self) -> bool:
        """Held up by a challenge; one that lapsed closed the proposal for good."""
        return self.challenge is not None and self.challenge.status in {1, 4}


@dataclass
class Motion:
    """A change that somebody moves."""

    box: Box
    kind: int
    payload: object
    bond: int
    electorate: int
    ready_at: int = 0


@dataclass
class Snapshot:
    """A version of a dataset; nothing of it ever changes."""

    number: int
    kind: int
    tranche: int
    pool_percent: int
    members: dict[int, int]

    @property
    def shares(self) -> int:
        return sum(self.members.values())


@dataclass
class Holding:
    """Somebody's shares of a tranche, and what they are owed: a range where dust may be lost."""

    shares: int = 0
    least: Fraction = Fraction(0)
    most: Fraction = Fraction(0)
    slack: Fraction = Fraction(0)


@dataclass
class Pool:
    """A snapshot's income that is divided by values."""

    amount: int = 0
    since: int = 0
    values: dict[str, int] = field(default_factory=dict)
    root: bytes = bytes(32)
    total: int = 0
    posted_at: int = 0
    final_at: int = 0
    is_released: bool = False
    paid: dict[str, int] = field(default_factory=dict)


class Use(NamedTuple):
    """Income: of a snapshot, or of one tranche alone (snapshot 0)."""

    snapshot: int
    tranche: int
    amount: int
    was_newest: bool


@dataclass
class Dataset:
    """One dataset and all that ever happened to it."""

    id: int
    creator: str
    created_at: int
    genesis: dict[str, int]
    versions: list[Rules] = field(default_factory=list)
    mints: list[Mint] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    motions: list[Motion] = field(default_factory=list)
    loans: dict[str, Loan] = field(default_factory=dict)
    cancelled: Counter[str] = field(default_factory=Counter)
    counting: dict[str, bool] = field(default_factory=dict)
    stakes: Counter[str] = field(default_factory=Counter)
    leaving: dict[str, int] = field(default_factory=dict)
    passed: int = 0
    snapshots: list[Snapshot] = field(default_factory=list)
    ended: dict[int, int] = field(default_factory=dict)
    redirect: dict[int, str] = field(default_factory=dict)
    holdings: dict[tuple[str, int], Holding] = field(default_factory=dict)
    credits: Counter[str] = field(default_factory=Counter)
    allowances: dict[tuple[str, str, int], int] = field(default_factory=dict)
    operators: set[tuple[str, str]] = field(default_factory=set)
    uses: list[Use] = field(default_factory=list)
    pools: dict[int, Pool] = field(default_factory=dict)
    lost: int = 0
    """How often a fraction of a base unit may have been lost: at most one a transfer."""

    @property
    def rules(self) -> Rules:
        """For what begins now."""
        return self.versions[-1]

    @property
    def wallet(self) -> str:
        """Whose money its Database holds."""
        return f"Database:{self.id}"

    @property
    def newest(self) -> int:
        return len(self.snapshots)

    def snapshot(self, number: int) -> Snapshot:
        require(1 <= number <= self.newest, "database: unknown snapshot")
        return self.snapshots[number - 1]

    def holding(self, holder: str, tranche: int) -> Holding:
        return self.holdings.setdefault((holder, tranche), Holding())


@dataclass
class Request:
    """Somebody asks for data."""

    dataset: int
    initiator: str
    escrow: int
    curve: tuple[tuple[int, int], ...]
    deadline: int
    shares: int = 0
    num_open: int = 0
    is_closed: bool = False
    is_retired: bool = False
    received: int = 0
    awarded: int = 0
    fees: int = 0
    refunded: int = 0


@dataclass
class Market:
    """Everything."""

    now: int
    wallets: Counter[str] = field(default_factory=Counter)
    datasets: list[Dataset] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    deposits: Counter[str] = field(default_factory=Counter)
    credits: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(contract, account) -> what it is owed; a Database's are the dataset's own."""

    def dataset(self, number: int) -> Dataset:
        return self.datasets[number - 1]

    def proposal(self, number: int) -> Proposal | None:
        """The proposal with this id, if there is one."""
        dataset, index = divmod(number, UNIT)
        if not 1 <= dataset <= len(self.datasets):
            return None
        proposals = self.datasets[dataset - 1].proposals
        return proposals[index - 1] if 1 <= index <= len(proposals) else None

    def box(self, number: int) -> Box | None:
        """The ballot box of a proposal or a motion, if there is one."""
        dataset, index = divmod(number, UNIT)
        if index < FIRST_MOTION:
            found = self.proposal(number)
            return found.box if found else None
        motions = self.datasets[dataset - 1].motions if dataset <= len(self.datasets) else []
        place = index - FIRST_MOTION
        return motions[place].box if 0 <= place < len(motions) else None

    def can_pay(self, payer: str, amount: int) -> None:
        require(self.wallets[payer] >= amount, "token: balance too low")

    def pay(self, payer: str, payee: str, amount: int) -> None:
        """Move money; whoever may lack it is asked with `can_pay` first."""
        if self.wallets[payer] < amount:
            raise AssertionError(f"{payer} pays {amount} and has {self.wallets[payer]}")
        self.wallets[payer] -= amount
        self.wallets[payee] += amount

    def open_proposals(self, account: str) -> int:
        return sum(
            proposal.terms.proposer == account
            for dataset in self.datasets
            for proposal in dataset.proposals
            if proposal.box.status == OPEN
        )
