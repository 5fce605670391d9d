"""The order of commitment: who holds up whom, and for how long."""

from __future__ import annotations

import pytest

from databright.records.terms import Terms
from tests.contracts.data_world import EXPIRED, FEE, PERIOD, REJECTED, REVISED, Market, call
from tests.contracts.market_world import refused


@pytest.fixture
def cheap(market: Market) -> Market:
    """A dataset that one can propose many to."""
    market.use_dataset(bond=0, evaluation_fee=0, relay_price=0)
    return market


def mark(market: Market) -> int:
    """How many proposals of the dataset are passed."""
    return int(market.association.datasets(market.dataset)) >> 156 & (2**20 - 1)


def several(market: Market, count: int, apart: int = 1) -> list[Terms]:
    return [market.propose(market.contributors[index % 3], wait=apart) for index in range(count)]


def test_proposals_settle_in_order_of_commitment(market: Market) -> None:
    first, second, third = several(market, 3)
    market.end_voting(third)

    for late in (second, third):
        with refused("association: earlier is open"):
            market.execute(late)
    for step, terms in enumerate((first, second, third), start=1):
        market.execute(terms)
        assert market.status(terms) == REJECTED
        assert mark(market) == step


def test_datasets_do_not_wait_for_one_another(market: Market, contributors: list[str]) -> None:
    market.propose(contributors[0])
    market.use_dataset()
    other = market.propose(contributors[1])
    market.end_voting(other)
    market.execute(other)

    assert market.status(other) == REJECTED


def test_an_overdue_proposal_holds_up_nobody(market: Market) -> None:
    first, second, third = several(market, 3)
    market.end_voting(first)
    market.wait(PERIOD - 1)
    with refused("association: earlier is open"):
        market.execute(second)

    market.wait(1)
    market.execute(second)
    market.wait(2)
    market.execute(third)
    # The one passed over still has its own time.
    market.execute(first)
    assert [market.status(one) for one in (first, second, third)] == [REJECTED] * 3
    assert mark(market) == 3


def test_a_late_extension_holds_up_nobody_longer(market: Market, curators: list[str]) -> None:
    """Two periods from the review's end are the longest that others wait, extended or not."""
    first, second = several(market, 2)
    market.wait(market.tally(first).deadline - market.now() - 1)
    market.vote(first, (curators[0], True))
    market.wait(PERIOD // 4 - 1)
    market.vote(first, (curators[1], False))
    opened = market.tally(first).opened
    assert market.tally(first).deadline > opened + PERIOD + PERIOD // 4
    market.wait(opened + 2 * PERIOD - market.now() - 1)
    with refused("association: earlier is open"):
        market.execute(second)

    market.wait(1)
    market.execute(second)
    assert market.status(second) == REJECTED


def test_an_expired_proposal_in_front_holds_up_nobody(market: Market) -> None:
    first = market.propose(market.contributors[0])
    market.wait(PERIOD - 1)
    second = market.propose(market.contributors[1])
    market.wait(2 * PERIOD)
    market.verdicts.expire(call(first))

    market.execute(second)
    assert (market.status(first), market.status(second)) == (EXPIRED, REJECTED)
    assert mark(market) == 2


def test_what_its_proposer_takes_off_waits_for_nobody(market: Market) -> None:
    first, second = several(market, 2)
    revised = market.revise(second)
    assert market.status(second) == REVISED
    assert mark(market) == 0

    market.end_voting(revised)
    market.execute(first)
    market.execute(revised)
    assert mark(market) == 3


def test_the_queue_closes_up_behind_one_taken_from_its_middle(market: Market) -> None:
    numbers = several(market, 4)
    market.end_voting(numbers[0])
    market.wait(PERIOD)
    # The first is overdue and is passed; the fourth still waits for the third.
    market.execute(numbers[1])
    with refused("association: earlier is open"):
        market.execute(numbers[3])
    market.wait(1)
    market.execute(numbers[2])
    market.execute(numbers[3])
    market.execute(numbers[0])
    later = market.propose(market.contributors[0])
    market.end_voting(later)
    market.execute(later)

    assert mark(market) == 5
    assert sum(market.credit(account) for account in market.evaluators) == 5 * FEE


@pytest.mark.parametrize("closed", [32, 33])
def test_a_settlement_looks_past_32(cheap: Market, closed: int) -> None:
    for terms in several(cheap, closed):
        cheap.revise(terms)
        cheap.association.withdraw(sender=terms.proposer)
    # Each is revised once: twice as many lie in front.
    last = cheap.propose(cheap.contributors[0])
    cheap.end_voting(last)
    cheap.wait(PERIOD)
    with refused("association: call pass_by"):
        cheap.execute(last)

    cheap.association.pass_by(cheap.dataset, 32, sender=cheap.stranger)
    assert mark(cheap) == 32
    if closed == 33:
        with refused("association: call pass_by"):
            cheap.execute(last)
        cheap.association.pass_by(cheap.dataset, 34, sender=cheap.stranger)
    cheap.execute(last)
    assert cheap.status(last) == REJECTED
    assert mark(cheap) == 2 * closed + 1


def test_pass_by_moves_no_further_than_it_may(cheap: Market) -> None:
    first, second, *_ = several(cheap, 40)
    with refused("association: unknown number"):
        cheap.association.pass_by(cheap.dataset, 41)
    with refused("association: unknown number"):
        cheap.association.pass_by(99, 1)
    with refused("association: call pass_by"):
        cheap.association.pass_by(cheap.dataset, 33)
    with refused("association: earlier is open"):
        cheap.association.pass_by(cheap.dataset, 1)

    cheap.revise(first)
    cheap.association.pass_by(cheap.dataset, 1)
    assert mark(cheap) == 1
    with refused("association: earlier is open"):
        cheap.association.pass_by(cheap.dataset, 2)
    assert second.proposal % 1_000_000 == 2


def test_pass_by_never_moves_the_mark_down(cheap: Market) -> None:
    terms = several(cheap, 3)
    cheap.end_voting(terms[-1])
    for one in terms:
        cheap.execute(one)
    assert mark(cheap) == 3

    for number in range(4):
        with refused("association: is passed"):
            cheap.association.pass_by(cheap.dataset, number)
    assert mark(cheap) == 3
