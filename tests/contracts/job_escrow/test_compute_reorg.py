"""A reorganisation takes transactions back and plays others: who holds what follows the new chain.

A history is played inside an anchor and rolled back, as a reorganisation does; then the senders
send their transactions again, or others come first.
"""

from __future__ import annotations

import boa
import pytest

from tests.contracts.market_world import (
    DATA_PRICE,
    HOUR,
    SILENCE,
    STAKE,
    World,
    digest,
    refused,
)


@pytest.fixture
def job(world: World) -> int:
    return world.started_job()


def test_reorg_of_a_funding_gives_the_buyer_its_money_back(world: World) -> None:
    before = world.balance(world.buyer)
    with boa.env.anchor():
        job = world.open_job()
    assert world.balance(world.buyer) == before
    assert world.escrow.job(job).status == 0
    with refused("escrow: job is not running"):
        world.escrow.claim_hub(job, sender=world.hub)


def test_reorg_of_the_first_reservation_takes_the_data_fee_back(world: World) -> None:
    job = world.open_job()
    world.escrow.claim_hub(job, sender=world.hub)
    before = world.balance(world.database)
    with boa.env.anchor():
        world.reserve(job, world.workers[0], 0)
        assert world.balance(world.database) == before + DATA_PRICE
    world.escrow.cancel(job, sender=world.buyer)
    assert world.balance(world.database) == before
    with refused("escrow: job is not running"):
        world.reserve(job, world.workers[0], 0)


def test_reorg_of_an_acceptance_pays_once_when_it_is_sent_again(world: World, job: int) -> None:
    with boa.env.anchor():
        world.accept(job, [0])
        world.escrow.withdraw(sender=world.workers[0])
    assert world.escrow.credit_of(world.workers[0]) == 0
    world.accept(job, [0])
    with refused("escrow: segment already paid"):
        world.accept(job, [0])
    assert world.escrow.withdraw(sender=world.workers[0]) == 2
    world.check_escrow()


def test_reorg_of_a_slash_gives_the_stake_back(world: World, job: int) -> None:
    """Without the verdict on chain the owner is as it was; sent again, it is slashed once."""
    liar = world.workers[0]
    with boa.env.anchor():
        world.void(job, 0, liar)
        world.reserve(job, world.workers[6], 0)
    assert world.registry.worker(liar).stake == STAKE
    assert world.registry.is_available(liar)
    assert world.escrow.job(job).pot == 0
    world.void(job, 0, liar)
    assert world.escrow.job(job).pot == STAKE
    with refused("escrow: owner is not active"):
        world.void(job, 0, liar)
    world.check_escrow()


def test_reorg_that_puts_a_refund_before_an_acceptance(world: World, job: int) -> None:
    world.wait(2 * SILENCE + 1)
    with boa.env.anchor():
        world.accept(job, [0])
        with refused("escrow: hub is not silent long enough"):
            world.escrow.refund(job, sender=world.buyer)
    world.escrow.refund(job, sender=world.buyer)
    with refused("escrow: job is not running"):
        world.accept(job, [0])
    assert world.escrow.credit_of(world.workers[0]) == 0
    world.check_escrow()


def test_reorg_of_a_takeover_leaves_the_first_hub_in_charge(world: World, job: int) -> None:
    world.wait(SILENCE + 1)
    with boa.env.anchor():
        world.escrow.claim_hub(job, sender=world.nodes[1])
    world.accept(job, [0])
    with refused("escrow: hub is not silent long enough"):
        world.escrow.claim_hub(job, sender=world.nodes[1])


def test_reorg_of_a_finish_takes_the_model_with_it(world: World, job: int) -> None:
    world.accept(job, range(8))
    with boa.env.anchor():
        world.finish(job)
        args = (job, digest("card"), digest("where"), 10)
        model = world.models.register(*args, sender=world.buyer)
        world.ask(model)
    assert world.models.num_models() == 0
    with refused("models: job is not finished"):
        world.models.register(*args, sender=world.buyer)
    with refused("prediction: unknown model"):
        world.ask(model)
    world.finish(job)
    assert world.escrow.credit_of(world.hub) == 7 + 3
    world.check_escrow()


def test_reorg_of_a_fulfilment_leaves_the_price_with_the_market(world: World) -> None:
    asked = world.ask(world.model())
    world.wait(HOUR + 1)
    with boa.env.anchor():
        world.predictions.fulfil(asked, world.workers[0], digest("o"), 99, sender=world.hub)
    world.predictions.refund(asked, sender=world.people["payer"])
    with refused("prediction: not open"):
        world.predictions.fulfil(asked, world.workers[0], digest("o"), 99, sender=world.hub)
    assert world.predictions.credit_of(world.workers[0]) == 0
    world.check_predictions()
