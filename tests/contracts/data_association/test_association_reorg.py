"""What a reorganisation undoes is whole, and what is sent again counts once."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.data_world import (
    ACCEPTED,
    BOND,
    COPY,
    DEPOSIT,
    LOCKED,
    OPEN,
    WEALTH,
    Market,
    call,
)
from tests.contracts.market_world import digest, refused
from tests.contracts.signing import ballot_message, compact, keys, packed_ballot, payment


def test_reorg_of_a_proposal_gives_bond_and_fee_back(
    market: Market, contributors: list[str]
) -> None:
    with boa.env.anchor():
        terms = market.propose(contributors[0])
        assert market.deposited(contributors[0]) == DEPOSIT - BOND - LOCKED

    assert market.deposited(contributors[0]) == DEPOSIT
    assert market.association.commitment(terms.proposal) == bytes(32)
    market.check()
    # Another proposal has its id now: what was signed or sent for the first does not fit it.
    other = market.propose(contributors[1], root=digest("another root"))
    assert other.proposal == terms.proposal
    market.vote_all(other)
    verdict = market.verdict()
    signed = market.sign(terms, verdict)
    with refused("association: other terms"):
        market.verdicts.execute(call(terms), verdict, signed, 0)


def test_reorg_of_an_execution_takes_shares_votes_and_money_back(
    market: Market, contributors: list[str]
) -> None:
    who = contributors[0]
    request = market.open_request(100)
    terms = market.carried(who, request)
    verdict = market.verdict(10)
    with boa.env.anchor():
        market.execute(terms, verdict)
        market.association.withdraw(sender=who)
        market.requests.withdraw(sender=who)

    assert market.status(terms) == OPEN
    assert market.database.balanceOf(who, terms.proposal) == 0
    assert market.votes.earned_votes(market.dataset, who) == 0
    assert market.database.num_snapshots() == 0
    assert market.requests.request(request).escrow == 100
    market.check()

    market.execute(terms, verdict)
    assert market.database.balanceOf(who, terms.proposal) == 10
    with refused("verdicts: proposal is not open"):
        market.execute(terms, verdict)


def test_reorg_of_a_revision_leaves_the_first_proposal_open(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    terms = market.propose(contributors[0])
    market.vote(terms, (curators[0], True))
    with boa.env.anchor():
        market.revise(terms)

    assert market.status(terms) == OPEN
    assert market.sides(terms) == (6, 0)
    market.execute(terms)
    assert market.status(terms) == ACCEPTED
    with refused("curator: not open"):
        market.revise(terms)


def test_reorg_of_a_slash_gives_the_bond_to_the_contract_again(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 10)
    terms = market.carried(contributors[1])
    supply = market.token.totalSupply()
    with boa.env.anchor():
        market.execute(terms, market.verdict(outcome=COPY, copy_of=tranche), copied=1)
        assert market.token.totalSupply() < supply

    assert market.token.totalSupply() == supply
    assert market.database.claimable(tranche, contributors[0]) == 0
    market.check()


def test_reorg_that_puts_another_verdict_first_leaves_one_standing(
    market: Market, contributors: list[str]
) -> None:
    terms = market.carried(contributors[0])
    first = market.verdict(10)
    second = market.verdict(7)
    with boa.env.anchor():
        market.execute(terms, first)

    market.execute(terms, second, *market.evaluators[2:])
    with refused("verdicts: proposal is not open"):
        market.execute(terms, first)
    assert market.database.total_shares(1) == 7
    assert market.status(terms) == ACCEPTED


def test_reorg_of_an_earlier_acceptance_makes_later_verdicts_stale(
    market: Market, contributors: list[str]
) -> None:
    first = market.propose(contributors[0])
    second = market.propose(contributors[1])
    for terms in (first, second):
        market.vote_all(terms)
    market.end_voting(second)
    with boa.env.anchor():
        market.execute(first, market.verdict(10))
        on_first = market.verdict(10)
        market.execute(second, on_first)

    # Now the first one was a fraud: what was measured on top of it counts no more.
    market.execute(first, market.verdict(outcome=3))
    with refused("database: stale base"):
        market.execute(second, on_first)
    market.execute(second, market.verdict(10))
    assert market.status(second) == ACCEPTED


def test_reorg_of_a_challenge_lets_the_verdict_be_executed(market: Market) -> None:
    market.use_challenges()
    terms = market.carried(market.contributors[0])
    verdict = market.verdict()
    with boa.env.anchor():
        market.challenge(terms, verdict)
        market.answer(terms, market.verdict(5))
        assert market.challenges.credit_of(market.stranger) == 18

    assert market.balance(market.stranger) == WEALTH
    assert market.challenges.stake_of(market.dataset, market.evaluators[0].address) == 11
    market.execute(terms, verdict)
    with refused("verdicts: proposal is not open"):
        market.challenge(terms, verdict)


def test_reorg_of_a_claim_pays_once_when_it_is_sent_again(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.fund(1, 20)
    before = market.balance(contributors[0])
    with boa.env.anchor():
        assert market.claim(tranche, contributors[0]) == 20

    assert market.balance(contributors[0]) == before
    assert market.claim(tranche, contributors[0]) == 20
    assert market.claim(tranche, contributors[0]) == 0
    assert market.balance(contributors[0]) == before + 20


def test_reorg_that_puts_a_sale_before_a_funding_pays_the_buyer_of_the_shares(
    market: Market, contributors: list[str]
) -> None:
    seller, taker = contributors[:2]
    tranche = market.accepted(seller, 10)
    with boa.env.anchor():
        market.fund(1, 20)
        market.database.transfer(taker, tranche, 10, sender=seller)
        assert market.database.credit_of(seller) == 20

    market.database.transfer(taker, tranche, 10, sender=seller)
    market.fund(1, 20)
    assert market.database.credit_of(seller) == 0
    assert market.database.claimable(tranche, taker) == 20


def test_reorg_of_a_funding_leaves_nothing_to_claim(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 10)
    with boa.env.anchor():
        market.fund(1, 20)

    assert market.database.claimable(tranche, contributors[0]) == 0
    assert market.balance(market.buyer) == WEALTH


def test_reorg_of_a_signed_payment_is_paid_once_when_it_is_sent_again(market: Market) -> None:
    payer = market.evaluators[0]
    signed = payment(market.token, payer, market.association.address, 21, digest("once"))
    with boa.env.anchor():
        market.association.deposit_with_authorization(*signed, sender=market.stranger)

    assert market.balance(payer) == WEALTH
    market.association.deposit_with_authorization(*signed, sender=market.buyer)
    with refused("token: authorization is used"):
        market.association.deposit_with_authorization(*signed, sender=market.stranger)
    assert market.deposited(payer) == 21


@pytest.mark.parametrize("relayed", [True, False])
def test_reorg_of_a_vote_counts_it_once_when_it_is_sent_again(
    market: Market, relayed: bool
) -> None:
    (voter,) = keys(1, first=100)
    market.use_dataset(curators=[voter.address], weights=[6])
    terms = market.propose(market.contributors[0])
    message = ballot_message(
        market.votes, (voter.address, terms.proposal, terms.commitment(), True, 0, 2**39)
    )
    words = compact(bytes(voter.sign_message(message).signature))
    ballot = (packed_ballot(voter.address, terms.proposal, True, 2**39), *words)

    def send() -> None:
        if relayed:
            market.votes.vote_signed([ballot], sender=market.stranger)
        else:
            market.vote(terms, (voter.address, True))

    with boa.env.anchor():
        send()
    assert market.sides(terms) == (0, 0)
    assert market.credit(market.stranger) == 0
    send()
    assert market.sides(terms) == (6, 0)
    with refused("curator: no ballot counts" if relayed else "curator: already voted"):
        send()
    assert market.credit(market.stranger) == int(relayed)


def test_reorg_of_a_lent_ballot_leaves_the_lender_her_vote(
    market: Market, curators: list[str]
) -> None:
    market.lend(curators[0])
    terms = market.propose(market.contributors[0])
    with boa.env.anchor():
        market.vote_lent(terms, True, curators[0])

    market.vote(terms, (curators[0], False))
    with refused("curator: no weight"):
        market.vote_lent(terms, True, curators[0])
    assert market.sides(terms) == (0, 6)


def test_reorg_of_a_takedown_pays_the_holder_again(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.fund(1, 20)
    motion = market.move(2, market.payload_of_takedown(tranche, 1, market.buyer))
    market.carry(motion)
    with boa.env.anchor():
        market.motions.enact_takedown(motion, tranche, 1, market.buyer)
        assert market.claim(tranche, contributors[0]) == 0

    assert market.claim(tranche, contributors[0]) == 20
    market.motions.enact_takedown(motion, tranche, 1, market.buyer)
    assert market.database.claimable(tranche, contributors[0]) == 0


def test_reorg_of_a_closed_request_gives_the_rest_once(market: Market) -> None:
    request = market.open_request(100, deadline=market.now() + 5)
    market.wait(5)
    with boa.env.anchor():
        market.requests.close_request(request, sender=market.initiator)
        market.requests.withdraw(sender=market.initiator)

    market.requests.close_request(request, sender=market.initiator)
    assert market.requests.withdraw(sender=market.initiator) == 100
    assert market.requests.withdraw(sender=market.initiator) == 0
