"""A challenge: what it holds up, who answers it, what it costs whom."""

from __future__ import annotations

import pytest

from tests.contracts.data_world import (
    ACCEPTED,
    DEPOSIT,
    HARMFUL,
    PERIOD,
    REJECTED,
    VOIDED,
    WEALTH,
    Market,
    call,
)
from tests.contracts.market_world import events, refused

CHALLENGE_BOND, STAKE = 9, 11


@pytest.fixture
def staked(market: Market) -> Market:
    """Every evaluator has 11 at stake; a challenge costs 9; up to 10 per cent may differ."""
    market.use_challenges(tolerance_bps=1_000)
    return market


def credits(market: Market) -> list[int]:
    return [int(market.challenges.credit_of(one.address)) for one in market.evaluators]


def stakes(market: Market) -> list[int]:
    return [
        int(market.challenges.stake_of(market.dataset, one.address)) for one in market.evaluators
    ]


def test_a_challenge_holds_the_proposal_up(staked: Market) -> None:
    market = staked
    terms = market.carried(market.contributors[0])
    verdict = market.verdict()
    market.challenge(terms, verdict)

    (event,) = events(market.challenges, "Challenged")
    deadline = market.now() + PERIOD
    assert (event.proposal, str(event.challenger), event.bond) == (
        terms.proposal, market.stranger, CHALLENGE_BOND,
    )  # fmt: skip
    assert (event.base, event.amount, event.deadline) == (0, 10, deadline)
    found = market.challenges.challenge_of(terms.proposal)
    assert (found.status, found.outcome, found.amount, found.deadline) == (1, 0, 10, deadline)
    assert {str(one) for one in found.signers} == {one.address for one in market.evaluators[:2]}
    assert market.balance(market.stranger) == WEALTH - CHALLENGE_BOND
    # Not by the challenged ones, nor by others.
    with refused("verdicts: is challenged"):
        market.execute(terms, verdict)
    with refused("verdicts: is challenged"):
        market.execute(terms, market.verdict(7), *market.evaluators[2:4])


def test_a_verdict_is_challenged_once(staked: Market) -> None:
    """Nor one within the tolerance of it, else a challenger could hold a proposal up for ever."""
    market = staked
    terms = market.propose(market.contributors[0])
    market.challenge(terms, market.verdict(10))
    with refused("verdicts: is challenged"):
        market.challenge(terms, market.verdict(10), market.buyer)

    market.answer(terms, market.verdict(10))
    for amount in (10, 9, 11):
        with refused("challenges: was challenged"):
            market.challenge(terms, market.verdict(amount), market.buyer)


def test_a_challenge_of_a_good_verdict_shields_no_bad_one(staked: Market) -> None:
    """The same evaluators sign another measurement, after a friend had the first one confirmed."""
    market = staked
    terms = market.carried(market.contributors[0])
    market.challenge(terms, market.verdict(10))
    market.answer(terms, market.verdict(10))
    bad = market.verdict(50)
    market.challenge(terms, bad, market.buyer)
    with refused("verdicts: is challenged"):
        market.execute(terms, bad)
    market.answer(terms, market.verdict(10, evidence="again"))

    assert stakes(market)[:2] == [0, 0]
    assert market.challenges.credit_of(market.buyer) == 2 * CHALLENGE_BOND
    # What was found stands: the same again is not challenged, nor executed by the slashed.
    with refused("challenges: was challenged"):
        good = market.verdict(10)
        signed = market.sign(terms, good, *market.evaluators[2:4])
        market.challenges.challenge(terms.proposal, good, signed, sender=market.stranger)
    with refused("verdicts: not an evaluator's"):
        market.execute(terms, bad)


def test_a_challenge_names_k_signers(staked: Market) -> None:
    """Else a challenger could name all evaluators, and leave nobody to answer."""
    market = staked
    terms = market.propose(market.contributors[0])
    verdict = market.verdict()
    signed = market.sign(terms, verdict, *market.evaluators[:3])

    with refused("challenges: too many signatures"):
        market.challenges.challenge(terms.proposal, verdict, signed, sender=market.stranger)


def test_challenge_refuses_what_is_no_verdict(staked: Market) -> None:
    market = staked
    terms = market.propose(market.contributors[0])
    verdict = market.verdict()
    one = market.sign(terms, verdict, market.evaluators[0])
    with refused("verdicts: too few signatures"):
        market.challenges.challenge(terms.proposal, verdict, one, sender=market.stranger)
    with refused("verdicts: unknown outcome"):
        market.challenge(terms, market.verdict(outcome=4))
    market.end_voting(terms)
    market.wait(2 * PERIOD)
    with refused("verdicts: has expired"):
        market.challenge(terms, verdict)


def test_what_is_closed_is_not_challenged(staked: Market) -> None:
    terms = staked.carried(staked.contributors[0])
    verdict = staked.verdict()
    staked.execute(terms, verdict)

    with refused("verdicts: proposal is not open"):
        staked.challenge(terms, verdict)


def test_rules_without_a_bond_allow_no_challenge(market: Market) -> None:
    terms = market.propose(market.contributors[0])

    with refused("challenges: rules allow none"):
        market.challenge(terms, market.verdict())


def test_a_challenge_costs_what_the_proposals_own_rules_say(staked: Market) -> None:
    """New rules without challenges do not leave a proposal of before unchallengeable."""
    market = staked
    rules = market.rules(curators=[], weights=[], evaluator_stake=0)
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    terms = market.propose(market.contributors[0])
    market.motions.enact_rules(motion, rules)
    newer = market.propose(market.contributors[1])

    with refused("challenges: rules allow none"):
        market.challenge(newer, market.verdict())
    market.challenge(terms, market.verdict())
    assert market.challenges.challenge_of(terms.proposal).bond == CHALLENGE_BOND


# Answers


@pytest.mark.parametrize(
    ("amount", "upheld"), [(10, False), (9, False), (8, True), (11, False), (12, True)]
)
def test_a_difference_above_the_tolerance_upholds(
    staked: Market, amount: int, upheld: bool
) -> None:
    terms = staked.propose(staked.contributors[0])
    staked.challenge(terms, staked.verdict(10))
    staked.answer(terms, staked.verdict(amount))

    (event,) = events(staked.challenges, "ChallengeDecided")
    assert event.status == (2 if upheld else 3)
    assert staked.challenges.challenge_of(terms.proposal).status == event.status


def test_another_outcome_upholds(staked: Market) -> None:
    terms = staked.propose(staked.contributors[0])
    staked.challenge(terms, staked.verdict(0))
    staked.answer(terms, staked.verdict(outcome=HARMFUL))

    assert staked.challenges.challenge_of(terms.proposal).status == 2


def test_an_upheld_challenge_takes_the_first_stakes(staked: Market) -> None:
    """Twice the bond to the challenger, the rest burnt, the bond to those who measured again."""
    market = staked
    supply = market.token.totalSupply()
    terms = market.carried(market.contributors[0])
    verdict = market.verdict(10)
    market.challenge(terms, verdict)
    other = market.verdict(5)
    market.answer(terms, other)

    slashed = [
        (str(event.evaluator), event.amount)
        for event in events(market.challenges, "EvaluatorSlashed")
    ]
    assert sorted(slashed) == sorted((one.address, STAKE) for one in market.evaluators[:2])
    assert stakes(market) == [0, 0, STAKE, STAKE, STAKE]
    assert market.challenges.credit_of(market.stranger) == 2 * CHALLENGE_BOND
    assert sorted(credits(market)[2:4]) == [4, 5]
    assert supply - market.token.totalSupply() == 2 * STAKE - 2 * CHALLENGE_BOND
    market.check()
    # The first ones count no more; what the others measured is executed.
    with refused("verdicts: not an evaluator's"):
        market.execute(terms, verdict)
    market.execute(terms, other, *market.evaluators[2:4])
    assert market.status(terms) == ACCEPTED
    assert market.database.balanceOf(market.contributors[0], terms.proposal) == 5
    assert market.challenges.withdraw(sender=market.stranger) == 18
    assert market.balance(market.stranger) == WEALTH + CHALLENGE_BOND


def test_a_refused_challenge_costs_its_bond(staked: Market) -> None:
    market = staked
    terms = market.carried(market.contributors[0])
    verdict = market.verdict(10)
    market.challenge(terms, verdict)
    market.answer(terms, market.verdict(10, evidence="again"))

    assert stakes(market) == [STAKE] * 5
    assert sorted(credits(market)[2:4]) == [4, 5]
    assert market.challenges.credit_of(market.stranger) == 0
    market.execute(terms, verdict)
    assert market.status(terms) == ACCEPTED


def test_answer_refuses_what_does_not_count(staked: Market) -> None:
    market = staked
    terms = market.propose(market.contributors[0])
    verdict = market.verdict()
    with refused("challenges: none is pending"):
        market.answer(terms, verdict)
    market.challenge(terms, verdict)
    with refused("challenges: stale base"):
        market.answer(terms, market.verdict(base=1))
    mixed = market.sign(terms, verdict, *market.evaluators[1:3])
    with refused("challenges: signed the first"):
        market.challenges.answer(terms.proposal, verdict, mixed)
    one = market.sign(terms, verdict, market.evaluators[2])
    with refused("verdicts: too few signatures"):
        market.challenges.answer(terms.proposal, verdict, one)
    market.wait(PERIOD)
    with refused("challenges: too late"):
        market.answer(terms, verdict)


def test_an_answer_gives_the_proposal_its_time_anew(staked: Market) -> None:
    """Challenged in its last second, it can be executed for two periods after the answer."""
    market = staked
    terms = market.carried(market.contributors[0])
    verdict = market.verdict()
    market.wait(2 * PERIOD - 1)
    market.challenge(terms, verdict)
    market.wait(PERIOD - 1)
    market.answer(terms, verdict)
    market.wait(2 * PERIOD - 1)
    with refused("verdicts: too early to expire"):
        market.verdicts.expire(call(terms))
    market.execute(terms, verdict)
    assert market.status(terms) == ACCEPTED


def test_an_upheld_challenge_decides_no_vote(staked: Market) -> None:
    market = staked
    terms = market.propose(market.contributors[0])
    market.vote_all(terms, False)
    market.challenge(terms, market.verdict(0))
    market.answer(terms, market.verdict(5))
    market.execute(terms, market.verdict(5), *market.evaluators[2:4])

    assert market.status(terms) == REJECTED


# No answer


def test_a_challenge_that_nobody_answers_lapses(staked: Market) -> None:
    """Nothing is minted; both bonds go back."""
    market = staked
    who = market.contributors[0]
    request = market.open_request()
    terms = market.carried(who, request)
    verdict = market.verdict()
    market.challenge(terms, verdict)
    market.wait(PERIOD - 1)
    with refused("challenges: may be answered"):
        market.challenges.lapse(call(terms))
    market.wait(1)
    market.challenges.lapse(call(terms), sender=market.buyer)

    (event,) = events(market.challenges, "ChallengeDecided")
    assert (event.status, event.evidence) == (4, bytes(32))
    assert market.status(terms) == VOIDED
    assert market.deposited(who) == DEPOSIT
    assert market.challenges.credit_of(market.stranger) == CHALLENGE_BOND
    assert stakes(market) == [STAKE] * 5
    assert market.requests.request(request).open_proposals == 0
    with refused("challenges: none is pending"):
        market.challenges.lapse(call(terms))
    with refused("verdicts: proposal is not open"):
        market.execute(terms, verdict)


def test_lapse_brings_the_proposals_own_terms(staked: Market) -> None:
    terms = staked.propose(staked.contributors[0])
    staked.challenge(terms, staked.verdict())
    staked.wait(PERIOD)
    other = (*call(terms)[:9], terms.bond + 1, *call(terms)[10:])

    with refused("association: other terms"):
        staked.challenges.lapse(other)


def test_what_is_passed_while_challenged_is_executed_later(staked: Market) -> None:
    """A challenge holds up others no longer than any open proposal does."""
    market = staked
    first = market.propose(market.contributors[0])
    second = market.propose(market.contributors[1])
    market.vote_all(first)
    market.end_voting(first)
    market.wait(PERIOD - 1)
    verdict = market.verdict()
    market.challenge(first, verdict)
    market.wait(1)
    market.execute(second)
    market.answer(first, verdict)
    market.execute(first, verdict)

    assert (market.status(first), market.status(second)) == (ACCEPTED, REJECTED)
