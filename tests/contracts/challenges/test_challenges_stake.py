"""Stakes of evaluators: what lets their signatures count, and how they leave."""

from __future__ import annotations

import pytest

from tests.contracts.data_world import COPY, WEALTH, Market
from tests.contracts.market_world import events, refused

UPHELD = 2

LEAVING = 180 * 86_400


@pytest.fixture
def staking(market: Market) -> Market:
    """A dataset that asks for stakes of 11; nobody has one."""
    market.use_dataset(challenge_bond=9, evaluator_stake=11)
    return market


def counts(market: Market, index: int) -> bool:
    return bool(market.verdicts.is_evaluator(market.dataset, market.evaluators[index].address))


def test_a_signature_counts_from_the_required_stake_on(staking: Market) -> None:
    market = staking
    account = market.evaluators[0].address
    market.challenges.stake(market.dataset, 10, sender=account)
    assert not counts(market, 0)
    market.challenges.stake(market.dataset, 1, sender=account)

    (event,) = events(market.challenges, "Staked")
    assert (event.dataset, str(event.evaluator), event.amount) == (market.dataset, account, 1)
    assert counts(market, 0)
    assert market.challenges.stake_of(market.dataset, account) == 11
    assert market.challenges.active_stake(market.dataset, account) == 11
    assert market.balance(account) == WEALTH - 11


def test_verdicts_of_the_unstaked_do_not_count(staking: Market) -> None:
    terms = staking.carried(staking.contributors[0])

    with refused("verdicts: not an evaluator's"):
        staking.execute(terms)


def test_a_stake_makes_nobody_an_evaluator(staking: Market) -> None:
    staking.challenges.stake(staking.dataset, 500, sender=staking.stranger)

    assert not staking.verdicts.is_evaluator(staking.dataset, staking.stranger)


def test_a_stake_counts_in_its_dataset_alone(staking: Market) -> None:
    account = staking.evaluators[0].address
    staking.challenges.stake(staking.dataset, 11, sender=account)
    staking.use_dataset(challenge_bond=9, evaluator_stake=11)

    assert not counts(staking, 0)


def test_stake_refuses_what_cannot_be(staking: Market) -> None:
    account = staking.evaluators[0].address
    with refused("challenges: amount out of range"):
        staking.challenges.stake(staking.dataset, 2**96, sender=account)
    with refused("token: balance too low"):
        staking.challenges.stake(staking.dataset, WEALTH + 1, sender=account)
    with refused("charter: unknown dataset"):
        staking.challenges.stake(99, 5, sender=account)


def test_leaving_ends_that_ones_signature_counts_at_once(staking: Market) -> None:
    market = staking
    account = market.evaluators[0].address
    market.challenges.stake(market.dataset, 11, sender=account)
    assert market.challenges.unstake(market.dataset, sender=account) == 0

    assert not counts(market, 0)
    assert market.challenges.active_stake(market.dataset, account) == 0
    assert market.challenges.stake_of(market.dataset, account) == 11
    market.wait(LEAVING - 1)
    with refused("challenges: stake is locked"):
        market.challenges.unstake(market.dataset, sender=account)
    market.wait(1)
    assert market.challenges.unstake(market.dataset, sender=account) == 11
    (event,) = events(market.challenges, "StakeReturned")
    assert (str(event.evaluator), event.amount) == (account, 11)
    assert market.challenges.withdraw(sender=account) == 11
    assert market.balance(account) == WEALTH
    with refused("challenges: nothing at stake"):
        market.challenges.unstake(market.dataset, sender=account)
    # It may come back like anybody.
    market.challenges.stake(market.dataset, 11, sender=account)
    assert counts(market, 0)


def test_nobody_leaves_with_another_ones_stake(staking: Market) -> None:
    staking.challenges.stake(staking.dataset, 11, sender=staking.evaluators[0].address)

    for account in staking.others(staking.evaluators[0]):
        with refused("challenges: nothing at stake"):
            staking.challenges.unstake(staking.dataset, sender=account)


def test_nobody_leaves_to_dodge_a_challenge(market: Market) -> None:
    """Who leaves in front of a challenge is slashed, and does not come back to execute either."""
    market.use_challenges(optimistic_window=100)
    terms = market.propose(market.contributors[0])
    verdict = market.verdict()
    market.post(terms, verdict)
    for account in market.evaluators[:2]:
        market.challenges.unstake(market.dataset, sender=account.address)
    for account in market.evaluators[:2]:
        for amount in (0, 11):
            with refused("challenges: is leaving"):
                market.challenges.stake(market.dataset, amount, sender=account.address)

    market.challenge(terms, verdict)
    market.answer(terms, market.verdict(0, evidence="again"))
    for account in market.evaluators[:2]:
        assert market.challenges.stake_of(market.dataset, account.address) == 0
    # The way is free for what the others measured.
    market.post(terms, market.verdict(7), *market.evaluators[2:4])
    with refused("verdicts: not an evaluator's"):
        market.execute(terms, verdict)


def test_a_good_verdict_shields_none_on_a_later_snapshot(market: Market) -> None:
    """What was true of one snapshot may be false of the next, where others were accepted first."""
    market.use_challenges(optimistic_window=100, quorum_bps=9_000)
    first = market.propose(market.contributors[0])
    second = market.propose(market.contributors[1])
    market.post(first, market.verdict(10))
    market.challenge(second, market.verdict(50))
    market.answer(second, market.verdict(50, evidence="again"))
    market.wait(100)
    market.execute(first, market.verdict(10))
    false = market.verdict(50)
    market.post(second, false)
    market.challenge(second, false)
    market.answer(second, market.verdict(0, evidence="again"))
    assert market.challenges.challenge_of(second.proposal)[6] == UPHELD


def test_another_original_is_another_verdict(market: Market) -> None:
    """Else half the bond of a copy goes to a tranche that was not copied, at no risk."""
    market.use_challenges()
    market.accepted(market.contributors[0])
    market.accepted(market.contributors[1])
    original, other = market.proposals[-2:]
    terms = market.propose(market.contributors[2])
    market.challenge(terms, market.verdict(outcome=COPY, copy_of=other.proposal))
    market.answer(terms, market.verdict(outcome=COPY, copy_of=original.proposal))
    found = market.challenges.challenge_of(terms.proposal)
    assert (found[6], found[8]) == (UPHELD, original.proposal)


def test_who_leaves_is_slashed_still(market: Market) -> None:
    market.use_challenges()
    terms = market.propose(market.contributors[0])
    verdict = market.verdict(10)
    market.challenge(terms, verdict)
    account = market.evaluators[0].address
    market.challenges.unstake(market.dataset, sender=account)
    market.answer(terms, market.verdict(5))

    assert market.challenges.stake_of(market.dataset, account) == 0
    market.wait(LEAVING)
    assert market.challenges.unstake(market.dataset, sender=account) == 0


def test_a_new_stake_is_asked_of_everybody(market: Market) -> None:
    """New rules with a higher stake: who has less counts no more, until it tops up."""
    market.use_challenges()
    rules = market.rules(curators=[], weights=[], challenge_bond=9, evaluator_stake=12)
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    market.challenges.stake(market.dataset, 1, sender=market.evaluators[1].address)
    market.motions.enact_rules(motion, rules)

    assert [counts(market, index) for index in range(5)] == [False, True, False, False, False]
    market.challenges.stake(market.dataset, 1, sender=market.evaluators[0].address)
    assert counts(market, 0)


@pytest.mark.parametrize("name", ["token", "verdicts", "charter"])
def test_the_challenges_name_their_neighbours(market: Market, name: str) -> None:
    assert str(getattr(market.challenges, name)()) == str(getattr(market, name).address)
    assert str(market.challenges.curator_token()) == str(market.votes.address)
