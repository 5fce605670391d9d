"""Attacks through challenges, and on verdicts that stand without a quorum."""

from __future__ import annotations

from typing import Any

from tests.contracts.attacks.attack_world import (
    ACCEPTED,
    CAP,
    CHALLENGE,
    EXPIRED,
    NAIVE,
    OPEN,
    PERIOD,
    STAKE,
    VOIDED,
    World,
    build_world,
    digest,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import Bound, deploy_own, refused

WINDOW = 300
MOLE = who("accomplice")


def optimistic(**rules: Any) -> World:
    """A market where a verdict that stands its window needs no quorum."""
    terms = {
        "optimistic_window": WINDOW,
        "challenge_bond": CHALLENGE,
        "evaluator_stake": STAKE,
        "quorum_bps": 10_000,
        **rules,
    }
    return build_world(**terms)


def queue() -> tuple[World, Bound]:
    """The naive queue, whose bonds everybody can pay."""
    world = build_world()
    order = deploy_own(world.chain, NAIVE / "NaiveOrder.vy", world.deployer, world.token.address)
    for one in (world.attacker, world.honest):
        world.token.approve(order.address, 2**256 - 1, sender=one)
    return world, order


def posted(world: World, proposal: int, verdict: tuple[Any, ...], *signers: Any) -> None:
    world.verdicts.post_verdict(
        world.terms[proposal], verdict, world.sign(proposal, verdict, *signers), sender=MOLE
    )


# Challenge again and again


def challenged_for_ever_naive() -> dict[str, int]:
    world, order = queue()
    id = order.propose(digest("data"), sender=world.honest)
    before = world.worth(world.attacker)
    order.challenge(id, sender=world.attacker)
    world.chain.wait(1_000 * PERIOD)
    with refused("naive: is challenged"):
        order.settle(id, sender=world.honest)
    return {
        "gain": world.balance(order),
        "paid by the attacker": before - world.worth(world.attacker),
    }


def challenged_for_ever_ours() -> dict[str, int]:
    world = optimistic()
    proposal = world.propose(world.honest)
    world.to_vote(proposal)
    verdict = world.verdict(50)
    signatures = world.sign(proposal, verdict)
    before = world.worth(world.attacker)
    world.challenges.challenge(proposal, verdict, signatures, sender=world.attacker)
    with refused("verdicts: is challenged"):
        world.challenges.challenge(proposal, verdict, signatures, sender=world.attacker)
    others = world.sign(proposal, verdict, *world.evaluators[2:])
    world.challenges.answer(proposal, verdict, others)
    for again in (signatures, others):
        with refused("challenges: was challenged"):
            world.challenges.challenge(proposal, verdict, again, sender=world.attacker)
    posted(world, proposal, verdict)
    world.chain.wait(WINDOW)
    world.execute(proposal, verdict)
    assert world.status(proposal) == ACCEPTED
    paid = before - world.worth(world.attacker)
    assert paid == CHALLENGE
    # Whoever measured again has the bond, to the unit.
    assert sum(world.challenges.credit_of(one.address) for one in world.evaluators[2:]) == paid
    return {"gain": -paid, "paid by the attacker": paid}


@both(challenged_for_ever_naive, challenged_for_ever_ours)
def test_challenge_twice(attack: Attack) -> None:
    attack.judge()


# Leave nobody to answer


def unanswerable_naive() -> dict[str, int]:
    return challenged_for_ever_naive()


def unanswerable_ours() -> dict[str, int]:
    world = optimistic()
    proposal = world.propose(world.honest)
    world.to_vote(proposal)
    verdict = world.verdict(50)
    for signers in (world.evaluators, world.evaluators[:3]):
        with refused("challenges: too many signatures"):
            world.challenges.challenge(
                proposal, verdict, world.sign(proposal, verdict, *signers), sender=world.attacker
            )
    with refused("verdicts: too few signatures"):
        world.challenges.challenge(
            proposal, verdict, world.sign(proposal, verdict)[:1], sender=world.attacker
        )
    own = world.sign(proposal, verdict, world.evaluators[0], world.evaluators[0])
    with refused("verdicts: signers not ascending"):
        world.challenges.challenge(proposal, verdict, own, sender=world.attacker)
    assert world.balance(world.challenges) == STAKE * len(world.evaluators)
    return {"gain": int(world.status(proposal) != OPEN)}


@both(unanswerable_naive, unanswerable_ours)
def test_challenge_that_leaves_nobody_to_answer(attack: Attack) -> None:
    attack.judge()


# Nobody answers


def unanswered_naive() -> dict[str, int]:
    return challenged_for_ever_naive()


def unanswered_ours() -> dict[str, int]:
    world = optimistic()
    before = {one: world.worth(one) for one in (world.attacker, world.honest)}
    proposal = world.propose(world.honest)
    world.to_vote(proposal)
    verdict = world.verdict(50)
    world.challenges.challenge(
        proposal, verdict, world.sign(proposal, verdict), sender=world.attacker
    )
    asked = world.chain.now
    with refused("challenges: may be answered"):
        world.challenges.lapse(world.terms[proposal])
    world.chain.wait(PERIOD)
    with refused("challenges: too late"):
        world.challenges.answer(
            proposal, verdict, world.sign(proposal, verdict, *world.evaluators[2:])
        )
    world.challenges.lapse(world.terms[proposal])
    assert world.status(proposal) == VOIDED
    assert {one: world.worth(one) for one in before} == before, "both bonds and the fee are back"
    world.check_association()
    # Nobody's money stays, and the same data may be proposed again.
    assert world.propose(world.honest) == proposal + 1
    return {"gain": 0, "seconds lost": world.chain.now - asked}


@both(unanswered_naive, unanswered_ours)
def test_challenge_that_nobody_answers(attack: Attack) -> None:
    attack.judge()


# A challenge of a good verdict as the shield of a bad one


def shield_naive() -> dict[str, int]:
    world = build_world()
    path = NAIVE / "NaiveAssociation.vy"
    market = deploy_own(world.chain, path, world.deployer, world.token.address, [MOLE], [1])
    id = market.propose(world.attacker, digest("data"), 0, sender=world.attacker)
    market.vote(id, True, sender=MOLE)
    # What was looked at once is not looked at again.
    market.measured(id, 1, sender=world.attacker)
    market.measured(id, CAP, sender=world.attacker)
    market.execute(id)
    return {"gain": market.balanceOf(world.attacker) - 1}


def shield_ours() -> dict[str, int]:
    world = optimistic()
    proposal = world.propose(world.attacker)
    world.to_vote(proposal)
    good, bad = world.verdict(1), world.verdict(CAP)
    liars, judges = world.evaluators[:2], world.evaluators[2:]
    stakes = sum(world.challenges.stake_of(world.dataset, one.address) for one in liars)
    # The accomplice spends the challenge on what is true, then the liars sign what is not.
    world.challenges.challenge(proposal, good, world.sign(proposal, good, *liars), sender=MOLE)
    world.challenges.answer(proposal, good, world.sign(proposal, good, *judges))
    posted(world, proposal, bad, *liars)
    world.challenges.challenge(
        proposal, bad, world.sign(proposal, bad, *liars), sender=world.honest
    )
    world.challenges.answer(proposal, good, world.sign(proposal, good, *judges))
    with refused("verdicts: not an evaluator's"):
        posted(world, proposal, bad, *liars)
    posted(world, proposal, good, *judges)
    world.chain.wait(WINDOW)
    world.execute(proposal, good, world.sign(proposal, good, *judges))
    assert world.challenges.credit_of(world.honest) == 2 * CHALLENGE
    lost = stakes - sum(world.challenges.stake_of(world.dataset, one.address) for one in liars)
    return {
        "gain": world.database.balanceOf(world.attacker, proposal) - 1,
        "stake lost": lost,
        "bond lost": CHALLENGE,
    }


@both(shield_naive, shield_ours)
def test_challenge_of_a_good_verdict_shields_no_bad_one(attack: Attack) -> None:
    attack.judge()


def test_what_k_colluding_evaluators_and_a_challenger_take() -> None:
    """k evaluators are trusted with others' stakes, up to twice the bond, not with income."""
    world = optimistic()
    proposal = world.propose(world.honest)
    world.to_vote(proposal)
    good, false = world.verdict(50), world.verdict(1)
    supply = int(world.token.totalSupply())
    before = world.worth(world.attacker)
    world.challenges.challenge(proposal, good, world.sign(proposal, good), sender=world.attacker)
    liars = world.evaluators[2:]
    world.challenges.answer(proposal, false, world.sign(proposal, false, *liars))
    gained = world.worth(world.attacker) - before
    assert gained == CHALLENGE, "twice the bond comes, the bond went to the accomplices"
    assert int(world.token.totalSupply()) == supply - (2 * STAKE - 2 * CHALLENGE)
    owed = int(world.challenges.total_credit()) + 2 * STAKE
    assert world.balance(world.challenges) == owed
    # What they found is as open to a challenge as the first verdict was, while k others are left.
    with refused("challenges: nothing at stake"):
        world.challenges.challenge(proposal, good, world.sign(proposal, good), sender=world.honest)


# Two verdicts that begin each other's window anew


def restarted_naive() -> dict[str, int]:
    # Without a window that begins once, whoever can call restarts it as often as it likes.
    return challenged_for_ever_naive()


def restarted_ours() -> dict[str, int]:
    world = optimistic()
    proposal = world.propose(world.honest)
    world.to_vote(proposal)
    first, second = world.verdict(50), world.verdict(49)
    posted(world, proposal, first)
    world.chain.wait(WINDOW - 1)
    for verdict, signers in ((second, world.evaluators[2:]), (first, world.evaluators[:2])):
        with refused("verdicts: is posted"):
            posted(world, proposal, verdict, *signers)
    world.chain.wait(1)
    world.execute(proposal, first)
    return {"gain": int(world.status(proposal) != ACCEPTED), "seconds waited": WINDOW}


@both(restarted_naive, restarted_ours)
def test_posting_anew_does_not_restart_the_window(attack: Attack) -> None:
    attack.judge()


def stale_naive() -> dict[str, int]:
    # The first verdict that reaches the contract counts, whatever became of the data since.
    world = build_world()
    path = NAIVE / "NaiveAssociation.vy"
    market = deploy_own(world.chain, path, world.deployer, world.token.address, [world.honest], [1])
    id = market.propose(world.honest, digest("data"), 50, sender=world.honest)
    market.vote(id, True, sender=world.honest)
    market.measured(id, 0, sender=world.attacker)
    market.execute(id)
    return {"gain": 51 - market.balanceOf(world.honest)}


def stale_ours() -> dict[str, int]:
    world = optimistic()
    first = world.propose(who("worker"))
    second = world.propose(world.honest)
    world.to_vote(second)
    old = world.verdict(50)
    old_signatures = world.sign(second, old)
    posted(world, second, old)
    one = world.verdict(7)
    posted(world, first, one)
    world.chain.wait(WINDOW)
    world.execute(first, one)
    # The head has moved; a new verdict is shown shortly before the vote ends.
    world.chain.wait_until(world.deadline(second) - 10)
    new = world.verdict(40)
    posted(world, second, new)
    world.to_end(second)
    # The old one's signatures are on the chain: whoever sends them wants the proposal rejected.
    with refused("verdicts: another is posted"):
        world.execute(second, old, old_signatures)
    world.chain.wait(WINDOW)
    world.execute(second, new)
    return {"gain": 40 - world.database.balanceOf(world.honest, second)}


@both(stale_naive, stale_ours)
def test_an_older_verdict_rejects_nothing_that_stands(attack: Attack) -> None:
    attack.judge()


def test_a_posted_verdict_that_grew_old_expires_without_a_loss() -> None:
    world = optimistic()
    proposal = world.propose(world.honest)
    other = world.propose(who("worker"))
    world.to_vote(other)
    verdict = world.verdict(50)
    posted(world, proposal, verdict)
    posted(world, other, world.verdict(9))
    before = world.association.deposit_of(world.honest)
    world.chain.wait_until(world.begin(proposal) + 2 * PERIOD)
    world.execute(other, world.verdict(9))
    with refused("database: stale base"):
        world.execute(proposal, verdict)
    world.chain.wait_until(world.deadline(proposal) + 2 * PERIOD)
    world.verdicts.expire(world.terms[proposal])
    assert world.status(proposal) == EXPIRED
    terms = world.terms[proposal]
    assert world.association.deposit_of(world.honest) == before + terms[9] + terms[10]
