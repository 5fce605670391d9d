"""ERC-6909: shares move, votes do not, and every unit of income is paid once."""

from __future__ import annotations

import random

import pytest

from tests.contracts.data_world import FOREVER, NOBODY, Market
from tests.contracts.market_world import events, refused


@pytest.fixture
def tranche(market: Market, contributors: list[str]) -> int:
    return market.register(contributors[0], 10)


def test_transfer_moves_shares_and_no_votes(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.database.transfer(contributors[1], tranche, 4, sender=contributors[0])

    (event,) = events(market.database, "Transfer")
    assert (str(event.caller), str(event.sender), str(event.receiver)) == (
        contributors[0], contributors[0], contributors[1],
    )  # fmt: skip
    assert (event.id, event.amount) == (tranche, 4)
    assert market.database.balanceOf(contributors[0], tranche) == 6
    assert market.database.balanceOf(contributors[1], tranche) == 4
    assert market.votes.earned_votes(market.dataset, contributors[0]) == 10
    assert market.votes.earned_votes(market.dataset, contributors[1]) == 0


@pytest.mark.parametrize("amount", [0, 10])
def test_transfer_to_oneself_or_of_nothing_changes_nothing(
    market: Market, contributors: list[str], tranche: int, amount: int
) -> None:
    market.fund(1, 30)
    market.database.transfer(contributors[0], tranche, amount, sender=contributors[0])
    market.database.transfer(contributors[1], tranche, 0, sender=contributors[0])

    assert market.database.balanceOf(contributors[0], tranche) == 10
    assert market.database.claimable(tranche, contributors[0]) == 30
    assert market.database.positions(contributors[1], tranche) == 0


@pytest.mark.parametrize("amount", [1, 9, 10])
def test_transfer_leaves_earlier_income_with_the_sender(
    market: Market, contributors: list[str], tranche: int, amount: int
) -> None:
    """Its income becomes a credit at once: the sender may keep no shares that could earn it."""
    seller, taker = contributors[:2]
    market.fund(1, 30)
    market.database.transfer(taker, tranche, amount, sender=seller)
    (event,) = events(market.database, "Credited")
    assert (event.tranche, str(event.holder), event.amount) == (tranche, seller, 30)
    market.fund(1, 20)

    assert market.database.credit_of(seller) == 30
    assert market.database.claimable(tranche, seller) == 2 * (10 - amount)
    assert market.database.claimable(tranche, taker) == 2 * amount


def test_transfer_keeps_what_the_receiver_had_earned(
    market: Market, contributors: list[str], tranche: int
) -> None:
    seller, taker = contributors[:2]
    market.database.transfer(taker, tranche, 3, sender=seller)
    market.fund(1, 20)
    market.database.transfer(taker, tranche, 5, sender=seller)
    assert market.database.claimable(tranche, taker) == 6
    market.fund(1, 20)

    assert market.database.claimable(tranche, taker) == 6 + 16
    assert market.database.claimable(tranche, seller) == 4
    assert market.database.credit_of(seller) == 14


def test_transfer_around_a_claim_pays_each_unit_once(
    market: Market, contributors: list[str], tranche: int
) -> None:
    seller, taker = contributors[:2]
    market.fund(1, 30)
    market.claim(tranche, seller)
    market.database.transfer(taker, tranche, 10, sender=seller)

    assert market.claim(tranche, taker) == 0
    market.database.transfer(seller, tranche, 10, sender=taker)
    assert market.claim(tranche, seller) == 0
    assert market.balance(market.database) == 0


def test_who_sells_all_may_buy_again(market: Market, contributors: list[str], tranche: int) -> None:
    seller, taker = contributors[:2]
    market.database.transfer(taker, tranche, 10, sender=seller)
    market.fund(1, 30)
    market.database.transfer(seller, tranche, 10, sender=taker)
    market.fund(1, 20)

    assert market.database.claimable(tranche, seller) == 20
    assert market.database.credit_of(taker) == 30


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_any_order_of_sales_claims_and_fundings_pays_each_unit_once(
    market: Market, contributors: list[str], seed: int
) -> None:
    draw = random.Random(seed)
    tranches = [market.register(contributors[0], shares) for shares in (7, 13)]
    funded = 0
    wallets = {one: market.balance(one) for one in contributors}
    for _ in range(40):
        tranche = draw.choice(tranches)
        who, other = draw.sample(contributors, 2)
        step = draw.randrange(3)
        if step == 0:
            amount = draw.randrange(9)
            market.fund(draw.randint(1, 2), amount)
            funded += amount
        elif step == 1:
            held = int(market.database.balanceOf(who, tranche))
            market.database.transfer(other, tranche, draw.randint(0, held), sender=who)
        else:
            market.claim(tranche, who)
    for who in contributors:
        for tranche in tranches:
            market.claim(tranche, who)
        market.database.withdraw(sender=who)
    paid = sum(market.balance(one) - wallets[one] for one in contributors)

    # Less than a unit of dust for each (tranche, holder).
    assert funded - 6 <= paid <= funded, f"seed {seed}"
    assert market.balance(market.database) == funded - paid


def test_transfer_refuses_bad_values(market: Market, contributors: list[str], tranche: int) -> None:
    with refused("database: balance too low"):
        market.database.transfer(contributors[1], tranche, 11, sender=contributors[0])
    with refused("database: balance too low"):
        market.database.transfer(contributors[1], 99, 1, sender=contributors[0])
    with refused("database: zero address"):
        market.database.transfer(NOBODY, tranche, 1, sender=contributors[0])


def test_transfer_from_takes_an_allowance_an_operator_or_the_owner(
    market: Market, contributors: list[str], tranche: int
) -> None:
    owner, receiver, spender = contributors
    shares = market.database
    shares.approve(spender, tranche, 3, sender=owner)
    (event,) = events(shares, "Approval")
    assert (str(event.owner), str(event.spender), event.id, event.amount) == (
        owner, spender, tranche, 3,
    )  # fmt: skip
    shares.transferFrom(owner, receiver, tranche, 2, sender=spender)
    assert shares.allowance(owner, spender, tranche) == 1
    with refused("database: allowance too low"):
        shares.transferFrom(owner, receiver, tranche, 2, sender=spender)

    shares.setOperator(spender, True, sender=owner)
    (event,) = events(shares, "OperatorSet")
    assert (str(event.owner), str(event.spender), event.approved) == (owner, spender, True)
    assert shares.isOperator(owner, spender)
    shares.transferFrom(owner, receiver, tranche, 2, sender=spender)
    shares.setOperator(spender, False, sender=owner)
    with refused("database: allowance too low"):
        shares.transferFrom(owner, receiver, tranche, 2, sender=spender)

    shares.approve(spender, tranche, FOREVER, sender=owner)
    shares.transferFrom(owner, receiver, tranche, 2, sender=spender)
    assert shares.allowance(owner, spender, tranche) == FOREVER
    shares.transferFrom(owner, receiver, tranche, 4, sender=owner)
    assert shares.balanceOf(receiver, tranche) == 10


def test_nobody_takes_anothers_shares(
    market: Market, contributors: list[str], tranche: int
) -> None:
    for account in market.others(contributors[0]):
        with refused("database: allowance too low"):
            market.database.transferFrom(contributors[0], account, tranche, 1, sender=account)


def test_allowance_holds_for_one_tranche(
    market: Market, contributors: list[str], tranche: int
) -> None:
    second = market.register(contributors[0], 10)
    market.database.approve(contributors[2], tranche, 3, sender=contributors[0])

    with refused("database: allowance too low"):
        market.database.transferFrom(
            contributors[0], contributors[1], second, 1, sender=contributors[2]
        )


@pytest.mark.parametrize(
    ("interface", "known"), [("01ffc9a7", True), ("0f632fb3", True), ("ffffffff", False)]
)
def test_supports_interface(market: Market, interface: str, known: bool) -> None:
    assert market.database.supportsInterface(bytes.fromhex(interface)) is known
