"""Votes, and weight lent to an oracle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.chain.structs import values_of
from databright.chain.writes import Call, WritePlan
from databright.data_market.registry import OPEN, DataRegistry, Proposal
from databright.errors import BadInputError
from databright.units import Address, Seconds

MAX_LENDERS: Final = 32
"""Most lenders that one ballot of an oracle counts."""
NO_ADDRESS: Final = Address("0x" + "0" * 40)
_LENT = ("oracle", "cap", "since", "expiry")
_BALLOT = ("cast", "weight", "by")


@dataclass(frozen=True)
class Loan:
    """Weight that a curator lends to an oracle.

    Attributes:
        lender: the curator.
        oracle: who votes with it.
        cap: most weight that it lends.
        since: chain time of the loan.
        expiry: chain time of its end.
    """

    lender: Address
    oracle: Address
    cap: int
    since: Seconds
    expiry: Seconds


@dataclass(frozen=True)
class Ballot:
    """How someone's weight was cast on a proposal.

    Attributes:
        cast: 0 not at all, 1 yes, 2 no.
        weight: with which weight.
        by: who cast it: the voter, or the oracle it lent to.
    """

    cast: int
    weight: int
    by: Address


def plan_vote(registry: DataRegistry, voter: Address, proposal: int, support: bool) -> WritePlan:
    """Plan a vote with one's own weight.

    Args:
        registry: the data market.
        voter: who votes.
        proposal: id of the proposal.
        support: True for yes.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such proposal.
        BadInputError: voting is over, the voter's own proposal, no weight, or voted already.
    """
    found = check_voting(registry, proposal)
    if voter == found.proposer:
        raise BadInputError(
            f"proposal {proposal} is {voter}'s own: a proposer's weight does not count on it"
        )
    weight = weight_before(registry, found, voter)
    if weight == 0:
        raise BadInputError(
            f"{voter} has no weight in dataset {found.dataset} from before proposal {proposal} "
            "opened: only genesis curators and earlier contributors vote on it"
        )
    cast = ballot(registry, proposal, voter)
    if cast.cast and cast.by == voter:
        raise BadInputError(f"{voter} has voted on proposal {proposal} already: a vote is final")
    word = "for" if support else "against"
    call = Call(
        registry.contracts.association,
        "vote",
        (proposal, support),
        f"vote {word} proposal {proposal} with weight {weight}",
    )
    return WritePlan((call,))


def plan_vote_lent(
    registry: DataRegistry, oracle: Address, proposal: int, support: bool
) -> WritePlan:
    """Plan an oracle's vote with the weight lent to it.

    Args:
        registry: the data market.
        oracle: who votes.
        proposal: id of the proposal.
        support: True for yes.

    Returns:
        One transaction that names every lender whose weight can be cast.

    Raises:
        UnknownEntityError: no such proposal.
        BadInputError: voting is over, or nobody's lent weight can be cast.
    """
    found = check_voting(registry, proposal)
    lenders = castable(registry, oracle, found)
    if not lenders:
        raise BadInputError(
            f"nobody has weight lent to {oracle} that it could cast on proposal {proposal}: a loan "
            "counts for proposals opened after it, until it ends, unless its lender voted"
        )
    call = Call(
        registry.contracts.association,
        "vote_lent",
        (proposal, support, lenders[:MAX_LENDERS]),
        f"vote {'for' if support else 'against'} proposal {proposal} with the weight of "
        f"{len(lenders[:MAX_LENDERS])} lenders",
    )
    return WritePlan((call,))


def plan_lend(
    registry: DataRegistry,
    lender: Address,
    dataset: int,
    oracle: Address,
    *,
    cap: int,
    expiry: Seconds,
) -> WritePlan:
    """Plan a loan of weight to an oracle.

    Args:
        registry: the data market.
        lender: whose weight it is.
        dataset: where it counts.
        oracle: who may cast it.
        cap: most weight, >= 1.
        expiry: chain time of its end.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: a cap of 0, a past expiry, or lending to oneself.
    """
    registry.dataset(dataset)
    now = registry.contracts.chain.head().timestamp
    if cap < 1:
        raise BadInputError(f"the cap is {cap}: lend a weight of at least 1")
    if expiry <= now:
        raise BadInputError(f"the expiry {expiry} is not after the chain's time {now}")
    if oracle == lender:
        raise BadInputError("weight is lent to somebody else: vote yourself instead")
    call = Call(
        registry.contracts.curator_token,
        "lend",
        (dataset, oracle, cap, expiry),
        f"lend up to {cap} of weight in dataset {dataset} to {oracle}",
    )
    return WritePlan((call,))


def plan_take_back(registry: DataRegistry, lender: Address, dataset: int) -> WritePlan:
    """Plan the end of a loan.

    Args:
        registry: the data market.
        lender: whose weight it is.
        dataset: where it was lent.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: nothing is lent there.
    """
    registry.dataset(dataset)
    if loan(registry, dataset, lender).oracle == NO_ADDRESS:
        raise BadInputError(f"{lender} has lent nothing in dataset {dataset}")
    call = Call(
        registry.contracts.curator_token,
        "take_back",
        (dataset,),
        f"take back the weight lent in dataset {dataset}",
    )
    return WritePlan((call,))


def check_voting(registry: DataRegistry, proposal: int) -> Proposal:
    """A proposal that can be voted on now.

    Args:
        registry: the data market.
        proposal: its id.

    Returns:
        The proposal.

    Raises:
        UnknownEntityError: no such proposal.
        BadInputError: its vote is over.
    """
    found = registry.proposal(proposal)
    now = registry.contracts.chain.head().timestamp
    if found.status != OPEN or now >= found.deadline:
        raise BadInputError(
            f"voting on proposal {proposal} is over: it is {found.status_name}, its deadline was "
            f"chain time {found.deadline} and it is {now} now"
        )
    return found


def weight_before(registry: DataRegistry, proposal: Proposal, voter: Address) -> int:
    """Weight that a voter has on a proposal: what it had just before the proposal opened.

    Args:
        registry: the data market.
        proposal: the proposal.
        voter: the account.

    Returns:
        Votes.
    """
    return int(
        registry.contracts.curator_token.call(
            "weight_at", proposal.dataset, voter, proposal.opened_at - 1
        )
    )


def ballot(registry: DataRegistry, proposal: int, voter: Address) -> Ballot:
    """How a voter's weight was cast.

    Args:
        registry: the data market.
        proposal: id of the proposal.
        voter: the account.

    Returns:
        The ballot; `cast` is 0 when there is none.
    """
    values = values_of(registry.contracts.association.call("ballot", proposal, voter), _BALLOT)
    return Ballot(int(str(values[0])), int(str(values[1])), Address(str(values[2])))


def loan(registry: DataRegistry, dataset: int, lender: Address) -> Loan:
    """What an account lends in a dataset.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        lender: the account.

    Returns:
        The loan; its oracle is the zero address when there is none.
    """
    values = values_of(registry.contracts.curator_token.call("lent", dataset, lender), _LENT)
    return Loan(
        lender,
        Address(str(values[0])),
        int(str(values[1])),
        Seconds(int(str(values[2]))),
        Seconds(int(str(values[3]))),
    )


def loans_to(registry: DataRegistry, oracle: Address) -> list[tuple[int, Loan]]:
    """All loans to an oracle that stand now.

    Args:
        registry: the data market.
        oracle: the account.

    Returns:
        (dataset, loan), by dataset, then in order of the first loan.
    """
    contracts = registry.contracts
    token = contracts.curator_token
    logs = contracts.chain.logs(
        contracts.deployment.block, contracts.chain.head().number, [token.address]
    )
    seen = dict.fromkeys(
        (int(event.args["dataset"]), Address(str(event.args["lender"])))
        for event in token.events(logs)
        if event.name == "Lent" and event.args["oracle"] == oracle
    )
    found = [(dataset, loan(registry, dataset, lender)) for dataset, lender in sorted(seen)]
    return [(dataset, item) for dataset, item in found if item.oracle == oracle]


def castable(registry: DataRegistry, oracle: Address, proposal: Proposal) -> list[Address]:
    """Lenders whose weight an oracle can still cast on a proposal.

    Args:
        registry: the data market.
        oracle: the oracle.
        proposal: the proposal.

    Returns:
        Lenders in order of address.
    """
    now = registry.contracts.chain.head().timestamp
    found = [
        item.lender
        for dataset, item in loans_to(registry, oracle)
        if dataset == proposal.dataset
        and item.since < proposal.opened_at
        and item.expiry > now
        and item.lender != proposal.proposer
        and ballot(registry, proposal.id, item.lender).cast == 0
        and weight_before(registry, proposal, item.lender) > 0
    ]
    return sorted(found, key=lambda address: int(address, 16))
