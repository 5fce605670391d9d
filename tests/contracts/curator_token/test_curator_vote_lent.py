"""Lent weight: caps, times, confidence; the lender's own vote overrides to the unit."""

from __future__ import annotations

import pytest

from databright.records.terms import Terms
from tests.contracts.data_world import PERIOD, Market, call
from tests.contracts.market_world import events, refused

CAPS = [1, 5, 6, 7, 2**52 - 1]


def lent(market: Market, terms: Terms) -> tuple[int, int]:
    word = int(market.votes.lent_tallies(terms.proposal))
    return word & (2**52 - 1), word >> 52


@pytest.fixture
def loans(market: Market, curators: list[str]) -> Market:
    """The first two curators have lent all their weight to the oracle."""
    for lender in curators[:2]:
        market.lend(lender)
    return market


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize("support", [True, False])
def test_an_oracle_casts_lent_weight_up_to_its_cap(
    market: Market, curators: list[str], oracle: str, cap: int, support: bool
) -> None:
    market.lend(curators[0], cap=cap)
    terms = market.propose(market.contributors[0])
    total = market.vote_lent(terms, support, curators[0], confidence=8_000)

    weight = min(cap, 6)
    (event,) = events(market.votes, "VotedLent")
    assert (str(event.lender), str(event.oracle), event.support) == (curators[0], oracle, support)
    assert (event.weight, event.confidence, total) == (weight, 8_000, weight)
    assert market.sides(terms) == lent(market, terms) == ((weight, 0) if support else (0, weight))
    assert market.tally(terms).has_lent
    assert market.votes.ballot_of(terms.proposal, curators[0]) == (2 if support else 3)


def test_a_loan_holds_for_what_is_opened_later(market: Market, curators: list[str]) -> None:
    market.wait(1)
    market.lend(curators[0])
    same = market.propose(market.contributors[0], wait=0)
    later = market.propose(market.contributors[0])

    with refused("curator: no weight"):
        market.vote_lent(same, True, curators[0])
    assert market.vote_lent(later, True, curators[0]) == 6


def test_a_loan_ends_at_its_expiry(market: Market, curators: list[str]) -> None:
    market.lend(curators[0], expiry=market.now() + 10)
    terms = market.propose(market.contributors[0])
    market.wait(9)

    with refused("curator: no weight"):
        market.vote_lent(terms, True, curators[0])


def test_a_loan_asks_for_its_confidence(market: Market, curators: list[str]) -> None:
    market.lend(curators[0], least=8_000)
    market.lend(curators[1], least=8_001)
    terms = market.propose(market.contributors[0])

    assert market.vote_lent(terms, True, *curators[:2], confidence=8_000) == 6
    with refused("curator: confidence out of range"):
        market.vote_lent(terms, True, curators[1], confidence=10_001)


def test_lenders_whose_weight_cannot_be_cast_stop_nobody(
    loans: Market, curators: list[str]
) -> None:
    market = loans
    market.lend(market.contributors[1])
    terms = market.propose(market.contributors[0])
    market.vote(terms, (curators[0], False))
    names = [curators[0], curators[2], market.contributors[1], curators[1], curators[1]]

    assert market.vote_lent(terms, True, *names) == 3
    assert market.sides(terms) == (3, 6)
    with refused("curator: no weight"):
        market.vote_lent(terms, True, *names)


def test_nobody_casts_what_was_lent_to_another(loans: Market, curators: list[str]) -> None:
    terms = loans.propose(loans.contributors[0])

    for account in loans.others(loans.oracle, terms.proposer):
        with refused("curator: no weight"):
            loans.vote_lent(terms, True, *curators, by=account)


def test_lent_ballots_come_with_the_proposals_terms(loans: Market, curators: list[str]) -> None:
    terms = loans.propose(loans.contributors[0])
    other = (*call(terms)[:2], loans.stranger, *call(terms)[3:])

    with refused("curator: other terms"):
        loans.votes.vote_lent(other, True, 9_000, curators[:1], sender=loans.oracle)


def test_lent_votes_end_at_the_deadline(loans: Market, curators: list[str]) -> None:
    terms = loans.propose(loans.contributors[0])
    loans.wait(PERIOD)

    with refused("curator: no voting now"):
        loans.vote_lent(terms, True, curators[0])


def test_the_proposers_lent_weight_does_not_count(loans: Market, curators: list[str]) -> None:
    terms = loans.propose(curators[0])

    assert loans.vote_lent(terms, True, *curators[:2]) == 3
    assert loans.sides(terms) == (3, 0)


def test_an_oracle_does_not_vote_on_its_own_proposal(market: Market, curators: list[str]) -> None:
    oracle = market.contributors[2]
    market.lend(curators[0], oracle)
    terms = market.propose(oracle)

    with refused("curator: own proposal"):
        market.vote_lent(terms, True, curators[0], by=oracle)
    market.vote(terms, (curators[0], False))
    assert market.sides(terms) == (0, 6)


def test_an_oracle_does_not_vote_on_its_own_motion(market: Market, curators: list[str]) -> None:
    oracle = market.stranger
    market.lend(curators[0], oracle)
    market.lend(curators[1])
    motion = market.move(1, bytes(32), oracle)
    # Of a motion only the id counts: nothing else that is said can make it another's.
    said = (motion, 0, market.buyer, market.buyer, *[bytes(32)] * 3, 0, 0, 0, 0, 0)

    with refused("curator: own proposal"):
        market.votes.vote_lent(said, True, 9_000, curators[:1], sender=oracle)
    market.votes.vote_lent(said, True, 9_000, curators[1:2], sender=market.oracle)
    assert market.sides(motion) == (3, 0)


# The lender overrides


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize("cast", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_a_lenders_own_vote_overrides_the_oracle(
    market: Market, curators: list[str], cap: int, cast: bool, own: bool
) -> None:
    market.lend(curators[0], cap=cap)
    market.lend(curators[1])
    terms = market.propose(market.contributors[0])
    market.vote_lent(terms, cast, *curators[:2])
    market.vote(terms, (curators[0], own))

    (event,) = events(market.votes, "Overridden")
    assert (str(event.lender), event.support, event.weight) == (curators[0], cast, min(cap, 6))
    assert lent(market, terms) == ((3, 0) if cast else (0, 3))
    yes, no = (6 * own + 3 * cast, 6 * (not own) + 3 * (not cast))
    assert market.sides(terms) == (yes, no)
    assert market.votes.ballot_of(terms.proposal, curators[0]) == 1


def test_an_oracle_does_not_override_a_lender(loans: Market, curators: list[str]) -> None:
    terms = loans.propose(loans.contributors[0])
    loans.vote_lent(terms, True, curators[0])
    loans.vote(terms, (curators[0], False))

    with refused("curator: no weight"):
        loans.vote_lent(terms, True, curators[0])
    with refused("curator: already voted"):
        loans.vote(terms, (curators[0], True))


@pytest.mark.parametrize("then", ["lend", "take back", "both", "twice", "again in the second"])
def test_an_override_takes_off_what_the_loan_of_then_cast(
    market: Market, curators: list[str], then: str
) -> None:
    """Whatever the lender does with its loan after the oracle's ballot, it is undone exactly."""
    lender = curators[0]
    market.lend(lender, cap=1)
    market.wait(1)
    market.lend(lender, cap=4)
    if then == "again in the second":
        market.lend(lender, cap=5)
    terms = market.propose(market.contributors[0])
    cast = market.vote_lent(terms, True, lender)
    assert cast == (5 if then == "again in the second" else 4)
    if then in {"take back", "both"}:
        market.wait(1)
        market.votes.take_back(market.dataset, sender=lender)
    for cap in {"lend": [6], "both": [3], "twice": [2, 3]}.get(then, []):
        market.wait(1)
        market.lend(lender, market.stranger, cap=cap)
    market.vote(terms, (lender, False))

    assert events(market.votes, "Overridden")[0].weight == cast
    assert market.sides(terms) == (0, 6)
    assert lent(market, terms) == (0, 0)


def test_an_override_looks_past_many_later_loans(market: Market, curators: list[str]) -> None:
    lender = curators[0]
    opened = []
    for cap in (1, 2, 3, 4, 5):
        market.lend(lender, cap=cap)
        opened.append(market.propose(market.contributors[0]))
        assert market.vote_lent(opened[-1], True, lender) == cap
    for cap, terms in enumerate(opened, start=1):
        assert lent(market, terms) == (cap, 0)
        market.vote(terms, (lender, False))
        assert market.sides(terms) == (0, 6)
        assert lent(market, terms) == (0, 0)


def test_a_gap_between_two_loans_lends_nothing(market: Market, curators: list[str]) -> None:
    market.lend(curators[0], cap=5)
    market.wait(1)
    market.votes.take_back(market.dataset, sender=curators[0])
    terms = market.propose(market.contributors[0])
    market.wait(1)
    market.lend(curators[0], cap=5)

    with refused("curator: no weight"):
        market.vote_lent(terms, True, curators[0])


def test_a_taken_back_loan_casts_no_more(loans: Market, curators: list[str]) -> None:
    terms = loans.propose(loans.contributors[0])
    loans.votes.take_back(loans.dataset, sender=curators[0])

    assert loans.vote_lent(terms, True, *curators[:2]) == 3


def test_a_late_lent_ballot_extends_too(loans: Market, curators: list[str]) -> None:
    terms = loans.propose(loans.contributors[0])
    loans.wait(PERIOD - 1)
    loans.vote_lent(terms, True, curators[0])

    assert loans.tally(terms).extension != 0
    assert loans.tally(terms).has_lent


def test_thirty_two_lenders_at_once_and_no_more(market: Market) -> None:
    names = [f"0x{index:040x}" for index in range(2**30, 2**30 + 16)]
    market.use_dataset(curators=names, weights=[3] * 16)
    for name in names:
        market.lend(name)
    terms = market.propose(market.contributors[0])

    assert market.vote_lent(terms, True, *names, *names) == 48
