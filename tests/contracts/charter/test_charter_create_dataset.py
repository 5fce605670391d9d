from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.data_world import MINT_CAP, NOBODY, PERIOD, Market
from tests.contracts.market_world import digest, events, refused

DAYS_45 = 45 * 86_400
M48, M32, M51, M96 = 2**48 - 1, 2**32 - 1, 2**51 - 1, 2**96 - 1


def test_create_dataset_makes_its_database_and_names_its_people(market: Market) -> None:
    dataset = market.create_dataset()
    (event,) = events(market.charter, "DatasetCreated")
    database = market.charter.database_of(dataset)

    assert dataset == market.charter.num_datasets() == 2
    assert (event.dataset, str(event.creator), str(event.database)) == (
        dataset, market.initiator, str(database),
    )  # fmt: skip
    assert (event.metadata, event.max_exposure_bps, event.price_per_use) == (
        digest("metadata"), 5_000, 8,
    )  # fmt: skip
    assert str(market.charter.creator_of(dataset)) == market.initiator
    assert str(market.association.database_of(dataset)) == str(database)
    assert market.database_of(dataset).dataset() == dataset
    assert tuple(market.charter.rules_of(dataset)) == tuple(market.charter.rules_at(dataset, 1))
    assert market.charter.version_of(dataset) == 1
    assert [market.votes.genesis_weight(dataset, one) for one in market.curators] == [6, 3, 2]
    assert market.votes.genesis_total(dataset) == 11


def test_anybody_creates_a_dataset(market: Market) -> None:
    for account in market.everybody():
        dataset = market.charter.create_dataset(market.rules(), sender=account)
        assert str(market.charter.creator_of(dataset)) == account


def test_the_charter_answers_by_the_newest_rules(market: Market) -> None:
    dataset = market.create_dataset(
        price_per_use=5, prediction_bps=1, max_exposure_bps=2, closes_at=market.now() + 9,
        challenge_bond=9, evaluator_stake=11, programs=[digest("p"), digest("q")],
    )  # fmt: skip
    charter = market.charter

    assert charter.price_per_use(dataset) == market.database_of(dataset).price_per_use() == 5
    assert (charter.prediction_bps(dataset), charter.max_exposure_bps(dataset)) == (1, 2)
    assert charter.closes_at(dataset) == market.now() + 9
    assert (charter.challenge_bond(dataset), charter.evaluator_stake(dataset)) == (9, 11)
    assert charter.challenge_bond_at(dataset, 1) == 9
    assert charter.value_window(dataset) == PERIOD
    programs = ["p", "q", "r"]
    assert [charter.is_program(dataset, digest(one)) for one in programs] == [True, True, False]
    assert charter.is_program(market.dataset, digest("anything"))
    assert [charter.is_node(dataset, one) for one in market.nodes] == [True, True, False, False]
    assert not charter.is_evaluator(dataset, market.evaluators[0].address)
    assert charter.is_evaluator(market.dataset, market.evaluators[0].address)


def test_an_unknown_dataset_has_no_rules(market: Market) -> None:
    for name in (
        "rules_of", "version_of", "closes_at", "price_per_use", "prediction_bps",
        "max_exposure_bps", "value_window", "challenge_bond", "evaluator_stake", "creator_of",
    ):  # fmt: skip
        with refused("charter: unknown dataset"):
            getattr(market.charter, name)(99)
    with refused("charter: unknown dataset"):
        market.charter.is_program(99, digest("p"))
    for version in (0, 2):
        with refused("charter: unknown version"):
            market.charter.rules_at(market.dataset, version)
    with refused("association: unknown dataset"):
        market.charter.database_of(99)
    assert not market.charter.is_node(99, market.nodes[0])
    assert not market.charter.is_evaluator(99, market.evaluators[0].address)
    assert not market.charter.is_node(99, NOBODY)


ACCEPTED: list[dict[str, Any]] = [
    {"quorum_bps": 10_000, "prediction_bps": 10_000, "max_exposure_bps": 10_000},
    {"review_minutes": DAYS_45 // 60, "voting_period": DAYS_45, "change_delay": DAYS_45},
    {"bond": M48, "evaluation_fee": M48, "relay_price": M32, "price_per_use": M96},
    {"mint_cap": M51, "epoch_length": M32, "weights": [M51 - 2, 1, 1]},
    {"voting_period": 4, "change_delay": 4, "closes_at": M32, "a_bps": 0},
    {"challenge_bond": M96, "evaluator_stake": M96, "optimistic_window": 2**24 - 1},
    {"tolerance_bps": 10_000, "challenge_bond": 11, "evaluator_stake": 11},
]


@pytest.mark.parametrize("changes", ACCEPTED)
def test_rules_reach_to_their_limits(market: Market, changes: dict[str, Any]) -> None:
    """The highest values of fields that share a word stay apart from one another."""
    dataset = market.create_dataset(**changes)
    given = market.rules(**changes)
    found = tuple(market.charter.rules_of(dataset))

    for mine, theirs in zip(given, found, strict=True):
        if isinstance(mine, list):
            assert [str(one) for one in theirs] == [str(one) for one in mine]
        else:
            assert theirs == mine
    minutes, period, bond, fee, relay = (given[index] for index in (5, 6, 7, 8, 9))
    word = int(market.association.rules_word(dataset, 1))
    genesis = sum(given[25])
    assert word == (
        minutes | period << 16 | bond << 40 | fee << 88 | relay << 136 | genesis << 168
        | given[3] << 220
    )  # fmt: skip
    word = int(market.verdicts.rules_word(dataset, 1))
    assert word == (
        given[4] | given[16] << 14 | given[10] << 19 | given[11] << 71 | market.now() << 103
        | given[17] << 135 | (60 * minutes + 2 * period) << 159 | relay << 183
        | (100 - given[15] // 100) << 215 | given[20] << 222
    )  # fmt: skip


def test_a_proposal_under_the_highest_rules_opens_and_ends(market: Market) -> None:
    """No field of a tally carries over into its neighbour."""
    market.use_dataset(
        review_minutes=DAYS_45 // 60, voting_period=DAYS_45, change_delay=DAYS_45,
        mint_cap=M51, weights=[M51 - 2, 1, 1],
    )  # fmt: skip
    terms = market.propose(market.contributors[0])
    found = market.tally(terms)
    assert (found.review_s, found.period, found.status, found.version) == (DAYS_45, DAYS_45, 1, 1)
    market.wait(DAYS_45)
    market.vote(terms, (market.curators[0], True), (market.curators[1], False))
    market.execute(terms, market.verdict(MINT_CAP))
    assert market.sides(terms) == (M51 - 2, 1)
    assert market.status(terms) == 2


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"curators": [], "weights": []}, "charter: no curators"),
    ({"weights": [1, 2]}, "charter: weights and curators"),
    ({"weights": [0, 1, 1]}, "charter: weight out of range"),
    ({"weights": [M51, 1, 1]}, "charter: weight out of range"),
    ({"weights": [M51 + 1, 1, 1]}, "charter: weight out of range"),
    ({"curators": [NOBODY], "weights": [1]}, "charter: zero address"),
    ({"closes_at": 1}, "charter: closing time"),
    ({"closes_at": M32 + 1}, "charter: closing time"),
    ({"quorum_bps": 10_001}, "charter: quorum out of range"),
    ({"review_minutes": DAYS_45 // 60 + 1}, "charter: review out of range"),
    ({"voting_period": 3}, "charter: period out of range"),
    ({"voting_period": DAYS_45 + 1}, "charter: period out of range"),
    ({"bond": M48 + 1}, "charter: amount out of range"),
    ({"evaluation_fee": M48 + 1}, "charter: amount out of range"),
    ({"relay_price": M32 + 1}, "charter: amount out of range"),
    ({"price_per_use": M96 + 1}, "charter: amount out of range"),
    ({"challenge_bond": M96 + 1}, "charter: amount out of range"),
    ({"evaluator_stake": M96 + 1}, "charter: amount out of range"),
    ({"mint_cap": M51 + 1}, "charter: cap out of range"),
    ({"epoch_length": 0}, "charter: epoch out of range"),
    ({"epoch_length": M32 + 1}, "charter: epoch out of range"),
    ({"prediction_bps": 10_001}, "charter: prediction share"),
    ({"max_exposure_bps": 0}, "charter: exposure out of range"),
    ({"max_exposure_bps": 10_001}, "charter: exposure out of range"),
    ({"a_bps": 10_100}, "charter: share stream"),
    ({"a_bps": 9_950}, "charter: share stream"),
    ({"threshold": 0}, "charter: threshold"),
    ({"threshold": 17}, "charter: threshold"),
    ({"threshold": 3}, "charter: too few evaluators"),
    ({"optimistic_window": 5}, "charter: nobody may challenge"),
    ({"optimistic_window": 2**24, "challenge_bond": 1}, "charter: window out of range"),
    ({"challenge_bond": 12, "evaluator_stake": 11}, "charter: stake too low"),
    ({"tolerance_bps": 10_001}, "charter: tolerance out of range"),
    ({"change_delay": PERIOD - 1}, "charter: delay out of range"),
    ({"change_delay": DAYS_45 + 1}, "charter: delay out of range"),
    ({"nodes": []}, "charter: no nodes"),
    ({"nodes": [NOBODY]}, "charter: zero address"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_create_dataset_refuses(market: Market, changes: dict[str, Any], reason: str) -> None:
    with refused(reason):
        market.create_dataset(**changes)
    assert market.charter.num_datasets() == 1


def test_nobody_is_named_twice(market: Market) -> None:
    names = [account.address for account in market.evaluators]
    with refused("charter: named twice"):
        market.create_dataset(evaluators=[*names[:3], names[0]])
    with refused("charter: zero address"):
        market.create_dataset(evaluators=[*names, NOBODY])
    with refused("charter: named twice"):
        market.create_dataset(nodes=market.nodes[:1] * 2)
    with refused("curator: named twice"):
        market.create_dataset(curators=market.curators[:1] * 2, weights=[1, 1])


@pytest.mark.parametrize(
    "name",
    ["association", "curator_token", "verdicts", "challenges", "motions", "token", "pools"],
)
def test_the_charter_names_its_neighbours(market: Market, name: str) -> None:
    contract = market.votes if name == "curator_token" else getattr(market, name)

    assert str(getattr(market.charter, name)()) == str(contract.address)
