"""Attacks on the count by the proposer itself, in its own name and in others'."""

from __future__ import annotations

from tests.contracts.attacks.attack_world import ACCEPTED, PERIOD, REJECTED, digest, who
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import refused
from tests.contracts.attacks.test_attack_votes import MOLE, market_of, naive_market, stolen

# Vote for oneself


def self_vote_naive() -> dict[str, int]:
    world, market = naive_market(5, 6)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    market.vote(id, True, sender=world.attacker)
    market.execute(id)
    return {"gain": market.balanceOf(world.attacker) - 6}


def self_vote_ours() -> dict[str, int]:
    world = market_of(5, 6, 1)
    far = world.chain.now + 100 * PERIOD
    world.votes.lend(world.dataset, MOLE, 2**52 - 1, far, 0, sender=world.attacker)
    own = world.propose(world.attacker)
    # Of the oracle to which the attacker has lent.
    oracles = world.propose(MOLE, world.attacker)
    world.to_vote(oracles)
    with refused("curator: already voted"):
        world.votes.vote(own, True, sender=world.attacker)
    with refused("curator: no weight"):
        world.votes.vote_lent(world.terms[own], True, 0, [world.attacker], sender=MOLE)
    with refused("curator: own proposal"):
        world.votes.vote_lent(world.terms[oracles], True, 0, [world.attacker], sender=MOLE)
    # The quorum is taken of the others.
    assert world.terms[own][11] == 6
    assert world.terms[oracles][11] == 11
    assert world.sides(own) == world.sides(oracles) == (0, 0)
    world.to_end(oracles)
    for proposal in (own, oracles):
        world.execute(proposal)
    return {"gain": stolen(world, own) + stolen(world, oracles)}


@both(self_vote_naive, self_vote_ours)
def test_vote_on_ones_own_proposal(attack: Attack) -> None:
    attack.judge()


def test_a_second_account_still_needs_quorum_and_evaluators() -> None:
    """Nobody can exclude a second account; what it wins is what k evaluators measured."""
    world = market_of(5, 4, quorum_bps=5_000)
    weak = world.propose(who("worker"), world.attacker)
    world.to_vote(weak)
    world.votes.vote(weak, True, sender=world.attacker)
    world.to_end(weak)
    world.execute(weak)
    assert world.status(weak) == REJECTED, "4 of 9 are no quorum of half"
    world = market_of(4, 5, quorum_bps=5_000)
    strong = world.propose(who("worker"), world.attacker)
    world.to_vote(strong)
    world.votes.vote(strong, True, sender=world.attacker)
    with refused("verdicts: too few signatures"):
        world.execute(strong, world.verdict(90), world.sign(strong, world.verdict(90))[:1])
    # A majority carries it; it gets nothing above what was measured, and a copy nothing at all.
    world.execute(strong, world.verdict(1))
    assert world.status(strong) == ACCEPTED
    assert stolen(world, strong) == 1
