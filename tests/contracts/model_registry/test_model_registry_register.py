from __future__ import annotations

import pytest

from tests.contracts.market_world import World, digest, events, refused

CARD, WHERE = digest("card"), digest("where")


def test_register_takes_every_figure_from_the_job(world: World) -> None:
    job = world.finished_job(metric_bps=9_100)
    model = world.models.register(job, CARD, WHERE, 10, sender=world.buyer)
    (event,) = events(world.models, "ModelRegistered")
    found = world.models.model(model)
    assert (found.owner, found.job, found.dataset, found.snapshot) == (world.buyer, job, 1, 1)
    assert (found.program, found.weights) == (digest("program"), digest(f"weights {job}"))
    assert (found.metric_bps, found.price) == (9_100, 10)
    assert (event.model, event.owner, event.job) == (model, world.buyer, job)
    assert world.models.num_models() == 1


@pytest.mark.parametrize("who", ["stranger", "payer", "contributor", "hub", "worker"])
def test_register_refuses_everybody_but_the_buyer(world: World, who: str) -> None:
    job = world.finished_job()
    sender = {"hub": world.hub, "worker": world.workers[0]}.get(who) or world.people[who]
    with refused("models: not the job's buyer"):
        world.models.register(job, CARD, WHERE, 10, sender=sender)


def test_register_refuses_a_second_model_of_a_job(world: World) -> None:
    model = world.model()
    with refused("models: job has a model"):
        world.models.register(world.models.model(model).job, CARD, WHERE, 10, sender=world.buyer)


@pytest.mark.parametrize("stage", ["unknown", "funded", "running", "cancelled", "refunded"])
def test_register_refuses_a_job_that_is_not_finished(world: World, stage: str) -> None:
    job = 99
    if stage in ("funded", "cancelled"):
        job = world.open_job()
    if stage in ("running", "refunded"):
        job = world.started_job()
    if stage == "cancelled":
        world.escrow.cancel(job, sender=world.buyer)
    if stage == "refunded":
        world.wait(201)
        world.escrow.refund(job, sender=world.buyer)
    with refused("models: job is not finished"):
        world.models.register(job, CARD, WHERE, 10, sender=world.buyer)


def test_register_refuses_empty_digests(world: World) -> None:
    job = world.finished_job()
    with refused("models: no card"):
        world.models.register(job, bytes(32), WHERE, 10, sender=world.buyer)
    with refused("models: no weights"):
        world.models.register(job, CARD, bytes(32), 10, sender=world.buyer)


def test_set_price_changes_the_price(world: World) -> None:
    model = world.model()
    world.models.set_price(model, 20, sender=world.buyer)
    assert world.models.model(model).price == 20


def test_set_price_refuses_everybody_but_the_owner(world: World) -> None:
    model = world.model()
    with refused("models: not the owner"):
        world.models.set_price(model, 0, sender=world.stranger)
    with refused("models: not the owner"):
        world.models.set_price(99, 0, sender=world.stranger)


def test_improve_replaces_the_weights(world: World) -> None:
    model = world.model()
    better = world.finished_job(metric_bps=9_001)
    world.models.improve(model, better, digest("card 2"), WHERE, sender=world.buyer)
    found = world.models.model(model)
    assert (found.job, found.metric_bps) == (better, 9_001)
    assert found.weights == digest(f"weights {better}")
    assert found.card == digest("card 2")
    assert world.models.model_of_job(better) == model


def test_improve_refuses_an_equal_metric(world: World) -> None:
    model = world.model()
    same = world.finished_job(metric_bps=9_000)
    with refused("models: metric is not higher"):
        world.models.improve(model, same, CARD, WHERE, sender=world.buyer)


def test_improve_refuses_a_job_that_has_a_model(world: World) -> None:
    model = world.model()
    other = world.finished_job(metric_bps=9_500)
    world.models.register(other, CARD, WHERE, 10, sender=world.buyer)
    with refused("models: job has a model"):
        world.models.improve(model, other, CARD, WHERE, sender=world.buyer)


def test_improve_refuses_another_dataset(world: World) -> None:
    model = world.model()
    dataset = world.create_dataset()
    world.add_tranche(dataset, 5, world.people["contributor"])
    other = world.finished_job(metric_bps=9_500, dataset=dataset)
    with refused("models: another dataset"):
        world.models.improve(model, other, CARD, WHERE, sender=world.buyer)


def test_improve_refuses_strangers(world: World) -> None:
    model = world.model()
    better = world.finished_job(metric_bps=9_500)
    with refused("models: not the owner"):
        world.models.improve(model, better, CARD, WHERE, sender=world.stranger)
