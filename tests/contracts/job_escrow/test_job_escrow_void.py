"""Slashed stake pays redone work, then wronged replicas, then the buyer; the rest is burnt."""

from __future__ import annotations

import pytest

from tests.contracts.market_world import STAKE, World, digest, events, refused

WRONG, LOST = 1, 2


@pytest.fixture
def job(world: World) -> int:
    return world.started_job()


def test_void_wrong_slashes_bars_and_vacates(world: World, job: int) -> None:
    liar = world.workers[0]
    world.void(job, 0, liar)
    (event,) = events(world.escrow, "Voided")
    assert (event.segment, event.owner, event.kind, event.slashed) == (0, liar, 1, STAKE)
    assert world.escrow.job(job).pot == STAKE
    assert world.registry.is_barred(liar)
    assert world.owners(job, 0) == world.workers[1:3]
    assert world.escrow.active_shards(job, liar) == 0b10
    assert world.escrow.reserved_shards(job, liar) == 0b11
    assert world.escrow.vacancies(job, 0) == 1
    world.check_escrow()


def test_void_lost_slashes_nothing_and_keeps_what_was_earned(world: World, job: int) -> None:
    owner = world.workers[0]
    world.accept(job, [0])
    world.void(job, 4, owner, LOST)
    assert world.escrow.credit_of(owner) == 2
    assert world.registry.worker(owner).stake == STAKE
    assert world.registry.is_available(owner)
    assert world.escrow.withdraw(sender=owner) == 2


def test_void_wrong_leaves_earlier_credits_withdrawable(world: World, job: int) -> None:
    """What was accepted was right: it is not clawed back from an owner that lies later."""
    liar = world.workers[0]
    world.accept(job, [0, 1])
    before = world.balance(liar)
    world.void(job, 4, liar)
    assert world.escrow.withdraw(sender=liar) == 4
    assert world.balance(liar) - before == 4
    world.check_escrow()


def test_void_refuses_an_accepted_segment(world: World, job: int) -> None:
    world.accept(job, [0])
    with refused("escrow: segment already paid"):
        world.void(job, 0, world.workers[0])
    with refused("escrow: segment already paid"):
        world.void(job, 0, world.workers[0], LOST)


def test_void_refuses_a_later_or_unknown_segment(world: World, job: int) -> None:
    with refused("escrow: round out of order"):
        world.void(job, 4, world.workers[0])
    with refused("escrow: unknown segment"):
        world.void(job, 8, world.workers[0])


def test_void_refuses_an_owner_that_is_not_active_there(world: World, job: int) -> None:
    with refused("escrow: owner is not active"):
        world.void(job, 0, world.workers[3])
    world.void(job, 0, world.workers[0], LOST)
    with refused("escrow: owner is not active"):
        world.void(job, 0, world.workers[0])


def test_void_refuses_unknown_kinds_and_missing_evidence(world: World, job: int) -> None:
    for kind in (0, 3):
        with refused("escrow: unknown kind"):
            world.void(job, 0, world.workers[0], kind)
    with refused("escrow: no evidence"):
        world.escrow.void(job, 1, 0, world.workers[0], WRONG, bytes(32), sender=world.hub)
    world.escrow.void(job, 1, 0, world.workers[0], LOST, bytes(32), sender=world.hub)


@pytest.mark.parametrize("who", ["buyer", "stranger", "worker", "second node"])
def test_void_refuses_everybody_but_the_hub(world: World, job: int, who: str) -> None:
    known = {"worker": world.workers[1], "second node": world.nodes[1]}
    sender = known.get(who) or world.people[who]
    with refused("escrow: not the hub"):
        world.escrow.void(job, 1, 0, world.workers[0], WRONG, digest("v"), sender=sender)


def test_redone_work_is_paid_from_the_pot(world: World, job: int) -> None:
    liar, spare = world.workers[0], world.workers[6]
    compute = world.escrow.job(job).compute_left
    world.void(job, 0, liar)
    world.reserve(job, spare, 0)
    assert world.escrow.redo(job, 0, spare) == (2, 0)
    assert (world.escrow.job(job).pot, world.escrow.job(job).pot_held) == (STAKE - 2, 2)
    world.check_escrow()
    world.accept(job, [0])
    paid = [(e.owner, e.amount, e.source) for e in events(world.escrow, "SegmentPaid")]
    assert paid == [(world.workers[1], 2, 1), (world.workers[2], 2, 1), (spare, 2, 2)]
    assert world.escrow.job(job).compute_left == compute - 4
    assert world.escrow.job(job).pot_held == 0
    world.check_escrow()


def test_redone_work_after_a_loss_is_paid_from_the_reserve(world: World, job: int) -> None:
    world.void(job, 0, world.workers[0], LOST)
    world.reserve(job, world.workers[6], 0)
    assert world.escrow.job(job).reserve_left == 6 - 2
    world.accept(job, [0])
    assert events(world.escrow, "SegmentPaid")[2].source == 3
    world.check_escrow()


def test_a_stake_slashed_by_another_job_is_not_in_this_pot(world: World, job: int) -> None:
    """The reserve pays the redone work of a job that came second to the liar's stake."""
    other = world.started_job()
    world.void(other, 0, world.workers[0])
    world.void(job, 0, world.workers[0])
    assert (world.escrow.job(other).pot, world.escrow.job(job).pot) == (STAKE, 0)
    world.reserve(job, world.workers[6], 0)
    assert world.escrow.redo(job, 0, world.workers[6]) == (0, 2)
    world.check_escrow()


def test_a_price_over_both_makes_two_payments(world: World) -> None:
    """A stake of 5 pays 3 and 2; the third of the second replacement comes from the reserve."""
    low = world.people["payer"]
    world.registry.register(2, digest("low"), digest("cpu"), 5, sender=low)
    world.registry.serve(world.nodes[:2], sender=low)
    for spare in world.workers[6:8]:
        world.registry.set_min_fee(3, sender=spare)
    job = world.open_job()
    world.escrow.claim_hub(job, sender=world.hub)
    a, b = world.workers[:2]
    world.escrow.reserve(job, 1, [low, a, b], [1, 1, 1], sender=world.hub)
    world.void(job, 0, low)
    world.void(job, 0, a, LOST)
    world.reserve(job, world.workers[6], 0)
    world.reserve(job, world.workers[7], 0)
    assert world.escrow.redo(job, 0, world.workers[7]) == (2, 1)
    world.accept(job, [0])
    paid = [(e.owner, e.amount, e.source) for e in events(world.escrow, "SegmentPaid")]
    assert paid[1:] == [
        (world.workers[6], 3, 2),
        (world.workers[7], 2, 2),
        (world.workers[7], 1, 3),
    ]
    world.check_escrow()


def test_replacement_is_refused_up_front_when_nothing_is_left(world: World) -> None:
    """An honest worker is never left unpaid: without money for it, it is not asked."""
    job = world.started_job(reserve=1)
    world.void(job, 0, world.workers[0], LOST)
    with refused("escrow: nothing left for redone work"):
        world.reserve(job, world.workers[6], 0)
    world.registry.set_min_fee(1, sender=world.workers[6])
    world.reserve(job, world.workers[6], 0)
    assert world.escrow.job(job).reserve_left == 0


def test_the_liability_is_kept_when_several_are_voided_before_any_is_redone(world: World) -> None:
    """Two liars on two shards: both replacements are paid from stake before anybody else is."""
    job = world.started_job(reserve=0)
    world.void(job, 0, world.workers[0])
    world.void(job, 2, world.workers[3])
    world.reserve(job, world.workers[6], 0)
    world.reserve(job, world.workers[7], 2)
    assert world.escrow.job(job).pot == 2 * STAKE - 4
    # the wronged owners of segment 0 wait: redone work of segment 2 comes first
    world.accept(job, [0])
    assert events(world.escrow, "Compensated") == []
    assert world.escrow.job(job).pot == 2 * STAKE - 4
    world.accept(job, [2])
    assert world.escrow.credit_of(world.workers[6]) == 2 == world.escrow.credit_of(world.workers[7])
    world.check_escrow()


def test_a_voided_replacement_gives_back_what_was_set_aside(world: World, job: int) -> None:
    world.void(job, 0, world.workers[0], LOST)
    world.reserve(job, world.workers[6], 0)
    world.void(job, 0, world.workers[6], LOST)
    assert world.escrow.job(job).reserve_left == 6
    world.reserve(job, world.workers[7], 0)
    assert world.escrow.job(job).reserve_left == 4
    world.accept(job, [0])
    assert world.escrow.credit_of(world.workers[6]) == 0
    world.check_escrow()


def test_later_segments_of_a_replacement_come_from_compute(world: World, job: int) -> None:
    world.void(job, 0, world.workers[0], LOST)
    world.reserve(job, world.workers[6], 0)
    world.accept(job, [0])
    world.accept(job, [4])
    assert [e.source for e in events(world.escrow, "SegmentPaid")] == [1, 1, 1]


def finish_after_a_lie(world: World, job: int) -> None:
    """Worker 0 lies on shard 0; worker 6 replaces it there, worker 7 on shard 1."""
    world.void(job, 0, world.workers[0])
    world.reserve(job, world.workers[6], 0)
    world.void(job, 1, world.workers[0], LOST)
    world.reserve(job, world.workers[7], 1)
    world.accept(job, range(8))
    world.finish(job)


def test_pot_order_at_the_end(world: World, job: int) -> None:
    """Stake 10 = 2 + 2 redone, 2 + 2 wronged, 2 of the 4 that the buyer paid for the segment."""
    supply = world.token.totalSupply()
    finish_after_a_lie(world, job)
    compensated = [(e.segment, e.owner, e.amount) for e in events(world.escrow, "Compensated")]
    assert compensated == [(0, world.workers[1], 2), (0, world.workers[2], 2)]
    (refunded,) = events(world.escrow, "BuyerRefunded")
    # compute 72 - 22 first-attempt payments of 2, reserve 6 untouched, chain line used up
    assert refunded.amount == (72 - 22 * 2) + 6 + 2
    assert events(world.escrow, "PotBurnt") == []
    assert world.token.totalSupply() == supply
    assert world.lines(job) == 0
    world.check_escrow()


def test_pot_burns_what_nobody_is_due(world: World) -> None:
    """A stake of 14: 2 + 2 redone, 2 + 2 wronged, 4 to the buyer (all that it paid), 2 burnt."""
    world.registry.add_stake(4, sender=world.workers[0])
    job = world.started_job()
    supply = world.token.totalSupply()
    finish_after_a_lie(world, job)
    (burnt,) = events(world.escrow, "PotBurnt")
    assert burnt.amount == 2 == supply - world.token.totalSupply()
    assert events(world.escrow, "BuyerRefunded")[0].amount == (72 - 44) + 6 + 4
    world.check_escrow()


def test_wronged_owners_share_a_pot_that_is_too_small(world: World) -> None:
    """A stake of 5 pays 3 of redone work; the 2 left are shared by prices 2 and 2."""
    low = world.people["payer"]
    world.registry.register(2, digest("low"), digest("cpu"), 5, sender=low)
    world.registry.serve(world.nodes[:2], sender=low)
    world.registry.set_min_fee(3, sender=world.workers[6])
    job = world.open_job(num_shards=2, num_rounds=1)
    world.escrow.claim_hub(job, sender=world.hub)
    a, b, c, d, e = world.workers[:5]
    owners = [low, a, b, c, d, e]
    world.escrow.reserve(job, 1, owners, [1, 1, 1, 2, 2, 2], sender=world.hub)
    world.void(job, 0, low)
    world.reserve(job, world.workers[6], 0)
    world.accept(job, [0, 1])
    world.finish(job)
    assert [e.amount for e in events(world.escrow, "Compensated")] == [1, 1]
    world.check_escrow()


def test_a_barred_owner_is_not_compensated(world: World, job: int) -> None:
    """Two liars on one segment: the second was beside the first, and gets nothing for it."""
    world.void(job, 0, world.workers[0])
    world.void(job, 0, world.workers[1])
    for owner in world.workers[:2]:
        world.void(job, 1, owner, LOST)
    world.reserve(job, world.workers[6], 0, 1)
    world.reserve(job, world.workers[7], 0, 1)
    world.accept(job, range(8))
    world.finish(job)
    found = [(e.owner, e.amount) for e in events(world.escrow, "Compensated")]
    assert found == [(world.workers[2], 2)]
    world.check_escrow()


def test_an_owner_is_compensated_once_a_segment(world: World, job: int) -> None:
    """Worker 2 sits beside two liars on segment 0 and is paid its price once more, once."""
    world.void(job, 0, world.workers[0])
    world.reserve(job, world.workers[6], 0)
    world.void(job, 0, world.workers[1])
    world.reserve(job, world.workers[7], 0)
    for owner in world.workers[:2]:
        world.void(job, 1, owner, LOST)
    world.reserve(job, world.workers[6], 1)
    world.reserve(job, world.workers[7], 1)
    world.accept(job, range(8))
    world.finish(job)
    owners = [e.owner for e in events(world.escrow, "Compensated")]
    assert sorted(owners) == sorted([world.workers[2], world.workers[6]])


def test_the_judge_gets_nothing_of_a_slash(world: World, job: int) -> None:
    """With or without a verdict the hub earns its fee and its chain line, no more."""
    finish_after_a_lie(world, job)
    assert world.escrow.credit_of(world.hub) == 7 + 5


def test_only_the_vacated_place_is_redone_work(world: World) -> None:
    """One of two first owners is lost: the next owner replaces it, the one after it is a first."""
    job = world.open_job()
    world.escrow.claim_hub(job, sender=world.hub)
    a, b, c, d = world.workers[:4]
    world.escrow.reserve(job, 1, [a, b], [1, 1], sender=world.hub)
    world.void(job, 0, a, LOST)
    world.reserve(job, c, 0)
    world.reserve(job, d, 0)
    assert world.escrow.vacancies(job, 0) == 0
    assert world.escrow.redo(job, 0, c) == (0, 2)
    assert world.escrow.redo(job, 0, d) == (0, 0)
    world.check_escrow()
