from __future__ import annotations

import pytest

from tests.contracts.data_world import NO, PERIOD, YES, Market
from tests.contracts.market_world import events, refused


@pytest.fixture
def proposal(market: Market, contributors: list[str]) -> int:
    return market.propose(contributors[0])


def tally(market: Market, proposal: int) -> tuple[int, int]:
    found = market.association.proposal(proposal)
    return int(found.yes), int(found.no)


def test_votes_count_by_weight(market: Market, curators: list[str], proposal: int) -> None:
    market.vote(proposal, (curators[0], True), (curators[1], False))

    (event,) = events(market.association, "Voted")
    assert (str(event.voter), str(event.by)) == (curators[1], curators[1])
    assert (event.support, event.weight) == (False, 3)
    assert tally(market, proposal) == (6, 3)
    assert tuple(market.association.ballot(proposal, curators[0])) == (YES, 6, curators[0])
    assert tuple(market.association.ballot(proposal, curators[1])) == (NO, 3, curators[1])
    assert market.association.ballot(proposal, curators[2]).cast == 0


def test_nobody_votes_twice(market: Market, curators: list[str], proposal: int) -> None:
    market.vote(proposal, (curators[0], True))

    for support in (True, False):
        with refused("association: already voted"):
            market.association.vote(proposal, support, sender=curators[0])
    assert tally(market, proposal) == (6, 0)


def test_vote_refuses_who_has_no_weight(market: Market, proposal: int) -> None:
    with refused("association: no weight"):
        market.association.vote(proposal, True, sender=market.stranger)


def test_vote_refuses_the_proposer(market: Market, curators: list[str]) -> None:
    proposal = market.propose(curators[0])

    with refused("association: own proposal"):
        market.association.vote(proposal, True, sender=curators[0])


def test_vote_refuses_unknown_proposals(market: Market, curators: list[str]) -> None:
    for number in (0, 99):
        with refused("association: unknown proposal"):
            market.association.vote(number, True, sender=curators[0])


def test_vote_ends_at_the_deadline(market: Market, curators: list[str], proposal: int) -> None:
    market.wait(PERIOD - 1)
    market.vote(proposal, (curators[0], True))
    market.wait(1)

    with refused("association: voting is over"):
        market.association.vote(proposal, False, sender=curators[1])


def test_weight_earned_after_the_opening_does_not_count(
    market: Market, contributors: list[str]
) -> None:
    first = market.carried(contributors[0])
    # Both in one second: the second proposal opens when the weight is born.
    market.execute(first)
    market.association.propose(
        market.dataset, 0, bytes(32), bytes(32), 1, contributors[1], sender=contributors[1]
    )
    second = market.association.num_proposals()

    with refused("association: no weight"):
        market.association.vote(second, True, sender=contributors[0])
    third = market.propose(contributors[1])
    market.vote(third, (contributors[0], True))
    assert tally(market, third) == (10, 0)


def test_selling_shares_moves_no_vote(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.shares.transfer(contributors[1], tranche, 10, sender=contributors[0])
    proposal = market.propose(contributors[2])

    market.vote(proposal, (contributors[0], True))
    with refused("association: no weight"):
        market.association.vote(proposal, True, sender=contributors[1])
    assert tally(market, proposal) == (10, 0)


def test_weight_of_another_dataset_does_not_count(market: Market, contributors: list[str]) -> None:
    market.accepted(contributors[0], 10)
    second = market.create_dataset()
    proposal = market.propose(contributors[1], dataset=second)

    with refused("association: no weight"):
        market.association.vote(proposal, True, sender=contributors[0])
