from __future__ import annotations

import pytest

from tests.contracts.data_world import FOREVER, WEALTH, Market, create
from tests.contracts.market_world import events, refused

ZERO = "0x" + "00" * 20


def test_constructor_gives_the_whole_supply_to_the_holders(market: Market) -> None:
    holders = [account for account in market.everybody() if market.balance(account) > 0]

    assert market.token.totalSupply() == WEALTH * len(holders)
    assert market.token.decimals() == 6


@pytest.mark.parametrize("amounts", [[], [1, 2]])
def test_constructor_refuses_a_wrong_number_of_amounts(market: Market, amounts: list[int]) -> None:
    with pytest.raises(Exception, match="differ in length"):
        create("MarketToken", ["Test", "TST", [market.buyer], amounts], market.stranger)


def test_constructor_refuses_more_than_the_fixed_point_sums_hold(market: Market) -> None:
    with pytest.raises(Exception, match="supply too large"):
        create("MarketToken", ["Test", "TST", [market.buyer], [2**128]], market.stranger)


def test_transfer_moves_exactly_the_amount(market: Market) -> None:
    market.token.transfer(market.stranger, 3, sender=market.buyer)

    (event,) = events(market.token, "Transfer")
    assert (str(event.sender), str(event.receiver), event.value) == (
        market.buyer,
        market.stranger,
        3,
    )
    assert market.balance(market.buyer) == WEALTH - 3
    assert market.balance(market.stranger) == WEALTH + 3


def test_transfer_to_oneself_changes_nothing(market: Market) -> None:
    market.token.transfer(market.buyer, WEALTH, sender=market.buyer)

    assert market.balance(market.buyer) == WEALTH


def test_transfer_refuses_more_than_the_balance(market: Market) -> None:
    with refused("token: balance too low"):
        market.token.transfer(market.stranger, WEALTH + 1, sender=market.buyer)


def test_transfer_refuses_the_zero_address(market: Market) -> None:
    with refused("token: zero address"):
        market.token.transfer(ZERO, 1, sender=market.buyer)


def test_transfer_from_uses_the_allowance_up(market: Market) -> None:
    market.token.approve(market.stranger, 5, sender=market.buyer)
    market.token.transferFrom(market.buyer, market.initiator, 4, sender=market.stranger)

    assert market.token.allowance(market.buyer, market.stranger) == 1
    with refused("token: allowance too low"):
        market.token.transferFrom(market.buyer, market.initiator, 2, sender=market.stranger)


def test_transfer_from_leaves_an_endless_allowance_as_it_is(market: Market) -> None:
    market.token.approve(market.stranger, FOREVER, sender=market.buyer)
    market.token.transferFrom(market.buyer, market.initiator, 4, sender=market.stranger)

    assert market.token.allowance(market.buyer, market.stranger) == FOREVER


def test_burn_takes_from_the_caller_and_the_supply(market: Market) -> None:
    supply = market.token.totalSupply()
    market.token.burn(7, sender=market.buyer)

    assert market.token.totalSupply() == supply - 7
    assert market.balance(market.buyer) == WEALTH - 7


def test_burn_refuses_more_than_the_balance(market: Market) -> None:
    with refused("token: balance too low"):
        market.token.burn(WEALTH + 1, sender=market.buyer)
