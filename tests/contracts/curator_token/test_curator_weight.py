"""How much a voter weighs: what it had strictly before the commitment, genesis fading."""

from __future__ import annotations

import pytest

from tests.contracts.data_world import PERIOD, WEIGHTS, Market
from tests.contracts.market_world import refused

G = sum(WEIGHTS)


def weight(market: Market, proposal: int, voter: str) -> int:
    return int(market.votes.weight_on(proposal, voter))


def test_a_dataset_without_holders_is_the_genesis_curators_alone(
    market: Market, curators: list[str], contributors: list[str]
) -> None:
    terms = market.propose(contributors[0])

    assert terms.electorate == G
    assert [weight(market, terms.proposal, one) for one in curators] == list(WEIGHTS)
    assert weight(market, terms.proposal, contributors[0]) == 0


@pytest.mark.parametrize("earned", [1, 2, 3, 10, 11, 12, 1_000])
def test_genesis_weight_fades_as_earned_weight_grows(
    market: Market, curators: list[str], contributors: list[str], earned: int
) -> None:
    market.use_dataset(mint_cap=earned)
    market.accepted(contributors[0], earned)
    terms = market.propose(contributors[1])

    weights = [weight(market, terms.proposal, one) for one in curators]
    assert weights == [genesis * G // (G + earned) for genesis in WEIGHTS]
    assert weight(market, terms.proposal, contributors[0]) == earned
    assert terms.electorate == earned + G * G // (G + earned)
    assert 0 <= terms.electorate - sum(weights) - earned < len(curators)


def test_a_curator_who_contributes_has_both_weights(market: Market, curators: list[str]) -> None:
    market.accepted(curators[0], 11)
    terms = market.propose(market.contributors[0])

    assert weight(market, terms.proposal, curators[0]) == 11 + 6 * G // 22


def test_votes_of_the_second_of_a_commitment_do_not_count_on_it(
    market: Market, contributors: list[str]
) -> None:
    first = market.carried(contributors[0])
    market.execute(first, market.verdict(10))
    same = market.propose(contributors[1], wait=0)
    later = market.propose(contributors[1], wait=1)

    assert market.votes.earned_votes(market.dataset, contributors[0]) == 10
    assert weight(market, same.proposal, contributors[0]) == 0
    assert weight(market, later.proposal, contributors[0]) == 10
    assert (same.electorate, later.electorate) == (G, 10 + G * G // (G + 10))
    with refused("curator: no weight"):
        market.vote(same, (contributors[0], True))
    market.vote(later, (contributors[0], True))


def test_votes_earned_after_the_commitment_do_not_count_on_it(
    market: Market, contributors: list[str]
) -> None:
    first = market.carried(contributors[0])
    open_one = market.propose(contributors[1])
    market.execute(first, market.verdict(10))

    with refused("curator: no weight"):
        market.vote(open_one, (contributors[0], True))


def test_history_keeps_what_a_ballot_can_still_ask_for(
    market: Market, contributors: list[str]
) -> None:
    """Five mints within one period, a proposal open before each."""
    market.use_dataset(review_minutes=0)
    carried = [market.propose(contributors[0]) for _ in range(5)]
    for terms in carried:
        market.vote_all(terms)
    watched = []
    market.end_voting(carried[-1])
    for step, terms in enumerate(carried):
        watched.append(market.propose(contributors[1]).proposal)
        market.wait(1)
        market.execute(terms, market.verdict(2**step))

    assert [weight(market, one, contributors[0]) for one in watched] == [0, 1, 3, 7, 15]
    word = int(market.votes.voters(market.dataset, contributors[0]))
    # The first mint keeps nothing: before it there was nothing.
    assert word >> 232 == 4
    assert int(market.votes.history(market.dataset, contributors[0], 0)) >> 32 == 0
    for proposal, votes in zip(watched[1:], [1, 3, 7, 15], strict=True):
        market.vote(proposal, (contributors[0], True))
        assert market.sides(proposal) == (votes, 0)


def test_history_does_not_grow_where_no_ballot_can_ask(
    market: Market, contributors: list[str]
) -> None:
    for _ in range(3):
        market.accepted(contributors[0], 1)
        market.wait(2 * PERIOD)

    assert int(market.votes.voters(market.dataset, contributors[0])) >> 232 == 0


def test_mints_of_one_second_are_one_change(market: Market, contributors: list[str]) -> None:
    first, second = (market.propose(contributors[0]) for _ in range(2))
    market.vote_all(first)
    market.vote_all(second)
    market.end_voting(second)
    watched = market.propose(contributors[1])
    market.wait(1)
    market.execute(first, market.verdict(3))
    market.execute(second, market.verdict(4))
    later = market.propose(contributors[1])

    assert weight(market, watched.proposal, contributors[0]) == 0
    assert weight(market, later.proposal, contributors[0]) == 7
    assert int(market.votes.voters(market.dataset, contributors[0])) >> 232 == 0


@pytest.mark.parametrize("same_second", [True, False])
def test_a_longer_period_of_new_rules_keeps_the_votes_of_its_ballots(
    market: Market, contributors: list[str], same_second: bool
) -> None:
    """A proposal under older, shorter rules mints while one under the longer ones is voted on."""
    holder = contributors[0]
    rules = market.rules(curators=[], weights=[], voting_period=9 * PERIOD, change_delay=9 * PERIOD)
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    early = market.carried(holder)
    last = None if same_second else market.propose(holder)
    market.wait(1)
    # In this second the holder gets its first votes and the longer rules come into force.
    market.execute(early, market.verdict(10))
    if last is None:
        last = market.propose(holder, wait=0)
    market.motions.enact_rules(motion, rules, sender=market.stranger)
    watched = market.propose(contributors[1], wait=0)
    market.vote_all(last)
    market.end_voting(last)
    market.wait(2 * PERIOD - 1)
    market.execute(last, market.verdict(20))

    assert market.tally(watched).deadline > market.now()
    assert weight(market, watched.proposal, holder) == 0
    with refused("curator: no weight"):
        market.vote(watched, (holder, True))


def test_votes_of_one_dataset_count_nowhere_else(market: Market, contributors: list[str]) -> None:
    second = market.create_dataset()
    market.accepted(contributors[0], 5)
    terms = market.propose(contributors[1], dataset=second)

    assert market.votes.earned_votes(second, contributors[0]) == 0
    assert weight(market, terms.proposal, contributors[0]) == 0
    assert terms.electorate == G


def test_selling_shares_moves_no_vote(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 10)
    market.database.transfer(contributors[1], tranche, 10, sender=contributors[0])
    terms = market.propose(contributors[2])

    assert weight(market, terms.proposal, contributors[0]) == 10
    assert weight(market, terms.proposal, contributors[1]) == 0


def test_an_unknown_proposal_has_no_ballots(market: Market, curators: list[str]) -> None:
    assert market.votes.ballot_of(99, curators[0]) == 0
    with refused("curator: no voting now"):
        market.vote(99, (curators[0], True))
