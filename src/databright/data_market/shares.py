"""Who owns what: shares by tranche, votes by dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.chain.bindings import Contract
from databright.chain.writes import Call, WritePlan
from databright.data_market.registry import DataRegistry
from databright.errors import BadInputError, UnknownEntityError
from databright.records.terms import split_proposal_id
from databright.records.words import WORD_BYTES, address_bytes
from databright.units import Address, Shares

NOBODY: Final = Address("0x" + "0" * 40)
_BORN_AT: Final = 212
_SHARES: Final = 2**52 - 1


@dataclass(frozen=True)
class Holding:
    """Shares of one tranche.

    Attributes:
        dataset: id of the dataset.
        tranche: id of the accepted proposal.
        shares: how many the holder has.
        total: how many there are.
        claimable: dividends that wait, base units.
        ended: snapshot from which on the tranche is out of the dataset; 0 = it is in.
        redirected_to: who gets its income after a takedown; None = its holders.
    """

    dataset: int
    tranche: int
    shares: Shares
    total: Shares
    claimable: int
    ended: int = 0
    redirected_to: Address | None = None


@dataclass(frozen=True)
class Owner:
    """One owner of a tranche.

    Attributes:
        address: who.
        shares: how many of it.
    """

    address: Address
    shares: Shares


def holdings(registry: DataRegistry, holder: Address, dataset: int | None = None) -> list[Holding]:
    """What a holder has in all tranches, or those of one dataset.

    Args:
        registry: the data market.
        holder: the account.
        dataset: id of a dataset; None for all.

    Returns:
        Holdings with shares, by dataset and tranche.

    Raises:
        UnknownEntityError: no such dataset.
    """
    chosen = range(1, registry.num_datasets() + 1) if dataset is None else [dataset]
    found: list[Holding] = []
    for number in chosen:
        database = registry.contracts.database(number)
        for tranche in sorted(_received(registry, database, holder)):
            position = int(database.call("positions", holder, tranche))
            if position & _SHARES:
                found.append(_holding(database, number, tranche, holder, position))
    return found


def _received(registry: DataRegistry, database: Contract, holder: Address) -> set[int]:
    """Tranches of which a holder ever got shares."""
    receiver = address_bytes("the holder", holder).rjust(WORD_BYTES, b"\0")
    events = registry.contracts.told(database, "Transfer", [[], [receiver]])
    return {int(event.args["id"]) for event in events}


def _holding(
    database: Contract, dataset: int, tranche: int, holder: Address, position: int
) -> Holding:
    born = position >> _BORN_AT
    to = Address(str(database.call("redirect", tranche)))
    redirected = None if to == NOBODY else to
    waiting = int(database.call("claimable", tranche, holder)) if redirected is None else 0
    return Holding(
        dataset=dataset,
        tranche=tranche,
        shares=Shares(position & _SHARES),
        total=Shares(int(database.call("shares_born", born, tranche))),
        claimable=waiting,
        ended=int(database.call("endings", tranche)) >> 160,
        redirected_to=redirected,
    )


def owners(registry: DataRegistry, tranche: int) -> list[Owner]:
    """Who owns a tranche now.

    Args:
        registry: the data market.
        tranche: id of the accepted proposal.

    Returns:
        Owners with shares, the largest first.

    Raises:
        UnknownEntityError: no such dataset.
    """
    dataset, _ = split_proposal_id(tranche)
    database = registry.contracts.database(dataset)
    word = tranche.to_bytes(WORD_BYTES, "big")
    events = registry.contracts.told(database, "Transfer", [[], [], [word]])
    holders = dict.fromkeys(Address(str(event.args["receiver"])) for event in events)
    found = [
        Owner(holder, Shares(int(database.call("balanceOf", holder, tranche))))
        for holder in holders
    ]
    return sorted((one for one in found if one.shares), key=lambda one: -one.shares)


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
    contracts = registry.contracts
    contracts.database(dataset)
    earned = int(contracts.curator_token.call("earned_votes", dataset, account))
    genesis = int(contracts.curator_token.call("genesis_weight", dataset, account))
    if genesis == 0:
        return earned
    total = int(contracts.curator_token.call("genesis_total", dataset))
    supply = int(contracts.association.call("datasets", dataset)) & _SHARES
    return earned + genesis * total // (total + supply)


def plan_transfer(
    registry: DataRegistry, owner: Address, tranche: int, receiver: Address, amount: int
) -> WritePlan:
    """Plan a transfer of shares; dividends earned before it stay with the owner, votes too.

    Args:
        registry: the data market.
        owner: who has the shares.
        tranche: id of the accepted proposal.
        receiver: who gets them.
        amount: shares, >= 1.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: more shares than the owner has, or none, or nobody to send them to.
    """
    database = _database(registry, tranche)
    address_bytes("the receiver", receiver)
    if receiver == NOBODY:
        raise BadInputError("shares sent to the zero address are lost: name a receiver")
    balance = int(database.call("balanceOf", owner, tranche))
    if not 1 <= amount <= balance:
        raise BadInputError(
            f"{amount} shares of tranche {tranche} cannot be sent: {owner} has {balance}"
        )
    call = Call(
        database,
        "transfer",
        (receiver, tranche, amount),
        f"send {amount} shares of tranche {tranche} to {receiver}",
    )
    return WritePlan((call,))


def plan_removal(registry: DataRegistry, owner: Address, tranche: int) -> WritePlan:
    """Plan to take a tranche out of the snapshots to come; earlier ones keep paying its holder.

    Args:
        registry: the data market.
        owner: who holds all its shares.
        tranche: id of the accepted proposal.

    Returns:
        One transaction.

    Raises:
        UnknownEntityError: no such dataset.
        BadInputError: somebody else holds shares of it, or it is out already.
    """
    database = _database(registry, tranche)
    position = int(database.call("positions", owner, tranche))
    if position & _SHARES == 0:
        raise BadInputError(f"{owner} has no shares of tranche {tranche}: nothing to remove")
    total = int(database.call("shares_born", position >> _BORN_AT, tranche))
    if position & _SHARES != total:
        raise BadInputError(
            f"{owner} has {position & _SHARES} of the {total} shares of tranche {tranche}: only "
            "who holds all of them can remove it"
        )
    if int(database.call("endings", tranche)):
        raise BadInputError(f"tranche {tranche} is out of the dataset already")
    return WritePlan(
        (Call(database, "remove", (tranche,), f"take tranche {tranche} out of later snapshots"),)
    )


def _database(registry: DataRegistry, tranche: int) -> Contract:
    try:
        dataset, _ = split_proposal_id(tranche)
    except BadInputError as error:
        raise UnknownEntityError(f"{error}; 'databright shares list' shows tranches") from error
    return registry.contracts.database(dataset)
