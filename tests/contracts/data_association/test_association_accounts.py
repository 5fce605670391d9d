"""Deposits and credits: who fills them, who empties them, and a token that misbehaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contracts.data_world import BOND, DEPOSIT, FEE, LOCKED, RELAY, WEALTH, Market
from tests.contracts.market_world import digest, events, refused
from tests.contracts.signing import payment


def test_a_deposit_is_pulled_and_given_back(market: Market) -> None:
    who = market.buyer
    market.deposit(who, 17)

    (event,) = events(market.association, "Deposited")
    assert (str(event.account), event.amount) == (who, 17)
    assert (market.deposited(who), market.balance(who)) == (17, WEALTH - 17)
    assert market.association.withdraw(sender=who) == 17
    assert market.balance(who) == WEALTH
    assert market.association.withdraw(sender=who) == 0


def test_deposit_refuses_what_the_payer_does_not_have(market: Market) -> None:
    with refused("token: balance too low"):
        market.deposit(market.buyer, WEALTH + 1)
    with refused("token: allowance too low"):
        market.association.deposit(1, sender=market.deployer)


def test_deposit_refuses_amounts_out_of_range(market: Market) -> None:
    for amount in (2**96, 2**256 - 1):
        with refused("token: amount out of range"):
            market.deposit(market.buyer, amount)
    market.deposit(market.buyer, 1)
    with refused("token: amount out of range"):
        market.deposit(market.buyer, 2**96 - 1)


def test_a_signed_payment_fills_the_payers_own_deposit(market: Market) -> None:
    payer = market.evaluators[0]
    paid = payment(market.token, payer, market.association.address, 21, digest("once"))
    market.association.deposit_with_authorization(*paid, sender=market.stranger)

    (event,) = events(market.association, "Deposited")
    assert (str(event.account), event.amount) == (payer.address, 21)
    assert market.deposited(payer) == 21
    assert market.deposited(market.stranger) == 0
    with refused("token: authorization is used"):
        market.association.deposit_with_authorization(*paid, sender=payer.address)


def test_a_signed_payment_holds_for_payer_and_amount(market: Market) -> None:
    payer = market.evaluators[0]
    paid = payment(market.token, payer, market.association.address, 21, digest("once"))
    for changed in (
        (market.stranger, *paid[1:]),
        (paid[0], 22, *paid[2:]),
        (*paid[:4], digest("other"), *paid[5:]),
    ):
        with refused("token: wrong signature"):
            market.association.deposit_with_authorization(*changed, sender=market.stranger)
    with refused("token: amount out of range"):
        market.association.deposit_with_authorization(
            paid[0], 2**96, *paid[2:], sender=market.stranger
        )
    assert market.balance(payer) == WEALTH


def test_withdraw_sends_deposit_and_credit_and_nothing_that_is_locked(
    market: Market, contributors: list[str]
) -> None:
    who = contributors[0]
    terms = market.propose(who)
    market.association.repay(terms.proposal, 1, who, 3, sender=market.votes.address)
    sent = market.association.withdraw(sender=who)

    assert sent == DEPOSIT - BOND - LOCKED + 3 * RELAY
    assert (market.deposited(who), market.credit(who)) == (0, 0)
    assert market.association.open_of(who) == 1
    market.check()
    market.end_voting(terms)
    market.execute(terms)
    assert market.association.withdraw(sender=who) == BOND + LOCKED - FEE - 3 * RELAY


def test_withdraw_for_pushes_the_credit_alone(market: Market, contributors: list[str]) -> None:
    who = contributors[0]
    terms = market.propose(contributors[1])
    market.association.repay(terms.proposal, 1, who, 3, sender=market.votes.address)
    before = market.balance(who)
    assert market.association.withdraw_for(who, sender=market.stranger) == 3 * RELAY

    (event,) = events(market.association, "Withdrawn")
    assert (str(event.account), event.amount) == (who, 3 * RELAY)
    assert market.balance(who) == before + 3 * RELAY
    assert market.deposited(who) == DEPOSIT
    assert market.association.withdraw_for(who, sender=market.stranger) == 0


# A token that misbehaves


def test_a_deposit_refuses_a_token_that_takes_a_fee(hostile: Market) -> None:
    hostile.token.set_fee(1)

    with refused("token: fee on transfer"):
        hostile.deposit(hostile.buyer, 5)


def test_a_token_that_answers_false_is_believed(hostile: Market) -> None:
    """Nothing is booked as paid that did not move."""
    who = hostile.contributors[0]
    hostile.accepted(who)
    hostile.fund(1, 20)
    hostile.deposit(who, 5)
    hostile.token.set_answers_false(True)
    tranche = hostile.dataset * 1_000_000 + 1
    calls: list[Callable[[], object]] = [
        lambda: hostile.deposit(who, 5),
        lambda: hostile.association.withdraw(sender=who),
        lambda: hostile.open_request(5),
        lambda: hostile.fund(1, 5),
        lambda: hostile.claim(tranche, who),
    ]
    for act in calls:
        with refused("token: transfer failed"):
            act()

    hostile.token.set_answers_false(False)
    assert hostile.deposited(who) == DEPOSIT - FEE + 5
    assert hostile.association.withdraw(sender=who) == DEPOSIT - FEE + 5
    assert hostile.claim(tranche, who) == 20


def test_a_frozen_account_stops_nobody(hostile: Market) -> None:
    frozen, other = hostile.contributors[:2]
    hostile.token.freeze(frozen)
    hostile.token.freeze(hostile.evaluators[0].address)
    first = hostile.carried(frozen)
    hostile.execute(first)
    second = hostile.accepted(other)

    assert hostile.database.balanceOf(other, second) == 10
    with refused("frozen"):
        hostile.association.withdraw(sender=frozen)
    assert hostile.deposited(frozen) == DEPOSIT - FEE
    assert hostile.association.withdraw(sender=other) == DEPOSIT - FEE
    hostile.check_association()


@pytest.mark.parametrize(
    "attack", ["withdraw", "withdraw_for", "deposit", "propose", "withdraw_proposal", "revise"]
)
def test_a_token_cannot_call_back_into_withdraw(hostile: Market, attack: str) -> None:
    who = hostile.contributors[0]
    # The token is the caller then, so it has something of its own that it could take twice.
    itself = hostile.token.address
    terms = hostile.propose(hostile.contributors[1])
    hostile.association.repay(terms.proposal, 1, itself, 5, sender=hostile.votes.address)
    arguments = {
        "withdraw": (),
        "withdraw_for": (itself,),
        "deposit": (0,),
        "propose": (hostile.dataset, 0, who, bytes(32), bytes(32), bytes(32), 1),
        "withdraw_proposal": (tuple(vars(terms).values()),),
        "revise": (tuple(vars(terms).values()), bytes(32), bytes(32), bytes(32), 1),
    }[attack]
    payload = getattr(hostile.association, attack).prepare_calldata(*arguments)
    hostile.token.set_callback(hostile.association.address, payload)
    before = hostile.balance(who)

    assert hostile.association.withdraw(sender=who) == DEPOSIT
    assert not hostile.token.called_back()
    assert hostile.balance(who) == before + DEPOSIT
    assert hostile.association.withdraw(sender=who) == 0
    assert hostile.credit(itself) == 5 * RELAY
