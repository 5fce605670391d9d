"""Attacks by changing what counts while something is under way."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.attacks.attack_world import (
    NAIVE,
    PERIOD,
    REJECTED,
    REVIEW_S,
    RULES,
    World,
    build_world,
    digest,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import Bound, deploy_own, refused

MOLE = who("accomplice")
YEAR = 365 * 86_400


def naive_market(*weights: int) -> tuple[World, Bound]:
    world = build_world()
    founders = [world.honest, world.attacker][: len(weights)]
    path = NAIVE / "NaiveAssociation.vy"
    market = deploy_own(
        world.chain, path, world.attacker, world.token.address, founders, list(weights)
    )
    return world, market


# Another quorum during a vote


def quorum_naive() -> dict[str, int]:
    world, market = naive_market(99, 1)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    market.vote(id, True, sender=world.attacker)
    with refused("naive: no quorum"):
        market.execute(id)
    market.set_quorum(0, sender=world.attacker)
    market.execute(id)
    return {"gain": market.balanceOf(world.attacker) - 1}


def quorum_ours() -> dict[str, int]:
    world = build_world(quorum_bps=5_000, change_delay=PERIOD)
    changed = world.rules(
        quorum_bps=0, voting_period=4, change_delay=PERIOD, bond=0, mint_cap=10**6, review_minutes=0
    )
    motion, rules = world.carry_rules(changed)
    world.chain.wait_until(world.ready_at(motion) - 100)
    proposal = world.propose(world.attacker)
    with refused("motions: delay is not over"):
        world.motions.enact_rules(motion, rules)
    world.chain.wait_until(world.ready_at(motion))
    world.motions.enact_rules(motion, rules)
    assert world.begin(proposal) + PERIOD == world.deadline(proposal)
    world.to_vote(proposal)
    # 3 of 11: enough by the new rules, whose quorum is none, not by its own.
    world.votes.vote(proposal, True, sender=world.curators[1])
    with refused("verdicts: voting is not over"):
        world.execute(proposal)
    world.to_end(proposal)
    world.execute(proposal)
    assert world.status(proposal) == REJECTED
    return {"gain": world.database.balanceOf(world.attacker, proposal)}


@both(quorum_naive, quorum_ours)
def test_rules_changed_during_a_vote(attack: Attack) -> None:
    attack.judge()


# Votes that were earned after the commitment


def earned_since_naive() -> dict[str, int]:
    world, market = naive_market(50, 40)
    id = market.propose(world.attacker, digest("junk"), 1_000, sender=world.attacker)
    market.vote(id, False, sender=world.honest)
    small = market.propose(world.attacker, digest("more"), 20, sender=world.attacker)
    # Carried while the honest one is asleep, and counted for the older proposal at once.
    market.vote(small, True, sender=world.attacker)
    market.set_quorum(4_000, sender=world.attacker)
    market.execute(small)
    market.vote(id, True, sender=world.attacker)
    market.execute(id)
    return {"gain": market.balanceOf(world.attacker) - 60, "weight earned since": 20}


def earned_since_ours() -> dict[str, int]:
    """Longer periods begin while shorter ones still settle: what is remembered must reach back."""
    world = build_world(change_delay=PERIOD)
    motion, rules = world.carry_rules(
        world.rules(voting_period=40 * PERIOD, change_delay=40 * PERIOD)
    )
    world.chain.wait_until(world.ready_at(motion) - 50)
    first, second = world.propose(MOLE, world.attacker), world.propose(MOLE, world.attacker)
    world.chain.wait_until(world.ready_at(motion))
    world.motions.enact_rules(motion, rules)
    long = world.propose(who("worker"), world.attacker)
    far = world.chain.now + YEAR
    for proposal in (first, second):
        world.vote_all(proposal)
    world.execute(first, world.verdict(30))
    # By the shorter span nothing needs to be remembered of before the first one's votes.
    world.chain.wait(REVIEW_S + 2 * PERIOD + 1)
    world.execute(second, world.verdict(40))
    assert world.votes.earned_votes(world.dataset, world.attacker) == 70
    weight = int(world.votes.weight_on(long, world.attacker))
    with refused("curator: no weight"):
        world.votes.vote(long, True, sender=world.attacker)
    world.votes.lend(world.dataset, MOLE, 2**52 - 1, far, 0, sender=world.attacker)
    with refused("curator: no weight"):
        world.votes.vote_lent(world.terms[long], True, 0, [world.attacker], sender=MOLE)
    assert world.terms[long][11] == 11
    return {"gain": weight, "votes earned since": 70}


@both(earned_since_naive, earned_since_ours)
def test_votes_earned_after_the_commitment(attack: Attack) -> None:
    attack.judge()


def test_an_override_takes_off_exactly_what_was_lent() -> None:
    """Whatever is minted in between, a tally's neighbours stay as they were."""
    world = build_world(change_delay=PERIOD)
    world.accepted(MOLE, 5, world.attacker)
    world.votes.lend(
        world.dataset, MOLE, 2**52 - 1, world.chain.now + YEAR, 0, sender=world.attacker
    )
    motion, rules = world.carry_rules(
        world.rules(voting_period=40 * PERIOD, change_delay=40 * PERIOD)
    )
    world.chain.wait_until(world.ready_at(motion) - 50)
    minting = [world.propose(who("worker"), world.attacker) for _ in range(2)]
    world.chain.wait_until(world.ready_at(motion))
    world.motions.enact_rules(motion, rules)
    long = world.propose(who("worker"))
    for proposal in minting:
        world.vote_all(proposal)
    world.to_vote(long)
    world.votes.vote_lent(world.terms[long], True, 0, [world.attacker], sender=MOLE)
    assert world.sides(long) == (5, 0)
    world.execute(minting[0], world.verdict(30))
    world.chain.wait(REVIEW_S + 2 * PERIOD + 1)
    world.execute(minting[1], world.verdict(40))
    word = world.tally(long)
    world.votes.vote(long, False, sender=world.attacker)
    assert world.sides(long) == (0, 5)
    assert world.votes.lent_tallies(long) == 0
    assert world.tally(long) >> 104 == word >> 104


# A motion kept up one's sleeve


def sleeve_naive() -> dict[str, int]:
    world, market = naive_market(1, 5)
    # Carried by a majority of then; counted when it suits the attacker.
    id = market.propose(world.attacker, digest("plan"), 1_000, sender=world.attacker)
    market.vote(id, True, sender=world.attacker)
    world.chain.wait(10 * YEAR)
    market.execute(id)
    return {"gain": market.balanceOf(world.attacker) - 5}


def sleeve_ours() -> dict[str, int]:
    world = build_world()
    kept = list(world.rules(quorum_bps=0))
    kept[RULES.index("curators")] = kept[RULES.index("weights")] = []
    payload = keccak(encode(["bytes32"], [digest("x")]))
    takedown = keccak(encode(["uint256", "uint256", "address"], [1, 1, world.attacker]))
    before = world.worth(world.attacker)
    motions = [
        int(world.motions.move(world.dataset, 1 + index, text, digest("t"), sender=world.attacker))
        for index, text in enumerate((payload, takedown))
    ]
    for motion in motions:
        world.vote_all(motion)
    world.to_end(motions[1])
    world.motions.settle_motion(motions[1])
    world.chain.wait(30 * 86_400 + 2 * PERIOD)
    # One that nobody counted, one that nobody enacted: both are void.
    world.motions.settle_motion(motions[0])
    assert world.motions.motion(motions[0])[6] == 3
    with refused("motions: motion not carried"):
        world.motions.enact_rules(motions[0], tuple(kept))
    with refused("motions: motion is void"):
        world.motions.enact_takedown(motions[1], 1, 1, world.attacker)
    assert world.charter.version_of(world.dataset) == 1
    assert world.worth(world.attacker) == before, "the bonds come back"
    return {"gain": int(world.charter.version_of(world.dataset)) - 1}


@both(sleeve_naive, sleeve_ours)
def test_motion_kept_up_ones_sleeve(attack: Attack) -> None:
    attack.judge()


def test_a_motion_enacts_only_what_was_moved_and_once() -> None:
    world = build_world()
    motion, rules = world.carry_rules(world.rules(quorum_bps=4_000))
    world.chain.wait_until(world.ready_at(motion))
    other = list(rules)
    other[RULES.index("quorum_bps")] = 0
    with refused("motions: other payload"):
        world.motions.enact_rules(motion, tuple(other))
    with refused("motions: other payload"):
        world.motions.enact_takedown(motion, 1, 1, world.attacker)
    world.motions.enact_rules(motion, rules)
    with refused("motions: motion not carried"):
        world.motions.enact_rules(motion, rules)
    with refused("motions: motion is not open"):
        world.motions.settle_motion(motion)
    assert world.charter.version_of(world.dataset) == 2
