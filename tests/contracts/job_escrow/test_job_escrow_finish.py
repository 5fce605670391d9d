from __future__ import annotations

import pytest

from tests.contracts.market_world import DATA_PRICE, SILENCE, World, digest, events, refused

FINAL = (digest("weights"), 9_000, digest("final"))


@pytest.fixture
def job(world: World) -> int:
    return world.started_job()


def test_finish_pays_the_node_and_refunds_the_rest(world: World, job: int) -> None:
    world.accept(job, range(8))
    world.escrow.finish(job, 1, *FINAL, sender=world.hub)
    (done,) = events(world.escrow, "JobFinished")
    assert (done.weights, done.metric_bps, done.receipt) == FINAL
    assert events(world.escrow, "NodePaid")[0].amount == 7
    # 72 - 24 payments of 2, reserve 6, chain line 5 - 3 calls
    assert events(world.escrow, "BuyerRefunded")[0].amount == 24 + 6 + 2
    assert world.escrow.credit_of(world.hub) == 7 + 3
    assert world.lines(job) == 0
    outcome = world.escrow.outcome(job)
    assert (outcome.buyer, outcome.status, outcome.metric_bps) == (world.buyer, 3, 9_000)
    world.check_escrow()


def test_everything_can_be_withdrawn_to_the_last_unit(world: World, job: int) -> None:
    """Paid in = data fee + wages + node + chain + refund; the escrow ends empty."""
    world.accept(job, range(8))
    world.finish(job)
    for account in world.everybody():
        world.escrow.withdraw_for(account, sender=world.stranger)
    assert world.balance(world.escrow) == 0
    assert world.balance(world.database) == DATA_PRICE


def test_finish_twice_is_refused(world: World, job: int) -> None:
    world.accept(job, range(8))
    world.finish(job)
    with refused("escrow: job is not running"):
        world.finish(job)


def test_finish_refuses_missing_segments(world: World, job: int) -> None:
    world.accept(job, range(7))
    with refused("escrow: segments are missing"):
        world.finish(job)


def test_finish_refuses_malformed_results(world: World, job: int) -> None:
    world.accept(job, range(8))
    with refused("escrow: no weights"):
        world.escrow.finish(job, 1, bytes(32), 9_000, digest("final"), sender=world.hub)
    with refused("escrow: metric out of range"):
        world.escrow.finish(job, 1, digest("w"), 10_001, digest("final"), sender=world.hub)


@pytest.mark.parametrize("who", ["buyer", "stranger", "worker", "second node"])
def test_finish_refuses_everybody_but_the_hub(world: World, job: int, who: str) -> None:
    world.accept(job, range(8))
    known = {"worker": world.workers[0], "second node": world.nodes[1]}
    with refused("escrow: not the hub"):
        world.escrow.finish(job, 1, *FINAL, sender=known.get(who) or world.people[who])


def test_finish_after_a_refund_is_refused(world: World, job: int) -> None:
    world.accept(job, range(8))
    world.wait(2 * SILENCE + 1)
    world.escrow.refund(job, sender=world.buyer)
    with refused("escrow: job is not running"):
        world.finish(job)


def test_refund_returns_what_was_not_paid(world: World, job: int) -> None:
    """Two segments were accepted; the node fee was not earned and goes back."""
    world.accept(job, [0, 1])
    world.wait(2 * SILENCE + 1)
    world.escrow.refund(job, sender=world.buyer)
    (ended,) = events(world.escrow, "JobRefunded")
    assert ended.amount == events(world.escrow, "BuyerRefunded")[0].amount
    assert ended.amount == (72 - 12) + 6 + 7 + (5 - 2)
    assert world.escrow.credit_of(world.workers[0]) == 4
    assert world.lines(job) == 0
    world.check_escrow()


def test_refund_refuses_early_twice_and_unknown(world: World, job: int) -> None:
    world.wait(2 * SILENCE)
    with refused("escrow: hub is not silent long enough"):
        world.escrow.refund(job, sender=world.buyer)
    world.wait(1)
    world.escrow.refund(job, sender=world.buyer)
    for number in (job, 99):
        with refused("escrow: job is not running"):
            world.escrow.refund(number, sender=world.buyer)


def test_refund_by_others_waits_four_silences(world: World, job: int) -> None:
    world.wait(4 * SILENCE)
    with refused("escrow: not the buyer"):
        world.escrow.refund(job, sender=world.stranger)
    world.wait(1)
    before = world.escrow.credit_of(world.buyer)
    world.escrow.refund(job, sender=world.stranger)
    assert world.escrow.credit_of(world.buyer) > before
    assert world.escrow.credit_of(world.stranger) == 0


def test_refund_of_an_untouched_job_returns_the_data_fee(world: World) -> None:
    job = world.open_job()
    total = world.lines(job)
    world.wait(2 * SILENCE + 1)
    world.escrow.refund(job, sender=world.buyer)
    assert world.escrow.credit_of(world.buyer) == total


def test_refund_settles_the_pot(world: World, job: int) -> None:
    """A lie, a replacement that never delivered: wronged owners are paid, the rest is burnt."""
    world.void(job, 0, world.workers[0])
    world.reserve(job, world.workers[6], 0)
    world.wait(2 * SILENCE + 1)
    world.escrow.refund(job, sender=world.buyer)
    assert [e.amount for e in events(world.escrow, "Compensated")] == [2, 2]
    assert events(world.escrow, "PotBurnt")[0].amount == 10 - 4
    assert world.lines(job) == 0
    world.check_escrow()


def test_activity_moves_the_refund(world: World, job: int) -> None:
    world.wait(2 * SILENCE)
    world.accept(job, [0])
    world.wait(2 * SILENCE)
    with refused("escrow: hub is not silent long enough"):
        world.escrow.refund(job, sender=world.buyer)


def test_withdraw_twice_pays_once(world: World, job: int) -> None:
    world.accept(job, [0])
    owner = world.workers[0]
    assert world.escrow.withdraw(sender=owner) == 2
    assert world.escrow.withdraw(sender=owner) == 0
    assert world.escrow.withdraw_for(owner, sender=world.stranger) == 0
    world.check_escrow()


def test_no_key_has_power_over_a_job(world: World, job: int) -> None:
    """Not the buyer, the stranger, the dataset's creator nor another node moves its money."""
    world.accept(job, range(8))
    held = world.lines(job)
    for who in (*world.people.values(), *world.workers, *world.nodes[1:]):
        with refused("escrow: not the hub"):
            world.escrow.finish(job, 1, *FINAL, sender=who)
        with refused("escrow: not the hub"):
            world.escrow.accept(job, 1, digest("r"), [(0, digest("x"), [])], sender=who)
        with refused("escrow: not the hub"):
            world.escrow.void(job, 1, 0, world.workers[0], 1, digest("v"), sender=who)
        expected = "hub is not silent long enough" if who == world.buyer else "not the buyer"
        with refused(f"escrow: {expected}"):
            world.escrow.refund(job, sender=who)
    assert world.lines(job) == held
