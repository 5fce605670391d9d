from __future__ import annotations

import pytest

from tests.contracts.market_world import HOUR, World, digest, events, refused

OUT = digest("output")
TRANCHE, SECOND = 1_000_001, 1_000_002


def test_request_prediction_takes_the_price(world: World) -> None:
    model = world.model(price=10)
    before = world.balance(world.people["payer"])
    asked = world.ask(model)
    (event,) = events(world.predictions, "PredictionRequested")
    assert (event.prediction, event.model, event.price) == (asked, model, 10)
    assert before - world.balance(world.people["payer"]) == 10
    assert world.predictions.prediction(asked).status == 1
    world.check_predictions()


def test_request_prediction_refuses_a_price_above_the_maximum(world: World) -> None:
    model = world.model(price=11)
    with refused("prediction: price above maximum"):
        world.ask(model, max_price=10)


def test_request_prediction_refuses_unknown_models_and_empty_inputs(world: World) -> None:
    with refused("prediction: unknown model"):
        world.ask(99)
    model = world.model()
    with refused("prediction: no input"):
        world.predictions.request_prediction(model, bytes(32), 10, sender=world.people["payer"])


def test_fulfil_splits_the_price_to_the_unit(world: World) -> None:
    """10 = 2 worker + 3 data (40 % of 8, floored) + 5 owner."""
    asked = world.ask(world.model(price=10))
    worker, owner_before = world.workers[0], world.predictions.credit_of(world.buyer)
    data_before = world.balance(world.database)
    world.predictions.fulfil(asked, worker, OUT, 99, sender=world.hub)
    (event,) = events(world.predictions, "PredictionFulfilled")
    assert (event.worker_fee, event.data_amount, event.owner_amount) == (2, 3, 5)
    assert event.returned == 0
    assert world.predictions.credit_of(worker) == 2
    assert world.predictions.credit_of(world.buyer) - owner_before == 5
    assert world.balance(world.database) - data_before == 3
    world.check_predictions()


def test_fulfil_dividends_reach_the_contributor(world: World) -> None:
    asked = world.ask(world.model(price=10))
    who = world.people["contributor"]
    before = world.balance(who)
    world.database.claim(TRANCHE, sender=who)
    after_job = world.balance(who)
    world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=world.hub)
    world.database.claim(TRANCHE, sender=who)
    assert world.balance(who) - after_job in (2, 3)  # a fraction of a unit waits
    assert after_job > before


def test_fulfil_returns_the_data_share_where_a_snapshot_has_no_shares(world: World) -> None:
    dataset = world.create_dataset()
    world.add_tranche(dataset, 0, world.people["contributor"])
    asked = world.ask(world.model(price=10, dataset=dataset))
    world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=world.hub)
    (event,) = events(world.predictions, "PredictionFulfilled")
    assert (event.data_amount, event.returned, event.owner_amount) == (0, 3, 5)
    assert world.predictions.credit_of(world.people["payer"]) == 3
    world.check_predictions()


def test_fulfil_twice_is_refused(world: World) -> None:
    asked = world.ask(world.model())
    world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=world.hub)
    with refused("prediction: not open"):
        world.predictions.fulfil(asked, world.workers[1], OUT, 99, sender=world.hub)


@pytest.mark.parametrize("who", ["stranger", "buyer", "payer", "worker", "third node"])
def test_fulfil_refuses_everybody_but_an_admitted_node(world: World, who: str) -> None:
    asked = world.ask(world.model())
    known = {"worker": world.workers[0], "third node": world.nodes[2]}
    sender = known.get(who) or world.people[who]
    with refused("prediction: not an admitted node"):
        world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=sender)


def test_fulfil_by_the_second_node_works(world: World) -> None:
    asked = world.ask(world.model())
    world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=world.nodes[1])
    assert world.predictions.prediction(asked).output == OUT


def test_fulfil_pays_a_fee_equal_to_the_price_and_refuses_one_above(world: World) -> None:
    asked = world.ask(world.model(price=10))
    world.registry.set_min_fee(11, sender=world.workers[0])
    with refused("prediction: worker fee above price"):
        world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=world.hub)
    world.registry.set_min_fee(10, sender=world.workers[0])
    world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=world.hub)
    (event,) = events(world.predictions, "PredictionFulfilled")
    assert (event.worker_fee, event.data_amount, event.owner_amount) == (10, 0, 0)


def test_fulfil_pays_no_more_than_the_fee_at_which_the_worker_was_chosen(world: World) -> None:
    """Else it raises its fee while it computes and takes the data's and the owner's part."""
    asked = world.ask(world.model(price=10))
    world.registry.set_min_fee(10, sender=world.workers[0])
    with refused("prediction: worker has raised its fee"):
        world.predictions.fulfil(asked, world.workers[0], OUT, 2, sender=world.hub)
    world.predictions.fulfil(asked, world.workers[1], OUT, 2, sender=world.hub)
    (event,) = events(world.predictions, "PredictionFulfilled")
    assert event.worker_fee == 2


def test_fulfil_refuses_a_barred_or_unknown_worker(world: World) -> None:
    asked = world.ask(world.model())
    with refused("prediction: worker is not available"):
        world.predictions.fulfil(asked, world.stranger, OUT, 99, sender=world.hub)
    job = world.started_job()
    world.void(job, 0, world.workers[0])
    with refused("prediction: worker is not available"):
        world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=world.hub)


def test_fulfil_refuses_an_empty_output(world: World) -> None:
    asked = world.ask(world.model())
    with refused("prediction: no output"):
        world.predictions.fulfil(asked, world.workers[0], bytes(32), 99, sender=world.hub)


def test_terms_are_those_of_the_request(world: World) -> None:
    """A later price, owner's improvement or snapshot changes no prediction already asked for."""
    model = world.model(price=10)
    asked = world.ask(model)
    world.models.set_price(model, 1_000, sender=world.buyer)
    world.add_tranche(world.dataset, 7, world.people["initiator"])
    better = world.finished_job(metric_bps=9_500, snapshot=2)
    world.models.improve(model, better, digest("card"), digest("where"), sender=world.buyer)
    found = world.predictions.prediction(asked)
    assert (found.price, found.snapshot) == (10, 1)
    before = world.database.claimable(SECOND, world.people["initiator"])
    world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=world.hub)
    assert world.database.claimable(SECOND, world.people["initiator"]) == before


def test_refund_returns_the_price_after_an_hour(world: World) -> None:
    asked = world.ask(world.model())
    payer = world.people["payer"]
    world.wait(HOUR + 1)
    world.predictions.refund(asked, sender=payer)
    assert world.predictions.credit_of(payer) == 10
    before = world.balance(payer)
    assert world.predictions.withdraw(sender=payer) == 10
    assert world.balance(payer) - before == 10
    world.check_predictions()


def test_refund_refuses_early_twice_and_strangers(world: World) -> None:
    asked = world.ask(world.model())
    payer = world.people["payer"]
    world.wait(HOUR)
    with refused("prediction: too early"):
        world.predictions.refund(asked, sender=payer)
    world.wait(1)
    with refused("prediction: not the payer"):
        world.predictions.refund(asked, sender=world.stranger)
    world.predictions.refund(asked, sender=payer)
    with refused("prediction: not open"):
        world.predictions.refund(asked, sender=payer)


def test_refund_race_whichever_comes_first_counts(world: World) -> None:
    payer = world.people["payer"]
    model = world.model()
    first, second = world.ask(model), world.ask(model)
    world.wait(HOUR + 1)
    world.predictions.fulfil(first, world.workers[0], OUT, 99, sender=world.hub)
    with refused("prediction: not open"):
        world.predictions.refund(first, sender=payer)
    world.predictions.refund(second, sender=payer)
    with refused("prediction: not open"):
        world.predictions.fulfil(second, world.workers[0], OUT, 99, sender=world.hub)
    world.check_predictions()


def test_a_node_can_let_a_worker_eat_the_price_but_no_more(world: World) -> None:
    """A limit that is known: node and worker together can take the model's and the data's part."""
    asked = world.ask(world.model(price=10))
    payer_before = world.balance(world.people["payer"])
    world.registry.set_min_fee(10, sender=world.workers[0])
    world.predictions.fulfil(asked, world.workers[0], OUT, 99, sender=world.hub)
    assert world.predictions.credit_of(world.workers[0]) == 10
    assert world.balance(world.people["payer"]) == payer_before
    world.check_predictions()
