from __future__ import annotations

import pytest

from tests.contracts.market_world import SILENCE, World, digest, events, refused

RECEIPT = digest("receipt")


@pytest.fixture
def job(world: World) -> int:
    return world.started_job()


def accept(world: World, job: int, *segments: tuple[int, bytes, list[str]], epoch: int = 1) -> None:
    world.escrow.accept(job, epoch, RECEIPT, list(segments), sender=world.hub)


def test_accept_credits_each_owner_its_offer(world: World, job: int) -> None:
    before = world.escrow.job(job).compute_left
    accept(world, job, (0, digest("r"), world.workers[:3]))
    paid = events(world.escrow, "SegmentPaid")
    assert [(e.segment, e.owner, e.amount, e.source) for e in paid] == [
        (0, owner, 2, 1) for owner in world.workers[:3]
    ]
    assert [world.escrow.credit_of(owner) for owner in world.workers[:4]] == [2, 2, 2, 0]
    assert world.escrow.job(job).compute_left == before - 6
    assert world.escrow.segment_result(job, 0) == digest("r")
    assert world.escrow.job(job).accepted == 1
    world.check_escrow()


def test_accept_twice_is_refused(world: World, job: int) -> None:
    first = (0, digest("r"), world.workers[:3])
    accept(world, job, first)
    with refused("escrow: segment already paid"):
        accept(world, job, first)
    with refused("escrow: segment already paid"):
        accept(world, job, (0, digest("other"), world.workers[:3]))


def test_accept_twice_in_one_call_is_refused(world: World, job: int) -> None:
    first = (0, digest("r"), world.workers[:3])
    with refused("escrow: segment already paid"):
        accept(world, job, first, first)
    assert world.escrow.credit_of(world.workers[0]) == 0


def test_accept_takes_rounds_of_a_shard_in_order(world: World, job: int) -> None:
    with refused("escrow: round out of order"):
        accept(world, job, (4, digest("r"), world.workers[:3]))
    accept(world, job, (0, digest("r"), world.workers[:3]), (4, digest("s"), world.workers[:3]))
    assert world.escrow.next_round(job, 0) == 2
    with refused("escrow: unknown segment"):
        accept(world, job, (8, digest("r"), world.workers[:3]))


def test_accept_refuses_an_inactive_owner(world: World, job: int) -> None:
    a, b, _, other = world.workers[:4]
    with refused("escrow: owner is not active"):
        accept(world, job, (0, digest("r"), [a, b, other]))


def test_accept_refuses_a_lost_owner(world: World, job: int) -> None:
    world.void(job, 0, world.workers[0], kind=2)
    with refused("escrow: owner is not active"):
        accept(world, job, (0, digest("r"), world.workers[:3]))


def test_accept_refuses_a_duplicate_owner(world: World, job: int) -> None:
    a, b, _ = world.workers[:3]
    for owners in ([a, a, b], [a, b, a], [b, a, a]):
        with refused("escrow: duplicate owner"):
            accept(world, job, (0, digest("r"), owners))


def test_accept_refuses_too_few_and_too_many(world: World, job: int) -> None:
    for owners in (world.workers[:2], world.workers[:4], []):
        with refused("escrow: wrong number of owners"):
            accept(world, job, (0, digest("r"), owners))


def test_accept_refuses_a_barred_owner_on_its_other_shards(world: World, job: int) -> None:
    """Barred for shard 0; on shard 1 it is still listed, and must not be paid."""
    world.void(job, 0, world.workers[0])
    with refused("escrow: owner is barred"):
        accept(world, job, (1, digest("r"), world.workers[:3]))
    world.void(job, 1, world.workers[0], kind=2)
    world.reserve(job, world.workers[6], 1)
    accept(world, job, (1, digest("r"), [*world.workers[1:3], world.workers[6]]))


def test_accept_refuses_owners_barred_by_another_job(world: World, job: int) -> None:
    other = world.started_job()
    world.void(other, 0, world.workers[0])
    with refused("escrow: owner is barred"):
        accept(world, job, (0, digest("r"), world.workers[:3]))


def test_accept_refuses_empty_results_and_lists(world: World, job: int) -> None:
    with refused("escrow: no result"):
        accept(world, job, (0, bytes(32), world.workers[:3]))
    with refused("escrow: nothing to accept"):
        accept(world, job)


def test_accept_before_a_reservation_is_refused(world: World) -> None:
    job = world.open_job()
    world.escrow.claim_hub(job, sender=world.hub)
    with refused("escrow: job is not running"):
        accept(world, job, (0, digest("r"), world.workers[:3]))


def test_accept_repays_the_chain_line_until_it_is_exhausted(world: World) -> None:
    """Chain line 5 at 4 a call: claim free, reserve 4, accept 1, then nothing, and work goes on."""
    job = world.started_job(chain_price=4)
    assert world.escrow.credit_of(world.hub) == 4
    world.accept(job, [0])
    (repaid,) = events(world.escrow, "ChainRepaid")
    assert (repaid.node, repaid.amount) == (world.hub, 1)
    world.accept(job, [1])
    assert events(world.escrow, "ChainRepaid") == []
    world.accept(job, range(2, 8))
    world.finish(job)
    assert world.escrow.credit_of(world.hub) == 5 + 7
    world.check_escrow()


def test_accept_at_the_refund_second_whichever_comes_first_counts(world: World, job: int) -> None:
    """Two jobs, both two silences old: one is refunded first, the other accepted first."""
    other = world.started_job()
    world.wait(2 * SILENCE + 1)
    world.escrow.refund(job, sender=world.buyer)
    with refused("escrow: job is not running"):
        world.accept(job, [0])
    world.accept(other, [0])
    with refused("escrow: hub is not silent long enough"):
        world.escrow.refund(other, sender=world.buyer)
    world.check_escrow()
