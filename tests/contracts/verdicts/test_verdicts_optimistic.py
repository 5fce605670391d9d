"""A verdict that stands its window unopposed needs no quorum."""

from __future__ import annotations

import pytest

from tests.contracts.data_world import (
    ACCEPTED,
    COPY,
    HARMFUL,
    PERIOD,
    REJECTED,
    Market,
    call,
)
from tests.contracts.market_world import events, refused

WINDOW = 100


@pytest.fixture
def quiet(market: Market) -> Market:
    """A dataset whose verdicts may pass without a quorum."""
    market.use_challenges(optimistic_window=WINDOW)
    return market


def test_an_unopposed_verdict_is_executed_after_its_window(quiet: Market) -> None:
    terms = quiet.propose(quiet.contributors[0])
    verdict = quiet.verdict()
    quiet.post(terms, verdict)

    (event,) = events(quiet.verdicts, "VerdictPosted")
    assert (event.proposal, str(event.poster), event.base, event.amount) == (
        terms.proposal, quiet.stranger, 0, 10,
    )  # fmt: skip
    assert [len(signature) for signature in event.signatures] == [65, 65]
    quiet.wait(WINDOW - 1)
    with refused("verdicts: is contestable"):
        quiet.execute(terms, verdict)
    quiet.wait(1)
    quiet.execute(terms, verdict)
    assert quiet.status(terms) == ACCEPTED
    assert quiet.sides(terms) == (0, 0)


@pytest.mark.parametrize(("yes", "no", "status"), [(0, 1, 0), (1, 2, 0), (2, 1, 2), (2, 2, 2)])
def test_a_majority_against_it_stops_it(quiet: Market, yes: int, no: int, status: int) -> None:
    curators = quiet.curators
    quiet.use_challenges(optimistic_window=WINDOW, weights=[1, 2, 20], quorum_bps=9_000)
    terms = quiet.propose(quiet.contributors[0])
    verdict = quiet.verdict()
    quiet.post(terms, verdict)
    for voter, weight in ((curators[0], 1), (curators[1], 2)):
        if weight == yes:
            quiet.vote(terms, (voter, True))
        elif weight == no:
            quiet.vote(terms, (voter, False))
    quiet.wait(WINDOW)
    if status == ACCEPTED:
        quiet.execute(terms, verdict)
        assert quiet.status(terms) == ACCEPTED
        return

    with refused("verdicts: voting is not over"):
        quiet.execute(terms, verdict)
    quiet.end_voting(terms)
    quiet.execute(terms, verdict)
    assert quiet.status(terms) == REJECTED


def test_a_majority_executes_within_the_window(quiet: Market) -> None:
    terms = quiet.propose(quiet.contributors[0])
    verdict = quiet.verdict()
    quiet.post(terms, verdict)
    quiet.vote(terms, (quiet.curators[0], True))
    quiet.execute(terms, verdict)

    assert quiet.status(terms) == ACCEPTED


def test_the_votes_end_alone_does_not_reject_what_is_posted(quiet: Market) -> None:
    terms = quiet.propose(quiet.contributors[0])
    verdict = quiet.verdict()
    quiet.wait(PERIOD - 1)
    quiet.post(terms, verdict)
    quiet.wait(1)
    with refused("verdicts: is contestable"):
        quiet.execute(terms, verdict)

    quiet.wait(WINDOW - 1)
    quiet.execute(terms, verdict)
    assert quiet.status(terms) == ACCEPTED


def test_what_nobody_posted_is_rejected_by_the_votes_end(quiet: Market) -> None:
    terms = quiet.propose(quiet.contributors[0])
    quiet.end_voting(terms)
    quiet.execute(terms)

    assert quiet.status(terms) == REJECTED


def test_an_older_verdict_does_not_reject_what_is_posted(quiet: Market) -> None:
    """It was measured before another acceptance; whoever kept its signatures cannot use them."""
    market = quiet
    first = market.propose(market.contributors[0])
    terms = market.propose(market.contributors[1])
    older = market.verdict(12)
    market.vote_all(first)
    market.execute(first)
    market.end_voting(terms)
    newer = market.verdict(10)
    market.post(terms, newer)

    with refused("verdicts: another is posted"):
        market.execute(terms, older)
    market.wait(WINDOW)
    market.execute(terms, newer)
    assert market.status(terms) == ACCEPTED


@pytest.mark.parametrize("outcome", [COPY, HARMFUL])
def test_a_posted_verdict_does_not_save_a_copy(quiet: Market, outcome: int) -> None:
    copied = quiet.propose(quiet.contributors[1])
    terms = quiet.propose(quiet.contributors[0])
    quiet.post(terms, quiet.verdict())
    quiet.end_voting(terms)
    quiet.wait(PERIOD)
    other = quiet.verdict(outcome=outcome, copy_of=copied.proposal if outcome == COPY else 0)
    quiet.execute(terms, other, *quiet.evaluators[2:4])

    assert quiet.status(terms) == REJECTED


def test_a_measurement_without_gain_rejects_what_is_posted(quiet: Market) -> None:
    terms = quiet.propose(quiet.contributors[0])
    quiet.post(terms, quiet.verdict())
    quiet.end_voting(terms)
    quiet.execute(terms, quiet.verdict(0), *quiet.evaluators[2:4])

    assert quiet.status(terms) == REJECTED


def test_a_posted_verdict_is_not_put_off_by_another(quiet: Market) -> None:
    """Neither the same nor another on its snapshot begins the window anew."""
    terms = quiet.propose(quiet.contributors[0])
    verdict = quiet.verdict()
    quiet.post(terms, verdict)
    quiet.wait(WINDOW - 1)
    for again in (verdict, quiet.verdict(11), quiet.verdict(10, evidence="others")):
        with refused("verdicts: is posted"):
            quiet.post(terms, again, *quiet.evaluators[2:4])

    quiet.wait(1)
    quiet.execute(terms, verdict)
    assert quiet.status(terms) == ACCEPTED


def test_a_posted_verdict_that_became_stale_is_replaced(quiet: Market) -> None:
    market = quiet
    first = market.propose(market.contributors[0])
    terms = market.propose(market.contributors[1])
    older = market.verdict()
    market.post(terms, older)
    market.vote_all(first)
    market.execute(first)
    market.wait(WINDOW)
    with refused("database: stale base"):
        market.execute(terms, older)
    with refused("verdicts: stale base"):
        market.post(terms, older)

    newer = market.verdict(9)
    market.post(terms, newer)
    with refused("verdicts: is contestable"):
        market.execute(terms, newer)
    market.wait(WINDOW)
    market.execute(terms, newer)
    assert market.status(terms) == ACCEPTED


def test_post_verdict_refuses_what_cannot_pass(quiet: Market) -> None:
    market = quiet
    terms = market.propose(market.contributors[0])
    for verdict in (market.verdict(0), market.verdict(outcome=HARMFUL)):
        with refused("verdicts: nothing to accept"):
            market.post(terms, verdict)
    with refused("verdicts: stale base"):
        market.post(terms, market.verdict(base=1))
    verdict = market.verdict()
    with refused("verdicts: too few signatures"):
        market.post(terms, verdict, market.evaluators[0])
    other = (*call(terms)[:3], market.stranger, *call(terms)[4:])
    with refused("verdicts: other terms"):
        market.verdicts.post_verdict(other, verdict, market.sign(terms, verdict))
    market.end_voting(terms)
    market.wait(2 * PERIOD)
    with refused("verdicts: has expired"):
        market.post(terms, verdict)


def test_post_verdict_waits_for_the_vote(market: Market) -> None:
    market.use_challenges(optimistic_window=WINDOW, review_minutes=1)
    terms = market.propose(market.contributors[0])
    market.wait(59)
    with refused("verdicts: voting has not begun"):
        market.post(terms, market.verdict())

    market.wait(1)
    market.post(terms, market.verdict())


def test_post_verdict_needs_rules_that_allow_it(market: Market) -> None:
    terms = market.propose(market.contributors[0])

    with refused("verdicts: rules ask for a vote"):
        market.post(terms, market.verdict())


def test_a_challenge_takes_a_posted_verdict_down(quiet: Market) -> None:
    market = quiet
    terms = market.propose(market.contributors[0])
    verdict = market.verdict()
    market.post(terms, verdict)
    market.wait(WINDOW - 1)
    market.challenge(terms, verdict)
    market.wait(1)
    with refused("verdicts: is challenged"):
        market.execute(terms, verdict)
    with refused("verdicts: is challenged"):
        market.post(terms, verdict)

    market.answer(terms, market.verdict(10, evidence="again"))
    # Refused: but its window begins anew.
    with refused("verdicts: voting is not over"):
        market.execute(terms, verdict)
    market.post(terms, verdict)
    market.wait(WINDOW)
    market.execute(terms, verdict)
    assert market.status(terms) == ACCEPTED
