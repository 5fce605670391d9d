from __future__ import annotations

import pytest

from tests.contracts.market_world import STAKE, World, digest, events, refused


def test_slash_bars_and_moves_the_whole_stake(world: World) -> None:
    owner, job = world.workers[0], world.started_job()
    held = world.balance(world.escrow)
    assert world.registry.slash(owner, job, sender=world.escrow.address) == STAKE
    assert world.balance(world.escrow) - held == STAKE
    entry = world.registry.worker(owner)
    assert (entry.stake, entry.barred) == (0, True)
    assert not world.registry.is_available(owner)


def test_slash_twice_takes_nothing_more(world: World) -> None:
    owner = world.workers[0]
    world.registry.slash(owner, 1, sender=world.escrow.address)
    assert world.registry.slash(owner, 1, sender=world.escrow.address) == 0


@pytest.mark.parametrize("who", ["buyer", "stranger", "initiator", "hub", "worker", "association"])
def test_slash_refuses_everybody_but_the_escrow(world: World, who: str) -> None:
    sender = {
        "hub": world.hub, "worker": world.workers[1], "association": world.association.address,
    }.get(who) or world.people[who]  # fmt: skip
    with refused("registry: not the escrow"):
        world.registry.slash(world.workers[0], 1, sender=sender)


def test_register_node_enters_a_node(world: World) -> None:
    world.registry.register_node(digest("t"), digest("h"), "host:1", sender=world.stranger)
    (found,) = events(world.registry, "NodeRegistered")
    assert (found.operator, found.endpoint) == (world.stranger, "host:1")
    assert world.registry.node(world.stranger).hpke_key == digest("h")
    assert world.registry.node_at(world.registry.num_nodes() - 1) == world.stranger


def test_register_node_refuses_twice_and_empty_keys(world: World) -> None:
    with refused("registry: node is registered"):
        world.registry.register_node(digest("t"), digest("h"), "", sender=world.hub)
    with refused("registry: no TLS pin"):
        world.registry.register_node(bytes(32), digest("h"), "", sender=world.stranger)
    with refused("registry: no HPKE key"):
        world.registry.register_node(digest("t"), bytes(32), "", sender=world.stranger)


def test_set_endpoint_changes_the_callers_endpoint(world: World) -> None:
    world.registry.set_endpoint("host:2", sender=world.hub)
    assert world.registry.node(world.hub).endpoint == "host:2"


def test_set_endpoint_refuses_strangers(world: World) -> None:
    with refused("registry: unknown node"):
        world.registry.set_endpoint("host:2", sender=world.stranger)
