"""The largest calls that the contract admits still end, far below a block's gas."""

from __future__ import annotations

import boa

from tests.contracts.market_world import MIN_STAKE, SILENCE, World, bitmap, digest, events

GAS_LIMIT = 10_000_000


def newcomers(world: World, count: int) -> list[str]:
    """Owners who register with the least stake and serve the hub."""
    found = [str(boa.env.generate_address()) for _ in range(count)]
    for owner in found:
        world.token.transfer(owner, MIN_STAKE, sender=world.buyer)
        world.token.approve(world.registry.address, MIN_STAKE, sender=owner)
        world.registry.register(2, digest("pin"), digest("cpu"), MIN_STAKE, sender=owner)
        world.registry.serve([world.hub], sender=owner)
    return found


def gas_of_last_call(world: World) -> int:
    return int(world.escrow._computation.get_gas_used())


def test_twenty_lies_compensate_the_first_64_owners(world: World) -> None:
    """20 shards with one liar and four honest owners each: 80 are wronged, 64 are paid."""
    liars = newcomers(world, 20)
    job = world.open_job(num_shards=20, replicas=5, cap_bps=5_000)
    world.escrow.claim_hub(job, sender=world.hub)
    low, high = bitmap(*range(10)), bitmap(*range(10, 20))
    masks = [low] * 4 + [high] * 4
    world.escrow.reserve(job, 1, world.workers, masks, sender=world.hub)
    world.escrow.reserve(job, 1, liars, [1 << shard for shard in range(20)], sender=world.hub)
    for shard, liar in enumerate(liars):
        world.void(job, shard, liar)
    assert world.escrow.job(job).pot == 20 * MIN_STAKE
    world.wait(2 * SILENCE + 1)
    world.escrow.refund(job, sender=world.buyer)
    assert gas_of_last_call(world) < GAS_LIMIT
    paid = [event.amount for event in events(world.escrow, "Compensated")]
    assert len(paid) == 64
    # 128 are due and 100 are there: each part of 2 rounds down to 1, the 36 left are burnt
    assert sum(paid) == 64
    assert events(world.escrow, "PotBurnt")[0].amount == 20 * MIN_STAKE - 64
    world.check_escrow()


def test_64_segments_of_five_owners_are_accepted_in_one_call(world: World) -> None:
    new = newcomers(world, 2)
    owners = new + world.workers
    job = world.open_job(num_shards=64, num_rounds=1, replicas=5, cap_bps=5_000, chain_fee=0)
    world.escrow.claim_hub(job, sender=world.hub)
    low, high = (1 << 32) - 1, ((1 << 32) - 1) << 32
    for index, owner in enumerate(owners):
        mask = low if index < 5 else high
        world.escrow.reserve(job, 1, [owner], [mask], sender=world.hub)
    world.accept(job, range(64))
    assert gas_of_last_call(world) < GAS_LIMIT
    assert world.escrow.job(job).accepted == 64
    world.finish(job)
    held = world.credits(world.escrow, [*world.everybody(), *new])
    assert world.balance(world.escrow) == held
