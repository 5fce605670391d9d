"""What becomes of a proposal without a verdict, and of a bond that is held for values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from databright.records.terms import Terms
from databright.units import Amount
from tests.contracts.data_world import (
    ACCEPTED,
    BOND,
    DEPOSIT,
    EXPIRED,
    FEE,
    FRAUD,
    LOCKED,
    PERIOD,
    Market,
    call,
)
from tests.contracts.market_world import digest, events, refused
from tests.contracts.signing import value_signatures


def test_a_proposal_without_a_verdict_gets_bond_and_fee_back(
    market: Market, contributors: list[str]
) -> None:
    terms = market.carried(contributors[0])
    market.wait(2 * PERIOD)
    market.verdicts.expire(call(terms), sender=market.stranger)

    (event,) = events(market.verdicts, "Settled")
    assert (event.status, event.bond_back, event.fee_back) == (EXPIRED, BOND, LOCKED)
    assert market.status(terms) == EXPIRED
    assert market.deposited(contributors[0]) == DEPOSIT


def test_expire_waits_twice_the_voting_period(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    market.wait(2 * PERIOD - 1)

    with refused("verdicts: too early to expire"):
        market.verdicts.expire(call(terms))
    market.execute(terms)
    assert market.status(terms) == ACCEPTED


def test_an_expired_proposal_is_not_executed(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    market.wait(2 * PERIOD)
    with refused("verdicts: has expired"):
        market.execute(terms)

    market.verdicts.expire(call(terms))
    with refused("verdicts: proposal is not open"):
        market.execute(terms)
    with refused("verdicts: proposal is not open"):
        market.verdicts.expire(call(terms))


def test_expire_counts_from_the_extended_deadline(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    terms = market.propose(contributors[0])
    market.wait(PERIOD - 1)
    market.vote(terms, (curators[0], True))
    market.end_voting(terms)
    market.wait(2 * PERIOD - 1)

    with refused("verdicts: too early to expire"):
        market.verdicts.expire(call(terms))
    market.wait(1)
    market.verdicts.expire(call(terms))


def test_expire_returns_evidence_or_not(market: Market, contributors: list[str]) -> None:
    """Evidence alone is no verdict: whoever published it is not paid for waiting."""
    terms = market.propose(contributors[0])
    account = market.evaluators[0].address
    market.verdicts.publish_evidence(terms.proposal, 0, digest("x"), sender=account)
    market.end_voting(terms)
    market.wait(2 * PERIOD)
    market.verdicts.expire(call(terms))

    assert market.deposited(contributors[0]) == DEPOSIT


def test_expire_brings_the_proposals_own_terms(market: Market, contributors: list[str]) -> None:
    terms = market.propose(contributors[0])
    market.end_voting(terms)
    market.wait(2 * PERIOD)

    with refused("association: other terms"):
        market.verdicts.expire(call(replace(terms, bond=Amount(BOND + 1))))


def test_expire_leaves_a_challenged_proposal(market: Market, contributors: list[str]) -> None:
    market.use_challenges()
    terms = market.propose(contributors[0])
    market.end_voting(terms)
    market.wait(2 * PERIOD - 1)
    market.challenge(terms, market.verdict())
    market.wait(5 * PERIOD)

    with refused("verdicts: is challenged"):
        market.verdicts.expire(call(terms))
    market.challenges.lapse(call(terms))


# A bond that is held


@pytest.fixture
def held(market: Market, contributors: list[str]) -> tuple[Market, Terms]:
    """Accepted where 30 per cent of income go by values; income has come in."""
    market.use_dataset(a_bps=7_000)
    terms = market.carried(contributors[0])
    market.execute(terms)
    market.fund(1, 100)
    return market, terms


def post(market: Market, snapshot: int = 1) -> None:
    values = (market.dataset, snapshot, digest("values"), 10)
    signed = value_signatures(market.pools, values, 1, market.evaluators[:2])
    market.pools.post_values(*values, signed)


def test_a_bond_is_held_until_values_have_stood_their_window(
    held: tuple[Market, Terms],
) -> None:
    market, terms = held
    assert market.verdicts.held_for(terms.proposal) == 1
    assert market.deposited(terms.proposer) == DEPOSIT - BOND - FEE
    with refused("verdicts: values contestable"):
        market.verdicts.release_bond(call(terms))
    post(market)
    market.wait(PERIOD - 1)
    with refused("verdicts: values contestable"):
        market.verdicts.release_bond(call(terms))

    market.wait(1)
    market.verdicts.release_bond(call(terms), sender=market.stranger)
    (event,) = events(market.verdicts, "BondReleased")
    assert (event.proposal, event.amount) == (terms.proposal, BOND)
    (given,) = events(market.verdicts, "Given")
    assert (str(given.to), given.amount) == (terms.proposer, BOND)
    assert market.deposited(terms.proposer) == DEPOSIT - FEE
    with refused("verdicts: no bond is held"):
        market.verdicts.release_bond(call(terms))


def test_a_bond_is_released_where_the_pool_falls_to_the_shares(
    held: tuple[Market, Terms],
) -> None:
    market, terms = held
    market.wait(90 * 86_400)
    market.pools.release(market.dataset, 1)
    market.verdicts.release_bond(call(terms))

    assert market.deposited(terms.proposer) == DEPOSIT - FEE


def test_a_bond_is_released_with_the_proposals_own_terms(held: tuple[Market, Terms]) -> None:
    market, terms = held
    post(market)
    market.wait(PERIOD)

    for changed in (
        replace(terms, bond=Amount(BOND + 1)),
        replace(terms, proposer=terms.payee.__class__(market.stranger)),
    ):
        with refused("verdicts: other terms"):
            market.verdicts.release_bond(call(changed))


def test_no_bond_is_held_of_what_was_slashed_or_voted_down(
    market: Market, contributors: list[str]
) -> None:
    market.use_dataset(a_bps=7_000)
    down = market.propose(contributors[0])
    market.vote_all(down, False)
    market.execute(down)
    slashed = market.propose(contributors[1])
    market.vote_all(slashed)
    market.execute(slashed, market.verdict(outcome=FRAUD))

    assert market.deposited(contributors[0]) == DEPOSIT - FEE
    for terms in (down, slashed):
        with refused("verdicts: no bond is held"):
            market.verdicts.release_bond(call(terms))


def test_a_bond_waits_ninety_days_where_no_values_come(
    market: Market, contributors: list[str]
) -> None:
    """A snapshot without income has no values yet; they may still come."""
    market.use_dataset(a_bps=7_000)
    terms = market.carried(contributors[0])
    market.execute(terms)
    assert market.deposited(contributors[0]) == DEPOSIT - BOND - FEE

    market.wait(90 * 86_400 - 1)
    with refused("verdicts: values contestable"):
        market.verdicts.release_bond(call(terms))
    market.wait(1)
    market.verdicts.release_bond(call(terms))
    assert market.deposited(contributors[0]) == DEPOSIT - FEE
    assert market.verdicts.held_until(terms.proposal) == 0


def test_what_older_rules_hold_up_is_not_expired_before(
    market: Market, contributors: list[str]
) -> None:
    """Else one proposal under longer rules would make all later ones under shorter rules expire."""
    market.use_dataset()
    rules = market.rules(curators=[], weights=[], voting_period=100, change_delay=100)
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    earlier = market.propose(contributors[0])
    market.motions.enact_rules(motion, rules)
    later = market.propose(contributors[1])
    market.vote_all(later)
    market.end_voting(later)
    market.wait(2 * 100)
    with refused("association: earlier is open"):
        market.execute(later)
    with refused("verdicts: too early to expire"):
        market.verdicts.expire(call(later))
    market.wait(market.tally(earlier).deadline + PERIOD - market.now())
    market.execute(later)
    assert market.status(later) == ACCEPTED
