"""Taking a proposal off before its vote, and revising it."""

from __future__ import annotations

import pytest

from tests.contracts.data_world import (
    BOND,
    DEPOSIT,
    FEE,
    LOCKED,
    OPEN,
    PERIOD,
    RELAY,
    REVISED,
    WITHDRAWN,
    Market,
    call,
)
from tests.contracts.market_world import digest, events, refused


@pytest.fixture
def reviewing(market: Market) -> Market:
    """A dataset with a minute of review."""
    market.use_dataset(review_minutes=1)
    return market


def publish(market: Market, proposal: int, evaluator: int = 3) -> None:
    """Evidence by an evaluator, whose turn it need not be."""
    account = market.evaluators[evaluator].address
    market.verdicts.publish_evidence(proposal, 0, digest("figures"), sender=account)


def credits(market: Market) -> list[int]:
    return [market.credit(account) for account in market.evaluators]


def test_a_proposal_is_withdrawn_whole_before_its_vote(
    reviewing: Market, contributors: list[str]
) -> None:
    market, who = reviewing, contributors[0]
    terms = market.propose(who)
    market.wait(59)
    market.withdraw_proposal(terms)

    (event,) = events(market.association, "Settled")
    assert (event.proposal, event.status, event.shares, event.snapshot) == (
        terms.proposal, WITHDRAWN, 0, 0,
    )  # fmt: skip
    assert (event.bond_back, event.fee_back) == (BOND, LOCKED)
    assert market.deposited(who) == DEPOSIT
    assert market.association.open_of(who) == 0
    assert market.status(terms) == WITHDRAWN
    with refused("curator: not open"):
        market.withdraw_proposal(terms)


def test_withdraw_proposal_ends_where_voting_begins(
    reviewing: Market, contributors: list[str]
) -> None:
    terms = reviewing.propose(contributors[0])
    reviewing.wait(60)

    with refused("association: voting has begun"):
        reviewing.withdraw_proposal(terms)


@pytest.mark.parametrize("call_name", ["withdraw_proposal", "revise"])
def test_only_the_proposer_takes_a_proposal_off(
    reviewing: Market, contributors: list[str], call_name: str
) -> None:
    terms = reviewing.propose(contributors[0], payee=contributors[1])
    rest = [bytes(32)] * 3 + [1] if call_name == "revise" else []

    for account in reviewing.others(contributors[0]):
        with refused("association: not the proposer"):
            getattr(reviewing.association, call_name)(call(terms), *rest, sender=account)


def test_a_withdrawn_proposal_of_which_evidence_is_out_pays_whose_turn_it_is(
    reviewing: Market, contributors: list[str]
) -> None:
    market, who = reviewing, contributors[0]
    terms = market.propose(who)
    publish(market, terms.proposal)
    market.withdraw_proposal(terms)

    paid = [(str(event.to), event.amount) for event in events(market.association, "FeePaid")]
    assert paid == [(market.evaluators[1].address, 4), (market.evaluators[2].address, 3)]
    # Evaluators 1 and 2 (from 0) measure the first proposal; the odd unit is the first's.
    assert credits(market) == [0, 4, 3, 0, 0]
    assert market.deposited(who) == DEPOSIT - FEE


def test_turns_go_round(reviewing: Market) -> None:
    turns = [reviewing.charter.turn_of(reviewing.dataset, 1, number) for number in range(1, 7)]
    names = [account.address for account in reviewing.evaluators]

    for number, turn in enumerate(turns, start=1):
        assert [str(one) for one in turn] == [names[number % 5], names[(number + 1) % 5]]


def test_withdrawing_gives_the_request_its_place_back(
    reviewing: Market, contributors: list[str]
) -> None:
    request = reviewing.open_request()
    terms = reviewing.propose(contributors[0], request)
    reviewing.withdraw_proposal(terms)

    found = reviewing.requests.request(request)
    assert (found.open_proposals, found.escrow) == (0, 500)


# Revisions


def test_a_revision_is_a_new_proposal_with_the_bond_of_the_old(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    who = contributors[0]
    market.propose(who)
    terms = market.propose(who, payee=contributors[1])
    assert terms.bond == 2 * BOND
    market.vote(terms, (curators[0], True))
    market.wait(100)
    revised = market.revise(terms)

    assert (revised.proposal, revised.revises) == (terms.proposal + 1, terms.proposal)
    assert (revised.proposer, revised.payee, revised.bond) == (who, contributors[1], 2 * BOND)
    assert (revised.root, revised.ref, revised.manifest, revised.num_rows) == (
        digest("root 2"), digest("ref 2"), digest("manifest 2"), 11,
    )  # fmt: skip
    assert (market.status(terms), market.status(revised)) == (REVISED, OPEN)
    # Its votes begin anew.
    assert market.sides(revised) == (0, 0)
    assert market.tally(revised).opened == market.now()
    assert market.deposited(who) == DEPOSIT - 3 * BOND - 2 * LOCKED
    assert market.association.open_of(who) == 2
    market.check()


def test_a_revision_of_which_evidence_was_out_costs_another_fee(
    market: Market, contributors: list[str]
) -> None:
    who = contributors[0]
    terms = market.propose(who)
    publish(market, terms.proposal)
    revised = market.revise(terms)

    assert credits(market) == [0, 4, 3, 0, 0]
    assert market.deposited(who) == DEPOSIT - BOND - FEE - LOCKED
    # The revision's own evidence is not out yet.
    again = market.revise(revised)
    assert credits(market) == [0, 4, 3, 0, 0]
    assert (again.bond, again.revises) == (BOND, revised.proposal)
    market.check()


def test_a_revision_gives_back_what_relayers_did_not_use(
    market: Market, contributors: list[str]
) -> None:
    who = contributors[0]
    terms = market.propose(who)
    market.association.repay(terms.proposal, 1, market.buyer, 5, sender=market.votes.address)
    market.revise(terms)

    (event,) = events(market.association, "Settled")
    assert (event.status, event.bond_back, event.fee_back) == (REVISED, 0, LOCKED - 5 * RELAY)
    assert market.deposited(who) == DEPOSIT - BOND - LOCKED - 5 * RELAY


def test_revise_ends_with_the_vote(market: Market, contributors: list[str]) -> None:
    terms = market.propose(contributors[0])
    market.wait(PERIOD)

    with refused("association: voting is over"):
        market.revise(terms)


def test_revise_ends_with_the_vote_even_where_it_is_extended(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    terms = market.propose(contributors[0])
    market.wait(PERIOD - 1)
    market.vote(terms, (curators[0], True))
    market.wait(1)

    assert market.tally(terms).deadline > market.now()
    with refused("association: voting is over"):
        market.revise(terms)


def test_nobody_revises_what_is_closed(market: Market, contributors: list[str]) -> None:
    terms = market.propose(contributors[0])
    market.revise(terms)

    with refused("curator: not open"):
        market.revise(terms)


def test_revise_refuses_who_cannot_pay_another_fee(market: Market, contributors: list[str]) -> None:
    who = contributors[0]
    terms = market.propose(who)
    publish(market, terms.proposal)
    market.association.withdraw(sender=who)

    with refused("association: deposit too low"):
        market.revise(terms)
    assert market.status(terms) == OPEN
    assert credits(market) == [0] * 5


def test_a_revision_asks_the_request_anew(market: Market, contributors: list[str]) -> None:
    request = market.open_request(deadline=market.now() + 10)
    terms = market.propose(contributors[0], request)
    second = market.revise(terms)
    assert market.requests.request(request).open_proposals == 1
    market.wait(10)

    with refused("requests: is closed"):
        market.revise(second)
    assert market.status(second) == OPEN


@pytest.mark.parametrize("call_name", ["withdraw_proposal", "revise"])
def test_a_challenged_proposal_stays(market: Market, call_name: str) -> None:
    market.use_challenges(review_minutes=1)
    terms = market.propose(market.contributors[0])
    market.challenge(terms, market.verdict())

    with refused("association: is challenged"):
        getattr(market, call_name)(terms)
