"""What evaluators have at stake, so that their signatures count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.chain.writes import Call, WritePlan, approval, check_money
from databright.data_market.registry import DataRegistry
from databright.errors import BadInputError
from databright.units import Address, Amount, Seconds, in_tokens

LEAVING: Final = Seconds(180 * 86_400)
"""A stake can be taken so long after its owner has left."""


@dataclass(frozen=True)
class Stake:
    """What an evaluator has at stake in a dataset.

    Attributes:
        dataset: id of the dataset.
        evaluator: whose.
        amount: base units.
        required: what the rules ask for now, base units.
        leaving_at: chain time at which it left; 0 = it has not.
        is_named: whether the rules name it.
        counts: whether its signatures count for proposals made now.
    """

    dataset: int
    evaluator: Address
    amount: Amount
    required: Amount
    leaving_at: Seconds
    is_named: bool
    counts: bool


def stake_of(registry: DataRegistry, dataset: int, evaluator: Address) -> Stake:
    """What an evaluator has at stake in a dataset.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        evaluator: whose.

    Returns:
        The stake.

    Raises:
        UnknownEntityError: no such dataset.
    """
    rules = registry.dataset(dataset).rules
    contracts = registry.contracts
    return Stake(
        dataset=dataset,
        evaluator=evaluator,
        amount=Amount(int(contracts.challenges.call("stake_of", dataset, evaluator))),
        required=rules.evaluator_stake,
        leaving_at=Seconds(int(contracts.challenges.call("leaving_at", dataset, evaluator))),
        is_named=evaluator in rules.evaluators,
        counts=bool(contracts.verdicts.call("is_evaluator", dataset, evaluator)),
    )


def plan_stake(
    registry: DataRegistry, evaluator: Address, dataset: int, amount: Amount | None = None
) -> WritePlan:
    """Plan to put money at stake as an evaluator of a dataset.

    Args:
        registry: the data market.
        evaluator: whose money.
        dataset: id of the dataset.
        amount: base units; what is missing of the required stake when None.

    Returns:
        The approval where needed, and the stake.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: the rules do not name the evaluator, it is leaving, nothing is missing, or
            there is too little money.
    """
    before = stake_of(registry, dataset, evaluator)
    if not before.is_named:
        raise BadInputError(
            f"{evaluator} is not an evaluator of dataset {dataset}: use the key of one of them"
        )
    if before.leaving_at:
        raise BadInputError(
            f"{evaluator} leaves dataset {dataset} since chain time {before.leaving_at}: it can "
            "put money at stake again when it has taken the old stake out"
        )
    put = Amount(before.required - before.amount) if amount is None else amount
    if put <= 0:
        raise BadInputError(
            f"{evaluator} has {in_tokens(before.amount)} at stake in dataset {dataset} and "
            f"{in_tokens(before.required)} is asked for: say how much more with --amount"
        )
    contracts = registry.contracts
    check_money(contracts.token, evaluator, put, "the stake")
    call = Call(
        contracts.challenges,
        "stake",
        (dataset, put),
        f"put {in_tokens(put)} at stake as an evaluator of dataset {dataset}",
    )
    return WritePlan((*approval(contracts.token, evaluator, contracts.challenges, put), call))


def plan_unstake(registry: DataRegistry, evaluator: Address, dataset: int) -> WritePlan:
    """Plan to leave as an evaluator, or to take the stake out when the wait is over.

    Args:
        registry: the data market.
        evaluator: whose stake.
        dataset: id of the dataset.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: nothing is at stake, or it is locked still.
    """
    before = stake_of(registry, dataset, evaluator)
    if before.amount == 0:
        raise BadInputError(f"{evaluator} has nothing at stake in dataset {dataset}")
    now = registry.contracts.chain.next_timestamp()
    free_at = before.leaving_at + LEAVING
    if before.leaving_at and now < free_at:
        raise BadInputError(
            f"the stake of {evaluator} in dataset {dataset} is locked until chain time {free_at}; "
            f"it is {now} now"
        )
    purpose = (
        f"take the stake of {in_tokens(before.amount)} in dataset {dataset} out as a credit"
        if before.leaving_at
        else f"leave as an evaluator of dataset {dataset}; the stake is free in 180 days"
    )
    return WritePlan((Call(registry.contracts.challenges, "unstake", (dataset,), purpose),))
