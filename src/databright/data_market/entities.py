"""What the data market consists of, as the chain shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.records.datasets import Rules
from databright.units import Address, Amount, Digest, Seconds, Shares

STATUSES: Final = ("none", "open", "accepted", "rejected", "expired")
"""Names of the status codes of a proposal."""
OPEN: Final = 1
ACCEPTED: Final = 2
REJECTED: Final = 3
EXPIRED: Final = 4


@dataclass(frozen=True)
class Dataset:
    """One dataset.

    Attributes:
        id: from 1.
        creator: who opened it.
        database: address of its Database contract.
        rules: its immutable rules.
        num_snapshots: snapshots so far; 0 = no accepted proposal yet.
    """

    id: int
    creator: Address
    database: Address
    rules: Rules
    num_snapshots: int


@dataclass(frozen=True)
class Request:
    """One request for data.

    Attributes:
        id: from 1.
        dataset: the dataset that it grows.
        initiator: who opened it.
        escrow: money left for awards and fees.
        award_rate: base units for 1,000 shares minted.
        deadline: chain time until which proposals are taken.
        holdout: commitment to the hidden test rows.
        holdout_ref: digest of their sealed reference.
        program: digest of the program that measures.
        open_proposals: proposals under it that are undecided.
        closed: whether its escrow was taken back.
        retired: digest of the reveal when the holdout is retired, else None.
    """

    id: int
    dataset: int
    initiator: Address
    escrow: Amount
    award_rate: Amount
    deadline: Seconds
    holdout: Digest
    holdout_ref: Digest
    program: Digest
    open_proposals: int
    closed: bool
    retired: Digest | None


@dataclass(frozen=True)
class Proposal:
    """One data proposal.

    Attributes:
        id: from 1, over all datasets; also the id of its tranche.
        dataset: the dataset.
        request: the request that it answers; 0 = none.
        proposer: who signed it.
        payee: who receives shares and award.
        ref: digest of the sealed reference of its rows.
        manifest: digest of its public manifest.
        num_rows: rows it claims.
        opened_at: chain time of commitment.
        deadline: chain time of the last vote.
        yes: weight for.
        no: weight against.
        status: 1 open, 2 accepted, 3 rejected, 4 expired.
        bond: deposit.
        fee: evaluation fee.
    """

    id: int
    dataset: int
    request: int
    proposer: Address
    payee: Address
    ref: Digest
    manifest: Digest
    num_rows: int
    opened_at: Seconds
    deadline: Seconds
    yes: int
    no: int
    status: int
    bond: Amount
    fee: Amount

    @property
    def status_name(self) -> str:
        """The status as a word."""
        return STATUSES[self.status] if self.status < len(STATUSES) else "unknown"


@dataclass(frozen=True)
class Entry:
    """One accepted proposal in a Database.

    Attributes:
        proposal: its id.
        contributor: who is paid for it.
        ref: digest of the sealed reference.
        manifest: digest of the public manifest.
        num_rows: rows.
        shares: shares of its tranche.
        born: number of the snapshot that it made.
    """

    proposal: int
    contributor: Address
    ref: Digest
    manifest: Digest
    num_rows: int
    shares: Shares
    born: int


@dataclass(frozen=True)
class Snapshot:
    """One version of a dataset.

    Attributes:
        number: from 1.
        num_entries: it consists of the first so many entries.
        num_rows: rows of them.
        total_shares: shares of them.
        root: hash chain over the entries.
        created_at: chain time.
    """

    number: int
    num_entries: int
    num_rows: int
    total_shares: Shares
    root: bytes
    created_at: Seconds


@dataclass(frozen=True)
class Reader:
    """Who opens sealed data.

    Attributes:
        address: the trusted node's address.
        private_key: its HPKE private key.
    """

    address: Address
    private_key: bytes
