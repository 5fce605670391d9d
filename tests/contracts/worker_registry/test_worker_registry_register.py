from __future__ import annotations

import boa
import pytest

from tests.contracts.market_world import RELEASE, STAKE, World, digest, events, refused

ARGS = (3, digest("pin"), digest("cpu"))


@pytest.fixture
def newcomer(world: World) -> str:
    return world.people["payer"]


def approve(world: World, account: str) -> None:
    world.token.approve(world.registry.address, 10**6, sender=account)


def test_register_locks_the_stake(world: World, newcomer: str) -> None:
    before, held = world.balance(newcomer), world.balance(world.registry)
    world.registry.register(*ARGS, 5, sender=newcomer)
    assert before - world.balance(newcomer) == 5 == world.balance(world.registry) - held
    entry = world.registry.worker(newcomer)
    assert (entry.min_fee, entry.stake, entry.barred, entry.leaving_at) == (3, 5, False, 0)
    assert world.registry.is_available(newcomer)
    assert world.registry.worker_at(world.registry.num_workers() - 1) == newcomer


def test_register_tells_everything_in_its_event(world: World, newcomer: str) -> None:
    world.registry.register(*ARGS, 5, sender=newcomer)
    (found,) = events(world.registry, "WorkerRegistered")
    assert (found.owner, found.min_fee, found.stake) == (newcomer, 3, 5)
    assert (found.tls_pin, found.numeric_class) == (digest("pin"), digest("cpu"))


def test_register_refuses_a_small_stake(world: World, newcomer: str) -> None:
    with refused("registry: stake below minimum"):
        world.registry.register(*ARGS, 4, sender=newcomer)


def test_register_refuses_a_second_entry(world: World) -> None:
    with refused("registry: already registered"):
        world.registry.register(*ARGS, 5, sender=world.workers[0])


def test_register_refuses_an_empty_pin(world: World, newcomer: str) -> None:
    with refused("registry: no TLS pin"):
        world.registry.register(3, bytes(32), digest("cpu"), 5, sender=newcomer)


def test_register_again_after_collecting_keeps_one_place_in_the_list(world: World) -> None:
    owner, count = world.workers[0], world.registry.num_workers()
    world.registry.leave(sender=owner)
    world.wait(RELEASE)
    world.registry.collect_stake(sender=owner)
    world.registry.register(*ARGS, 5, sender=owner)
    assert world.registry.num_workers() == count
    assert world.registry.is_available(owner)


def test_register_again_is_refused_to_a_barred_owner(world: World) -> None:
    owner = world.workers[0]
    job = world.started_job()
    world.void(job, 0, owner)
    world.registry.leave(sender=owner)
    world.wait(RELEASE)
    world.registry.collect_stake(sender=owner)
    with refused("registry: owner is barred"):
        world.registry.register(*ARGS, 5, sender=owner)


def test_add_stake_adds(world: World) -> None:
    owner = world.workers[0]
    world.registry.add_stake(3, sender=owner)
    assert world.registry.worker(owner).stake == STAKE + 3


def test_add_stake_refuses_strangers_and_barred_owners(world: World) -> None:
    with refused("registry: not registered"):
        world.registry.add_stake(3, sender=world.stranger)
    job = world.started_job()
    world.void(job, 0, world.workers[0])
    with refused("registry: owner is barred"):
        world.registry.add_stake(3, sender=world.workers[0])


def test_set_min_fee_changes_the_callers_fee_alone(world: World) -> None:
    world.registry.set_min_fee(9, sender=world.workers[0])
    assert world.registry.worker(world.workers[0]).min_fee == 9
    assert world.registry.worker(world.workers[1]).min_fee == 2


def test_set_min_fee_refuses_strangers(world: World) -> None:
    with refused("registry: not registered"):
        world.registry.set_min_fee(9, sender=world.stranger)


def test_set_pin_changes_the_pin(world: World) -> None:
    world.registry.set_pin(digest("new"), sender=world.workers[0])
    assert world.registry.worker(world.workers[0]).tls_pin == digest("new")


def test_set_pin_refuses_strangers_and_empty_pins(world: World) -> None:
    with refused("registry: not registered"):
        world.registry.set_pin(digest("new"), sender=world.stranger)
    with refused("registry: no TLS pin"):
        world.registry.set_pin(bytes(32), sender=world.workers[0])


def test_deposits_and_leaving_leave_the_registry_solvent(world: World) -> None:
    stakes = sum(world.registry.worker(owner).stake for owner in world.workers)
    assert world.balance(world.registry) == stakes
    assert boa.env.timestamp >= world.registry.worker(world.workers[0]).registered_at
