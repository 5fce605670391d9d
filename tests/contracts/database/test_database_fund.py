from __future__ import annotations

from tests.contracts.data_world import WEALTH, Market
from tests.contracts.market_world import events, refused


def test_fund_splits_by_the_shares_of_the_snapshot(market: Market, contributors: list[str]) -> None:
    first = market.accepted(contributors[0], 10)
    second = market.accepted(contributors[1], 5)
    market.fund(2, 31)

    (event,) = events(market.database, "Funded")
    assert (event.snapshot, str(event.payer), event.amount) == (2, market.buyer, 31)
    assert market.balance(market.buyer) == WEALTH - 31
    assert market.database.claimable(first, contributors[0]) == 20
    assert market.database.claimable(second, contributors[1]) == 10


def test_a_late_joiner_takes_nothing_of_earlier_snapshots(
    market: Market, contributors: list[str]
) -> None:
    first = market.accepted(contributors[0], 10)
    second = market.accepted(contributors[1], 10)
    market.fund(1, 20)

    assert market.database.claimable(first, contributors[0]) == 20
    assert market.database.claimable(second, contributors[1]) == 0


def test_an_early_tranche_earns_of_all_later_snapshots(
    market: Market, contributors: list[str]
) -> None:
    tranches = [market.accepted(contributors[0], 1) for _ in range(9)]
    for snapshot in range(1, 10):
        # A unit for each share of the snapshot, times a weight that tells snapshots apart.
        market.fund(snapshot, snapshot * 2**snapshot)

    for index, tranche in enumerate(tranches):
        due = sum(2**snapshot for snapshot in range(index + 1, 10))
        assert market.database.claimable(tranche, contributors[0]) == due


def test_fund_refuses_a_snapshot_without_shares(market: Market, contributors: list[str]) -> None:
    market.accepted(contributors[0], 0)

    with refused("database: snapshot has no shares"):
        market.fund(1, 5)
    assert market.balance(market.database) == 0


def test_fund_refuses_unknown_snapshots(market: Market, contributors: list[str]) -> None:
    market.accepted(contributors[0], 10)

    for number in (0, 2):
        with refused("database: unknown snapshot"):
            market.fund(number, 5)


def test_fund_refuses_what_the_payer_does_not_have(market: Market, contributors: list[str]) -> None:
    market.accepted(contributors[0], 10)

    with refused("token: balance too low"):
        market.fund(1, WEALTH + 1)


def test_fund_refuses_a_token_that_takes_a_fee(hostile: Market) -> None:
    hostile.accepted(hostile.contributors[0], 10)
    hostile.token.set_fee(1)

    with refused("token: fee on transfer"):
        hostile.fund(1, 5)


def test_fund_tranche_pays_one_tranche_alone(market: Market, contributors: list[str]) -> None:
    first = market.accepted(contributors[0], 10)
    second = market.accepted(contributors[1], 10)
    market.database.fund_tranche(first, 7, sender=market.buyer)

    (event,) = events(market.database, "TrancheFunded")
    assert (event.tranche, event.amount) == (first, 7)
    # A tenth of 7 per share is rounded down, once; a unit of dust stays.
    assert market.database.claimable(first, contributors[0]) == 6
    assert market.database.claimable(second, contributors[1]) == 0


def test_fund_tranche_refuses_one_without_shares(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 0)

    with refused("database: tranche has no shares"):
        market.database.fund_tranche(tranche, 5, sender=market.buyer)
    with refused("database: unknown tranche"):
        market.database.fund_tranche(99, 5, sender=market.buyer)
