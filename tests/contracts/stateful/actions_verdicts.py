"""Actions: evidence, verdicts, challenges, stakes."""

from __future__ import annotations

from tests.contracts.stateful import data_model_changes as changes
from tests.contracts.stateful import data_model_verdicts as verdicts
from tests.contracts.stateful.actions import (
    a_dataset,
    a_proposal,
    action,
    its_dataset,
    its_signatures,
    its_terms,
    its_verdict,
    play,
)
from tests.contracts.stateful.data_model import ACCEPTED, OK, OPEN, Dataset, Proposal, Verdict
from tests.contracts.stateful.data_model_verdicts import Signatures, signers_for
from tests.contracts.stateful.player import Pick, Player


@action(weight=2)
def publish_evidence(player: Player, pick: Pick) -> None:
    proposal = a_proposal(player, pick)
    if proposal is None:
        return
    number = proposal.terms.proposal
    sender = pick.one(player.judges) if pick(5) else pick.one(player.people)
    player.do(
        "Verdicts",
        "publish_evidence",
        (number, 0, b"e" * 32),
        sender,
        lambda _: verdicts.publish_evidence(player.model, sender, number),
    )


@action(weight=5)
def post_verdict(player: Player, pick: Pick) -> None:
    proposal = a_proposal(player, pick)
    if proposal is None or (proposal.box.rules.optimistic_window == 0 and pick(10)):
        return
    terms = its_terms(proposal, pick)
    verdict = its_verdict(player, proposal, pick)
    signatures = its_signatures(player, proposal, pick)
    player.do(
        "Verdicts",
        "post_verdict",
        (terms, verdict, player.signed_verdict(proposal, verdict, signatures, terms)),
        pick.one(player.people),
        lambda _: verdicts.post_verdict(player.model, terms, verdict, signatures),
    )


def _execute(
    player: Player, pick: Pick, proposal: Proposal, verdict: Verdict, signatures: Signatures
) -> bool:
    terms = its_terms(proposal, pick)
    copied = player.model.proposal(verdict.copy_of)
    born = copied.born if copied and not pick.chance(6) else pick(3)
    return player.do(
        "Verdicts",
        "execute",
        (terms, verdict, player.signed_verdict(proposal, verdict, signatures, terms), born),
        pick.one(player.people),
        lambda _: verdicts.execute(player.model, terms, verdict, signatures, born),
    )


@action(weight=12)
def execute(player: Player, pick: Pick) -> None:
    proposal = a_proposal(player, pick)
    if proposal is not None:
        verdict = its_verdict(player, proposal, pick)
        _execute(player, pick, proposal, verdict, its_signatures(player, proposal, pick))


@action(weight=8)
def conclude(player: Player, pick: Pick) -> None:
    """Execute the earliest open proposal after its vote, with a verdict that counts."""
    dataset = a_dataset(player, pick)
    still = [found for found in dataset.proposals if found.box.status == OPEN]
    still = [found for found in still if not found.is_pending]
    if not still:
        return
    proposal = still[0]
    if pick(4) and player.model.now < proposal.box.deadline:
        player.go_to(proposal.box.deadline)
    amount = pick.one((3, 1, 2, 5, 7))
    known = signers_for(dataset, proposal.box.version, player.judges)
    signatures = Signatures(known[-proposal.box.rules.threshold :])
    verdict = Verdict(dataset.newest, 1, OK, 0, amount, bytes(32))
    _execute(player, pick, proposal, verdict, signatures)


@action(weight=7)
def harvest(player: Player, pick: Pick) -> None:
    """What is open comes to its end: voted for by all and executed, one after the other."""
    for _ in range(1 + pick(2)):
        play(player, "propose", pick)
        play(player, "acclaim", pick)
        play(player, "conclude", pick)
    player.action = "harvest"


@action(weight=3)
def expire(player: Player, pick: Pick) -> None:
    proposal = a_proposal(player, pick)
    if proposal is None:
        return
    terms = its_terms(proposal, pick)
    player.do(
        "Verdicts",
        "expire",
        (terms,),
        pick.one(player.people),
        lambda _: verdicts.expire(player.model, terms),
    )


@action(weight=3)
def release_bond(player: Player, pick: Pick) -> None:
    held = [
        found
        for dataset in player.model.datasets
        for found in dataset.proposals
        if found.is_bond_held or (found.box.status == ACCEPTED and pick.chance(8))
    ]
    if not held:
        return
    terms = its_terms(pick.one(held), pick)
    player.do(
        "Verdicts",
        "release_bond",
        (terms,),
        pick.one(player.people),
        lambda _: verdicts.release_bond(player.model, terms),
    )


# Challenges


@action(weight=4)
def challenge(player: Player, pick: Pick) -> None:
    proposal = a_proposal(player, pick)
    if proposal is None:
        return
    number, sender = proposal.terms.proposal, pick.one(player.people)
    if (proposal.challenge or not proposal.box.rules.challenge_bond) and pick(8):
        return
    verdict = its_verdict(player, proposal, pick)
    signatures = its_signatures(player, proposal, pick)
    player.do(
        "Challenges",
        "challenge",
        (number, verdict, player.signed_verdict(proposal, verdict, signatures)),
        sender,
        lambda _: changes.challenge(player.model, sender, number, verdict, signatures),
    )


def _doubted(player: Player, pick: Pick) -> Proposal | None:
    every = [found for dataset in player.model.datasets for found in dataset.proposals]
    doubted = [found for found in every if found.challenge]
    pending = [found for found in doubted if found.is_pending and found.box.status == OPEN]
    if pending and not pick.chance(6):
        return pick.one(pending)
    return pick.one(doubted) if doubted else None


@action(weight=5)
def answer(player: Player, pick: Pick) -> None:
    proposal = _doubted(player, pick)
    if proposal is None or proposal.challenge is None:
        return
    number, first = proposal.terms.proposal, proposal.challenge
    dataset, box = its_dataset(player, proposal), proposal.box
    amount = first.verdict.amount + pick.one((0, 1, 3, 0)) if first.verdict.outcome == OK else 0
    verdict = first.verdict._replace(amount=amount, evidence=player.word())
    if pick.chance(8):
        verdict = its_verdict(player, proposal, pick)
    others = [judge for judge in player.judges if judge not in first.signers]
    known = signers_for(dataset, box.version, others)
    signatures = Signatures(known[: box.rules.threshold])
    if pick.chance(6):
        signatures = its_signatures(player, proposal, pick)
    player.do(
        "Challenges",
        "answer",
        (number, verdict, player.signed_verdict(proposal, verdict, signatures)),
        pick.one(player.people),
        lambda _: changes.answer(player.model, number, verdict, signatures),
    )


@action(weight=2)
def lapse(player: Player, pick: Pick) -> None:
    proposal = _doubted(player, pick)
    if proposal is None or proposal.challenge is None:
        return
    if not pick(3):
        player.go_to(proposal.challenge.deadline)
    terms = its_terms(proposal, pick)
    player.do(
        "Challenges",
        "lapse",
        (terms,),
        pick.one(player.people),
        lambda _: changes.lapse(player.model, terms),
    )


@action(weight=3)
def stake(player: Player, pick: Pick) -> None:
    dataset, sender = a_dataset(player, pick), pick.one(player.judges)
    _stake(player, sender, dataset, pick.one((6, 1, 0, 3)))


def _stake(player: Player, sender: str, dataset: Dataset, amount: int) -> None:
    player.do(
        "Challenges",
        "stake",
        (dataset.id, amount),
        sender,
        lambda _: changes.stake(player.model, sender, dataset, amount),
    )


@action(weight=3)
def stake_all(player: Player, pick: Pick) -> None:
    """Every evaluator whose signature does not count puts up what is asked."""
    dataset = a_dataset(player, pick)
    for judge in player.judges:
        if not dataset.counting.get(judge, False) and judge not in dataset.leaving:
            _stake(player, judge, dataset, max(dataset.rules.evaluator_stake, 1))


@action()
def unstake(player: Player, pick: Pick) -> None:
    dataset = a_dataset(player, pick)
    leaving = [judge for judge in player.judges if judge in dataset.leaving]
    sender = pick.one(leaving) if leaving and pick(4) else pick.one(player.judges)
    player.do(
        "Challenges",
        "unstake",
        (dataset.id,),
        sender,
        lambda _: changes.unstake(player.model, sender, dataset),
    )
