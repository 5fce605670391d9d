"""The vote and the verdict together decide: what is accepted, who is paid, what is burnt."""

from __future__ import annotations

import pytest

from tests.contracts.data_world import (
    ACCEPTED,
    BOND,
    DEPOSIT,
    FEE,
    FRAUD,
    HARMFUL,
    LOCKED,
    PERIOD,
    REJECTED,
    RELAY,
    REPAID,
    Market,
    call,
)
from tests.contracts.market_world import digest, events, refused


def test_a_carried_proposal_with_a_good_verdict_is_accepted(
    market: Market, contributors: list[str]
) -> None:
    who, payee = contributors[:2]
    terms = market.carried(who, payee=payee)
    market.execute(terms, market.verdict(10))

    (told,) = events(market.verdicts, "Executed")
    assert (told.proposal, told.status, told.outcome, told.copy_of) == (
        terms.proposal, ACCEPTED, 0, 0,
    )  # fmt: skip
    assert told.evidence == digest("figures")
    (settled,) = events(market.verdicts, "Settled")
    assert (settled.status, settled.shares, settled.snapshot) == (ACCEPTED, 10, 1)
    assert (settled.bond_back, settled.fee_back) == (BOND, REPAID * RELAY)
    assert market.status(terms) == ACCEPTED
    assert market.database.balanceOf(payee, terms.proposal) == 10
    assert market.database.balanceOf(who, terms.proposal) == 0
    assert market.votes.earned_votes(market.dataset, payee) == 10
    (entry,) = market.database.entries(0, 50)
    assert (entry.proposal, entry.commitment, entry.shares) == (
        terms.proposal, terms.commitment(), 10,
    )  # fmt: skip


def test_acceptance_returns_the_bond_and_pays_the_signers(
    market: Market, contributors: list[str]
) -> None:
    terms = market.carried(contributors[0])
    market.execute(terms)

    # Seven among two: the first signer has the odd unit.
    paid = {str(event.to): event.amount for event in events(market.verdicts, "FeePaid")}
    first, second = sorted(
        (account.address for account in market.evaluators[:2]), key=lambda found: int(found, 16)
    )
    assert paid == {first: 4, second: 3}
    assert (market.credit(first), market.credit(second)) == (4, 3)
    assert market.deposited(contributors[0]) == DEPOSIT - FEE


@pytest.mark.parametrize("signers", [2, 3, 4, 5])
def test_the_fee_is_split_to_the_unit(
    market: Market, contributors: list[str], signers: int
) -> None:
    terms = market.carried(contributors[0])
    chosen = market.evaluators[:signers]
    market.execute(terms, None, *chosen)

    credits = sorted(market.credit(account) for account in chosen)
    assert sum(credits) == FEE
    assert credits[:-1] == [FEE // signers] * (signers - 1)


def test_execute_closes_once(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    market.execute(terms)

    with refused("verdicts: proposal is not open"):
        market.execute(terms)


def test_a_motion_is_not_executed(market: Market, contributors: list[str]) -> None:
    terms = market.propose(contributors[0])
    motion = market.move(1, bytes(32))
    market.end_voting(motion)
    forged = (motion, *call(terms)[1:])

    with refused("verdicts: proposal is not open"):
        market.verdicts.execute(forged, market.verdict(), [], 0)


def test_execute_waits_for_the_deadline(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    terms = market.propose(contributors[0])
    market.vote(terms, (curators[1], True), (curators[2], True))
    market.wait(PERIOD - 1)
    with refused("verdicts: voting is not over"):
        market.execute(terms)

    market.wait(1)
    market.execute(terms)
    assert market.status(terms) == ACCEPTED


# The vote decides


def test_voted_down_is_rejected_and_the_bond_returned(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    terms = market.propose(contributors[0])
    market.vote(terms, (curators[0], False), (curators[1], True), (curators[2], True))
    market.end_voting(terms)
    market.execute(terms)

    assert market.status(terms) == REJECTED
    assert market.deposited(contributors[0]) == DEPOSIT - FEE
    assert market.database.num_snapshots() == 0
    assert market.database.balanceOf(contributors[0], terms.proposal) == 0


def test_a_tie_is_no_majority(market: Market, contributors: list[str]) -> None:
    market.use_dataset(weights=[4, 2, 2])
    tied = market.propose(contributors[0])
    market.vote(
        tied,
        (market.curators[0], True),
        (market.curators[1], False),
        (market.curators[2], False),
    )
    market.end_voting(tied)
    market.execute(tied)

    assert market.status(tied) == REJECTED


@pytest.mark.parametrize(("quorum_bps", "status"), [(5_454, ACCEPTED), (5_455, REJECTED)])
def test_quorum_is_exact(
    market: Market, contributors: list[str], quorum_bps: int, status: int
) -> None:
    # Six of eleven are 5,454.54… basis points.
    market.use_dataset(quorum_bps=quorum_bps)
    terms = market.propose(contributors[0])
    market.vote(terms, (market.curators[0], True))
    market.end_voting(terms)
    market.execute(terms)

    assert market.status(terms) == status


def test_nobody_voting_is_no_majority(market: Market, contributors: list[str]) -> None:
    market.use_dataset(quorum_bps=0)
    terms = market.propose(contributors[0])
    market.end_voting(terms)
    market.execute(terms)

    assert market.status(terms) == REJECTED


def test_quorum_leaves_the_proposers_weight_out(market: Market, curators: list[str]) -> None:
    market.use_dataset(quorum_bps=10_000)
    terms = market.propose(curators[0])
    market.vote(terms, (curators[1], True), (curators[2], True))
    market.end_voting(terms)
    market.execute(terms)

    assert market.status(terms) == ACCEPTED


# Before the deadline


def test_a_majority_that_nobody_can_turn_executes_at_once(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    terms = market.propose(contributors[0])
    market.vote(terms, (curators[0], True))
    market.execute(terms)

    assert market.status(terms) == ACCEPTED


def test_a_rejection_that_nobody_can_turn_executes_at_once(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    market.use_dataset(weights=[4, 3, 1])
    terms = market.propose(contributors[0])
    market.vote(terms, (curators[1], False))
    with refused("verdicts: voting is not over"):
        market.execute(terms)
    # Half is enough against: what is left can only tie.
    market.vote(terms, (curators[2], False))
    market.execute(terms)

    assert market.status(terms) == REJECTED
    assert market.deposited(contributors[0]) == DEPOSIT - FEE


def test_half_is_not_enough_for_it_at_once(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    market.use_dataset(weights=[4, 3, 1])
    terms = market.propose(contributors[0])
    market.vote(terms, (curators[0], True))

    with refused("verdicts: voting is not over"):
        market.execute(terms)


@pytest.mark.parametrize("support", [True, False])
def test_lent_weight_decides_nothing_at_once(
    market: Market, contributors: list[str], curators: list[str], support: bool
) -> None:
    """Its lender can still take it back, so only what people cast themselves ends a vote early."""
    market.lend(curators[0])
    terms = market.propose(contributors[0])
    market.vote_lent(terms, support, curators[0])
    market.vote(terms, (curators[1], support), (curators[2], support))
    with refused("verdicts: voting is not over"):
        market.execute(terms)

    # Overridden by the lender's own vote, it does.
    market.vote(terms, (curators[0], support))
    market.execute(terms)
    assert market.status(terms) == (ACCEPTED if support else REJECTED)


def test_lent_weight_decides_at_the_deadline(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    market.lend(curators[0])
    terms = market.propose(contributors[0])
    market.vote_lent(terms, True, curators[0])
    market.end_voting(terms)
    market.execute(terms)

    assert market.status(terms) == ACCEPTED


def test_an_early_majority_still_needs_its_quorum(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    market.use_dataset(quorum_bps=8_000)
    terms = market.propose(contributors[0])
    market.vote(terms, (curators[0], True))
    with refused("verdicts: voting is not over"):
        market.execute(terms)

    market.vote(terms, (curators[1], False))
    market.execute(terms)
    assert market.status(terms) == ACCEPTED


# The verdict decides


@pytest.mark.parametrize("outcome", [HARMFUL, FRAUD])
@pytest.mark.parametrize("support", [True, False])
def test_harm_and_fraud_burn_the_bond_whatever_the_vote(
    market: Market, contributors: list[str], outcome: int, support: bool
) -> None:
    supply = market.token.totalSupply()
    terms = market.propose(contributors[0])
    market.vote_all(terms, support)
    market.execute(terms, market.verdict(outcome=outcome))

    (event,) = events(market.verdicts, "BondSlashed")
    assert (event.to_tranche, event.tranche, event.burnt) == (0, 0, BOND)
    assert [told.amount for told in events(market.verdicts, "Burnt")] == [BOND]
    assert market.token.totalSupply() == supply - BOND
    assert market.status(terms) == REJECTED
    assert market.deposited(contributors[0]) == DEPOSIT - BOND - LOCKED + REPAID * RELAY
    assert sum(market.credit(account) for account in market.evaluators) == FEE
    assert market.database.num_snapshots() == 0


def test_a_slashed_bond_of_nothing_burns_nothing(market: Market, contributors: list[str]) -> None:
    market.use_dataset(bond=0)
    supply = market.token.totalSupply()
    market.execute(market.carried(contributors[0]), market.verdict(outcome=FRAUD))

    assert market.token.totalSupply() == supply


def test_a_rejection_needs_no_newest_snapshot(market: Market, contributors: list[str]) -> None:
    market.accepted(contributors[0])
    terms = market.carried(contributors[1])
    market.execute(terms, market.verdict(outcome=HARMFUL, base=0))

    assert market.status(terms) == REJECTED


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ((0, 1, 4, 0, 0), "verdicts: unknown outcome"),
        ((0, 0, 0, 0, 5), "verdicts: unknown epoch"),
        ((0, 2, 0, 0, 5), "verdicts: unknown epoch"),
        ((0, 1, 0, 0, 2**52), "verdicts: amount out of range"),
        ((0, 1, 2, 0, 5), "verdicts: amount for nothing"),
        ((0, 1, 0, 1_000_001, 5), "verdicts: copy of nothing"),
        ((0, 1, 2, 1_000_001, 0), "verdicts: copy of nothing"),
        ((0, 1, 1, 0, 0), "verdicts: copy of nothing"),
        ((0, 1, 1, 99, 0), "verdicts: copy of nothing"),
        ((0, 1, 1, 1_000_002, 0), "verdicts: copy of a later one"),
        ((0, 1, 1, 1_000_001, 0), "verdicts: copy of a later one"),
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(
    market: Market, contributors: list[str], verdict: tuple[int, ...], reason: str
) -> None:
    terms = market.carried(contributors[0])
    market.propose(contributors[1])

    with refused(reason):
        market.execute(terms, (*verdict, digest("figures")))
