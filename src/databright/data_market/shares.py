"""Who owns what: shares by tranche, votes by dataset."""

from __future__ import annotations

from dataclasses import dataclass

from databright.chain.writes import Call, WritePlan
from databright.data_market.registry import DataRegistry
from databright.errors import BadInputError
from databright.units import Address, Shares


@dataclass(frozen=True)
class Holding:
    """Shares of one tranche.

    Attributes:
        dataset: id of the dataset.
        tranche: id of the accepted proposal.
        shares: how many the holder has.
        total: how many there are.
        claimable: dividends that wait, base units.
    """

    dataset: int
    tranche: int
    shares: Shares
    total: Shares
    claimable: int


def holdings(registry: DataRegistry, holder: Address, dataset: int | None = None) -> list[Holding]:
    """What a holder has in all tranches, or those of one dataset.

    Args:
        registry: the data market.
        holder: the account.
        dataset: id of a dataset; None for all.

    Returns:
        Holdings with shares or waiting dividends, by dataset and tranche.

    Raises:
        UnknownEntityError: no such dataset.
    """
    chosen = range(1, registry.num_datasets() + 1) if dataset is None else [dataset]
    found: list[Holding] = []
    for number in chosen:
        database = registry.contracts.database(number)
        for entry in registry.entries(number):
            shares = int(registry.contracts.curator_token.call("balanceOf", holder, entry.proposal))
            claimable = int(database.call("claimable", entry.proposal, holder))
            if shares or claimable:
                found.append(
                    Holding(number, entry.proposal, Shares(shares), entry.shares, claimable)
                )
    return found


def votes(registry: DataRegistry, dataset: int, account: Address) -> int:
    """Votes that an account has in a dataset now.

    Args:
        registry: the data market.
        dataset: id of the dataset.
        account: the account.

    Returns:
        Earned votes and what is left of genesis weight.

    Raises:
        UnknownEntityError: no such dataset.
    """
    registry.dataset(dataset)
    now = registry.contracts.chain.head().timestamp
    return int(registry.contracts.curator_token.call("weight_at", dataset, account, now))


def plan_transfer(
    registry: DataRegistry, owner: Address, tranche: int, receiver: Address, amount: int
) -> WritePlan:
    """Plan a transfer of shares; dividends earned before it stay with the owner.

    Args:
        registry: the data market.
        owner: who has the shares.
        tranche: id of the accepted proposal.
        receiver: who gets them.
        amount: shares, >= 1.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such proposal.
        BadInputError: more shares than the owner has, or none.
    """
    registry.proposal(tranche)
    balance = int(registry.contracts.curator_token.call("balanceOf", owner, tranche))
    if not 1 <= amount <= balance:
        raise BadInputError(
            f"{amount} shares of tranche {tranche} cannot be sent: {owner} has {balance}"
        )
    call = Call(
        registry.contracts.curator_token,
        "transfer",
        (receiver, tranche, amount),
        f"send {amount} shares of tranche {tranche} to {receiver}",
    )
    return WritePlan((call,))
