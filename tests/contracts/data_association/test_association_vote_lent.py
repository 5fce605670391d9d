from __future__ import annotations

import pytest

from tests.contracts.data_world import NO, PERIOD, YES, Market
from tests.contracts.market_world import events, refused


def lend(market: Market, *lenders: str, cap: int = 100, expiry: int = 10**12) -> None:
    for lender in lenders:
        market.shares.lend(market.dataset, market.oracle, cap, expiry, sender=lender)


def tally(market: Market, proposal: int) -> tuple[int, int]:
    found = market.association.proposal(proposal)
    return int(found.yes), int(found.no)


def cast(market: Market, proposal: int, support: bool, *lenders: str, by: str = "") -> None:
    market.association.vote_lent(proposal, support, list(lenders), sender=by or market.oracle)


@pytest.fixture
def proposal(market: Market, curators: list[str], contributors: list[str]) -> int:
    """A proposal opened after two curators lent their weight, the second four units at most."""
    lend(market, curators[0])
    lend(market, curators[1], cap=2)
    return market.propose(contributors[0])


def test_an_oracle_casts_lent_weight_up_to_its_cap(
    market: Market, curators: list[str], proposal: int
) -> None:
    cast(market, proposal, True, curators[0], curators[1])

    assert [event.weight for event in events(market.association, "Voted")] == [6, 2]
    assert tally(market, proposal) == (8, 0)
    assert tuple(market.association.ballot(proposal, curators[1])) == (YES, 2, market.oracle)


def test_a_lender_counts_once(market: Market, curators: list[str], proposal: int) -> None:
    cast(market, proposal, True, curators[0], curators[0])
    assert tally(market, proposal) == (6, 0)

    with refused("association: no weight"):
        cast(market, proposal, False, curators[0])


def test_a_lenders_own_vote_overrides_the_oracle(
    market: Market, curators: list[str], proposal: int
) -> None:
    cast(market, proposal, True, curators[0], curators[1])
    market.vote(proposal, (curators[1], False))
    assert tally(market, proposal) == (6, 3)
    market.vote(proposal, (curators[0], True))

    assert tally(market, proposal) == (6, 3)
    assert tuple(market.association.ballot(proposal, curators[1])) == (NO, 3, curators[1])
    with refused("association: already voted"):
        market.association.vote(proposal, True, sender=curators[1])


def test_an_oracle_does_not_override_a_lender(
    market: Market, curators: list[str], proposal: int
) -> None:
    market.vote(proposal, (curators[0], False))
    # The rest of the batch counts: a lender who votes cannot stop the others.
    cast(market, proposal, True, curators[0], curators[1])

    assert tally(market, proposal) == (2, 6)
    with refused("association: no weight"):
        cast(market, proposal, True, curators[0])


def test_weight_lent_after_the_opening_does_not_count(
    market: Market, curators: list[str], contributors: list[str]
) -> None:
    proposal = market.propose(contributors[0])
    lend(market, curators[0])

    with refused("association: no weight"):
        cast(market, proposal, True, curators[0])


def test_weight_lent_in_the_second_of_the_opening_does_not_count(
    market: Market, curators: list[str], contributors: list[str]
) -> None:
    market.wait(1)
    lend(market, curators[0])
    market.association.propose(
        market.dataset, 0, bytes(32), bytes(32), 1, contributors[0], sender=contributors[0]
    )

    with refused("association: no weight"):
        cast(market, int(market.association.num_proposals()), True, curators[0])


def test_a_loan_ends_at_its_expiry(
    market: Market, curators: list[str], contributors: list[str]
) -> None:
    lend(market, curators[0], expiry=market.now() + 100)
    lend(market, curators[1], expiry=market.now() + 101)
    proposal = market.propose(contributors[0])
    market.wait(99)

    cast(market, proposal, True, curators[0], curators[1])
    assert tally(market, proposal) == (3, 0)


def test_a_loan_taken_back_is_not_cast(market: Market, curators: list[str], proposal: int) -> None:
    market.shares.take_back(market.dataset, sender=curators[0])

    with refused("association: no weight"):
        cast(market, proposal, True, curators[0])


def test_weight_lent_to_another_oracle_is_not_cast(
    market: Market, curators: list[str], proposal: int
) -> None:
    with refused("association: no weight"):
        cast(market, proposal, True, curators[0], by=market.stranger)


def test_a_loan_holds_for_its_dataset_alone(
    market: Market, curators: list[str], contributors: list[str]
) -> None:
    lend(market, curators[0])
    proposal = market.propose(contributors[0], dataset=market.create_dataset())

    with refused("association: no weight"):
        cast(market, proposal, True, curators[0])


def test_the_proposers_lent_weight_does_not_count(market: Market, curators: list[str]) -> None:
    lend(market, curators[0], curators[1])
    proposal = market.propose(curators[0])

    cast(market, proposal, True, curators[0], curators[1])
    assert tally(market, proposal) == (3, 0)
    assert market.association.ballot(proposal, curators[0]).cast == 0


def test_an_oracle_does_not_vote_on_its_own_proposal(market: Market, curators: list[str]) -> None:
    oracle = market.contributors[2]
    market.shares.lend(market.dataset, oracle, 100, 10**12, sender=curators[0])
    proposal = market.propose(oracle)

    with refused("association: own proposal"):
        cast(market, proposal, True, curators[0], by=oracle)
    market.vote(proposal, (curators[0], False))
    assert tally(market, proposal) == (0, 6)


def test_lent_votes_end_at_the_deadline(market: Market, curators: list[str], proposal: int) -> None:
    market.wait(PERIOD)

    with refused("association: voting is over"):
        cast(market, proposal, True, curators[0])
