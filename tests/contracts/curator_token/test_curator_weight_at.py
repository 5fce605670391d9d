from __future__ import annotations

import pytest

from tests.contracts.data_world import WEIGHTS, Market
from tests.contracts.market_world import refused

G = sum(WEIGHTS)


def mint(market: Market, tranche: int, to: str, amount: int) -> None:
    market.shares.mint(market.dataset, tranche, to, amount, sender=market.association.address)


@pytest.mark.parametrize("earned", [0, 1, 2, 3, 10, 11, 12, 1_000, 10**9])
def test_genesis_weight_fades_as_earned_weight_grows(
    market: Market, curators: list[str], contributors: list[str], earned: int
) -> None:
    mint(market, 7, contributors[0], earned)

    weights = [market.shares.weight_at(market.dataset, c, market.now()) for c in curators]
    assert weights == [genesis * G // (G + earned) for genesis in WEIGHTS]
    supply = market.shares.supply_at(market.dataset, market.now())
    assert supply == earned + G * G // (G + earned)
    assert 0 <= supply - sum(weights) - earned < len(curators)


def test_a_curator_who_contributes_has_both_weights(market: Market, curators: list[str]) -> None:
    mint(market, 7, curators[0], 11)

    assert market.shares.weight_at(market.dataset, curators[0], market.now()) == 11 + 6 * G // 22


def test_weight_is_read_at_the_end_of_a_past_second(
    market: Market, contributors: list[str]
) -> None:
    start = market.now()
    for step, amount in enumerate((1, 2, 4, 8, 16)):
        market.wait(10)
        mint(market, 10 + step, contributors[0], amount)

    def at(time: int) -> int:
        return int(market.shares.earned_at(market.dataset, contributors[0], time))

    assert [at(start + 10 * step) for step in range(6)] == [0, 1, 3, 7, 15, 31]
    assert [at(start + 10 * step - 1) for step in range(6)] == [0, 0, 1, 3, 7, 15]
    assert at(start + 10**6) == 31
    assert market.shares.earned_supply_at(market.dataset, start + 20) == 3


def test_mints_of_one_second_make_one_checkpoint(market: Market, contributors: list[str]) -> None:
    market.wait(10)
    mint(market, 7, contributors[0], 1)
    mint(market, 8, contributors[0], 2)

    assert market.shares.earned_at(market.dataset, contributors[0], market.now()) == 3
    assert market.shares.earned_at(market.dataset, contributors[0], market.now() - 1) == 0


def test_votes_of_one_dataset_count_nowhere_else(market: Market, contributors: list[str]) -> None:
    second = market.create_dataset()
    mint(market, 7, contributors[0], 5)

    assert market.shares.earned_votes(second, contributors[0]) == 0
    assert market.shares.supply_at(second, market.now()) == G


def test_an_unknown_dataset_has_no_weight(market: Market, curators: list[str]) -> None:
    assert market.shares.supply_at(99, market.now()) == 0
    assert market.shares.weight_at(99, curators[0], market.now()) == 0


def test_the_zero_address_has_no_history_of_its_own(market: Market) -> None:
    with refused("curator: zero address"):
        market.shares.earned_at(market.dataset, "0x" + "00" * 20, market.now())
