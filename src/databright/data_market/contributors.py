"""A contributor's record: what became of everything that an address proposed."""

from __future__ import annotations

from dataclasses import dataclass

from databright.data_market.entities import ACCEPTED, STATUSES, Proposal
from databright.data_market.registry import DataRegistry
from databright.records.words import WORD_BYTES, address_bytes
from databright.units import Address, Amount, Shares


@dataclass(frozen=True)
class Contribution:
    """One proposal of a contributor.

    Attributes:
        proposal: its id.
        num_rows: its rows.
        status: what became of it, as a word.
        revises: the proposal that it replaces; 0 = none.
        shares: shares minted for it: micro-nats of measured gain.
        snapshot: the snapshot that it made; 0 = none.
        slashed: part of its bond that it lost, base units.
    """

    proposal: int
    num_rows: int
    status: str
    revises: int
    shares: Shares
    snapshot: int
    slashed: Amount


@dataclass(frozen=True)
class Record:
    """Everything that an address proposed.

    Attributes:
        address: the proposer.
        counts: status as a word -> proposals.
        num_slashed: proposals that lost bond.
        rows_accepted: rows of accepted proposals.
        shares: shares minted for them in all: micro-nats of measured gain.
        slashed: bond lost in all, base units.
        contributions: every proposal in order of commitment.
    """

    address: Address
    counts: dict[str, int]
    num_slashed: int
    rows_accepted: int
    shares: Shares
    slashed: Amount
    contributions: tuple[Contribution, ...]


def record_of(registry: DataRegistry, address: Address) -> Record:
    """What became of everything that an address proposed, from the chain's events.

    Args:
        registry: the data market.
        address: the proposer.

    Returns:
        Its record; empty where it never proposed.

    Raises:
        BadInputError: no address.
    """
    contracts = registry.contracts
    proposer = address_bytes("the contributor", address).rjust(WORD_BYTES, b"\0")
    proposed = contracts.told(contracts.association, "Proposed", [[], [], [proposer]])
    ids = [int(event.args["proposal"]) for event in proposed]
    words = [one.to_bytes(WORD_BYTES, "big") for one in ids]
    settled: dict[int, tuple[int, int]] = {}
    lost: dict[int, int] = {}
    if ids:
        for event in contracts.told(contracts.association, "Settled", [words]):
            args = event.args
            settled[int(args["proposal"])] = (int(args["shares"]), int(args["snapshot"]))
        for event in contracts.told(contracts.verdicts, "BondSlashed", [words]):
            args = event.args
            lost[int(args["proposal"])] = int(args["to_tranche"]) + int(args["burnt"])
    found = [registry.proposal(one) for one in ids]
    items = tuple(_contribution(one, settled, lost) for one in found)
    names = [STATUSES[one.status] for one in found]
    return Record(
        address=address,
        counts={name: names.count(name) for name in STATUSES[1:] if name in names},
        num_slashed=len(lost),
        rows_accepted=sum(one.num_rows for one in found if one.status == ACCEPTED),
        shares=Shares(sum(one.shares for one in items)),
        slashed=Amount(sum(one.slashed for one in items)),
        contributions=items,
    )


def _contribution(
    proposal: Proposal, settled: dict[int, tuple[int, int]], lost: dict[int, int]
) -> Contribution:
    shares, snapshot = settled.get(proposal.id, (0, 0))
    return Contribution(
        proposal=proposal.id,
        num_rows=proposal.num_rows,
        status=proposal.status_name,
        revises=proposal.revises,
        shares=Shares(shares),
        snapshot=snapshot,
        slashed=Amount(lost.get(proposal.id, 0)),
    )
