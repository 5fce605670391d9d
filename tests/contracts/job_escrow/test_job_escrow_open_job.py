from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.market_world import DATA_PRICE, World, digest, events, refused

# 4 shards x 2 rounds x 3 replicas x 3 + reserve 6 + node fee 7 + chain fee 5
REST = 72 + 6 + 7 + 5


def test_open_job_pulls_the_four_lines(world: World) -> None:
    before = world.balance(world.buyer)
    job = world.open_job()
    (event,) = events(world.escrow, "JobOpened")
    assert (event.data_fee, event.compute, event.reserve) == (DATA_PRICE, 72, 6)
    assert (event.node_fee, event.chain_fee, event.cap_bps) == (7, 5, 5_000)
    assert (event.num_shards, event.num_rounds, event.replicas) == (4, 2, 3)
    assert before - world.balance(world.buyer) == DATA_PRICE + REST == world.lines(job)
    assert world.escrow.job(job).status == 1
    world.check_escrow()


def test_open_job_asks_no_data_fee_of_a_snapshot_without_shares(world: World) -> None:
    dataset = world.create_dataset()
    world.add_tranche(dataset, 0, world.people["contributor"])
    job = world.open_job(dataset=dataset)
    assert world.escrow.job(job).data_fee == 0
    assert world.lines(job) == REST


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"num_shards": 0}, "escrow: shards out of range"),
    ({"num_shards": 65}, "escrow: shards out of range"),
    ({"num_rounds": 0}, "escrow: rounds out of range"),
    ({"num_rounds": 1025}, "escrow: rounds out of range"),
    ({"replicas": 0}, "escrow: replicas out of range"),
    ({"replicas": 6}, "escrow: replicas out of range"),
    ({"silence": 59}, "escrow: silence out of range"),
    ({"silence": 30 * 86400 + 1}, "escrow: silence out of range"),
    ({"spec": bytes(32)}, "escrow: no job spec"),
    ({"chain_price": 0}, "escrow: chain fee without a chain price"),
    ({"dataset": 99}, "association: unknown dataset"),
    ({"snapshot": 0}, "escrow: unknown snapshot"),
    ({"snapshot": 2}, "escrow: unknown snapshot"),
    ({"program": digest("other")}, "escrow: program is not allowed"),
    ({"cap_bps": 5_001}, "escrow: cap above the dataset's"),
    ({"cap_bps": 2_499}, "escrow: cap below one shard"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_open_job_refuses(world: World, changes: dict[str, Any], reason: str) -> None:
    before = world.balance(world.buyer)
    with refused(reason):
        world.open_job(**changes)
    assert world.balance(world.buyer) == before


def test_open_job_refuses_a_buyer_without_the_money(world: World) -> None:
    pauper = world.nodes[2]
    with refused("token: allowance too low"):
        world.escrow.open_job(world.spec(), sender=pauper)


def test_cancel_returns_everything(world: World) -> None:
    before = world.balance(world.buyer)
    job = world.open_job()
    world.escrow.claim_hub(job, sender=world.hub)
    world.escrow.cancel(job, sender=world.buyer)
    (refunded,) = events(world.escrow, "BuyerRefunded")
    assert refunded.amount == DATA_PRICE + REST
    world.escrow.withdraw(sender=world.buyer)
    assert world.balance(world.buyer) == before
    assert world.balance(world.escrow) == 0
    assert world.escrow.job(job).status == 4


def test_cancel_refuses_others_twice_and_after_the_start(world: World) -> None:
    job = world.open_job()
    with refused("escrow: not the buyer"):
        world.escrow.cancel(job, sender=world.stranger)
    world.escrow.cancel(job, sender=world.buyer)
    with refused("escrow: job has started"):
        world.escrow.cancel(job, sender=world.buyer)
    running = world.started_job()
    with refused("escrow: job has started"):
        world.escrow.cancel(running, sender=world.buyer)
