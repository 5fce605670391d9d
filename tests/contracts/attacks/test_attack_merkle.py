"""Attacks on Merkle trees and value pools: nodes as leaves, sums that are too large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from tests.contracts.attacks.attack_world import (
    BIG,
    NAIVE,
    PERIOD,
    World,
    build_world,
    digest,
    signed,
    who,
)
from tests.contracts.attacks.judging import Attack, both
from tests.contracts.attacks.quick_chain import RefusedError, deploy_own, refused

MOLE = who("accomplice")
PATIENCE = 90 * 86_400


def raw(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))


def leaf(owner: str, worth: int) -> bytes:
    return keccak(b"\0" + raw(owner) + worth.to_bytes(32, "big"))


def parent(one: bytes, other: bytes) -> bytes:
    return keccak(b"\1" + min(one, other) + max(one, other))


def pooled(income: int = 1_000, **rules: Any) -> World:
    """A market with one snapshot, half of whose income waits in its value pool."""
    world = build_world(a_bps=5_000, weights=[6_000, 3_000, 2_000], **rules)
    world.accepted(world.honest, 16)
    world.database.fund(1, 2 * income, sender=world.buyer)
    return world


def values_signed(
    world: World, dataset: int, root: bytes, total: int, purpose: int, *by: LocalAccount
) -> Sequence[bytes]:
    fields = ["address", "uint256", "uint256", "uint256", "bytes32", "uint256", "uint256"]
    values = [world.pools.address, world.chain.chain_id, dataset, 1, root, total, purpose]
    return signed(keccak(encode(fields, values)), by or world.evaluators[:2])


def post(world: World, root: bytes, total: int, dataset: int = 0) -> None:
    dataset = dataset or world.dataset
    world.pools.post_values(dataset, 1, root, total, values_signed(world, dataset, root, total, 1))


# A node as a leaf


def node_as_leaf_naive() -> dict[str, int]:
    world = build_world()
    pools = deploy_own(world.chain, NAIVE / "NaivePools.vy", world.deployer, world.token.address)
    world.token.approve(pools.address, BIG, sender=world.buyer)
    # Two honest owners; the inner node above them is 64 bytes too, its right half an "address".
    leaves = [
        keccak((500).to_bytes(32, "big") + raw(one).rjust(32, b"\0"))
        for one in (world.honest, MOLE)
    ]
    low, high = sorted(leaves)
    pools.open(1_000, 1_000, keccak(low + high), sender=world.buyer)
    thief = "0x" + high[12:].hex()
    before = world.balance(thief)
    pools.claim(0, low, high, [])
    return {"gain": world.balance(thief) - before, "pool": 1_000}


def node_as_leaf_ours() -> dict[str, int]:
    world = pooled()
    leaves = [leaf(world.honest, 500), leaf(MOLE, 500)]
    root = parent(*leaves)
    post(world, root, 1_000)
    world.chain.wait(PERIOD)
    low, high = sorted(leaves)
    before = world.balance(world.pools)
    for thief, worth, path in (
        ("0x" + high[12:].hex(), int.from_bytes(low, "big"), []),
        ("0x" + low[12:].hex(), int.from_bytes(high, "big"), []),
        (world.attacker, 500, [leaves[0]]),
        (world.honest, 501, [leaves[1]]),
        (world.honest, 500, []),
        (world.honest, 500, [leaves[0]]),
    ):
        with refused("pools: wrong path"):
            world.pools.claim_value(world.dataset, 1, thief, worth, path)
    gain = before - world.balance(world.pools)
    # Whoever sends it, its owner is paid, and once.
    assert (
        world.pools.claim_value(
            world.dataset, 1, world.honest, 500, [leaves[1]], sender=world.attacker
        )
        == 500
    )
    assert world.pools.claim_value(world.dataset, 1, world.honest, 500, [leaves[1]]) == 0
    return {"gain": gain, "pool": 1_000}


@both(node_as_leaf_naive, node_as_leaf_ours)
def test_second_pre_image_of_a_node_in_a_value_pool(attack: Attack) -> None:
    attack.judge()


# Points


def point_leaf(index: int, salt: bytes, row: bytes, owner: str, cid: bytes) -> bytes:
    return keccak(b"\0" + index.to_bytes(8, "big") + salt + row + raw(owner) + cid)


def test_second_pre_image_of_a_node_in_a_tree_of_points() -> None:
    """No node as a point, no point at another place, of another owner or in another snapshot."""
    world = build_world(weights=[6_000, 3_000, 2_000])
    points = [
        (index, 3, digest(f"salt {index}"), digest(f"row {index}"), world.honest, digest("cid"))
        for index in range(3)
    ]
    leaves = [point_leaf(one[0], *one[2:]) for one in points]
    left = keccak(b"\1" + leaves[0] + leaves[1])
    root = keccak(b"\1" + left + leaves[2])
    proposal = world.propose(world.honest, root=root, num_rows=3)
    world.vote_all(proposal)
    world.to_end(proposal)
    world.execute(proposal, world.verdict(16))
    terms, check = world.terms[proposal], world.database.verify_point
    assert check(terms, points[0], [leaves[1], leaves[2]], 1, 1)
    assert check(terms, points[1], [leaves[0], leaves[2]], 1, 1)
    assert check(terms, points[2], [left], 1, 1)
    forged = [
        # The inner node in the place of a point, its halves as salt and row.
        ((0, 3, leaves[0], leaves[1], world.honest, digest("cid")), [leaves[2]]),
        ((0, 1, leaves[0], leaves[1], world.honest, digest("cid")), []),
        # The first point at another place, in a shorter or a longer tree, with parts of the path.
        ((1, *points[0][1:]), [leaves[1], leaves[2]]),
        ((2, *points[0][1:]), [left]),
        ((0, 2, *points[0][2:]), [leaves[1]]),
        ((0, 4, *points[0][2:]), [leaves[1], leaves[2]]),
        (points[0], [leaves[1]]),
        (points[0], [leaves[1], leaves[2], leaves[2]]),
        (points[0], [leaves[2], leaves[1]]),
        # The last node of an odd level does not count twice.
        ((3, 3, *points[2][2:]), [leaves[2], left]),
        ((2, 3, *points[2][2:]), [leaves[2], left]),
        ((*points[0][:4], world.attacker, digest("cid")), [leaves[1], leaves[2]]),
    ]
    for point, path in forged:
        with refused("database: wrong path"):
            check(terms, point, path, 1, 1)
    other = world.accepted(world.attacker, 16)
    with refused("database: not in the snapshot"):
        check(world.terms[other], points[0], [leaves[1], leaves[2]], 1, 2)
    with refused("database: unknown tranche"):
        check(terms, points[0], [leaves[1], leaves[2]], 2, 2)
    lied = list(terms)
    lied[4] = leaves[0]
    with refused("database: other terms"):
        check(tuple(lied), points[0], [], 1, 1)


# Values that sum to more than they say


def overdrawn_naive() -> dict[str, int]:
    world = build_world()
    pools = deploy_own(world.chain, NAIVE / "NaivePools.vy", world.deployer, world.token.address)
    for one in (world.buyer, world.attacker):
        world.token.approve(pools.address, BIG, sender=one)
    pools.open(1_000, 1_000, digest("somebody's root"), sender=world.buyer)
    before = world.balance(world.attacker)
    words = [
        ((1).to_bytes(32, "big"), bytes([index]) + bytes(11) + raw(world.attacker))
        for index in range(4)
    ]
    leaves = [keccak(a + b) for a, b in words]
    pairs = [sorted(leaves[:2]), sorted(leaves[2:])]
    above = [keccak(a + b) for a, b in pairs]
    root = keccak(min(above) + max(above))
    pools.open(100, 1, root, sender=world.attacker)
    for index, (worth, owner) in enumerate(words):
        pools.claim(1, worth, owner, [leaves[index ^ 1], above[1 - index // 2]])
    return {"gain": world.balance(world.attacker) - before, "put in": 100}


def overdrawn_ours() -> dict[str, int]:
    """The attacker's own dataset, curators and evaluators: every signature is at its command."""
    world = pooled()
    victim = world.balance(world.pools)
    own = world.create_dataset(
        a_bps=0, bond=0, evaluation_fee=0, relay_price=0, curators=[world.attacker], weights=[100]
    )
    world.chain.wait(1)
    proposal = world.propose(MOLE, world.attacker, dataset=own)
    world.to_vote(proposal)
    world.votes.vote(proposal, True, sender=world.attacker)
    world.to_end(proposal)
    world.execute(proposal, world.verdict(16, base=0))
    database = world.database_of(own)
    world.token.approve(database.address, BIG, sender=world.attacker)
    before = sum(world.balance(one) for one in (world.attacker, MOLE, who("worker")))
    database.fund(1, 100, sender=world.attacker)
    owners = [world.attacker, MOLE, who("worker"), world.deployer]
    leaves = [leaf(one, 1) for one in owners]
    above = [parent(leaves[0], leaves[1]), parent(leaves[2], leaves[3])]
    post(world, parent(*above), 1, own)
    world.chain.wait(PERIOD)
    paid = 0
    for index, one in enumerate(owners):
        path = [leaves[index ^ 1], above[1 - index // 2]]
        try:
            paid += int(world.pools.claim_value(own, 1, one, 1, path))
        except RefusedError as error:
            assert str(error) == "pools: values exceed their sum"  # noqa: PT017
    after = sum(world.balance(one) for one in (world.attacker, MOLE, who("worker")))
    assert paid == 100
    assert world.balance(world.pools) == victim
    return {"gain": after - before, "put in": 100, "others' pools": victim}


@both(overdrawn_naive, overdrawn_ours)
def test_values_that_exceed_their_sum_take_nothing_of_another_pool(attack: Attack) -> None:
    attack.judge()


def test_a_longer_window_opens_no_paid_pool_again() -> None:
    """A veto after payment would pay the pool out a second time, from the others' pools."""
    world = pooled(change_delay=PERIOD)
    root = leaf(world.honest, 1_000)
    post(world, root, 1_000)
    motion, rules = world.carry_rules(
        world.rules(a_bps=5_000, voting_period=20 * PERIOD, change_delay=20 * PERIOD)
    )
    world.chain.wait_until(world.ready_at(motion))
    assert world.pools.claim_value(world.dataset, 1, world.honest, 1_000, []) == 1_000
    world.motions.enact_rules(motion, rules)
    with refused("pools: values are final"):
        world.pools.veto_values(
            world.dataset, 1, values_signed(world, world.dataset, root, 1_000, 2)
        )
    assert world.balance(world.pools) == 0


def test_a_pool_without_values_falls_to_the_shares_once() -> None:
    world = pooled()
    with refused("pools: values may still come"):
        world.pools.release(world.dataset, 1)
    world.chain.wait(PATIENCE)
    world.pools.release(world.dataset, 1)
    with refused("pools: values are posted"):
        world.pools.release(world.dataset, 1)
    with refused("pools: values are posted"):
        post(world, leaf(world.attacker, 1), 1)
    assert world.balance(world.pools) == 0
    tranche = world.dataset * 1_000_000 + 1
    assert world.database.claimable(tranche, world.honest) == 2_000


@pytest.mark.parametrize("purpose", [0, 2, 3])
def test_a_signature_for_one_purpose_serves_no_other(purpose: int) -> None:
    world = pooled()
    root = leaf(world.honest, 1)
    with refused("verdicts: not an evaluator's"):
        world.pools.post_values(
            world.dataset, 1, root, 1, values_signed(world, world.dataset, root, 1, purpose)
        )
    other = world.create_dataset(a_bps=5_000)
    with refused("verdicts: not an evaluator's"):
        world.pools.post_values(other, 1, root, 1, values_signed(world, world.dataset, root, 1, 1))
