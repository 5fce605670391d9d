"""Consent: only a node that an owner serves can reserve it or take its stake."""

from __future__ import annotations

from tests.contracts.market_world import RELEASE, STAKE, World, digest, events, refused


def test_serve_names_nodes(world: World) -> None:
    owner, node = world.workers[0], world.nodes[2]
    assert not world.registry.serves(owner, node)
    world.registry.serve([node], sender=owner)
    (found,) = events(world.registry, "Serving")
    assert (found.owner, found.node, found.until) == (owner, node, 2**256 - 1)
    assert world.registry.serves(owner, node)
    assert world.registry.answers_to(owner, node)


def test_serve_refuses_unknown_nodes_and_strangers(world: World) -> None:
    with refused("registry: unknown node"):
        world.registry.serve([world.stranger], sender=world.workers[0])
    with refused("registry: not registered"):
        world.registry.serve([world.hub], sender=world.stranger)


def test_stop_serving_ends_new_work_now_and_verdicts_later(world: World) -> None:
    owner = world.workers[0]
    world.registry.stop_serving(world.hub, sender=owner)
    assert not world.registry.serves(owner, world.hub)
    assert world.registry.answers_to(owner, world.hub)
    world.wait(RELEASE)
    assert not world.registry.answers_to(owner, world.hub)


def test_stop_serving_refuses_who_does_not_serve(world: World) -> None:
    with refused("registry: does not serve this node"):
        world.registry.stop_serving(world.nodes[2], sender=world.workers[0])


def test_reserve_refuses_an_owner_that_does_not_serve_the_hub(world: World) -> None:
    owner = world.workers[0]
    world.registry.stop_serving(world.hub, sender=owner)
    job = world.open_job()
    world.escrow.claim_hub(job, sender=world.hub)
    with refused("escrow: owner does not serve this node"):
        world.reserve(job, owner, 0)


def test_a_liar_cannot_dodge_its_slash_by_stopping(world: World) -> None:
    job = world.started_job()
    world.registry.stop_serving(world.hub, sender=world.workers[0])
    world.void(job, 0, world.workers[0])
    assert world.escrow.job(job).pot == STAKE


def test_attack_own_dataset_own_node_takes_no_strangers_stake(world: World) -> None:
    """Anyone can open a dataset, admit a node of its own and fund a job; nobody's stake is near."""
    attacker = world.stranger
    world.registry.register_node(digest("evil"), digest("hpke"), "", sender=attacker)
    dataset = world.create_dataset(nodes=[attacker])
    world.add_tranche(dataset, 0, world.people["contributor"])
    job = world.escrow.open_job(world.spec(dataset=dataset), sender=attacker)
    world.escrow.claim_hub(job, sender=attacker)
    with refused("escrow: owner does not serve this node"):
        world.escrow.reserve(job, 1, [world.workers[0]], [1], sender=attacker)


def test_attack_second_admitted_node_that_is_not_served_takes_no_stake(world: World) -> None:
    """A node that a worker does not trust can take over the job, not the worker's stake."""
    owner = world.workers[0]
    world.registry.stop_serving(world.nodes[1], sender=owner)
    world.wait(RELEASE)
    job = world.started_job()
    world.wait(101)
    world.escrow.claim_hub(job, sender=world.nodes[1])
    with refused("escrow: owner does not serve this node"):
        world.escrow.void(job, 2, 0, owner, 1, digest("verdict"), sender=world.nodes[1])
    world.escrow.void(job, 2, 0, owner, 2, digest("verdict"), sender=world.nodes[1])
    assert world.registry.worker(owner).stake == STAKE
