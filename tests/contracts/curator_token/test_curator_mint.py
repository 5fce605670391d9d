from __future__ import annotations

from tests.contracts.data_world import Market
from tests.contracts.market_world import events, refused


def mint(market: Market, tranche: int, to: str, amount: int, dataset: int = 0) -> None:
    market.shares.mint(
        dataset or market.dataset, tranche, to, amount, sender=market.association.address
    )


def test_mint_gives_shares_and_as_many_votes(market: Market, contributors: list[str]) -> None:
    mint(market, 7, contributors[0], 5)

    assert {type(event).__name__ for event in market.shares.get_logs()} == {"Transfer", "Minted"}
    assert market.shares.balanceOf(contributors[0], 7) == 5
    assert market.shares.totalSupply(7) == 5
    assert market.shares.earned_votes(market.dataset, contributors[0]) == 5
    assert market.shares.earned_supply_at(market.dataset, market.now()) == 5


def test_mint_of_nothing_registers_the_tranche(market: Market, contributors: list[str]) -> None:
    mint(market, 7, contributors[0], 0)

    assert events(market.shares, "Minted")[0].amount == 0
    assert market.shares.dataset_of(7) == market.dataset
    assert market.shares.totalSupply(7) == 0
    assert market.shares.earned_votes(market.dataset, contributors[0]) == 0


def test_mint_of_a_tranche_happens_once(market: Market, contributors: list[str]) -> None:
    mint(market, 7, contributors[0], 0)

    with refused("curator: tranche is minted"):
        mint(market, 7, contributors[0], 5)


def test_mint_refuses_bad_values(market: Market, contributors: list[str]) -> None:
    with refused("curator: unknown dataset"):
        mint(market, 7, contributors[0], 5, dataset=99)
    with refused("curator: zero address"):
        mint(market, 7, "0x" + "00" * 20, 5)
    with refused("curator: amount out of range"):
        mint(market, 7, contributors[0], 2**96)


def test_only_the_association_mints(market: Market) -> None:
    for account in market.everybody():
        with refused("curator: not the association"):
            market.shares.mint(market.dataset, 7, account, 5, sender=account)


def test_only_the_association_opens_datasets(market: Market) -> None:
    for account in market.everybody():
        with refused("curator: not the association"):
            market.shares.open_dataset(2, account, [account], [1], sender=account)


def test_a_dataset_is_opened_once(market: Market, curators: list[str]) -> None:
    with refused("curator: dataset is open"):
        market.shares.open_dataset(
            market.dataset, market.buyer, curators, [1, 1, 1], sender=market.association.address
        )
