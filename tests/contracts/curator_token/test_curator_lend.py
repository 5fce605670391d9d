from __future__ import annotations

import boa

from tests.contracts.data_world import NOBODY, Market
from tests.contracts.market_world import events, refused


def test_lend_records_oracle_cap_times_and_confidence(
    market: Market, curators: list[str], oracle: str
) -> None:
    expiry = market.now() + 50
    market.lend(curators[0], cap=4, expiry=expiry, least=7_001)

    (event,) = events(market.votes, "Lent")
    assert (str(event.lender), str(event.oracle), event.cap, event.expiry) == (
        curators[0], oracle, 4, expiry,
    )  # fmt: skip
    assert event.least_confidence == 7_001
    found = market.votes.lent(market.dataset, curators[0])
    assert tuple(found) == (oracle, 4, market.now(), expiry, 7_001)
    assert market.votes.oracle_number(oracle) == market.votes.num_oracles() == 1
    assert str(market.votes.oracle_at(1)) == oracle


def test_lend_again_replaces_the_loan_and_its_start(market: Market, curators: list[str]) -> None:
    market.lend(curators[0], cap=4)
    market.wait(10)
    market.lend(curators[0], market.stranger, cap=5)

    found = market.votes.lent(market.dataset, curators[0])
    assert (str(found.oracle), found.cap, found.since) == (market.stranger, 5, market.now())
    assert int(market.votes.loans(market.dataset, curators[0], 1)) & (2**52 - 1) == 4
    assert market.votes.num_oracles() == 2


def test_lend_keeps_what_is_above_its_fields_at_their_highest(
    market: Market, curators: list[str], oracle: str
) -> None:
    market.lend(curators[0], cap=2**256 - 1, expiry=2**256 - 1)

    found = market.votes.lent(market.dataset, curators[0])
    assert (found.cap, found.expiry) == (2**52 - 1, 2**32 - 1)
    assert str(found.oracle) == oracle
    assert found.since == market.now()


def test_lend_refuses_bad_values(market: Market, curators: list[str]) -> None:
    with refused("curator: zero address"):
        market.lend(curators[0], NOBODY)
    with refused("curator: cannot lend to oneself"):
        market.lend(curators[0], curators[0])
    with refused("curator: cap is zero"):
        market.lend(curators[0], cap=0)
    with refused("curator: expiry is past"):
        market.lend(curators[0], expiry=market.now())
    with refused("curator: confidence out of range"):
        market.lend(curators[0], least=10_001)


def test_oracles_have_numbers_of_32_bits(market: Market, curators: list[str]) -> None:
    market.lend(curators[0])
    address = market.votes.address
    (slot,) = [one for one in range(64) if boa.env.get_storage(address, one) == 1]
    boa.env.set_storage(address, slot, 2**32 - 1)
    market.lend(curators[1])

    with refused("curator: too many oracles"):
        market.lend(curators[1], market.stranger)
    # Who has a number already needs no other.
    assert market.votes.num_oracles() == 2**32 - 1


def test_take_back_ends_the_loan(market: Market, curators: list[str]) -> None:
    market.lend(curators[0], cap=4)
    market.votes.take_back(market.dataset, sender=curators[0])

    (event,) = events(market.votes, "TakenBack")
    assert (event.dataset, str(event.lender)) == (market.dataset, curators[0])
    found = market.votes.lent(market.dataset, curators[0])
    assert (str(found.oracle), found.cap, found.expiry) == (NOBODY, 0, 0)


def test_take_back_refuses_where_nothing_is_lent(market: Market, curators: list[str]) -> None:
    with refused("curator: nothing is lent"):
        market.votes.take_back(market.dataset, sender=curators[0])
    market.lend(curators[0])
    market.votes.take_back(market.dataset, sender=curators[0])

    with refused("curator: nothing is lent"):
        market.votes.take_back(market.dataset, sender=curators[0])


def test_a_loan_holds_in_its_dataset_alone(market: Market, curators: list[str]) -> None:
    market.lend(curators[0], cap=4)
    second = market.create_dataset()

    assert str(market.votes.lent(second, curators[0]).oracle) == NOBODY
