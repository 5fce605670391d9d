"""Actions: money for proposals, proposals, requests."""

from __future__ import annotations

from tests.contracts.stateful import data_model_proposals as proposals
from tests.contracts.stateful import data_model_requests as requests
from tests.contracts.stateful.actions import a_dataset, a_proposal, action, its_terms
from tests.contracts.stateful.data_model_proposals import Content
from tests.contracts.stateful.data_model_verdicts import is_evaluator
from tests.contracts.stateful.player import Pick, Player

OWING = ("DataAssociation", "Challenges", "Motions", "DataRequests")


def content(player: Player, pick: Pick) -> Content:
    """What is proposed."""
    rows = 0 if pick.chance(40) else 1 + pick(9)
    return Content(player.word(), player.word(), player.word(), rows)


@action(weight=4)
def deposit(player: Player, pick: Pick) -> None:
    sender, amount = pick.one(player.people), pick.one((200, 5, 0, 30))
    player.do(
        "DataAssociation",
        "deposit",
        (amount,),
        sender,
        lambda _: proposals.deposit(player.model, sender, amount),
    )


@action()
def deposit_with_authorization(player: Player, pick: Pick) -> None:
    account, amount, relayer = pick.one(player.people), pick(50), pick.one(player.people)
    to = player.world.at["DataAssociation"]
    signed = player.world.authorization(account, to, amount, 2**40, player.word())
    player.do(
        "DataAssociation",
        "deposit_with_authorization",
        (account, *signed),
        relayer,
        lambda _: proposals.deposit(player.model, account, amount),
    )


@action()
def withdraw(player: Player, pick: Pick) -> None:
    sender = pick.one(player.everybody)
    player.do(
        "DataAssociation",
        "withdraw",
        (),
        sender,
        lambda _: proposals.withdraw(player.model, sender),
    )


@action(weight=2)
def withdraw_for(player: Player, pick: Pick) -> None:
    account, contract = pick.one(player.everybody), pick.one(OWING)
    player.do(
        contract,
        "withdraw_for",
        (account,),
        pick.one(player.people),
        lambda _: proposals.withdraw_for(player.model, account, contract),
    )


@action(weight=12)
def propose(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    payee = sender if pick(3) else pick.one(player.people)
    offered = content(player, pick)
    asked = [
        number
        for number, request in enumerate(player.model.requests, start=1)
        if pick.chance(12)
        or (request.dataset == dataset.id and player.model.now < request.deadline)
    ]
    request = pick.one([0, *asked])
    if player.model.deposits[sender] < 200:
        player.do(
            "DataAssociation",
            "deposit",
            (300,),
            sender,
            lambda _: proposals.deposit(player.model, sender, 300),
        )
    player.do(
        "DataAssociation",
        "propose",
        (
            dataset.id,
            request,
            payee,
            offered.root,
            offered.ref,
            offered.manifest,
            offered.num_rows,
        ),
        sender,
        lambda _: (
            proposals.propose(player.model, sender, dataset, request, payee, offered).terms.proposal
        ),
    )


@action()
def propose_poor(player: Player, pick: Pick) -> None:
    """Propose with next to no deposit: what the association owes pays, or nothing does."""
    dataset, sender = a_dataset(player, pick), pick.one(player.people)
    amount = pick.one((5, 0, 8, 1))
    offered = content(player, pick)
    player.do(
        "DataAssociation",
        "withdraw",
        (),
        sender,
        lambda _: proposals.withdraw(player.model, sender),
    )
    player.do(
        "DataAssociation",
        "deposit",
        (amount,),
        sender,
        lambda _: proposals.deposit(player.model, sender, amount),
    )
    player.do(
        "DataAssociation",
        "propose",
        (dataset.id, 0, sender, offered.root, offered.ref, offered.manifest, offered.num_rows),
        sender,
        lambda _: (
            proposals.propose(player.model, sender, dataset, 0, sender, offered).terms.proposal
        ),
    )


@action(weight=2)
def withdraw_proposal(player: Player, pick: Pick) -> None:
    proposal = a_proposal(player, pick)
    if proposal is None:
        return
    terms = its_terms(proposal, pick)
    sender = terms.proposer if not pick.chance(12) else pick.one(player.people)
    player.do(
        "DataAssociation",
        "withdraw_proposal",
        (terms,),
        sender,
        lambda _: proposals.withdraw_proposal(player.model, sender, terms),
    )


@action(weight=3)
def revise(player: Player, pick: Pick) -> None:
    proposal = a_proposal(player, pick)
    if proposal is None:
        return
    terms, offered = its_terms(proposal, pick), content(player, pick)
    sender = terms.proposer if not pick.chance(12) else pick.one(player.people)
    player.do(
        "DataAssociation",
        "revise",
        (terms, offered.root, offered.ref, offered.manifest, offered.num_rows),
        sender,
        lambda _: proposals.revise(player.model, sender, terms, offered).terms.proposal,
    )


@action()
def pass_by(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    number = pick(len(dataset.proposals) + 2)
    player.do(
        "DataAssociation",
        "pass_by",
        (dataset.id, number),
        pick.one(player.people),
        lambda _: proposals.pass_by(player.model, dataset, number),
    )


# Requests


@action(weight=2)
def open_request(player: Player, pick: Pick) -> None:
    sender = pick.one(player.people)
    dataset = 1 + pick(len(player.model.datasets)) if not pick.chance(16) else 9
    escrow = pick.one((40, 15, 0, 90))
    curve = [(), ((3, 4_000), (6, 1_500), (7, 900)), ((5, 2_500),), ((2, 7_000), (9, 7_000))]
    chosen = pick.one(curve) if not pick.chance(12) else ((3, 10), (9, 20))
    deadline = player.model.now + pick(120)
    if not 1 <= dataset <= len(player.model.datasets) or len(player.model.requests) < 5:
        player.do(
            "DataRequests",
            "open_request",
            (dataset, escrow, chosen, deadline, bytes(32), bytes(32), bytes(32), bytes(32)),
            sender,
            lambda _: requests.open_request(
                player.model, sender, dataset, escrow, chosen, deadline
            ),
        )


@action()
def top_up(player: Player, pick: Pick) -> None:
    if not player.model.requests:
        return
    sender, amount = pick.one(player.people), pick(20)
    number = 1 + pick(len(player.model.requests))
    player.do(
        "DataRequests",
        "top_up",
        (number, amount),
        sender,
        lambda _: requests.top_up(player.model, sender, number, amount),
    )


@action(weight=2)
def close_request(player: Player, pick: Pick) -> None:
    if not player.model.requests:
        return
    number = 1 + pick(len(player.model.requests))
    initiator = player.model.requests[number - 1].initiator
    sender = initiator if pick(5) else pick.one(player.people)
    player.do(
        "DataRequests",
        "close_request",
        (number,),
        sender,
        lambda _: requests.close_request(player.model, sender, number),
    )


@action()
def retire_holdout(player: Player, pick: Pick) -> None:
    idle = [
        number
        for number, request in enumerate(player.model.requests, start=1)
        if request.num_open == 0 or pick(2)
    ]
    if not idle or not pick.chance(3):
        return
    number, sender = pick.one(idle), pick.one(player.judges)
    dataset = player.model.dataset(player.model.requests[number - 1].dataset)
    player.do(
        "DataRequests",
        "retire_holdout",
        (number, b"r" * 32),
        sender,
        lambda _: requests.retire_holdout(
            player.model, sender, number, is_evaluator(dataset, len(dataset.versions), sender)
        ),
    )
