"""What a reorganisation undoes is whole, and what is sent again counts once."""

from __future__ import annotations

import boa

from tests.contracts.data_world import ACCEPTED, BOND, COPY, FEE, OPEN, WEALTH, Market
from tests.contracts.market_world import refused


def test_reorg_of_a_proposal_gives_bond_and_fee_back(
    market: Market, contributors: list[str]
) -> None:
    with boa.env.anchor():
        proposal = market.propose(contributors[0])
        assert market.balance(contributors[0]) == WEALTH - BOND - FEE

    assert market.balance(contributors[0]) == WEALTH
    with refused("association: unknown proposal"):
        market.association.proposal(proposal)
    market.check_association()


def test_reorg_of_an_execution_takes_shares_votes_and_money_back(
    market: Market, contributors: list[str]
) -> None:
    request = market.open_request(100)
    proposal = market.carried(contributors[0], request)
    verdict = market.verdict(10)
    with boa.env.anchor():
        market.execute(proposal, verdict)
        market.association.withdraw(sender=contributors[0])

    assert market.status(proposal) == OPEN
    assert market.shares.balanceOf(contributors[0], proposal) == 0
    assert market.shares.earned_votes(market.dataset, contributors[0]) == 0
    assert market.database.num_snapshots() == 0
    assert market.association.request(request).escrow == 100
    market.check_association()

    market.execute(proposal, verdict)
    assert market.shares.totalSupply(proposal) == 10
    with refused("association: proposal is not open"):
        market.execute(proposal, verdict)
    market.check_association()


def test_reorg_of_a_slash_gives_the_bond_to_the_contract_again(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 10)
    proposal = market.carried(contributors[1])
    supply = market.token.totalSupply()
    with boa.env.anchor():
        market.execute(proposal, market.verdict(outcome=COPY, copy_of=tranche))
        assert market.token.totalSupply() < supply

    assert market.token.totalSupply() == supply
    assert market.database.claimable(tranche, contributors[0]) == 0
    market.check_association()


def test_reorg_that_puts_another_verdict_first_leaves_one_standing(
    market: Market, contributors: list[str]
) -> None:
    proposal = market.carried(contributors[0])
    first = market.verdict(10)
    second = market.verdict(7)
    with boa.env.anchor():
        market.execute(proposal, first)

    signed = market.sign(proposal, second, *market.evaluators[2:])
    market.association.execute(proposal, second, signed)
    with refused("association: proposal is not open"):
        market.execute(proposal, first)
    assert market.shares.totalSupply(proposal) == 7
    assert market.status(proposal) == ACCEPTED


def test_reorg_of_an_earlier_acceptance_makes_later_verdicts_stale(
    market: Market, contributors: list[str]
) -> None:
    first = market.propose(contributors[0])
    second = market.propose(contributors[1])
    for proposal in (first, second):
        market.vote(proposal, *((curator, True) for curator in market.curators))
    market.end_voting(second)
    with boa.env.anchor():
        market.execute(first, market.verdict(10))
        on_first = market.verdict(10)
        market.execute(second, on_first)

    # Now the first one was a fraud: what was measured on top of it counts no more.
    market.execute(first, market.verdict(outcome=3))
    with refused("association: stale base"):
        market.execute(second, on_first)
    market.execute(second, market.verdict(10))
    assert market.status(second) == ACCEPTED


def test_reorg_of_a_claim_pays_once_when_it_is_sent_again(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.fund(1, 20)
    before = market.balance(contributors[0])
    with boa.env.anchor():
        assert market.database.claim(tranche, sender=contributors[0]) == 20

    assert market.balance(contributors[0]) == before
    assert market.database.claim(tranche, sender=contributors[0]) == 20
    assert market.database.claim(tranche, sender=contributors[0]) == 0
    assert market.balance(contributors[0]) == before + 20


def test_reorg_that_puts_a_sale_before_a_funding_pays_the_buyer_of_the_shares(
    market: Market, contributors: list[str]
) -> None:
    seller, taker = contributors[:2]
    tranche = market.accepted(seller, 10)
    with boa.env.anchor():
        market.fund(1, 20)
        market.shares.transfer(taker, tranche, 10, sender=seller)
        assert market.database.claimable(tranche, seller) == 20

    market.shares.transfer(taker, tranche, 10, sender=seller)
    market.fund(1, 20)
    assert market.database.claimable(tranche, seller) == 0
    assert market.database.claimable(tranche, taker) == 20


def test_reorg_of_a_funding_leaves_nothing_to_claim(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 10)
    with boa.env.anchor():
        market.fund(1, 20)

    assert market.database.claimable(tranche, contributors[0]) == 0
    assert market.balance(market.buyer) == WEALTH


def test_reorg_of_a_vote_counts_it_once_when_it_is_sent_again(
    market: Market, contributors: list[str]
) -> None:
    proposal = market.propose(contributors[0])
    with boa.env.anchor():
        market.vote(proposal, (market.curators[0], True))

    market.vote(proposal, (market.curators[0], True))
    assert market.association.proposal(proposal).yes == 6


def test_reorg_of_a_closed_request_gives_the_rest_once(market: Market) -> None:
    request = market.open_request(100, deadline=market.now() + 5)
    market.wait(5)
    with boa.env.anchor():
        market.association.close_request(request, sender=market.initiator)
        market.association.withdraw(sender=market.initiator)

    market.association.close_request(request, sender=market.initiator)
    assert market.association.withdraw(sender=market.initiator) == 100
    assert market.association.withdraw(sender=market.initiator) == 0
    market.check_association()
