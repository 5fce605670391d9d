"""Weight lent to an oracle, and how an oracle votes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final

from databright.chain.structs import int_of, values_of
from databright.chain.writes import Call, WritePlan
from databright.data_market.journal import Journal
from databright.data_market.registry import DataRegistry
from databright.data_market.voting import (
    NO_ADDRESS,
    Votable,
    cast_of,
    check_voting,
    weight_on,
)
from databright.errors import BadInputError
from databright.records.terms import Terms
from databright.units import BPS, Address, Amount, BasisPoints, Seconds

MAX_LENDERS: Final = 32
"""Most lenders that one ballot of an oracle counts."""
_LENT = ("oracle", "cap", "since", "expiry", "least_confidence")


@dataclass(frozen=True)
class Loan:
    """Weight that a curator lends to an oracle.

    Attributes:
        dataset: where it counts.
        lender: the curator.
        oracle: who votes with it.
        cap: most weight that it lends.
        since: chain time of the loan.
        expiry: chain time of its end.
        least_confidence: of a ballot that may use the weight, 1/10,000.
    """

    dataset: int
    lender: Address
    oracle: Address
    cap: int
    since: Seconds
    expiry: Seconds
    least_confidence: BasisPoints


def plan_vote_lent(
    registry: DataRegistry,
    oracle: Address,
    number: int,
    *,
    support: bool,
    confidence: BasisPoints,
) -> WritePlan:
    """Plan an oracle's vote with the weight lent to it.

    Args:
        registry: the data market.
        oracle: who votes.
        number: id of a proposal or a motion.
        support: True for it.
        confidence: how sure the oracle is, 1/10,000; lenders who ask for more are left out.

    Returns:
        One transaction for each 32 lenders whose weight can be cast.

    Raises:
        UnknownEntityError: there is none of that id.
        BadInputError: voting has not begun or is over, the oracle's own proposal, a confidence out
            of range, or nobody's lent weight can be cast.
    """
    found = check_voting(registry, number)
    if not 0 <= confidence <= BPS:
        raise BadInputError(f"the confidence is {confidence}: use 0 to {BPS}, in 1/10,000")
    if oracle == found.proposer:
        raise BadInputError(f"{found.name} is {oracle}'s own: it votes on none of its own")
    listed = loans(registry, oracle=oracle, dataset=found.dataset)
    lenders = castable(registry, listed, found, confidence)
    if not lenders:
        raise BadInputError(
            f"nobody has weight lent to {oracle} that it could cast on {found.name} with "
            f"confidence {confidence}: a loan counts for what opened after it, until it ends, "
            "unless its lender voted or asks for more confidence"
        )
    terms = (
        _motion_terms(number) if found.tally.is_motion else registry.proposal(number).terms
    )  # fmt: skip
    word = "for" if support else "against"
    calls = []
    for start in range(0, len(lenders), MAX_LENDERS):
        part = lenders[start : start + MAX_LENDERS]
        calls.append(
            Call(
                registry.contracts.curator_token,
                "vote_lent",
                (astuple(terms), support, confidence, part),
                f"vote {word} {found.name} with the weight of {len(part)} lenders, "
                f"{confidence / 100:g} % sure",
            )
        )
    return WritePlan(tuple(calls))


def _motion_terms(motion: int) -> Terms:
    """Of a motion only its id counts."""
    nothing = bytes(32)
    return Terms(
        proposal=motion,
        request=0,
        proposer=NO_ADDRESS,
        payee=NO_ADDRESS,
        root=nothing,
        ref=nothing,
        manifest=nothing,
        num_rows=0,
        revises=0,
        bond=Amount(0),
        fee=Amount(0),
        electorate=0,
    )


def plan_lend(
    registry: DataRegistry,
    lender: Address,
    dataset: int,
    oracle: Address,
    *,
    cap: int,
    expiry: Seconds,
    least_confidence: BasisPoints = BasisPoints(0),
) -> WritePlan:
    """Plan a loan of weight to an oracle.

    Args:
        registry: the data market.
        lender: whose weight it is.
        dataset: where it counts.
        oracle: who may cast it.
        cap: most weight, >= 1.
        expiry: chain time of its end.
        least_confidence: of a ballot that may use the weight, 1/10,000.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: a cap of 0, a past expiry, a confidence out of range, or lending to oneself.
    """
    registry.contracts.database(dataset)
    now = registry.contracts.chain.next_timestamp()
    if cap < 1:
        raise BadInputError(f"the cap is {cap}: lend a weight of at least 1")
    if expiry <= now:
        raise BadInputError(f"the expiry {expiry} is not after the chain's time {now}")
    if not 0 <= least_confidence <= BPS:
        raise BadInputError(f"the least confidence is {least_confidence}: use 0 to {BPS}")
    if oracle in {lender, NO_ADDRESS}:
        raise BadInputError("weight is lent to somebody else: vote yourself instead")
    call = Call(
        registry.contracts.curator_token,
        "lend",
        (dataset, oracle, cap, expiry, least_confidence),
        f"lend up to {cap} of weight in dataset {dataset} to {oracle}, for ballots that are at "
        f"least {least_confidence / 100:g} % sure",
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
    registry.contracts.database(dataset)
    if loan(registry, dataset, lender).oracle == NO_ADDRESS:
        raise BadInputError(f"{lender} has lent nothing in dataset {dataset}")
    call = Call(
        registry.contracts.curator_token,
        "take_back",
        (dataset,),
        f"take back the weight lent in dataset {dataset}",
    )
    return WritePlan((call,))


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
        dataset,
        lender,
        Address(str(values[0])),
        int_of(values[1]),
        Seconds(int_of(values[2])),
        Seconds(int_of(values[3])),
        BasisPoints(int_of(values[4])),
    )


def loans(
    registry: DataRegistry, *, oracle: Address | None = None, dataset: int | None = None
) -> list[Loan]:
    """All loans that stand now.

    Args:
        registry: the data market.
        oracle: only those to it.
        dataset: only those in it.

    Returns:
        By dataset and lender; those that have expired are left out.
    """
    contracts = registry.contracts
    token = contracts.curator_token
    _, events = Journal(contracts, (token,)).read()
    seen = {
        (int(event.args["dataset"]), Address(str(event.args["lender"])))
        for event in events
        if event.name == "Lent"
        and oracle in {None, event.args["oracle"]}
        and dataset in {None, int(event.args["dataset"])}
    }
    now = contracts.chain.next_timestamp()
    found = [loan(registry, *key) for key in sorted(seen)]
    return [
        item
        for item in found
        if item.oracle != NO_ADDRESS and oracle in {None, item.oracle} and item.expiry > now
    ]


def castable(
    registry: DataRegistry, listed: Sequence[Loan], found: Votable, confidence: int
) -> list[Address]:
    """Lenders whose weight an oracle can still cast.

    Args:
        registry: the data market.
        listed: loans to the oracle.
        found: what is voted on.
        confidence: how sure the oracle is, 1/10,000.

    Returns:
        Lenders in order of address.
    """
    chosen = [
        item.lender
        for item in listed
        if item.dataset == found.dataset
        and item.since < found.tally.opened_at
        and item.least_confidence <= confidence
        and item.lender != found.proposer
        and cast_of(registry, found.id, item.lender) == 0
        and weight_on(registry, found.id, item.lender) > 0
    ]
    return sorted(chosen, key=lambda address: int(address, 16))
