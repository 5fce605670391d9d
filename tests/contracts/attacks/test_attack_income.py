"""Attacks on income: old income diluted, income claimed twice, units gained by rounding."""

from __future__ import annotations

import random
import sys
from fractions import Fraction

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.attacks.attack_world import (
    BIG,
    NAIVE,
    World,
    build_world,
    digest,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import Bound, deploy_own, refused

MOLE = who("accomplice")
ROUNDS = 3_000


def weighty() -> World:
    """A market whose first curators keep their say however many shares there are."""
    return build_world(weights=[6_000, 3_000, 2_000], mint_cap=10**6)


def naive_shares() -> tuple[World, Bound]:
    world = weighty()
    shares = deploy_own(world.chain, NAIVE / "NaiveShares.vy", world.deployer, world.token.address)
    for one in (world.buyer, world.attacker):
        world.token.approve(shares.address, BIG, sender=one)
    return world, shares


def in_hand(world: World, *accounts: str) -> int:
    return sum(world.balance(one) + int(world.database.credit_of(one)) for one in accounts)


# Dilute old income


def diluted_naive() -> dict[str, int]:
    world, shares = naive_shares()
    shares.join(world.honest, 10)
    shares.fund(100, sender=world.buyer)
    shares.join(world.attacker, 10)
    before = world.balance(world.attacker)
    shares.claim(sender=world.attacker)
    with pytest.raises(Exception, match="token: balance too low"):
        shares.claim(sender=world.honest)
    return {"gain": world.balance(world.attacker) - before}


def diluted_ours() -> dict[str, int]:
    world = weighty()
    first = world.accepted(world.honest, 10)
    world.database.fund(1, 100, sender=world.buyer)
    own = world.accepted(world.attacker, 10)
    # Income of a use of the old snapshot that comes later is the old shares' too.
    world.database.fund(1, 50, sender=world.buyer)
    gained = int(world.database.claimable(own, world.attacker))
    world.database.fund(2, 40, sender=world.buyer)
    before = in_hand(world, world.attacker, world.honest)
    world.database.claim(own, sender=world.attacker)
    world.database.claim(first, sender=world.honest)
    assert in_hand(world, world.attacker, world.honest) - before == 190
    assert world.balance(world.database) == 0
    return {"gain": gained, "old income": 150}


@both(diluted_naive, diluted_ours)
def test_dilution_of_old_income(attack: Attack) -> None:
    attack.judge()


# Claim twice, claim around a transfer


def twice_naive() -> dict[str, int]:
    world, shares = naive_shares()
    shares.join(world.attacker, 10)
    shares.join(world.honest, 90)
    shares.fund(100, sender=world.buyer)
    before = world.balance(world.attacker) + world.balance(MOLE)
    shares.claim(sender=world.attacker)
    shares.transfer(MOLE, 10, sender=world.attacker)
    shares.claim(sender=MOLE)
    return {"gain": world.balance(world.attacker) + world.balance(MOLE) - before - 10}


def twice_ours() -> dict[str, int]:
    world = weighty()
    world.accepted(world.honest, 48)
    own = world.accepted(world.attacker, 16)
    database = world.database
    before = in_hand(world, world.attacker, MOLE)
    database.fund(2, 64, sender=world.buyer)
    database.claim_many([own, own, own], sender=world.attacker)
    for _ in range(3):
        assert database.claim(own, sender=world.attacker) == 0
        database.transfer(MOLE, own, 16, sender=world.attacker)
        assert database.claim(own, sender=MOLE) == 0
        database.transfer(world.attacker, own, 16, sender=MOLE)
        # To oneself, nothing, and in parts.
        database.transfer(world.attacker, own, 16, sender=world.attacker)
        database.transfer(MOLE, own, 0, sender=world.attacker)
        database.transfer(MOLE, own, 5, sender=world.attacker)
        database.claim_for(own, MOLE)
        database.transfer(world.attacker, own, 5, sender=MOLE)
    for one in (world.attacker, MOLE):
        database.withdraw_for(one)
        database.withdraw(sender=one)
    gained = in_hand(world, world.attacker, MOLE) - before
    assert gained == 16
    assert world.balance(database) == 48
    return {"gain": gained - 16}


@both(twice_naive, twice_ours)
def test_claim_twice_and_around_a_transfer(attack: Attack) -> None:
    attack.judge()


# Thousands of small rounds


def drained_naive() -> dict[str, int]:
    """Debts rounded down: between two payments the attacker holds what rounds best."""
    world, shares = naive_shares()
    shares.join(world.honest, 7)
    shares.join(world.attacker, 3)
    before = world.balance(world.attacker) + world.balance(MOLE)
    fair = Fraction(0)
    for _ in range(300):
        shares.fund(1, sender=world.buyer)
        fair += Fraction(3, 10)
        # How many to hold in the one account: as many as lose most of a debt to rounding.
        income = int(shares.accumulated())
        wanted = max(range(4), key=lambda held: held * income % 2**64 + (3 - held) * income % 2**64)
        held = int(shares.shares(world.attacker))
        if wanted > held:
            shares.move(world.attacker, wanted - held, sender=MOLE)
        else:
            shares.move(MOLE, held - wanted, sender=world.attacker)
    for one in (world.attacker, MOLE):
        shares.claim(sender=one)
    gained = world.balance(world.attacker) + world.balance(MOLE) - before
    return {"gain": gained - int(fair), "fair": int(fair), "rounds": 300}


def drained_ours() -> dict[str, int]:
    return random_rounds(20261124)


@both(drained_naive, drained_ours)
def test_rounding_drains_nothing_in_thousands_of_small_rounds(attack: Attack) -> None:
    attack.judge()


def random_rounds(seed: int, rounds: int = ROUNDS) -> dict[str, int]:
    """Random payments, claims and moves of few shares; the attacker never leads by a unit."""
    draw = random.Random(seed)
    world = weighty()
    honest = [world.accepted(world.honest, draw.randrange(1, 8)) for _ in range(2)]
    own = world.accepted(world.attacker, draw.randrange(2, 8))
    honest.append(world.accepted(world.honest, draw.randrange(1, 8)))
    database, crew = world.database, [world.attacker, MOLE, who("worker")]
    totals = [0] + [int(database.total_shares(s)) for s in range(1, 5)]
    mine = int(database.balanceOf(world.attacker, own))
    before = in_hand(world, *crew)
    fair, paid_in = Fraction(0), 0
    for _ in range(rounds):
        snapshot, amount = draw.randrange(1, 5), draw.randrange(0, 4)
        database.fund(snapshot, amount, sender=world.buyer)
        paid_in += amount
        fair += Fraction(amount * mine, totals[snapshot]) if snapshot >= 3 else 0
        who_moves, to = draw.sample(crew, 2)
        held = int(database.balanceOf(who_moves, own))
        match draw.randrange(3):
            case 0:
                database.claim_for(own, who_moves)
            case 1:
                database.transfer(to, own, draw.randrange(held + 1), sender=who_moves)
            case _:
                database.withdraw_for(who_moves)
        assert in_hand(world, *crew) - before <= fair
        world.chain.keep()
    for one in crew:
        database.claim_for(own, one)
    taken = in_hand(world, *crew) - before
    assert taken <= fair
    rest = world.balance(database) - sum(int(database.credit_of(one)) for one in crew)
    for tranche in honest:
        due = int(database.claim_for(tranche, world.honest))
        rest -= due
    assert rest >= 0
    return {
        "gain": taken - int(fair),
        "paid in": paid_in,
        "fair, rounded down": int(fair),
        "taken": taken,
        "rounds": rounds,
        "dust left": rest,
    }


def test_rounding_drains_nothing_under_a_fresh_seed() -> None:
    seed = random.SystemRandom().randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    assert random_rounds(seed, ROUNDS // 3)["gain"] <= 0


# Taken out, taken down


def test_income_after_a_removal_and_a_takedown() -> None:
    world = weighty()
    world.accepted(world.honest, 16)
    own = world.accepted(world.attacker, 16)
    database = world.database
    before = in_hand(world, world.attacker, MOLE)
    database.fund(2, 32, sender=world.buyer)
    database.transfer(MOLE, own, 1, sender=world.attacker)
    with refused("database: not all shares"):
        database.remove(own, sender=world.attacker)
    database.transfer(world.attacker, own, 1, sender=MOLE)
    database.remove(own, sender=world.attacker)
    with refused("database: has ended"):
        database.remove(own, sender=world.attacker)
    # The newest snapshot is without it; the old one still pays it.
    database.fund(3, 16, sender=world.buyer)
    database.fund(2, 32, sender=world.buyer)
    for one in (world.attacker, MOLE):
        database.claim_for(own, one)
        database.withdraw_for(one)
    assert in_hand(world, world.attacker, MOLE) - before == 32
    assert world.balance(database) == 16 + 16 + 16
    # Taken down: what comes from now on is whom the curators name, wherever the shares go.
    payload = keccak(encode(["uint256", "uint256", "address"], [own, 2, world.buyer]))
    motion = int(world.motions.move(world.dataset, 2, payload, digest("why"), sender=world.honest))
    world.vote_all(motion)
    world.to_end(motion)
    world.motions.settle_motion(motion)
    world.chain.wait_until(world.ready_at(motion))
    world.motions.enact_takedown(motion, own, 2, world.buyer)
    database.fund(2, 64, sender=world.buyer)
    held = in_hand(world, world.attacker, MOLE)
    database.transfer(MOLE, own, 8, sender=world.attacker)
    for one in (world.attacker, MOLE):
        assert database.claim(own, sender=one) == 0
        database.withdraw_for(one)
    assert in_hand(world, world.attacker, MOLE) == held
    assert database.credit_of(world.buyer) == 32
