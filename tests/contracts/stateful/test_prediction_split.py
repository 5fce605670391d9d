"""The split of a prediction's price beside the plain-Python rules, with small numbers."""

from __future__ import annotations

import os
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.market_world import World, build_world, digest, events, refused
from tests.contracts.stateful.escrow_model import Refused, split_prediction

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
DATA_BPS = (0, 1, 3_333, 9_999, 10_000)


@cache
def models_by_bps() -> tuple[World, dict[tuple[int, int], int]]:
    """A model for each share of the data, on a dataset with shares and on one without."""
    world = build_world()
    found = {}
    for data_bps in DATA_BPS:
        for shares in (0, 7):
            dataset = world.create_dataset(prediction_bps=data_bps)
            world.add_tranche(dataset, shares, world.people["contributor"])
            found[data_bps, shares] = world.model(dataset=dataset)
    return world, found


@pytest.fixture(scope="module", autouse=True)
def deployed() -> None:
    """Deploy before the tests: what a test deploys is rolled back after it."""
    models_by_bps()


@settings(
    max_examples=2_000 if LONG else 150,
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(
    price=st.integers(0, 19),
    fee=st.integers(0, 19),
    data_bps=st.sampled_from(DATA_BPS),
    shares=st.sampled_from([0, 7]),
)
def test_contract_and_rules_split_a_price_alike(
    price: int, fee: int, data_bps: int, shares: int
) -> None:
    world, models = models_by_bps()
    model = models[data_bps, shares]
    worker = world.workers[0]
    world.models.set_price(model, price, sender=world.buyer)
    world.registry.set_min_fee(fee, sender=worker)
    asked = world.ask(model, max_price=19)
    try:
        expected = split_prediction(price, fee, data_bps, shares)
    except Refused as reason:
        with refused(str(reason)):
            world.predictions.fulfil(asked, worker, digest("o"), 99, sender=world.hub)
        return
    world.predictions.fulfil(asked, worker, digest("o"), 99, sender=world.hub)
    (paid,) = events(world.predictions, "PredictionFulfilled")
    parts = (paid.worker_fee, paid.data_amount, paid.owner_amount, paid.returned)
    assert parts == expected
    world.check_predictions()
