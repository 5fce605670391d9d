from __future__ import annotations

import pytest

from tests.contracts.data_world import FOREVER, Market
from tests.contracts.market_world import events, refused


@pytest.fixture
def tranche(market: Market, contributors: list[str]) -> int:
    return market.accepted(contributors[0], 10)


def test_transfer_moves_shares_and_no_votes(
    market: Market, contributors: list[str], tranche: int
) -> None:
    market.shares.transfer(contributors[1], tranche, 4, sender=contributors[0])

    (event,) = events(market.shares, "Transfer")
    assert (event.id, event.amount) == (tranche, 4)
    assert market.shares.balanceOf(contributors[0], tranche) == 6
    assert market.shares.balanceOf(contributors[1], tranche) == 4
    assert market.shares.totalSupply(tranche) == 10
    assert market.shares.earned_votes(market.dataset, contributors[0]) == 10
    assert market.shares.earned_votes(market.dataset, contributors[1]) == 0


def test_transfer_to_oneself_changes_nothing(
    market: Market, contributors: list[str], tranche: int
) -> None:
    market.fund(1, 30)
    market.shares.transfer(contributors[0], tranche, 10, sender=contributors[0])

    assert market.shares.balanceOf(contributors[0], tranche) == 10
    assert market.database.claimable(tranche, contributors[0]) == 30


def test_transfer_leaves_earlier_income_with_the_sender(
    market: Market, contributors: list[str], tranche: int
) -> None:
    market.fund(1, 30)
    market.shares.transfer(contributors[1], tranche, 10, sender=contributors[0])
    market.fund(1, 20)

    assert market.database.claimable(tranche, contributors[0]) == 30
    assert market.database.claimable(tranche, contributors[1]) == 20


def test_transfer_around_a_claim_pays_each_unit_once(
    market: Market, contributors: list[str], tranche: int
) -> None:
    market.fund(1, 30)
    market.database.claim(tranche, sender=contributors[0])
    market.shares.transfer(contributors[1], tranche, 10, sender=contributors[0])

    assert market.database.claim(tranche, sender=contributors[1]) == 0
    market.shares.transfer(contributors[0], tranche, 10, sender=contributors[1])
    assert market.database.claim(tranche, sender=contributors[0]) == 0
    assert market.balance(market.database) == 0


def test_transfer_refuses_bad_values(market: Market, contributors: list[str], tranche: int) -> None:
    with refused("curator: balance too low"):
        market.shares.transfer(contributors[1], tranche, 11, sender=contributors[0])
    with refused("curator: zero address"):
        market.shares.transfer("0x" + "00" * 20, tranche, 1, sender=contributors[0])
    with refused("curator: unknown tranche"):
        market.shares.transfer(contributors[1], 99, 0, sender=contributors[0])


def test_transfer_from_takes_an_allowance_an_operator_or_the_owner(
    market: Market, contributors: list[str], tranche: int
) -> None:
    owner, receiver, spender = contributors
    market.shares.approve(spender, tranche, 3, sender=owner)
    market.shares.transferFrom(owner, receiver, tranche, 2, sender=spender)
    assert market.shares.allowance(owner, spender, tranche) == 1
    with refused("curator: allowance too low"):
        market.shares.transferFrom(owner, receiver, tranche, 2, sender=spender)

    market.shares.setOperator(spender, True, sender=owner)
    market.shares.transferFrom(owner, receiver, tranche, 2, sender=spender)
    market.shares.setOperator(spender, False, sender=owner)
    with refused("curator: allowance too low"):
        market.shares.transferFrom(owner, receiver, tranche, 2, sender=spender)

    market.shares.approve(spender, tranche, FOREVER, sender=owner)
    market.shares.transferFrom(owner, receiver, tranche, 2, sender=spender)
    assert market.shares.allowance(owner, spender, tranche) == FOREVER
    market.shares.transferFrom(owner, receiver, tranche, 4, sender=owner)
    assert market.shares.balanceOf(receiver, tranche) == 10


def test_allowance_holds_for_one_tranche(
    market: Market, contributors: list[str], tranche: int
) -> None:
    second = market.accepted(contributors[0], 10)
    market.shares.approve(contributors[2], tranche, 3, sender=contributors[0])

    with refused("curator: allowance too low"):
        market.shares.transferFrom(
            contributors[0], contributors[1], second, 1, sender=contributors[2]
        )


@pytest.mark.parametrize(
    ("interface", "known"), [("01ffc9a7", True), ("0f632fb3", True), ("ffffffff", False)]
)
def test_supports_interface(market: Market, interface: str, known: bool) -> None:
    assert market.shares.supportsInterface(bytes.fromhex(interface)) is known
