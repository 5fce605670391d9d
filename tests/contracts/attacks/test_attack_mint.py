"""Attacks on the mint: amounts of one's own choice, old measurements, one evaluator, copies."""

from __future__ import annotations

from typing import Any

from tests.contracts.attacks.attack_world import (
    BOND,
    CAP,
    COPY,
    EPOCH,
    FEE,
    NAIVE,
    PERIOD,
    REJECTED,
    RELAY,
    World,
    build_world,
    digest,
    key,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import Bound, deploy_own, refused

MOLE = who("accomplice")


def naive_market() -> tuple[World, Bound]:
    world = build_world()
    path = NAIVE / "NaiveAssociation.vy"
    founders, weights = world.curators, [6, 3, 2]
    market = deploy_own(world.chain, path, world.deployer, world.token.address, founders, weights)
    return world, market


def voted(world: World, market: Bound, amount: int, root: str = "data") -> int:
    """A proposal that all founders voted for, and the attacker."""
    id = int(market.propose(world.attacker, digest(root), amount, sender=world.attacker))
    for curator in (*world.curators, world.attacker):
        market.vote(id, True, sender=curator)
    return id


def ready(world: World, proposer: str = "", count: int = 1) -> list[int]:
    """Proposals whose votes are over, all carried."""
    proposals = [world.propose(proposer or world.attacker) for _ in range(count)]
    for proposal in proposals:
        world.vote_all(proposal)
    world.to_end(proposals[-1])
    return proposals


def shares(world: World, *proposals: int) -> int:
    return sum(int(world.database.balanceOf(world.attacker, one)) for one in proposals)


# Mint what one asks for


def asked_for_naive() -> dict[str, int]:
    world, market = naive_market()
    market.execute(voted(world, market, 10**6))
    return {"gain": market.balanceOf(world.attacker), "measured": 0}


def asked_for_ours() -> dict[str, int]:
    world = build_world()
    (proposal,) = ready(world)
    wish = world.verdict(CAP)
    message = world.verdicts.verdict_digest(proposal, wish)
    for signers in ([key("attacker"), key("accomplice")], [key("curator", 0), key("curator", 1)]):
        ordered = sorted(signers, key=lambda one: int(one.address, 16))
        forged = [bytes(one.unsafe_sign_hash(message).signature) for one in ordered]
        with refused("verdicts: not an evaluator's"):
            world.execute(proposal, wish, forged)
    # A signature of what was measured does not fit another amount, payee or proposal.
    real = world.sign(proposal, world.verdict(1))
    with refused("verdicts: not an evaluator's"):
        world.execute(proposal, wish, real)
    terms = list(world.terms[proposal])
    terms[3] = MOLE
    with refused("verdicts: not an evaluator's"):
        world.verdicts.execute(tuple(terms), world.verdict(1), real, 0)
    world.execute(proposal, world.verdict(1), real)
    return {"gain": shares(world, proposal) - 1, "measured": 1}


@both(asked_for_naive, asked_for_ours)
def test_mint_by_request(attack: Attack) -> None:
    attack.judge()


# Mint on an old measurement


def stale_naive() -> dict[str, int]:
    world, market = naive_market()
    # The same rows twice: each was measured on the data without the other.
    first, second = voted(world, market, 0), voted(world, market, 0)
    for id in (first, second):
        market.measured(id, 10)
        market.execute(id)
    return {"gain": market.balanceOf(world.attacker) - 10}


def stale_ours() -> dict[str, int]:
    world = build_world()
    first, second = ready(world, count=2)
    old = world.verdict(10)
    both_signed = {one: world.sign(one, old) for one in (first, second)}
    with refused("association: earlier is open"):
        world.execute(second, old, both_signed[second])
    world.execute(first, old, both_signed[first])
    with refused("database: stale base"):
        world.execute(second, old, both_signed[second])
    for base in (2, 2**32 - 1, 2**256 - 2):
        ahead = world.verdict(10, base=base)
        with refused("database: stale base"):
            world.execute(second, ahead, world.sign(second, ahead))
    # On what holds the first, the same rows bring nothing.
    new = world.verdict(0)
    world.execute(second, new)
    return {"gain": shares(world, first, second) - 10}


@both(stale_naive, stale_ours)
def test_mint_by_a_stale_base(attack: Attack) -> None:
    attack.judge()


# One evaluator


def alone_naive() -> dict[str, int]:
    world, market = naive_market()
    id = voted(world, market, 0)
    market.measured(id, 1_000, sender=world.evaluators[0].address)
    market.execute(id)
    return {"gain": market.balanceOf(world.attacker)}


def alone_ours() -> dict[str, int]:
    world = build_world()
    (proposal,) = ready(world)
    verdict = world.verdict(CAP)
    one = world.evaluators[0]
    (signature,) = world.sign(proposal, verdict, one)
    with refused("verdicts: too few signatures"):
        world.execute(proposal, verdict, [signature])
    with refused("verdicts: signers not ascending"):
        world.execute(proposal, verdict, [signature, signature])
    # The other signature of the same digest by the same key: s -> n - s.
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(signature[32:64], "big")
    mirrored = signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])
    with refused("verdicts: wrong signature"):
        world.execute(proposal, verdict, [signature, mirrored])
    for bad in (b"", signature[:64], bytes(65)):
        with refused(
            "verdicts: wrong signature" if len(bad) < 65 else "verdicts: not an evaluator's"
        ):
            world.execute(proposal, verdict, [bad, signature])
    return {"gain": shares(world, proposal)}


@both(alone_naive, alone_ours)
def test_mint_by_one_evaluator(attack: Attack) -> None:
    attack.judge()


# Above the cap


def capped_naive() -> dict[str, int]:
    world, market = naive_market()
    for _ in range(5):
        market.execute(voted(world, market, CAP))
    return {"gain": market.balanceOf(world.attacker) - CAP, "cap": CAP}


def capped_ours() -> dict[str, int]:
    world = build_world()
    proposals = ready(world, count=4)
    for amount in (CAP + 1, 2**52 - 1):
        with refused("association: mint cap"):
            world.execute(proposals[0], world.verdict(amount))
    with refused("verdicts: amount out of range"):
        world.execute(proposals[0], world.verdict(2**52))
    world.execute(proposals[0], world.verdict(CAP - 1))
    with refused("association: mint cap"):
        world.execute(proposals[1], world.verdict(2))
    world.execute(proposals[1], world.verdict(1))
    with refused("association: mint cap"):
        world.execute(proposals[2], world.verdict(1))
    return {"gain": shares(world, *proposals) - CAP, "cap": CAP}


@both(capped_naive, capped_ours)
def test_mint_above_the_cap(attack: Attack) -> None:
    attack.judge()


def by_turns_naive() -> dict[str, int]:
    # An epoch that begins anew whenever it suits somebody is none: as if there were no cap.
    return capped_naive()


def by_turns_ours() -> dict[str, int]:
    """Proposals under older and newer rules settled by turns: epochs are one sequence for all."""
    world = build_world(change_delay=PERIOD)
    world.chain.wait(EPOCH // 10)
    shorter, refused_rules = world.carry_rules(world.rules(epoch_length=EPOCH // 10))
    motion, rules = world.carry_rules(world.rules(mint_cap=CAP // 2))
    world.chain.wait_until(world.ready_at(motion) - 50)
    with refused("charter: epochs are fixed"):
        world.motions.enact_rules(shorter, refused_rules)
    first, last = world.propose(world.attacker), world.propose(world.attacker)
    world.chain.wait_until(world.ready_at(motion))
    world.motions.enact_rules(motion, rules)
    middle = world.propose(world.attacker)
    for proposal in (first, last, middle):
        world.vote_all(proposal)
    world.to_end(middle)
    world.execute(first, world.verdict(CAP))
    # From here on the last one holds up nobody, and can still be settled itself.
    world.chain.wait_until(world.begin(last) + 2 * PERIOD)
    for proposal in (middle, last):
        with refused("association: mint cap"):
            world.execute(proposal, world.verdict(1))
    return {"gain": shares(world, first, middle, last) - CAP, "cap": CAP}


@both(by_turns_naive, by_turns_ours)
def test_mint_above_the_cap_by_rules_in_turns(attack: Attack) -> None:
    attack.judge()


# Copy what is pending


def copied_naive() -> dict[str, int]:
    world = build_world()
    order = deploy_own(world.chain, NAIVE / "NaiveOrder.vy", world.deployer, world.token.address)
    for one in (world.attacker, world.honest):
        world.token.approve(order.address, 100, sender=one)
    original = order.propose(digest("data"), sender=world.honest)
    copy = order.propose(digest("data"), sender=world.attacker)
    order.accept(copy, sender=world.attacker)
    with refused("naive: is a copy"):
        order.accept(original, sender=world.honest)
    return {"gain": int(order.owner_of(digest("data")).lower() == world.attacker.lower())}


def copied_ours() -> dict[str, int]:
    world = build_world()
    before = world.worth(world.attacker)
    supply = int(world.token.totalSupply())
    data: dict[str, Any] = {"root": digest("data"), "ref": digest("ref")}
    original = world.propose(world.honest, **data)
    copy = world.propose(world.attacker, **data)
    for proposal in (original, copy):
        world.vote_all(proposal)
    world.to_end(copy)
    verdict = world.verdict(16)
    # Evaluators who side with the copy cannot call the original one: it was committed earlier.
    turned = world.verdict(outcome=COPY, copy_of=copy)
    with refused("verdicts: copy of a later one"):
        world.execute(original, turned, world.sign(original, turned))
    with refused("association: earlier is open"):
        world.execute(copy, verdict, world.sign(copy, verdict))
    world.execute(original, verdict)
    found = world.verdict(outcome=COPY, copy_of=original)
    world.execute(copy, found, copied=1)
    assert world.status(copy) == REJECTED
    # Half of the bond, rounded down, is income of the copied tranche; the rest is burnt.
    assert world.database.claimable(original, world.honest) == BOND // 2
    assert int(world.token.totalSupply()) == supply - (BOND - BOND // 2)
    paid = before - world.worth(world.attacker)
    assert paid == BOND + FEE
    world.check_association(world.attacker)
    return {"gain": -paid, "to the copied tranche": BOND // 2, "burnt": BOND - BOND // 2}


@both(copied_naive, copied_ours)
def test_copy_of_a_pending_proposal(attack: Attack) -> None:
    attack.judge()


def test_copy_of_one_that_is_still_pending_is_burnt_whole() -> None:
    world = build_world()
    supply = int(world.token.totalSupply())
    original = world.propose(world.honest)
    copy = world.propose(world.attacker)
    for curator in world.curators:
        world.to_vote(copy)
        world.votes.vote(copy, False, sender=curator)
    found = world.verdict(outcome=COPY, copy_of=original)
    # It is in nobody's way: the original waits until it is late, then the copy pays.
    world.chain.wait_until(world.begin(original) + 2 * PERIOD)
    world.execute(copy, found)
    assert int(world.token.totalSupply()) == supply - BOND
    assert world.association.repaid(copy) * RELAY == 0
