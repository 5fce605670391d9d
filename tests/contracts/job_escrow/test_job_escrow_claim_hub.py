from __future__ import annotations

import pytest

from tests.contracts.market_world import SILENCE, World, digest, events, refused


def test_claim_hub_gives_the_first_admitted_node_the_job(world: World) -> None:
    job = world.open_job()
    world.escrow.claim_hub(job, sender=world.nodes[1])
    (event,) = events(world.escrow, "HubClaimed")
    assert (event.node, event.epoch) == (world.nodes[1], 1)
    assert world.escrow.job(job).hub == world.nodes[1]


@pytest.mark.parametrize("who", ["buyer", "stranger", "worker", "third node"])
def test_claim_hub_refuses_who_is_not_admitted(world: World, who: str) -> None:
    job = world.open_job()
    known = {"worker": world.workers[0], "third node": world.nodes[2]}
    with refused("escrow: not an admitted node"):
        world.escrow.claim_hub(job, sender=known.get(who) or world.people[who])


def test_claim_hub_by_another_node_waits_for_silence(world: World) -> None:
    job = world.started_job()
    world.wait(SILENCE)
    with refused("escrow: hub is not silent long enough"):
        world.escrow.claim_hub(job, sender=world.nodes[1])
    world.wait(1)
    assert world.escrow.claim_hub(job, sender=world.nodes[1]) == 2


def test_claim_hub_fences_the_epoch_before_it(world: World) -> None:
    """The same node after a restart, then another one: the older process can do nothing more."""
    job = world.started_job()
    accepted = [(0, digest("r"), world.owners(job, 0))]
    world.escrow.claim_hub(job, sender=world.hub)
    with refused("escrow: stale epoch"):
        world.escrow.accept(job, 1, digest("receipt"), accepted, sender=world.hub)
    world.wait(SILENCE + 1)
    world.escrow.claim_hub(job, sender=world.nodes[1])
    with refused("escrow: stale epoch"):
        world.escrow.accept(job, 2, digest("receipt"), accepted, sender=world.hub)
    with refused("escrow: not the hub"):
        world.escrow.accept(job, 3, digest("receipt"), accepted, sender=world.hub)
    world.escrow.accept(job, 3, digest("receipt"), accepted, sender=world.nodes[1])


def test_second_node_finishes_the_job_and_gets_the_node_fee(world: World) -> None:
    job = world.started_job()
    world.accept(job, range(3))
    world.wait(SILENCE + 1)
    world.escrow.claim_hub(job, sender=world.nodes[1])
    world.accept(job, range(3, 8), sender=world.nodes[1])
    world.escrow.finish(job, 2, digest("w"), 9_000, digest("final"), sender=world.nodes[1])
    assert events(world.escrow, "NodePaid")[0].node == world.nodes[1]
    for worker in world.workers[:6]:
        assert world.escrow.credit_of(worker) == 8  # 4 segments at its offer of 2
    world.check_escrow()


def test_claims_alone_never_delay_the_refund(world: World) -> None:
    job = world.started_job()
    for node in (world.nodes[1], world.nodes[0]):
        world.wait(SILENCE + 1)
        world.escrow.claim_hub(job, sender=node)
    world.escrow.refund(job, sender=world.buyer)
    assert world.escrow.job(job).status == 4


def test_a_node_that_took_over_has_one_silence_of_its_own(world: World) -> None:
    job = world.started_job()
    world.wait(SILENCE + 1)
    world.escrow.claim_hub(job, sender=world.nodes[1])
    with refused("escrow: hub is not silent long enough"):
        world.escrow.claim_hub(job, sender=world.nodes[0])


def test_claim_hub_by_the_same_node_does_not_block_the_next(world: World) -> None:
    job = world.started_job()
    for _ in range(3):
        world.wait(SILENCE // 2)
        world.escrow.claim_hub(job, sender=world.hub)
    world.escrow.claim_hub(job, sender=world.nodes[1])
    assert world.escrow.job(job).hub == world.nodes[1]


def test_claim_hub_refuses_ended_and_unknown_jobs(world: World) -> None:
    with refused("escrow: job is not running"):
        world.escrow.claim_hub(99, sender=world.hub)
    job = world.finished_job()
    with refused("escrow: job is not running"):
        world.escrow.claim_hub(job, sender=world.hub)
