"""Rules changed and tranches taken down by motions, with erasure, on a real chain."""

from __future__ import annotations

import pytest

from databright.data_market.motions import (
    motion_of,
    plan_rules_motion,
    plan_takedown_motion,
    text_of,
)
from databright.data_market.registry import ACCEPTED
from databright.data_market.takedown import Eraser, check_whole, taints, tombstones
from databright.data_market.voting import plan_vote
from databright.errors import BadInputError, BlobMissingError
from databright.units import BasisPoints
from tests.end_to_end.governance_world import NODES, World, begin_vote, make_rows, run


def accepted(world: World, dataset: int, name: str, seed: int) -> int:
    proposal = world.propose(name, dataset, make_rows(40, seed))
    world.publish(proposal, NODES[:2], amount=10)
    begin_vote(world, proposal)
    for curator in ("curator-1", "curator-2"):
        who = world.address(curator)
        world.send(curator, plan_vote(world.registry, who, {proposal: True}))
    run(world)
    assert world.registry.proposal(proposal).status == ACCEPTED
    return proposal


def carry(world: World, motion: int) -> None:
    world.advance_to(motion_of(world.registry, motion).tally.votes_from)
    for curator in ("curator-1", "curator-2"):
        who = world.address(curator)
        world.send(curator, plan_vote(world.registry, who, {motion: True}))
    world.advance_to(motion_of(world.registry, motion).tally.deadline)
    run(world)
    found = motion_of(world.registry, motion)
    assert found.status_name == "carried"
    world.advance_to(found.ready_at)
    run(world)
    assert motion_of(world.registry, motion).status_name == "enacted"


def moved(world: World) -> int:
    return int(world.events("Moved")[-1].args["motion"])


def test_rules_change_by_a_motion_and_open_proposals_keep_the_old_ones(world: World) -> None:
    dataset = world.open_dataset()
    me = world.address("bob")
    changes = {"quorum_bps": BasisPoints(2_500), "price_per_use": 77}
    with pytest.raises(BadInputError, match="these rules already"):
        plan_rules_motion(world.registry, me, dataset, {"quorum_bps": 1_000}, "no change")
    with pytest.raises(BadInputError, match="genesis curators"):
        plan_rules_motion(world.registry, me, dataset, {"curators": (me,)}, "mine")
    with pytest.raises(BadInputError, match="quorum_bps"):
        plan_rules_motion(world.registry, me, dataset, {"quorum_bps": 10_001}, "too much")
    world.send("bob", plan_rules_motion(world.registry, me, dataset, changes, "a higher quorum"))
    motion = moved(world)
    text = text_of(world.registry, motion_of(world.registry, motion))
    assert text is not None
    assert text.rules is not None
    assert (text.reason, text.rules.quorum_bps) == ("a higher quorum", 2_500)
    carry(world, motion)
    found = world.registry.dataset(dataset)
    assert (found.version, found.rules.quorum_bps, found.rules.price_per_use) == (2, 2_500, 77)
    assert world.registry.rules_at(dataset, 1).quorum_bps == 1_000
    assert found.rules.evaluators == world.registry.rules_at(dataset, 1).evaluators


def test_what_is_taken_down_is_erased_by_the_nodes_and_leaves_a_tombstone(world: World) -> None:
    dataset = world.open_dataset()
    tranche = accepted(world, dataset, "alice", 9)
    kept = accepted(world, dataset, "bob", 10)
    me, to = world.address("bob"), world.address("doubter")
    open_one = world.propose("bob", dataset, make_rows(30, 11))
    with pytest.raises(BadInputError, match="only an accepted one"):
        plan_takedown_motion(world.registry, me, open_one, to, "not in")
    plan = plan_takedown_motion(world.registry, me, tranche, to, "published without consent")
    world.send("bob", plan)
    motion = moved(world)
    parts = world.registry.sealed_parts(world.registry.proposal(tranche).ref).parts
    store = world.market.store
    assert all(store.has(part.ref.ciphertext) for part in parts)
    carry(world, motion)
    with pytest.raises(BadInputError, match="taken down already"):
        plan_takedown_motion(world.registry, me, tranche, to, "again")
    forgotten: list[object] = []
    for name in ("node-1", "node-2"):
        signer, key = world.signer(name), world.keys(name).account()
        eraser = Eraser(world.registry, signer, key, forgotten.extend)
        assert eraser.step()
        assert not eraser.step()
    assert forgotten == [world.registry.proposal(tranche).ref] * 2
    for part in parts:
        for cid in (part.ref.ciphertext, part.ref.envelopes):
            with pytest.raises(BlobMissingError):
                store.get(cid)
    (stone,) = tombstones(world.registry, dataset)
    assert (stone.tranche, stone.to, stone.born, stone.ended) == (tranche, to, 1, 3)
    assert [item.node for item in stone.erasures] == [world.address(n) for n in NODES[:2]]
    assert all(item.is_signed and item.num_erased == 2 * len(parts) for item in stone.erasures)
    assert [taints(world.registry, dataset, number) for number in (1, 2, 3)] == [
        [tranche],
        [tranche],
        [],
    ]
    with pytest.raises(BadInputError, match=f"held proposal {tranche}, taken down since"):
        check_whole(world.registry, dataset, 2)
    check_whole(world.registry, dataset, 3)
    assert [entry.proposal for entry in world.registry.entries(dataset)] == [kept]
    # A bystander's eraser leaves everything alone.
    stranger = Eraser(
        world.registry, world.signer("bob"), world.keys("bob").account(), forgotten.extend
    )
    assert not stranger.step()
