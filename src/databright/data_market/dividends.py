"""Dividends: what shares have earned and how it is taken."""

from __future__ import annotations

from typing import Final

from databright.chain.writes import Call, WritePlan
from databright.data_market.registry import DataRegistry
from databright.data_market.shares import holdings
from databright.errors import BadInputError
from databright.units import Address, Amount

MAX_CLAIMS: Final = 64
"""Most tranches that one transaction claims."""


def claimable(registry: DataRegistry, holder: Address) -> Amount:
    """Dividends that wait for a holder over all datasets.

    Args:
        registry: the data market.
        holder: the account.

    Returns:
        Base units.
    """
    return Amount(sum(item.claimable for item in holdings(registry, holder)))


def plan_claims(registry: DataRegistry, holder: Address, dataset: int | None = None) -> WritePlan:
    """Plan the taking of all waiting dividends.

    Args:
        registry: the data market.
        holder: who takes them.
        dataset: id of a dataset; None for all.

    Returns:
        One transaction for each dataset and 64 tranches.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: nothing waits.
    """
    waiting: dict[int, list[int]] = {}
    for item in holdings(registry, holder, dataset):
        if item.claimable:
            waiting.setdefault(item.dataset, []).append(item.tranche)
    if not waiting:
        where = "" if dataset is None else f" in dataset {dataset}"
        raise BadInputError(f"no dividends wait for {holder}{where}: nothing to claim")
    calls = [
        Call(
            registry.contracts.database(number),
            "claim_many",
            (tranches[start : start + MAX_CLAIMS],),
            f"claim the dividends of {len(tranches[start : start + MAX_CLAIMS])} tranches of "
            f"dataset {number}",
        )
        for number, tranches in waiting.items()
        for start in range(0, len(tranches), MAX_CLAIMS)
    ]
    return WritePlan(tuple(calls))
