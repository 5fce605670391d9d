from __future__ import annotations

from tests.contracts.data_world import Market
from tests.contracts.market_world import events, refused


def test_lend_records_oracle_cap_and_times(
    market: Market, curators: list[str], oracle: str
) -> None:
    expiry = market.now() + 50
    market.shares.lend(market.dataset, oracle, 4, expiry, sender=curators[0])

    (event,) = events(market.shares, "Lent")
    assert (str(event.oracle), event.cap, event.expiry) == (oracle, 4, expiry)
    found = market.shares.lent(market.dataset, curators[0])
    assert tuple(found) == (oracle, 4, market.now(), expiry)


def test_lend_again_replaces_the_loan_and_its_start(
    market: Market, curators: list[str], oracle: str
) -> None:
    market.shares.lend(market.dataset, oracle, 4, market.now() + 50, sender=curators[0])
    market.wait(10)
    market.shares.lend(market.dataset, oracle, 5, market.now() + 50, sender=curators[0])

    assert market.shares.lent(market.dataset, curators[0]).since == market.now()


def test_lend_refuses_bad_values(market: Market, curators: list[str], oracle: str) -> None:
    later = market.now() + 50
    with refused("curator: unknown dataset"):
        market.shares.lend(99, oracle, 4, later, sender=curators[0])
    with refused("curator: zero address"):
        market.shares.lend(market.dataset, "0x" + "00" * 20, 4, later, sender=curators[0])
    with refused("curator: cannot lend to oneself"):
        market.shares.lend(market.dataset, curators[0], 4, later, sender=curators[0])
    with refused("curator: cap is zero"):
        market.shares.lend(market.dataset, oracle, 0, later, sender=curators[0])
    with refused("curator: expiry is past"):
        market.shares.lend(market.dataset, oracle, 4, market.now(), sender=curators[0])


def test_take_back_ends_the_loan(market: Market, curators: list[str], oracle: str) -> None:
    market.shares.lend(market.dataset, oracle, 4, market.now() + 50, sender=curators[0])
    market.shares.take_back(market.dataset, sender=curators[0])

    assert tuple(market.shares.lent(market.dataset, curators[0])) == ("0x" + "00" * 20, 0, 0, 0)
    with refused("curator: nothing is lent"):
        market.shares.take_back(market.dataset, sender=curators[0])
