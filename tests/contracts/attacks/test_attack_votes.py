"""Attacks on the count: late votes, bought votes, borrowed votes, votes counted twice."""

from __future__ import annotations

from typing import Any

from tests.contracts.attacks.attack_world import (
    NAIVE,
    PERIOD,
    REJECTED,
    World,
    build_world,
    digest,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import Bound, deploy_own, refused

MOLE = who("accomplice")


def naive_market(*weights: int) -> tuple[World, Bound]:
    """The naive market whose founders are honest, attacker and accomplice, in this order."""
    world = build_world()
    founders = [world.honest, world.attacker, MOLE][: len(weights)]
    path = NAIVE / "NaiveAssociation.vy"
    market = deploy_own(
        world.chain, path, world.deployer, world.token.address, founders, list(weights)
    )
    return world, market


def market_of(*weights: int, **rules: Any) -> World:
    """Our market with the same founders as genesis curators."""
    curators = [who("honest"), who("attacker"), MOLE][: len(weights)]
    world = build_world(curators=curators, weights=list(weights), **rules)
    world.curators = curators
    return world


def stolen(world: World, proposal: int, payee: str = "") -> int:
    """Shares that a proposal brought the attacker."""
    return int(world.database.balanceOf(payee or world.attacker, proposal))


# Vote after the deadline


def late_vote_naive() -> dict[str, int]:
    world, market = naive_market(5, 6)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    # Everybody believes that it has failed, and looks elsewhere.
    world.chain.wait(100 * PERIOD)
    market.vote(id, True, sender=world.attacker)
    market.execute(id, sender=world.attacker)
    return {"gain": market.balanceOf(world.attacker) - 6}


def late_vote_ours() -> dict[str, int]:
    world = market_of(5, 6)
    proposal = world.propose(MOLE, world.attacker)
    world.to_end(proposal)
    with refused("curator: no voting now"):
        world.votes.vote(proposal, True, sender=world.attacker)
    with refused("curator: no voting now"):
        world.votes.vote_many([proposal], 1, sender=world.attacker)
    world.execute(proposal)
    assert world.sides(proposal) == (0, 0)
    assert world.status(proposal) == REJECTED
    return {"gain": stolen(world, proposal)}


@both(late_vote_naive, late_vote_ours)
def test_vote_after_the_deadline(attack: Attack) -> None:
    attack.judge()


# Revive a defeated proposal


def revived_naive() -> dict[str, int]:
    world, market = naive_market(6, 5)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    market.vote(id, True, sender=world.attacker)
    market.vote(id, False, sender=world.honest)
    with refused("naive: defeated"):
        market.execute(id)
    # Long after, the honest holder has sold what it had.
    market.transfer(world.buyer, 6, sender=world.honest)
    market.transfer(world.attacker, 1, sender=world.buyer)
    market.execute(id)
    return {"gain": market.balanceOf(world.attacker) - 6}


def revived_ours() -> dict[str, int]:
    world = market_of(6, 5)
    proposal = world.propose(MOLE, world.attacker)
    world.to_vote(proposal)
    world.votes.vote(proposal, True, sender=world.attacker)
    world.votes.vote(proposal, False, sender=world.honest)
    world.to_end(proposal)
    verdict = world.verdict()
    world.execute(proposal, verdict)
    for _ in range(3):
        world.chain.wait(PERIOD)
        with refused("verdicts: proposal is not open"):
            world.execute(proposal, verdict)
    with refused("curator: no voting now"):
        world.votes.vote(proposal, True, sender=MOLE)
    with refused("verdicts: proposal is not open"):
        world.verdicts.expire(world.terms[proposal])
    assert world.status(proposal) == REJECTED
    return {"gain": stolen(world, proposal)}


@both(revived_naive, revived_ours)
def test_revive_a_defeated_proposal(attack: Attack) -> None:
    attack.judge()


# Buy, vote, sell


def bought_naive() -> dict[str, int]:
    world, market = naive_market(10, 1)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    market.transfer(world.attacker, 10, sender=world.honest)
    market.vote(id, True, sender=world.attacker)
    market.execute(id)
    market.transfer(world.honest, 10, sender=world.attacker)
    return {"gain": market.balanceOf(world.attacker) - 1, "kept": 0}


def bought_ours() -> dict[str, int]:
    world = build_world()
    tranche = world.accepted(world.honest, 90)
    proposal = world.propose(world.attacker)
    world.database.transfer(world.attacker, tranche, 90, sender=world.honest)
    world.to_vote(proposal)
    weight = world.votes.weight_on(proposal, world.attacker)
    later = world.propose(MOLE, world.attacker)
    world.to_vote(later)
    weight += world.votes.weight_on(later, world.attacker)
    with refused("curator: no weight"):
        world.votes.vote(later, True, sender=world.attacker)
    # The seller votes as before: a share's sale moves no vote.
    assert world.votes.weight_on(later, world.honest) == 90
    return {"gain": weight, "shares bought": world.database.balanceOf(world.attacker, tranche)}


@both(bought_naive, bought_ours)
def test_buy_vote_sell(attack: Attack) -> None:
    attack.judge()


# Borrow weight in one block


def flash_naive() -> dict[str, int]:
    world, market = naive_market(10)
    borrower = deploy_own(world.chain, NAIVE / "Borrower.vy", world.attacker)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    borrower.attack(market.address, id, 10, world.honest, sender=world.attacker)
    assert market.balanceOf(world.honest) == 10
    return {"gain": market.balanceOf(world.attacker)}


def flash_ours() -> dict[str, int]:
    world = build_world(review_minutes=0)
    waiting = world.propose(world.attacker)
    world.vote_all(waiting)
    world.to_end(waiting)
    # In one second: 90 votes are minted to the attacker, a proposal is committed and voted on.
    world.execute(waiting, world.verdict(90))
    before = world.chain.now
    proposal = int(
        world.association.propose(
            world.dataset, 0, world.attacker, digest("r"), digest("f"), digest("m"), 1, sender=MOLE
        )
    )
    world.noted(proposal)
    assert world.chain.now == before
    assert world.votes.earned_votes(world.dataset, world.attacker) == 90
    with refused("curator: no weight"):
        world.votes.vote(proposal, True, sender=world.attacker)
    # Neither do they count in the electorate that a quorum is taken of.
    assert world.terms[proposal][11] == 11
    return {"gain": world.votes.weight_on(proposal, world.attacker), "votes then": 90}


@both(flash_naive, flash_ours)
def test_borrow_weight_in_one_block(attack: Attack) -> None:
    attack.judge()


# Delegation in a circle, counted twice, and moved on


def circle_naive() -> dict[str, int]:
    world, market = naive_market(97, 1, 2)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    for _ in range(6):
        market.delegate(MOLE, sender=world.attacker)
        market.delegate(world.attacker, sender=MOLE)
    power = market.delegated(world.attacker) + market.balanceOf(world.attacker)
    market.vote(id, True, sender=world.attacker)
    market.execute(id)
    return {"gain": market.balanceOf(world.attacker) - 1, "weight of 3": power}


def circle_ours() -> dict[str, int]:
    world = market_of(97, 1, 2)
    far = world.chain.now + 100 * PERIOD
    for _ in range(6):
        world.votes.lend(world.dataset, MOLE, 2**52 - 1, far, 0, sender=world.attacker)
        world.votes.lend(world.dataset, world.attacker, 2**52 - 1, far, 0, sender=MOLE)
        world.chain.wait(1)
    proposal = world.propose(who("worker"), world.attacker)
    terms = world.terms[proposal]
    world.to_vote(proposal)
    everyone = [world.attacker, MOLE, world.attacker, MOLE]
    world.votes.vote_lent(terms, True, 0, everyone, sender=world.attacker)
    world.votes.vote_lent(terms, True, 0, everyone, sender=MOLE)
    assert world.sides(proposal) == (3, 0)
    for oracle in (world.attacker, MOLE):
        with refused("curator: no weight"):
            world.votes.vote_lent(terms, True, 0, everyone, sender=oracle)
        # An own ballot takes back what was cast with one's weight, and is the last.
        world.votes.vote(proposal, True, sender=oracle)
        with refused("curator: already voted"):
            world.votes.vote(proposal, True, sender=oracle)
    assert world.votes.lent_tallies(proposal) == 0
    return {"gain": world.sides(proposal)[0] - 3, "weight of 3": world.sides(proposal)[0]}


@both(circle_naive, circle_ours)
def test_delegation_in_a_circle(attack: Attack) -> None:
    attack.judge()


def moved_on_naive() -> dict[str, int]:
    world, market = naive_market(7, 4, 0)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    market.delegate(MOLE, sender=world.attacker)
    # The delegation stays with the mole, the shares go to vote for themselves.
    market.transfer(who("worker"), 4, sender=world.attacker)
    for voter in (MOLE, who("worker")):
        market.vote(id, True, sender=voter)
    market.execute(id)
    return {"gain": market.balanceOf(world.attacker), "weight of 4": 8}


def moved_on_ours() -> dict[str, int]:
    world = build_world()
    tranche = world.accepted(world.attacker, 40)
    far = world.chain.now + 100 * PERIOD
    world.votes.lend(world.dataset, MOLE, 2**52 - 1, far, 0, sender=world.attacker)
    worker = who("worker")
    world.database.transfer(worker, tranche, 40, sender=world.attacker)
    proposal = world.propose(world.honest, world.attacker)
    world.to_vote(proposal)
    world.votes.vote_lent(world.terms[proposal], True, 0, [world.attacker], sender=MOLE)
    with refused("curator: no weight"):
        world.votes.vote(proposal, True, sender=worker)
    # A second loan replaces the first: nothing is lent twice on one proposal.
    world.votes.lend(world.dataset, worker, 2**52 - 1, far, 0, sender=world.attacker)
    with refused("curator: no weight"):
        world.votes.vote_lent(world.terms[proposal], True, 0, [world.attacker], sender=worker)
    return {"gain": world.sides(proposal)[0] - 40, "weight of 40": world.sides(proposal)[0]}


@both(moved_on_naive, moved_on_ours)
def test_delegate_then_transfer(attack: Attack) -> None:
    attack.judge()


# A whale at the last minute


def whale_naive() -> dict[str, int]:
    world, market = naive_market(4, 6)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    market.vote(id, False, sender=world.honest)
    # One block: the ballot and the count. Nobody can answer.
    market.vote(id, True, sender=world.attacker)
    market.execute(id, sender=world.attacker)
    return {"gain": market.balanceOf(world.attacker) - 6}


def whale_ours() -> dict[str, int]:
    world = market_of(40, 35, 25)
    proposal = world.propose(who("worker"), world.attacker)
    world.to_vote(proposal)
    world.votes.vote(proposal, False, sender=MOLE)
    first_end = world.deadline(proposal)
    world.chain.wait_until(first_end - 1)
    world.votes.vote(proposal, True, sender=world.attacker)
    assert world.deadline(proposal) - world.chain.now >= PERIOD // 4
    with refused("verdicts: voting is not over"):
        world.execute(proposal)
    world.chain.wait(PERIOD // 4 - 1)
    # The others have a quarter of a period to look again.
    world.votes.vote(proposal, False, sender=world.honest)
    world.to_end(proposal)
    world.execute(proposal)
    assert world.status(proposal) == REJECTED
    assert world.deadline(proposal) <= first_end + PERIOD
    return {"gain": stolen(world, proposal), "seconds more": world.deadline(proposal) - first_end}


@both(whale_naive, whale_ours)
def test_whale_at_the_last_minute(attack: Attack) -> None:
    attack.judge()


def late_quorum_naive() -> dict[str, int]:
    world, market = naive_market(3, 2, 6)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    market.vote(id, True, sender=world.attacker)
    with refused("naive: no quorum"):
        market.execute(id)
    market.vote(id, True, sender=MOLE)
    market.execute(id, sender=world.attacker)
    return {"gain": market.balanceOf(world.attacker) - 2}


def late_quorum_ours() -> dict[str, int]:
    world = market_of(50, 20, 25, quorum_bps=4_000)
    proposal = world.propose(who("worker"), world.attacker)
    world.to_vote(proposal)
    # Yes leads without a quorum: the honest one need not bother, until the last second.
    world.votes.vote(proposal, True, sender=world.attacker)
    end = world.deadline(proposal)
    world.chain.wait_until(end - 1)
    world.votes.vote(proposal, True, sender=MOLE)
    assert world.deadline(proposal) >= world.chain.now + PERIOD // 4
    world.chain.wait(PERIOD // 8)
    world.votes.vote(proposal, False, sender=world.honest)
    world.to_end(proposal)
    world.execute(proposal)
    assert world.sides(proposal) == (45, 50)
    return {"gain": stolen(world, proposal), "seconds more": world.deadline(proposal) - end}


@both(late_quorum_naive, late_quorum_ours)
def test_quorum_at_the_last_minute(attack: Attack) -> None:
    attack.judge()


def test_extensions_end_after_one_period() -> None:
    """However often late ballots flip the vote, it ends."""
    voters = [who("flip", index) for index in range(16)]
    world = build_world(curators=voters, weights=[2**index for index in range(16)], quorum_bps=0)
    proposal = world.propose(who("worker"))
    end = world.deadline(proposal)
    flips = 0
    for index, voter in enumerate(voters):
        world.chain.wait_until(world.deadline(proposal) - 1)
        world.votes.vote(proposal, index % 2 == 0, sender=voter)
        if world.deadline(proposal) == world.chain.now + 1:
            break
        flips += 1
    assert 4 <= flips < len(voters)
    assert end < world.deadline(proposal) <= end + PERIOD
