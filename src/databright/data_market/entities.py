"""What the data market consists of, as the chain shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from databright.chain.snapshots import Entry, Snapshot
from databright.records.rules import Rules
from databright.records.terms import Terms, split_proposal_id
from databright.units import Address, Amount, Digest, Seconds, Shares

__all__ = [
    "ACCEPTED",
    "EXPIRED",
    "OPEN",
    "REJECTED",
    "REVISED",
    "STATUSES",
    "VOIDED",
    "WITHDRAWN",
    "Dataset",
    "Entry",
    "Proposal",
    "Reader",
    "Request",
    "Snapshot",
    "Step",
    "Tally",
    "award",
    "read_tally",
]
STATUSES: Final = (
    "none", "open", "accepted", "rejected", "expired", "withdrawn", "revised", "voided",
)  # fmt: skip
"""Names of the status codes of a proposal."""
OPEN: Final = 1
ACCEPTED: Final = 2
REJECTED: Final = 3
EXPIRED: Final = 4
WITHDRAWN: Final = 5
REVISED: Final = 6
VOIDED: Final = 7
AWARD_UNIT: Final = 1_000
"""An award's rate is for so many shares."""
_EXTENSION_PARTS = 64


@dataclass(frozen=True)
class Dataset:
    """One dataset.

    Attributes:
        id: from 1.
        creator: who opened it.
        database: address of its Database contract.
        rules: the rules of what begins now.
        version: which rules these are, from 1.
        num_snapshots: snapshots so far; 0 = no accepted proposal yet.
    """

    id: int
    creator: Address
    database: Address
    rules: Rules
    version: int
    num_snapshots: int


@dataclass(frozen=True)
class Step:
    """One step of an award curve.

    Attributes:
        until: shares that the request has brought, up to which the rate holds; the last step has
            no end.
        rate: base units for 1,000 shares.
    """

    until: Shares
    rate: Amount


def award(curve: Sequence[Step], brought: int, amount: int) -> Amount:
    """What shares earn: the area under the curve, rounded down once.

    Args:
        curve: falling steps; none pays nothing.
        brought: shares that the request brought before.
        amount: shares of now.

    Returns:
        Base units, before the escrow limits them.
    """
    place, end, area = brought, brought + amount, 0
    for index, step in enumerate(curve):
        upper = end if index + 1 == len(curve) else min(end, step.until)
        if upper > place:
            area += (upper - place) * step.rate
            place = upper
    return Amount(area // AWARD_UNIT)


@dataclass(frozen=True)
class Request:
    """One request for data.

    Attributes:
        id: from 1.
        dataset: the dataset that it grows.
        initiator: who opened it.
        escrow: money left for awards and fees.
        curve: what shares earn, by how many the request has brought.
        awarded_shares: shares that it has brought.
        deadline: chain time until which proposals are taken.
        holdout: commitment to the hidden test rows.
        holdout_ref: digest of their sealed reference.
        program: digest of the program that measures.
        card: digest of what is asked for.
        open_proposals: proposals under it that are undecided.
        closed: whether its escrow was taken back.
        retired: digest of the reveal when the holdout is retired, else None.
    """

    id: int
    dataset: int
    initiator: Address
    escrow: Amount
    curve: tuple[Step, ...]
    awarded_shares: Shares
    deadline: Seconds
    holdout: Digest
    holdout_ref: Digest
    program: Digest
    card: Digest
    open_proposals: int
    closed: bool
    retired: Digest | None


@dataclass(frozen=True)
class Tally:
    """A ballot's word taken apart, of a proposal or a motion.

    Attributes:
        yes: weight for.
        no: weight against.
        supply: earned votes of the dataset when it opened.
        opened_at: chain time of commitment.
        votes_from: chain time from which ballots count.
        deadline: chain time of the end of the vote, extensions included.
        period: seconds of the vote without extensions.
        status: code, see `STATUSES`.
        version: of the dataset's rules.
        has_lent: whether an oracle cast lent weight.
        is_motion: whether it is a motion's.
    """

    yes: int
    no: int
    supply: int
    opened_at: Seconds
    votes_from: Seconds
    deadline: Seconds
    period: Seconds
    status: int
    version: int
    has_lent: bool
    is_motion: bool


def read_tally(word: int) -> Tally:
    """Take a ballot's word apart.

    Args:
        word: `CuratorToken.tallies`.

    Returns:
        Its fields.
    """
    opened, period = _bits(word, 156, 32), _bits(word, 188, 24)
    begin = opened + 60 * _bits(word, 236, 16)
    extended = period * _bits(word, 216, 8) // _EXTENSION_PARTS
    return Tally(
        yes=_bits(word, 0, 52),
        no=_bits(word, 52, 52),
        supply=_bits(word, 104, 52),
        opened_at=Seconds(opened),
        votes_from=Seconds(begin),
        deadline=Seconds(begin + period + extended),
        period=Seconds(period),
        status=_bits(word, 212, 4),
        version=_bits(word, 224, 12),
        has_lent=bool(_bits(word, 252, 1)),
        is_motion=bool(_bits(word, 253, 1)),
    )


def _bits(word: int, at: int, width: int) -> int:
    return (word >> at) & ((1 << width) - 1)


@dataclass(frozen=True)
class Proposal:
    """One data proposal.

    Attributes:
        terms: what it committed to, verified.
        opened_at: chain time of commitment.
        votes_from: chain time from which ballots count.
        deadline: chain time of the end of the vote, extensions included.
        period: seconds of the vote without extensions.
        yes: weight for.
        no: weight against.
        lent_yes: part of `yes` that an oracle cast with lent weight.
        lent_no: part of `no` that an oracle cast with lent weight.
        status: 1 open, 2 accepted, 3 rejected, 4 expired, 5 withdrawn, 6 revised, 7 voided.
        version: of the dataset's rules that it is decided by.
        is_challenged: whether a challenge holds it up now.
        is_measured: whether an evaluator has published evidence.
        block: number of the block that holds its commitment.
        tx: hash of the transaction that committed it.
    """

    terms: Terms
    opened_at: Seconds
    votes_from: Seconds
    deadline: Seconds
    period: Seconds
    yes: int
    no: int
    lent_yes: int
    lent_no: int
    status: int
    version: int
    is_challenged: bool
    is_measured: bool
    block: int
    tx: str

    @property
    def id(self) -> int:
        """Dataset * 1,000,000 + number; also the id of its tranche."""
        return self.terms.proposal

    @property
    def dataset(self) -> int:
        """Id of the dataset."""
        return split_proposal_id(self.terms.proposal)[0]

    @property
    def number(self) -> int:
        """Its number within the dataset, from 1."""
        return split_proposal_id(self.terms.proposal)[1]

    @property
    def request(self) -> int:
        """The request that it answers; 0 = none."""
        return self.terms.request

    @property
    def proposer(self) -> Address:
        """Who signed it."""
        return self.terms.proposer

    @property
    def payee(self) -> Address:
        """Who receives shares and award."""
        return self.terms.payee

    @property
    def root(self) -> bytes:
        """Root of the tree of its points."""
        return self.terms.root

    @property
    def ref(self) -> Digest:
        """Digest of the reference of its sealed rows."""
        return Digest(self.terms.ref)

    @property
    def manifest(self) -> Digest:
        """Digest of its public manifest."""
        return Digest(self.terms.manifest)

    @property
    def num_rows(self) -> int:
        """Rows that it claims."""
        return self.terms.num_rows

    @property
    def revises(self) -> int:
        """The proposal that it replaces; 0 = none."""
        return self.terms.revises

    @property
    def bond(self) -> Amount:
        """Deposit that it may lose."""
        return self.terms.bond

    @property
    def fee(self) -> Amount:
        """Evaluation fee and the price of 64 relayed ballots."""
        return self.terms.fee

    @property
    def electorate(self) -> int:
        """Weight that may vote on it."""
        return self.terms.electorate

    @property
    def status_name(self) -> str:
        """The status as a word."""
        return STATUSES[self.status] if self.status < len(STATUSES) else "unknown"


@dataclass(frozen=True)
class Reader:
    """Who opens sealed data.

    Attributes:
        address: the trusted node's address.
        private_key: its HPKE private key.
    """

    address: Address
    private_key: bytes
