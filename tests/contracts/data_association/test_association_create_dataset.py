from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.data_world import Market
from tests.contracts.market_world import digest, events, refused

ZERO = "0x" + "00" * 20


def test_create_dataset_opens_a_database_and_an_electorate(
    market: Market, curators: list[str]
) -> None:
    dataset = market.create_dataset(price_per_use=9, max_exposure_bps=500)

    (event,) = events(market.association, "DatasetCreated")
    assert (event.dataset, str(event.creator)) == (dataset, market.initiator)
    assert (event.max_exposure_bps, event.price_per_use) == (500, 9)
    database = market.database_of(dataset)
    assert str(event.database) == str(database.address)
    assert database.dataset() == dataset
    assert database.price_per_use() == 9
    assert str(database.token()) == str(market.token.address)
    assert market.shares.genesis_weight(dataset, curators[0]) == 6
    assert market.association.creator_of(dataset) == market.initiator


def test_rules_are_read_as_they_were_given(market: Market) -> None:
    rules = market.rules(programs=[digest("one"), digest("two")], closes_at=market.now() + 5)
    dataset = market.association.create_dataset(rules, sender=market.initiator)

    found = market.association.rules_of(dataset)
    assert [_plain(value) for value in found] == [_plain(value) for value in rules]
    assert market.association.price_per_use(dataset) == found.price_per_use
    assert market.association.prediction_bps(dataset) == found.prediction_bps
    assert market.association.max_exposure_bps(dataset) == found.max_exposure_bps


def _plain(value: object) -> object:
    return [str(item) for item in value] if isinstance(value, list | tuple) else value


def test_roles_are_those_of_the_rules(market: Market, nodes: list[str]) -> None:
    association = market.association

    assert [association.is_node(market.dataset, node) for node in nodes] == [True, True] + [
        False
    ] * (len(nodes) - 2)
    assert association.is_evaluator(market.dataset, market.evaluators[0].address)
    assert not association.is_evaluator(market.dataset, nodes[0])
    assert not association.is_node(market.dataset + 1, nodes[0])


def test_programs_are_any_unless_named(market: Market) -> None:
    assert market.association.is_program(market.dataset, digest("any"))
    dataset = market.create_dataset(programs=[digest("one")])
    assert market.association.is_program(dataset, digest("one"))
    assert not market.association.is_program(dataset, digest("any"))


def test_datasets_live_side_by_side(market: Market) -> None:
    before = market.association.num_datasets()

    assert [market.create_dataset() for _ in range(2)] == [before + 1, before + 2]
    assert market.association.database_of(before + 1) != market.association.database_of(before + 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"closes_at": 1}, "association: closing time is past"),
        ({"quorum_bps": 10_001}, "association: quorum out of range"),
        ({"voting_period": 0}, "association: voting period out of range"),
        ({"voting_period": 2**255}, "association: voting period out of range"),
        ({"bond": 2**96}, "association: amount out of range"),
        ({"evaluation_fee": 2**96}, "association: amount out of range"),
        ({"price_per_use": 2**96}, "association: amount out of range"),
        ({"mint_cap": 2**96}, "association: mint cap out of range"),
        ({"epoch_length": 0}, "association: epoch length is zero"),
        ({"prediction_bps": 10_001}, "association: prediction share out of range"),
        ({"max_exposure_bps": 0}, "association: exposure out of range"),
        ({"max_exposure_bps": 10_001}, "association: exposure out of range"),
        ({"a_bps": 9_999}, "association: share stream must be 10000 bps"),
        ({"threshold": 0}, "association: threshold is zero"),
        ({"threshold": 3}, "association: too few evaluators"),
        ({"threshold": 2**255}, "association: too few evaluators"),
        ({"nodes": []}, "association: no nodes"),
        ({"nodes": [ZERO]}, "association: zero address"),
        ({"nodes": ["0x" + "11" * 20] * 2}, "association: node named twice"),
        ({"evaluators": ["0x" + "11" * 20] * 4}, "association: evaluator named twice"),
        ({"evaluators": [ZERO] * 4}, "association: zero address"),
        ({"curators": [], "weights": []}, "curator: no curators"),
        ({"weights": [1]}, "curator: curators and weights differ in length"),
        ({"weights": [1, 0, 1]}, "curator: weight out of range"),
        ({"weights": [1, 2**96, 1]}, "curator: weight out of range"),
        ({"curators": ["0x" + "11" * 20] * 3}, "curator: named twice"),
        ({"curators": [ZERO, "0x" + "11" * 20, "0x" + "12" * 20]}, "curator: zero address"),
    ],
)
def test_create_dataset_refuses_bad_rules(
    market: Market, changes: dict[str, Any], reason: str
) -> None:
    before = market.association.num_datasets()
    with refused(reason):
        market.create_dataset(**changes)
    assert market.association.num_datasets() == before


@pytest.mark.parametrize(
    "view",
    ["database_of", "creator_of", "rules_of", "price_per_use", "prediction_bps", "epoch_of",
     "max_exposure_bps"],
)  # fmt: skip
def test_views_refuse_an_unknown_dataset(market: Market, view: str) -> None:
    for dataset in (0, market.dataset + 1):
        with refused("association: unknown dataset"):
            getattr(market.association, view)(dataset)
    with refused("association: unknown dataset"):
        market.association.is_program(0, digest("any"))
