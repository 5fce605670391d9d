from __future__ import annotations

from tests.contracts.data_world import (
    ACCEPTED,
    BOND,
    EXPIRED,
    FEE,
    PERIOD,
    REJECTED,
    WEALTH,
    Market,
)
from tests.contracts.market_world import events, refused


def test_a_proposal_without_a_verdict_gets_bond_and_fee_back(
    market: Market, contributors: list[str]
) -> None:
    proposal = market.carried(contributors[0])
    market.wait(2 * PERIOD)
    market.association.expire(proposal, sender=market.stranger)

    assert events(market.association, "Expired")[0].proposal == proposal
    assert events(market.association, "BondReturned")[0].amount == BOND
    assert events(market.association, "FeePaid")[0].amount == FEE
    assert market.status(proposal) == EXPIRED
    market.association.withdraw(sender=contributors[0])
    assert market.balance(contributors[0]) == WEALTH
    market.check_association()


def test_expire_waits_twice_the_voting_period(market: Market, contributors: list[str]) -> None:
    proposal = market.carried(contributors[0])
    market.wait(2 * PERIOD - 1)

    with refused("association: too early to expire"):
        market.association.expire(proposal)
    market.execute(proposal)
    assert market.status(proposal) == ACCEPTED


def test_an_expired_proposal_is_not_executed(market: Market, contributors: list[str]) -> None:
    proposal = market.carried(contributors[0])
    market.wait(2 * PERIOD)
    with refused("association: proposal has expired"):
        market.execute(proposal)

    market.association.expire(proposal)
    with refused("association: proposal is not open"):
        market.execute(proposal)
    with refused("association: proposal is not open"):
        market.association.expire(proposal)
    with refused("association: unknown proposal"):
        market.association.expire(99)


def test_proposals_settle_in_order_of_commitment(market: Market, contributors: list[str]) -> None:
    first = market.propose(contributors[0])
    second = market.propose(contributors[1])
    third = market.propose(contributors[2])
    market.end_voting(third)

    for late in (second, third):
        assert not market.association.is_next(late)
        with refused("association: earlier proposal is open"):
            market.execute(late)
    for proposal in (first, second, third):
        assert market.association.is_next(proposal)
        market.execute(proposal)
        assert market.status(proposal) == REJECTED


def test_an_overdue_proposal_holds_up_nobody(market: Market, contributors: list[str]) -> None:
    first = market.propose(contributors[0])
    second = market.propose(contributors[1])
    third = market.propose(contributors[2])
    market.end_voting(first)
    market.wait(PERIOD - 1)
    with refused("association: earlier proposal is open"):
        market.execute(second)

    market.wait(1)
    market.execute(second)
    market.execute(third)
    # The one passed over still has its own time.
    market.execute(first)
    assert [market.status(number) for number in (first, second, third)] == [REJECTED] * 3
    market.check_association()


def test_an_expired_proposal_in_front_holds_up_nobody(
    market: Market, contributors: list[str]
) -> None:
    first = market.propose(contributors[0])
    market.wait(PERIOD - 1)
    second = market.propose(contributors[1])
    market.wait(2 * PERIOD)
    market.association.expire(first)

    market.execute(second)
    assert (market.status(first), market.status(second)) == (EXPIRED, REJECTED)
    third = market.propose(contributors[2])
    market.end_voting(third)
    market.execute(third)
    market.check_association()


def test_the_queue_closes_up_behind_one_taken_from_its_middle(
    market: Market, contributors: list[str]
) -> None:
    numbers = [market.propose(contributors[index % 3]) for index in range(4)]
    market.end_voting(numbers[0])
    market.wait(PERIOD)
    # The first is overdue and is passed; the fourth still waits for the third.
    market.execute(numbers[1])
    with refused("association: earlier proposal is open"):
        market.execute(numbers[3])
    market.execute(numbers[2])
    market.execute(numbers[3])
    market.execute(numbers[0])
    later = market.propose(contributors[0])
    market.end_voting(later)
    assert market.association.is_next(later)


def test_datasets_do_not_hold_up_one_another(market: Market, contributors: list[str]) -> None:
    second = market.create_dataset()
    market.propose(contributors[0])
    other = market.propose(contributors[0], dataset=second)
    market.end_voting(other)

    assert market.association.is_next(other)
