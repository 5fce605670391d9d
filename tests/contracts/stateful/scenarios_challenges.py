"""Short stories of who dodges a challenge, and of what holds up whom."""

from __future__ import annotations

from tests.contracts.stateful.data_model import COPY
from tests.contracts.stateful.data_model_verdicts import BOND_PATIENCE
from tests.contracts.stateful.scenarios import scenario
from tests.contracts.stateful.script_income import Story


@scenario
def a_good_verdict_shields_none_on_a_later_snapshot(s: Story) -> None:
    dataset = s.found(challenge_bond=3, evaluator_stake=6, optimistic_window=6, mint_cap=60)
    for one in range(3):
        s.stake(dataset, one, 6)
    first, second = s.propose(dataset, 3), s.propose(dataset, 4)
    s.challenge(second, s.verdict(second, 5))
    s.answer(second, s.verdict(second, 5), by=(1,))
    s.challenge(second, s.verdict(second, 5))
    for voter in (0, 1, 2):
        s.vote(voter, first.box)
    s.execute(first)
    s.post(second, s.verdict(second, 5))
    s.challenge(second, s.verdict(second, 5))
    s.answer(second, s.verdict(second, 0), by=(1,))
    s.challenge(second, s.verdict(second, 0), by=(1,))


@scenario
def who_leaves_stays_liable(s: Story) -> None:
    dataset = s.found(challenge_bond=3, evaluator_stake=6, optimistic_window=6)
    for one in range(2):
        s.stake(dataset, one, 6)
    s.stake(dataset, 2, 5)
    found = s.propose(dataset, 3)
    s.post(found, s.verdict(found, 9))
    s.unstake(dataset, 0)
    s.execute(found, s.verdict(found, 9))
    # Never enough at stake.
    s.challenge(found, s.verdict(found, 8), by=(2,))
    s.challenge(found, s.verdict(found, 9), by=(3,))
    s.challenge(found, s.verdict(found, 9))
    s.answer(found, s.verdict(found, 1), by=(0,))
    s.answer(found, s.verdict(found, 1), by=(1,))
    s.post(found, s.verdict(found, 1), by=(1,))


@scenario
def another_original_is_another_verdict(s: Story) -> None:
    dataset = s.found(challenge_bond=3, evaluator_stake=6, bond=5, mint_cap=60)
    for one in range(2):
        s.stake(dataset, one, 6)
    first, second = s.accept(dataset, 3, 3), s.accept(dataset, 4, 3)
    found = s.propose(dataset, 4)
    s.challenge(found, s.copy(found, second))
    s.answer(found, s.copy(found, first), by=(1,))
    s.until(found.box.deadline)
    s.challenge(found, s.copy(found, first), by=(1,))
    s.execute(found, s.copy(found, first), by=(1,), born=1)
    same = s.propose(dataset, 4)
    s.challenge(same, s.verdict(same, 0, outcome=COPY, copy_of=first.terms.proposal), by=(1,))


@scenario
def a_later_one_outlives_what_holds_it_up(s: Story) -> None:
    dataset = s.found(voting_period=64, change_delay=64)
    motion = s.move_rules(dataset, 0, voting_period=4, change_delay=4)
    s.carry(motion)
    first = s.propose(dataset, 3)
    s.enact(motion)
    second = s.propose(dataset, 4)
    for voter in (0, 1, 2):
        s.vote(voter, second.box)
    s.until(second.box.deadline + 2 * 4)
    s.expire(second)
    s.execute(second)
    s.until(first.box.deadline + 64 - 1)
    s.execute(second)
    s.wait(1)
    s.execute(second)
    third = s.propose(dataset, 4)
    s.until(third.box.opened + 2 * 64 + 4 - 1)
    s.expire(third)
    s.wait(1)
    s.expire(third)


@scenario
def a_bond_waits_for_values_ninety_days(s: Story) -> None:
    dataset = s.found(a_bps=5_000, bond=4)
    found = s.accept(dataset, 3, 3)
    s.release_bond(found)
    s.wait(BOND_PATIENCE - 30)
    s.release_bond(found)
    s.wait(60)
    s.release_bond(found)
    s.release_bond(found)
