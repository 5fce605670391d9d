from __future__ import annotations

import pytest

from tests.contracts.market_world import DATA_PRICE, World, bitmap, events, refused


@pytest.fixture
def job(world: World) -> int:
    number = world.open_job()
    world.escrow.claim_hub(number, sender=world.hub)
    return number


def test_reserve_notes_owners_shards_and_offers(world: World, job: int) -> None:
    a, b = world.workers[:2]
    world.escrow.reserve(job, 1, [a, b], [bitmap(0, 2), bitmap(2)], sender=world.hub)
    found = [(e.owner, e.shards, e.price) for e in events(world.escrow, "Reserved")]
    assert found == [(a, 0b101, 2), (b, 0b100, 2)]
    assert world.owners(job, 0) == [a]
    assert world.owners(job, 2) == [a, b]
    assert world.escrow.reserved_shards(job, a) == 0b101
    assert world.escrow.offer(job, a) == 2
    assert world.escrow.job(job).status == 2


def test_reserve_pays_the_data_fee_once(world: World, job: int) -> None:
    before = world.balance(world.database)
    world.reserve(job, world.workers[0], 0)
    (paid,) = events(world.escrow, "DataFeePaid")
    assert (paid.snapshot, paid.amount) == (1, DATA_PRICE)
    assert world.balance(world.database) - before == DATA_PRICE
    world.reserve(job, world.workers[1], 0)
    assert events(world.escrow, "DataFeePaid") == []
    assert world.balance(world.database) - before == DATA_PRICE
    assert world.token.allowance(world.escrow.address, world.database.address) == 0
    world.check_escrow()


def test_reserve_refuses_over_the_cap_at_once(world: World, job: int) -> None:
    with refused("escrow: exposure cap"):
        world.reserve(job, world.workers[0], 0, 1, 2)


def test_reserve_refuses_over_the_cap_in_two_steps(world: World, job: int) -> None:
    world.reserve(job, world.workers[0], 0, 1)
    with refused("escrow: exposure cap"):
        world.reserve(job, world.workers[0], 2)


def test_reserve_counts_lost_shards_against_the_cap(world: World, job: int) -> None:
    world.reserve(job, world.workers[0], 0, 1)
    world.void(job, 0, world.workers[0], kind=2)
    with refused("escrow: exposure cap"):
        world.reserve(job, world.workers[0], 2)


def test_reserve_refuses_a_shard_that_the_owner_had(world: World, job: int) -> None:
    world.reserve(job, world.workers[0], 0)
    with refused("escrow: shard was reserved before"):
        world.reserve(job, world.workers[0], 0)
    world.void(job, 0, world.workers[0], kind=2)
    with refused("escrow: shard was reserved before"):
        world.reserve(job, world.workers[0], 0)


def test_reserve_refuses_the_same_owner_twice_in_a_list(world: World, job: int) -> None:
    a = world.workers[0]
    with refused("escrow: shard was reserved before"):
        world.escrow.reserve(job, 1, [a, a], [1, 1], sender=world.hub)
    with refused("escrow: exposure cap"):
        world.escrow.reserve(job, 1, [a, a], [bitmap(0, 1), bitmap(2)], sender=world.hub)


def test_reserve_refuses_more_owners_than_replicas(world: World, job: int) -> None:
    world.escrow.reserve(job, 1, world.workers[:3], [1, 1, 1], sender=world.hub)
    with refused("escrow: shard has all its owners"):
        world.reserve(job, world.workers[3], 0)


def test_reserve_refuses_a_fee_above_the_segment_price(world: World, job: int) -> None:
    world.registry.set_min_fee(3, sender=world.workers[0])
    world.reserve(job, world.workers[0], 0)
    world.registry.set_min_fee(4, sender=world.workers[1])
    with refused("escrow: owner asks more than the segment price"):
        world.reserve(job, world.workers[1], 0)


def test_reserve_freezes_the_offer(world: World) -> None:
    """A fee raised after the reservation changes no pay and cannot stop the job."""
    job = world.started_job()
    world.registry.set_min_fee(1_000, sender=world.workers[0])
    world.accept(job, range(8))
    assert world.escrow.credit_of(world.workers[0]) == 4 * 2


def test_reserve_gives_no_more_work_below_a_raised_fee(world: World, job: int) -> None:
    world.reserve(job, world.workers[0], 0)
    world.registry.set_min_fee(3, sender=world.workers[0])
    with refused("escrow: owner has raised its fee"):
        world.reserve(job, world.workers[0], 1)
    world.registry.set_min_fee(1, sender=world.workers[0])
    world.reserve(job, world.workers[0], 1)
    assert world.escrow.offer(job, world.workers[0]) == 2


def test_reserve_refuses_malformed_lists(world: World, job: int) -> None:
    a = world.workers[0]
    with refused("escrow: lists differ in length"):
        world.escrow.reserve(job, 1, [a], [], sender=world.hub)
    with refused("escrow: nothing to reserve"):
        world.escrow.reserve(job, 1, [], [], sender=world.hub)
    with refused("escrow: no shards"):
        world.escrow.reserve(job, 1, [a], [0], sender=world.hub)
    for bits in (1 << 4, 1 << 63, 1 << 255):
        with refused("escrow: unknown shard"):
            world.escrow.reserve(job, 1, [a], [bits], sender=world.hub)


def test_reserve_refuses_unknown_and_barred_owners(world: World, job: int) -> None:
    with refused("escrow: owner is not available"):
        world.reserve(job, world.stranger, 0)
    world.reserve(job, world.workers[0], 0)
    world.void(job, 0, world.workers[0])
    with refused("escrow: owner is not available"):
        world.reserve(job, world.workers[0], 1)


@pytest.mark.parametrize("who", ["buyer", "stranger", "worker", "second node"])
def test_reserve_refuses_everybody_but_the_hub(world: World, job: int, who: str) -> None:
    known = {"worker": world.workers[0], "second node": world.nodes[1]}
    sender = known.get(who) or world.people[who]
    with refused("escrow: not the hub"):
        world.escrow.reserve(job, 1, [world.workers[0]], [1], sender=sender)


def test_reserve_takes_64_shards(world: World) -> None:
    job = world.open_job(num_shards=64, replicas=5, cap_bps=5_000)
    world.escrow.claim_hub(job, sender=world.hub)
    low, high = (1 << 32) - 1, ((1 << 32) - 1) << 32
    world.escrow.reserve(job, 1, world.workers[:2], [low, high], sender=world.hub)
    assert world.owners(job, 63) == [world.workers[1]]
    assert world.owners(job, 31) == [world.workers[0]]
