"""Own ballots: who, when, once, and what they do to the deadline."""

from __future__ import annotations

import pytest

from databright.records.terms import Terms
from tests.contracts.data_world import PERIOD, Market
from tests.contracts.market_world import events, refused

REVIEW_S = 120


def test_vote_counts_the_weight_on_its_side(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    terms = market.propose(contributors[0])
    market.vote(terms, (curators[0], True))
    (event,) = events(market.votes, "Voted")
    assert (event.proposal, str(event.voter), event.support, event.weight) == (
        terms.proposal, curators[0], True, 6,
    )  # fmt: skip
    market.vote(terms, (curators[1], False), (curators[2], False))

    assert market.sides(terms) == (6, 5)
    assert market.votes.ballot_of(terms.proposal, curators[1]) == 1


def test_nobody_votes_twice(market: Market, contributors: list[str], curators: list[str]) -> None:
    terms = market.propose(contributors[0])
    market.vote(terms, (curators[0], True))

    for support in (True, False):
        with refused("curator: already voted"):
            market.vote(terms, (curators[0], support))
    assert market.sides(terms) == (6, 0)


def test_vote_refuses_who_has_no_weight(market: Market, contributors: list[str]) -> None:
    terms = market.propose(contributors[0])

    for account in market.others(*market.curators):
        with refused("curator: no weight"):
            market.vote(terms, (account, True))


def test_vote_refuses_the_proposer(market: Market, curators: list[str]) -> None:
    terms = market.propose(curators[0])

    with refused("curator: already voted"):
        market.vote(terms, (curators[0], True))
    assert terms.electorate == 5
    assert market.votes.ballot_of(terms.proposal, curators[0]) == 1


def test_vote_begins_after_the_review(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    market.use_dataset(review_minutes=REVIEW_S // 60)
    terms = market.propose(contributors[0])
    market.wait(REVIEW_S - 1)
    with refused("curator: no voting now"):
        market.vote(terms, (curators[0], True))

    market.wait(1)
    market.vote(terms, (curators[0], True))
    assert market.tally(terms).deadline == market.tally(terms).opened + REVIEW_S + PERIOD


def test_vote_ends_at_the_deadline(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    terms = market.propose(contributors[0])
    market.wait(PERIOD - 1)
    # Against, where it fails as it did before: no extension.
    market.vote(terms, (curators[0], False))
    market.wait(1)

    with refused("curator: no voting now"):
        market.vote(terms, (curators[1], True))


def test_vote_ends_with_the_proposal(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    terms = market.propose(contributors[0])
    market.revise(terms)

    with refused("curator: no voting now"):
        market.vote(terms, (curators[0], True))


def test_many_ballots_are_cast_at_once(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    several = [market.propose(contributors[index % 3]) for index in range(4)]
    ids = [terms.proposal for terms in several]
    market.votes.vote_many(ids, 0b0101, sender=curators[0])

    assert [event.support for event in events(market.votes, "Voted")] == [True, False] * 2
    assert [market.sides(one) for one in ids] == [(6, 0), (0, 6), (6, 0), (0, 6)]


def test_many_ballots_are_refused_whole(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    first = market.propose(contributors[0])
    other = market.propose(contributors[0], dataset=market.create_dataset())

    with refused("curator: no ballots"):
        market.votes.vote_many([], 0, sender=curators[0])
    with refused("curator: several datasets"):
        market.votes.vote_many([first.proposal, other.proposal], 0, sender=curators[0])
    with refused("curator: already voted"):
        market.votes.vote_many([first.proposal, first.proposal], 0, sender=curators[0])
    assert market.sides(first) == (0, 0)


def test_ballots_of_a_lower_window_count_after_those_of_a_higher_one(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    """32 proposals share a word of a voter; the rest lies where it is found again."""
    market.use_dataset(bond=0, evaluation_fee=0, relay_price=0)
    several = [market.propose(contributors[0]) for _ in range(66)]
    numbers = {terms.proposal % 1_000_000: terms for terms in several}
    motion = market.move(1, bytes(32))
    order = [40, 3, 66, 31, 32, 63, 64, 1]
    for number in order:
        market.vote(numbers[number], (curators[0], True))
    market.vote(motion, (curators[0], True))
    market.vote(numbers[33], (curators[0], True))

    cast = {*order, 33}
    for number, terms in numbers.items():
        found = market.votes.ballot_of(terms.proposal, curators[0])
        assert found == (number in cast), number
    assert market.votes.ballot_of(motion, curators[0]) == 1
    for number in cast:
        with refused("curator: already voted"):
            market.vote(numbers[number], (curators[0], True))
    market.vote(numbers[2], (curators[0], True))
    assert market.sides(numbers[2]) == (6, 0)


# A late ballot


def late(market: Market, seconds_left: int, *early: tuple[str, bool]) -> Terms:
    terms = market.propose(market.contributors[0])
    market.vote(terms, *early)
    market.wait(PERIOD - seconds_left)
    return terms


@pytest.mark.parametrize(("seconds_left", "extended"), [(251, False), (250, False), (249, True)])
def test_a_ballot_of_the_last_quarter_extends(
    market: Market, curators: list[str], seconds_left: int, extended: bool
) -> None:
    terms = late(market, seconds_left)
    before = market.tally(terms).deadline
    market.vote(terms, (curators[0], True))

    told = [event.deadline for event in events(market.votes, "Extended")]
    found = market.tally(terms)
    assert told == ([found.deadline] if extended else [])
    assert (found.extension != 0) is extended
    if extended:
        # A quarter of the period from now on, in steps of a 64th.
        wanted = market.now() + PERIOD // 4
        assert before < wanted <= found.deadline < wanted + PERIOD / 64 + 1


def test_a_late_ballot_that_changes_nothing_extends_nothing(
    market: Market, curators: list[str]
) -> None:
    terms = late(market, 10, (curators[0], False))
    market.vote(terms, (curators[1], True))

    assert market.tally(terms).extension == 0


def test_a_late_ballot_that_turns_a_lead_extends(market: Market, curators: list[str]) -> None:
    terms = late(market, 10, (curators[1], True))
    market.vote(terms, (curators[0], False))

    assert market.tally(terms).extension != 0


def test_a_deadline_moves_by_one_period_at_most(market: Market) -> None:
    curators = [str(account.address) for account in market.evaluators]
    market.use_dataset(curators=curators, weights=[16, 8, 4, 2, 1])
    terms = market.propose(market.contributors[0])
    opened = market.tally(terms).opened
    # Each ballot comes in the last second, with a lead before or after it.
    for curator, support in zip(curators, [True, False, True, False, True], strict=True):
        market.wait(market.tally(terms).deadline - market.now() - 1)
        market.vote(terms, (curator, support))

    assert market.tally(terms).extension == 64
    assert market.tally(terms).deadline == opened + 2 * PERIOD
    market.end_voting(terms)
    with refused("curator: no voting now"):
        market.vote(terms, (curators[0], True))
