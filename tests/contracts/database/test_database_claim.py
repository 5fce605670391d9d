from __future__ import annotations

import pytest

from tests.contracts.data_world import WEALTH, Market
from tests.contracts.market_world import events, refused


def test_claim_pays_the_holder_once(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.fund(1, 20)
    before = market.balance(contributors[0])

    assert market.database.claim(tranche, sender=contributors[0]) == 20
    (event,) = events(market.database, "Claimed")
    assert (event.tranche, str(event.holder), event.amount) == (tranche, contributors[0], 20)
    assert market.balance(contributors[0]) == before + 20
    assert market.database.claim(tranche, sender=contributors[0]) == 0
    assert market.balance(contributors[0]) == before + 20


def test_claim_by_a_stranger_pays_nothing(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.fund(1, 20)

    assert market.database.claim(tranche, sender=market.stranger) == 0
    assert market.database.claimable(tranche, contributors[0]) == 20


def test_claim_refuses_an_unknown_tranche(market: Market) -> None:
    with refused("database: unknown tranche"):
        market.database.claim(99, sender=market.buyer)


def test_claims_in_small_steps_lose_nothing(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 3)
    paid = 0
    for _ in range(9):
        market.fund(1, 1)
        paid += market.database.claim(tranche, sender=contributors[0])

    # Nine thirds-of-a-unit a share, each rounded down by 2^-64: one unit is not complete.
    assert paid == 8
    assert market.balance(market.database) == 1


def test_claim_for_does_not_cost_the_holder_its_fraction(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 2)
    market.shares.transfer(contributors[1], tranche, 1, sender=contributors[0])
    for _ in range(4):
        market.fund(1, 1)
        for holder in contributors[:2]:
            market.database.claim_for(tranche, holder, sender=market.stranger)

    # Half a unit each time: whoever pushes claims cannot round a holder's halves away.
    assert market.balance(market.database) == 0


def test_claim_many_pays_all_at_once(market: Market, contributors: list[str]) -> None:
    first = market.accepted(contributors[0], 10)
    second = market.accepted(contributors[0], 10)
    market.fund(1, 10)
    market.fund(2, 20)
    before = market.balance(contributors[0])

    paid = market.database.claim_many([first, second, first], sender=contributors[0])
    assert paid == 30
    assert len(events(market.database, "Withdrawn")) == 1
    assert market.balance(contributors[0]) == before + 30


def test_claim_many_pays_nothing_to_a_stranger(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.fund(1, 10)

    assert market.database.claim_many([tranche], sender=market.stranger) == 0


def test_claim_for_pays_the_holder_and_not_the_caller(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.fund(1, 10)
    before = market.balance(contributors[0])

    assert market.database.claim_for(tranche, contributors[0], sender=market.stranger) == 10
    assert market.balance(contributors[0]) == before + 10
    assert market.balance(market.stranger) == WEALTH


def test_only_the_curator_token_settles(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 10)

    for account in market.everybody():
        with refused("database: not the curator token"):
            market.database.settle(tranche, account, account, sender=account)


def test_a_frozen_holder_stops_nobody(hostile: Market) -> None:
    frozen, other = hostile.contributors[:2]
    first = hostile.accepted(frozen, 10)
    second = hostile.accepted(other, 10)
    hostile.fund(2, 20)
    hostile.token.freeze(frozen)

    with refused("frozen"):
        hostile.database.claim(first, sender=frozen)
    assert hostile.database.claimable(first, frozen) == 10
    assert hostile.database.claim(second, sender=other) == 10
    hostile.fund(2, 20)
    assert hostile.database.claimable(first, frozen) == 20


@pytest.mark.parametrize("attack", ["claim", "claim_for", "withdraw", "fund"])
def test_a_token_that_calls_back_is_locked_out(hostile: Market, attack: str) -> None:
    holder = hostile.contributors[0]
    tranche = hostile.accepted(holder, 10)
    hostile.fund(1, 20)
    arguments = {
        "claim": (tranche,),
        "claim_for": (tranche, holder),
        "withdraw": (),
        "fund": (1, 0),
    }[attack]
    payload = getattr(hostile.database, attack).prepare_calldata(*arguments)
    hostile.token.set_callback(hostile.database.address, payload)
    before = hostile.balance(holder)

    assert hostile.database.claim(tranche, sender=holder) == 20
    assert not hostile.token.called_back()
    assert hostile.balance(holder) == before + 20
    assert hostile.balance(hostile.database) == 0
