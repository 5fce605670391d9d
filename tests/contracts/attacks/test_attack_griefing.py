"""Attacks that only harm: spam, standing in the way, and doing nothing."""

from __future__ import annotations

from typing import Any

from tests.contracts.attacks.attack_world import (
    ACCEPTED,
    BOND,
    EXPIRED,
    FEE,
    NAIVE,
    PERIOD,
    RELAY,
    REVIEW_S,
    UNIT,
    World,
    build_world,
    digest,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import Bound, deploy_own, refused

LOCKED = FEE + 64 * RELAY
SPAM = 200


def queue() -> tuple[World, Bound]:
    world = build_world()
    order = deploy_own(world.chain, NAIVE / "NaiveOrder.vy", world.deployer, world.token.address)
    for one in (world.attacker, world.honest):
        world.token.approve(order.address, 2**256 - 1, sender=one)
    return world, order


def settled(world: World) -> int:
    """Up to which number the dataset's mark has moved."""
    return (int(world.association.datasets(world.dataset)) >> 156) & (2**20 - 1)


def rich(**rules: Any) -> World:
    world = build_world(weights=[6_000, 3_000, 2_000], **rules)
    world.association.deposit(10**6, sender=world.attacker)
    return world


# Spam


def spam_naive() -> dict[str, int]:
    world, order = queue()
    for _ in range(SPAM):
        order.propose(digest("junk"), sender=world.attacker)
    id = order.propose(digest("data"), sender=world.honest)
    world.chain.wait(10**9)
    with refused("naive: earlier is open"):
        order.settle(id, sender=world.honest)
    return {"gain": world.balance(order), "locked by the attacker": 5 * SPAM, "seconds": 10**9}


def spam_ours() -> dict[str, int]:
    """200 open proposals hold the next one up by a period, and lock money by their square."""
    world = rich()
    free = world.association.deposit_of(world.attacker)
    junk = [world.propose(world.attacker) for _ in range(SPAM)]
    locked = free - int(world.association.deposit_of(world.attacker))
    assert locked == BOND * SPAM * (SPAM + 1) // 2 + LOCKED * SPAM
    proposal = world.propose(world.honest)
    assert world.terms[proposal][9] == BOND, "one's bond grows with one's own proposals only"
    world.vote_all(proposal)
    world.to_end(proposal)
    end = world.chain.now
    with refused("association: call pass_by"):
        world.execute(proposal)
    with refused("association: earlier is open"):
        world.association.pass_by(world.dataset, settled(world) + 32)
    # The youngest of them is late one period after its own vote.
    world.chain.wait_until(world.begin(junk[-1]) + 2 * PERIOD)
    gas = 0
    while settled(world) + 33 < proposal % UNIT:
        world.association.pass_by(world.dataset, settled(world) + 32, sender=world.honest)
        gas += world.chain.gas
    world.execute(proposal)
    assert world.status(proposal) == ACCEPTED
    waited = world.chain.now - end
    return {"gain": max(0, waited - PERIOD), "locked by the attacker": locked, "waited": waited,
            "gas to pass by": gas}  # fmt: skip


@both(spam_naive, spam_ours)
def test_spam_of_open_proposals(attack: Attack) -> None:
    attack.judge()


def test_a_bond_grows_across_datasets_and_with_every_revision_kept() -> None:
    world = rich()
    other = world.create_dataset()
    bonds = [world.terms[world.propose(world.attacker, dataset=one)][9]
             for one in (world.dataset, other, world.dataset, other)]  # fmt: skip
    assert bonds == [BOND, 2 * BOND, 3 * BOND, 4 * BOND]
    # A revision keeps its bond and stays one open proposal.
    last = max(world.terms)
    world.association.revise(
        world.terms[last], digest("r"), digest("f"), digest("m"), 5, sender=world.attacker
    )
    revised = world.noted(last + 1)
    assert world.terms[revised][9] == 4 * BOND
    assert world.association.open_of(world.attacker) == 4
    world.check_association()


# The mark moved down


def mark_naive() -> dict[str, int]:
    return spam_naive()


def mark_ours() -> dict[str, int]:
    world = rich()
    proposals = [world.propose(world.attacker) for _ in range(40)]
    for one in proposals:
        world.association.withdraw_proposal(world.terms[one], sender=world.attacker)
    world.association.pass_by(world.dataset, 32)
    world.association.pass_by(world.dataset, 40)
    for number in (0, 1, 31, 39, 40):
        with refused("association: is passed"):
            world.association.pass_by(world.dataset, number, sender=world.attacker)
    with refused("association: unknown number"):
        world.association.pass_by(world.dataset, 41, sender=world.attacker)
    return {"gain": 40 - settled(world)}


@both(mark_naive, mark_ours)
def test_the_mark_of_settled_proposals_never_moves_down(attack: Attack) -> None:
    attack.judge()


# Standing first in the order and doing nothing


def in_the_way_naive() -> dict[str, int]:
    world, order = queue()
    order.propose(digest("junk"), sender=world.attacker)
    id = order.propose(digest("data"), sender=world.honest)
    world.chain.wait(10**6)
    with refused("naive: earlier is open"):
        order.settle(id, sender=world.honest)
    return {"gain": world.balance(order) - 5, "seconds": 10**6}


def in_the_way_ours() -> dict[str, int]:
    """The earlier one is neither voted on nor measured, and nobody executes it."""
    world = rich()
    world.propose(world.attacker)
    proposal = world.propose(world.honest)
    world.vote_all(proposal)
    world.to_end(proposal)
    end, late = world.chain.now, world.begin(proposal - 1) + 2 * PERIOD
    while world.chain.now < late:
        with refused("association: earlier is open"):
            world.execute(proposal)
        world.chain.wait_until(min(late, world.chain.now + PERIOD // 3))
    world.execute(proposal)
    waited = world.chain.now - end
    return {"gain": max(0, waited - PERIOD), "seconds": waited}


@both(in_the_way_naive, in_the_way_ours)
def test_an_earlier_proposal_that_nobody_settles(attack: Attack) -> None:
    attack.judge()


# Nobody executes; evaluators are silent


def silent_naive() -> dict[str, int]:
    world, order = queue()
    id = order.propose(digest("data"), sender=world.attacker)
    world.chain.wait(10**9)
    # Nobody but its proposer settles it, and what lies behind it waits.
    with refused("naive: not the proposer"):
        order.settle(id, sender=world.honest)
    return {"gain": world.balance(order)}


def silent_ours() -> dict[str, int]:
    world = rich()
    before = world.worth(world.honest)
    measured, ignored = world.propose(world.honest), world.propose(world.honest)
    for one in (measured, ignored):
        world.vote_all(one)
    world.to_end(ignored)
    # Anybody executes: a stranger without weight, stake or shares does.
    verdict = world.verdict()
    world.verdicts.execute(
        world.terms[measured], verdict, world.sign(measured, verdict), 0, sender=who("stranger")
    )
    with refused("verdicts: too early to expire"):
        world.verdicts.expire(world.terms[ignored])
    world.chain.wait_until(world.deadline(ignored) + 2 * PERIOD)
    with refused("verdicts: has expired"):
        world.execute(ignored)
    world.verdicts.expire(world.terms[ignored], sender=who("stranger"))
    assert world.status(ignored) == EXPIRED
    # All of the ignored one's money is back; the other cost its evaluation's fee.
    assert before - world.worth(world.honest) == FEE
    world.check_association()
    return {"gain": 0, "seconds until it is over": 60 * 1 + 3 * PERIOD}


@both(silent_naive, silent_ours)
def test_nobody_executes_and_evaluators_are_silent(attack: Attack) -> None:
    attack.judge()


# A holdout probed for nothing


def probed_naive() -> dict[str, int]:
    world, order = queue()
    before = world.worth(world.attacker)
    for index in range(10):
        id = order.propose(digest(f"guess {index}"), sender=world.attacker)
        order.accept(id, sender=world.attacker)
    return {"gain": 10, "paid": before - world.worth(world.attacker)}


def probed_ours() -> dict[str, int]:
    """Propose, have it measured, take it off: the measurement is paid all the same."""
    world = rich()
    before = world.worth(world.attacker)
    for _ in range(10):
        proposal = world.propose(world.attacker)
        world.verdicts.publish_evidence(
            proposal, 0, digest("evidence"), sender=world.evaluators[1].address
        )
        world.association.withdraw_proposal(world.terms[proposal], sender=world.attacker)
    paid = before - world.worth(world.attacker)
    assert paid == 10 * FEE
    earned = sum(int(world.association.credit_of(one.address)) for one in world.evaluators)
    assert earned == paid
    world.check_association()
    return {"gain": 10 * FEE - paid, "paid": paid}


@both(probed_naive, probed_ours)
def test_probing_a_holdout_for_nothing(attack: Attack) -> None:
    attack.judge()


def test_a_copier_who_flees_pays_the_fee_of_every_look() -> None:
    """Only a verdict takes a bond: whoever revises in time keeps it and pays each measurement."""
    world = rich()
    before = world.worth(world.attacker)
    world.propose(world.honest)
    copy = world.propose(world.attacker)
    world.verdicts.publish_evidence(copy, 0, digest("copy"), sender=world.evaluators[0].address)
    world.to_vote(copy)
    with refused("association: voting has begun"):
        world.association.withdraw_proposal(world.terms[copy], sender=world.attacker)
    world.association.revise(
        world.terms[copy], digest("r"), digest("f"), digest("m"), 5, sender=world.attacker
    )
    revised = world.noted(copy + 1)
    world.association.withdraw_proposal(world.terms[revised], sender=world.attacker)
    assert before - world.worth(world.attacker) == FEE
    assert world.database.num_snapshots() == 0
    # It stood in the way for no longer than it was open.
    assert world.chain.now - world.begin(copy) < REVIEW_S + PERIOD


# A request that cannot be closed


def test_proposals_to_a_request_hold_its_escrow_only_until_they_end() -> None:
    world = rich()
    deadline = world.chain.now + 500
    initiator = who("initiator")
    request = int(
        world.requests.open_request(
            world.dataset, 1_000, [], deadline, digest("h"), digest("r"), digest("p"),
            digest("c"), sender=initiator,
        )
    )  # fmt: skip
    proposal = world.propose(world.attacker, request=request)
    world.chain.wait_until(deadline)
    with refused("requests: proposals are open"):
        world.requests.close_request(request, sender=initiator)
    # It cannot be carried on by a revision.
    with refused("requests: is closed"):
        world.association.revise(
            world.terms[proposal], digest("r"), digest("f"), digest("m"), 5, sender=world.attacker
        )
    world.chain.wait_until(world.deadline(proposal) + 2 * PERIOD)
    world.verdicts.expire(world.terms[proposal])
    world.requests.close_request(request, sender=initiator)
    assert world.requests.credit_of(initiator) == 1_000
    assert world.chain.now - deadline <= REVIEW_S + 4 * PERIOD
    with refused("charter: unknown dataset"):
        world.requests.open_request(
            99, 1_000, [], world.chain.now + 1, digest("h"), digest("r"), digest("p"),
            digest("c"), sender=initiator,
        )  # fmt: skip
