"""Actions: income, claims, transfers, removal."""

from __future__ import annotations

from collections.abc import Sequence

from tests.contracts.stateful import data_model_income as income
from tests.contracts.stateful.actions import a_dataset, action
from tests.contracts.stateful.data_model import ACCEPTED, Dataset, require
from tests.contracts.stateful.player import Pick, Player, Seen

UNLIMITED = 2**256 - 1


def database(dataset: Dataset) -> str:
    return dataset.wallet


def a_snapshot(dataset: Dataset, pick: Pick) -> int:
    """The number of a snapshot, half of the time the newest."""
    if pick(2) or not dataset.newest:
        return dataset.newest
    return 1 + pick(dataset.newest) if not pick.chance(30) else pick.one((0, dataset.newest + 1))


def tranches(dataset: Dataset) -> list[int]:
    return [found.terms.proposal for found in dataset.proposals if found.box.status == ACCEPTED]


def a_holding(player: Player, dataset: Dataset, pick: Pick) -> tuple[str, int]:
    """(holder, tranche), mostly one with shares."""
    held = [place for place, holding in dataset.holdings.items() if holding.shares]
    owed = [place for place in held if dataset.holdings[place].most >= 1]
    if held and not pick.chance(12):
        return pick.one(owed if owed and pick(3) else held)
    return pick.one(player.people), pick.one(tranches(dataset) or [dataset.id * 1_000_000 + 1])


@action(weight=12)
def fund(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    if not dataset.newest and pick(12):
        return
    number, amount = a_snapshot(dataset, pick), pick.one((1, 7, 2, 3, 19, 0, 5))
    player.do(
        database(dataset),
        "fund",
        (number, amount),
        sender,
        lambda _: income.fund(player.model, sender, dataset, number, amount),
    )


@action(weight=2)
def fund_with_authorization(player: Player, pick: Pick) -> None:
    dataset, payer = a_dataset(player, pick), pick.one(player.people)
    if not dataset.newest:
        return
    number, amount = a_snapshot(dataset, pick), 1 + pick(9)
    meant = number if not pick.chance(5) else number + 1
    to = player.world.at[database(dataset)]
    nonce = player.word()[:28] + meant.to_bytes(4)
    signed = player.world.authorization(payer, to, amount, 2**40, nonce)

    def rule(_: Seen) -> None:
        require(meant == number, "database: other snapshot")
        income.fund(player.model, payer, dataset, number, amount)

    player.do(
        database(dataset),
        "fund_with_authorization",
        (number, (payer, *signed)),
        pick.one(player.people),
        rule,
    )


@action(weight=2)
def fund_tranche(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    accepted = [found for found in dataset.proposals if found.box.status == ACCEPTED]
    if not accepted:
        return
    chosen, amount = pick.one(accepted), 1 + pick(9)
    tranche = chosen.terms.proposal
    born = chosen.born if not pick.chance(8) else pick(dataset.newest + 2)
    player.do(
        database(dataset),
        "fund_tranche",
        (tranche, born, amount),
        sender,
        lambda _: income.fund_tranche(player.model, sender, dataset, tranche, born, amount),
    )


def claimed(
    player: Player, dataset: Dataset, holder: str, wanted: Sequence[int], seen: Seen
) -> int:
    """Claims by the rules, each with what the contract's event says it paid."""
    events = seen.events("Claimed") + seen.events("Redirected")
    sent = 0
    for tranche in dict.fromkeys(wanted):
        paid = sum(event["amount"] for event in events if event["tranche"] == tranche)
        if dataset.redirect.get(tranche) is None:
            sent += paid
        income.claim(player.model, dataset, holder, tranche, paid)
    return sent


@action(weight=6)
def claim(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    if not dataset.newest and pick(8):
        return
    holder, tranche = a_holding(player, dataset, pick)
    player.do(
        database(dataset),
        "claim",
        (tranche,),
        holder,
        lambda seen: claimed(player, dataset, holder, [tranche], seen),
    )


@action(weight=2)
def claim_many(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    if not dataset.newest and pick(8):
        return
    holder, _ = a_holding(player, dataset, pick)
    wanted = tranches(dataset)
    player.do(
        database(dataset),
        "claim_many",
        (wanted + wanted[:1],),
        holder,
        lambda seen: claimed(player, dataset, holder, wanted, seen),
    )


@action(weight=2)
def claim_for(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    if not dataset.newest and pick(8):
        return
    holder, tranche = a_holding(player, dataset, pick)
    player.do(
        database(dataset),
        "claim_for",
        (tranche, holder),
        pick.one(player.people),
        lambda seen: claimed(player, dataset, holder, [tranche], seen),
    )


@action(weight=2)
def withdraw_income(player: Player, pick: Pick) -> None:
    dataset, account = a_dataset(player, pick), pick.one(player.people)
    owed = [one for one, amount in dataset.credits.items() if amount]
    account = pick.one(owed) if owed and pick(3) else account
    player.do(
        database(dataset),
        "withdraw_for",
        (account,),
        pick.one(player.people),
        lambda _: income.withdraw(player.model, dataset, account),
    )


@action(weight=9)
def transfer(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    if not dataset.newest and pick(8):
        return
    sender, tranche = a_holding(player, dataset, pick)
    receiver = pick.one(player.people)
    have = dataset.holding(sender, tranche).shares
    amount = pick.one((have, 1, have // 2, have - 1 if have else 0)) + pick.chance(16)

    def rule(seen: Seen) -> None:
        income.check_transfer(dataset, sender, tranche, amount)
        income.transfer(dataset, sender, receiver, tranche, amount, seen.paid("Credited"))

    player.do(database(dataset), "transfer", (receiver, tranche, amount), sender, rule)


@action(weight=3)
def transfer_from(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    if not dataset.newest and pick(8):
        return
    sender, tranche = a_holding(player, dataset, pick)
    receiver, caller = pick.one(player.people), pick.one(player.people)
    allowing = [key for key in dataset.allowances if dataset.holding(key[0], key[2]).shares]
    if allowing and pick(3):
        sender, caller, tranche = pick.one(allowing)
    have = dataset.holding(sender, tranche).shares
    amount = pick.one((1, have, have // 2))

    def rule(seen: Seen) -> None:
        income.check_spend(dataset, caller, sender, tranche, amount)
        income.transfer(dataset, sender, receiver, tranche, amount, seen.paid("Credited"))

    player.do(database(dataset), "transferFrom", (sender, receiver, tranche, amount), caller, rule)


@action(weight=2)
def approve(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    owner, tranche = a_holding(player, dataset, pick)
    spender, amount = pick.one(player.people), pick.one((2, 1, UNLIMITED, 0))

    def rule(_: Seen) -> bool:
        dataset.allowances[owner, spender, tranche] = amount
        return True

    player.do(database(dataset), "approve", (spender, tranche, amount), owner, rule)


@action()
def set_operator(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    owner, spender = pick.one(player.people), pick.one(player.people)
    approved = bool(pick(2))

    def rule(_: Seen) -> bool:
        dataset.operators.discard((owner, spender))
        if approved:
            dataset.operators.add((owner, spender))
        return True

    player.do(database(dataset), "setOperator", (spender, approved), owner, rule)


@action(weight=2)
def remove(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    if not dataset.newest:
        return
    sender, tranche = a_holding(player, dataset, pick)
    player.do(
        database(dataset),
        "remove",
        (tranche,),
        sender,
        lambda _: income.remove(dataset, sender, tranche),
    )
