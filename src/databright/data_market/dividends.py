"""Dividends: what shares and measured values have earned, and how it is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.chain.snapshots import check_snapshot
from databright.chain.structs import digest_of, fields_of, int_of
from databright.chain.writes import Call, WritePlan
from databright.data_market.registry import DataRegistry
from databright.data_market.shares import holdings
from databright.errors import BadInputError
from databright.records.value_tree import ValueList
from databright.units import Address, Amount, Seconds, in_tokens

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


@dataclass(frozen=True)
class Pool:
    """The part of a snapshot's income that is divided by measured values.

    Attributes:
        amount: base units that came in.
        since: chain time of the first of it; 0 = none.
        root: root of the values, 32 bytes; zero while there are none.
        total: sum of the values.
        posted_at: chain time of the root; 0 = none.
        is_released: whether it fell to the shares.
    """

    amount: Amount
    since: Seconds
    root: bytes
    total: int
    posted_at: Seconds
    is_released: bool


def value_pool(registry: DataRegistry, dataset: int, snapshot: int) -> Pool:
    """The value pool of a snapshot.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        snapshot: number of the snapshot.

    Returns:
        Its state.

    Raises:
        UnknownEntityError: no such dataset or snapshot.
    """
    check_snapshot(registry.contracts.database(dataset), dataset, snapshot)
    values = fields_of(registry.contracts.pools.call("pool", dataset, snapshot), _POOL)
    return Pool(
        amount=Amount(int_of(values["amount"])),
        since=Seconds(int_of(values["since"])),
        root=bytes(digest_of(values["root"])),
        total=int_of(values["total"]),
        posted_at=Seconds(int_of(values["posted_at"])),
        is_released=bool(values["is_released"]),
    )


def plan_value_claim(registry: DataRegistry, owner: Address, values: ValueList) -> WritePlan:
    """Plan the taking of what an owner's values earned in one snapshot.

    Args:
        registry: the data market.
        owner: who is paid.
        values: the list whose root the evaluators signed.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such dataset or snapshot.
        BadInputError: no values are posted, others are, they can still be vetoed, or nothing is
            owed.
    """
    dataset, snapshot = values.dataset, values.snapshot
    pool = value_pool(registry, dataset, snapshot)
    where = f"snapshot {snapshot} of dataset {dataset}"
    if pool.is_released:
        raise BadInputError(f"the value pool of {where} fell to the shares: claim dividends")
    if pool.posted_at == 0:
        raise BadInputError(f"no values are posted for {where} yet")
    if (values.root, values.total) != (pool.root, pool.total):
        raise BadInputError(
            f"these values lead to {values.root.hex()}, the chain has {pool.root.hex()} for "
            f"{where}: use the list that the evaluators signed"
        )
    final = pool.posted_at + int(registry.contracts.charter.call("value_window", dataset))
    now = registry.contracts.chain.head().timestamp
    if now < final:
        raise BadInputError(f"the values of {where} can be vetoed until {final} (now {now})")
    path = values.path(owner)
    paid = int(registry.contracts.pools.call("value_paid", dataset, snapshot, owner))
    due = pool.amount * values.values[owner] // pool.total - paid
    if due == 0:
        raise BadInputError(f"nothing more is owed to {owner} in {where}")
    call = Call(
        registry.contracts.pools,
        "claim_value",
        (dataset, snapshot, owner, values.values[owner], path),
        f"claim {in_tokens(due)} for values in {where}",
    )
    return WritePlan((call,))


_POOL = ("amount", "since", "root", "total", "posted_at", "is_released")
