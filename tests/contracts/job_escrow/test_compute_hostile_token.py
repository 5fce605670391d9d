"""Money that takes a fee, freezes a payee or calls back: nobody else is harmed."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.market_world import Contract, World, digest, refused


def test_fee_on_transfer_is_refused_everywhere(hostile_world: World) -> None:
    world = hostile_world
    model = world.model()
    world.token.set_fee(1)
    with refused("token: fee on transfer"):
        world.open_job()
    with refused("token: fee on transfer"):
        world.ask(model)
    with refused("token: fee on transfer"):
        world.registry.add_stake(3, sender=world.workers[0])
    with refused("token: fee on transfer"):
        payer = world.people["payer"]
        world.registry.register(1, digest("pin"), digest("cpu"), 9, sender=payer)


def test_a_frozen_worker_stops_nobody(hostile_world: World) -> None:
    world = hostile_world
    frozen, honest = world.workers[:2]
    world.token.freeze(frozen)
    job = world.finished_job()
    with boa.reverts("frozen"):
        world.escrow.withdraw(sender=frozen)
    assert world.escrow.credit_of(frozen) == 8
    assert world.escrow.withdraw(sender=honest) == 8
    assert world.escrow.withdraw_for(world.hub, sender=world.stranger) > 0
    assert world.escrow.job(job).status == 3


def test_a_frozen_buyer_stops_neither_finish_nor_refund(hostile_world: World) -> None:
    world = hostile_world
    world.token.freeze(world.buyer)
    world.finished_job()
    job = world.started_job()
    world.wait(201)
    world.escrow.refund(job, sender=world.buyer)
    assert world.escrow.job(job).status == 4


def contract_of(world: World, name: str) -> Contract:
    return {"escrow": world.escrow, "predictions": world.predictions, "registry": world.registry}[
        name
    ]


@pytest.mark.parametrize("name", ["escrow", "registry", "predictions"])
def test_reentry_is_refused_and_would_work_elsewhere(hostile_world: World, name: str) -> None:
    """While a contract pays one owner the token calls back to make it pay another."""
    world = hostile_world
    a, b = world.workers[:2]
    model = world.model()
    for worker in (a, b):
        world.predictions.fulfil(world.ask(model), worker, digest("o"), 99, sender=world.hub)
        world.registry.leave(sender=worker)
    world.wait(7 * 86400)
    for worker in (a, b):
        world.registry.collect_stake(sender=worker)
    target = contract_of(world, name)
    again = target.withdraw_for.prepare_calldata(b)
    owed = target.credit_of(b)
    assert owed > 0
    world.token.set_callback(target.address, again)
    assert target.withdraw(sender=a) > 0
    assert not world.token.called_back()
    assert target.credit_of(b) == owed
    # the same call from the token, while another contract pays, is an ordinary one
    other = world.predictions if name == "escrow" else world.escrow
    world.token.set_callback(target.address, again)
    other.withdraw(sender=a if name == "escrow" else b)
    assert world.token.called_back()
    assert target.credit_of(b) == 0


def test_reentry_during_a_deposit_is_refused(hostile_world: World) -> None:
    """While a job is funded the token calls back to end another, silent job."""
    world = hostile_world
    old = world.started_job()
    world.wait(401)
    world.token.set_callback(world.escrow.address, world.escrow.refund.prepare_calldata(old))
    job = world.open_job()
    assert not world.token.called_back()
    assert world.escrow.job(old).status == 2
    assert world.escrow.job(job).status == 1
    world.check_escrow()
