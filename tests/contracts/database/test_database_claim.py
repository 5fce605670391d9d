from __future__ import annotations

import pytest

from tests.contracts.data_world import WEALTH, Market
from tests.contracts.market_world import events, refused


def test_claim_pays_the_holder_once(market: Market, contributors: list[str]) -> None:
    who = contributors[0]
    tranche = market.register(who, 10)
    market.fund(1, 20)
    before = market.balance(who)

    assert market.claim(tranche, who) == 20
    (event,) = events(market.database, "Claimed")
    assert (event.tranche, str(event.holder), event.amount) == (tranche, who, 20)
    assert market.balance(who) == before + 20
    assert market.claim(tranche, who) == 0
    assert market.balance(who) == before + 20


def test_claim_by_a_stranger_pays_nothing(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 10)
    market.fund(1, 20)

    for account in market.others(contributors[0]):
        assert market.claim(tranche, account) == 0
    assert market.claim(99, contributors[0]) == 0
    assert market.database.claimable(99, contributors[0]) == 0
    assert market.database.claimable(tranche, contributors[0]) == 20


def test_claims_in_small_steps_lose_nothing(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 3)
    paid = 0
    for _ in range(9):
        market.fund(1, 1)
        paid += market.claim(tranche, contributors[0])

    # Nine thirds-of-a-unit a share, each rounded down by 2^-64: one unit is not complete.
    assert paid == 8
    assert market.balance(market.database) == 1


def test_claim_for_does_not_cost_the_holder_its_fraction(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.register(contributors[0], 2)
    market.database.transfer(contributors[1], tranche, 1, sender=contributors[0])
    for _ in range(4):
        market.fund(1, 1)
        for holder in contributors[:2]:
            market.database.claim_for(tranche, holder, sender=market.stranger)

    # Half a unit each time: whoever pushes claims cannot round a holder's halves away.
    assert market.balance(market.database) == 0


@pytest.mark.parametrize("shares", [3, 7, 11, 2**51 - 1])
def test_fractions_are_kept_over_many_claims(
    market: Market, contributors: list[str], shares: int
) -> None:
    """A claim keeps what is below a unit; it loses less than a share's 2^-64 each time."""
    tranche = market.register(contributors[0], shares)
    funded = paid = 0
    for amount in (1, 2, 5, 1, 1, 13, 1, 3):
        market.fund(1, amount)
        funded += amount
        paid += market.claim(tranche, contributors[0])
        assert paid <= funded
        assert funded - paid <= 1


def test_claim_many_pays_all_at_once(market: Market, contributors: list[str]) -> None:
    first = market.register(contributors[0], 10)
    second = market.register(contributors[0], 10)
    market.fund(1, 10)
    market.fund(2, 20)
    before = market.balance(contributors[0])

    paid = market.database.claim_many([first, second, first], sender=contributors[0])
    moved = [event.amount for event in events(market.database, "Claimed")]
    assert (paid, moved) == (30, [20, 10])
    assert market.balance(contributors[0]) == before + 30


def test_claim_many_pays_nothing_to_a_stranger(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 10)
    market.fund(1, 10)

    assert market.database.claim_many([tranche], sender=market.stranger) == 0


def test_claim_for_pays_the_holder_and_not_the_caller(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.register(contributors[0], 10)
    market.fund(1, 10)
    before = market.balance(contributors[0])

    assert market.database.claim_for(tranche, contributors[0], sender=market.stranger) == 10
    assert market.balance(contributors[0]) == before + 10
    assert market.balance(market.stranger) == WEALTH


# After an end


def test_a_removed_tranche_keeps_the_income_of_its_snapshots(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.register(contributors[0], 10)
    market.fund(1, 10)
    market.database.remove(tranche, sender=contributors[0])
    other = market.register(contributors[1], 10)
    # A use of the first snapshot pays it still; one of a later snapshot does not.
    market.fund(1, 20)
    market.fund(3, 40)

    assert market.database.claimable(tranche, contributors[0]) == 30
    assert market.database.claimable(other, contributors[1]) == 40


def test_a_tranche_taken_down_pays_somebody_else(market: Market, contributors: list[str]) -> None:
    """All its unclaimed and future income is redirected, whoever claims."""
    who, taker = contributors[:2]
    tranche = market.register(who, 10)
    market.fund(1, 10)
    assert market.claim(tranche, who) == 10
    market.fund(1, 20)
    market.take_down(tranche, 1, market.buyer)
    market.fund(1, 30)
    before = market.balance(who)

    assert market.claim(tranche, who) == 0
    (event,) = events(market.database, "Redirected")
    assert (event.tranche, str(event.holder), str(event.to), event.amount) == (
        tranche, who, market.buyer, 50,
    )  # fmt: skip
    assert market.balance(who) == before
    assert market.database.credit_of(market.buyer) == 50
    # Selling does not bring it back.
    market.fund(1, 10)
    market.database.transfer(taker, tranche, 10, sender=who)
    market.fund(1, 10)
    assert market.database.claim_many([tranche], sender=taker) == 0
    assert market.database.credit_of(who) == 0
    wallet = market.balance(market.buyer)
    assert market.database.withdraw_for(market.buyer, sender=market.stranger) == 70
    assert market.balance(market.buyer) == wallet + 70
    assert market.balance(market.database) == 0


def test_withdraw_sends_a_credit_once(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 10)
    market.fund(1, 20)
    market.database.transfer(contributors[1], tranche, 10, sender=contributors[0])
    before = market.balance(contributors[0])

    assert market.database.withdraw(sender=market.stranger) == 0
    assert market.database.withdraw(sender=contributors[0]) == 20
    (event,) = events(market.database, "Withdrawn")
    assert (str(event.account), event.amount) == (contributors[0], 20)
    assert market.database.withdraw(sender=contributors[0]) == 0
    assert market.balance(contributors[0]) == before + 20


# A token that misbehaves


def test_a_frozen_holder_stops_nobody(hostile: Market) -> None:
    frozen, other = hostile.contributors[:2]
    first = hostile.register(frozen, 10)
    second = hostile.register(other, 10)
    hostile.fund(2, 20)
    hostile.token.freeze(frozen)

    with refused("frozen"):
        hostile.claim(first, frozen)
    assert hostile.database.claimable(first, frozen) == 10
    assert hostile.claim(second, other) == 10
    hostile.fund(2, 20)
    assert hostile.database.claimable(first, frozen) == 20
    # It may sell, and its income waits as a credit.
    hostile.database.transfer(other, first, 10, sender=frozen)
    assert hostile.database.credit_of(frozen) == 20


@pytest.mark.parametrize(
    "attack", ["claim", "claim_for", "claim_many", "withdraw", "withdraw_for", "fund", "transfer"]
)
def test_a_token_that_calls_back_is_locked_out(hostile: Market, attack: str) -> None:
    holder = hostile.contributors[0]
    tranche = hostile.register(holder, 10)
    hostile.fund(1, 20)
    arguments = {
        "claim": (tranche,),
        "claim_for": (tranche, holder),
        "claim_many": ([tranche],),
        "withdraw": (),
        "withdraw_for": (holder,),
        "fund": (1, 0),
        "transfer": (holder, tranche, 0),
    }[attack]
    payload = getattr(hostile.database, attack).prepare_calldata(*arguments)
    hostile.token.set_callback(hostile.database.address, payload)
    before = hostile.balance(holder)

    assert hostile.claim(tranche, holder) == 20
    assert not hostile.token.called_back()
    assert hostile.balance(holder) == before + 20
    assert hostile.balance(hostile.database) == 0
