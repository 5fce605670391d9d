from __future__ import annotations

from tests.contracts.market_world import RELEASE, STAKE, World, refused


def test_leave_stops_new_work_at_once(world: World) -> None:
    owner = world.workers[0]
    world.registry.leave(sender=owner)
    assert not world.registry.is_available(owner)
    job = world.open_job()
    world.escrow.claim_hub(job, sender=world.hub)
    with refused("escrow: owner is not available"):
        world.reserve(job, owner, 0)


def test_leave_refuses_twice_and_strangers(world: World) -> None:
    world.registry.leave(sender=world.workers[0])
    with refused("registry: already leaving"):
        world.registry.leave(sender=world.workers[0])
    with refused("registry: not registered"):
        world.registry.leave(sender=world.stranger)


def test_collect_stake_pays_after_the_window(world: World) -> None:
    owner = world.workers[0]
    before = world.balance(owner)
    world.registry.leave(sender=owner)
    world.wait(RELEASE)
    world.registry.collect_stake(sender=owner)
    world.registry.withdraw(sender=owner)
    assert world.balance(owner) - before == STAKE


def test_collect_stake_refuses_a_second_later_or_earlier(world: World) -> None:
    owner = world.workers[0]
    with refused("registry: not leaving"):
        world.registry.collect_stake(sender=owner)
    world.registry.leave(sender=owner)
    world.wait(RELEASE - 1)
    with refused("registry: stake is still locked"):
        world.registry.collect_stake(sender=owner)
    world.wait(1)
    world.registry.collect_stake(sender=owner)
    with refused("registry: not registered"):
        world.registry.collect_stake(sender=owner)


def test_leave_does_not_escape_a_slash_inside_the_window(world: World) -> None:
    owner = world.workers[0]
    job = world.started_job()
    world.registry.leave(sender=owner)
    world.wait(RELEASE - 1)
    world.void(job, 0, owner)
    world.wait(1)
    assert world.registry.collect_stake(sender=owner) == 0
    assert world.escrow.job(job).pot == STAKE


def test_collected_stake_is_out_of_reach_of_a_later_verdict(world: World) -> None:
    owner = world.workers[0]
    job = world.started_job()
    world.registry.leave(sender=owner)
    world.wait(RELEASE)
    world.registry.collect_stake(sender=owner)
    world.void(job, 0, owner)
    assert world.registry.credit_of(owner) == STAKE
    assert world.escrow.job(job).pot == 0
    assert world.registry.is_barred(owner)
