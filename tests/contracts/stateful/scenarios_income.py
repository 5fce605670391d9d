"""Short stories of income, value pools, motions and requests."""

from __future__ import annotations

from tests.contracts.stateful.data_model_changes import LEAVING, MOTION_PATIENCE, POOL_PATIENCE
from tests.contracts.stateful.scenarios import scenario
from tests.contracts.stateful.script_income import Story


@scenario
def late_joiners_take_nothing_of_earlier_snapshots(s: Story) -> None:
    dataset = s.found(mint_cap=200, epoch_length=10_000)
    born = [s.accept(dataset, 3 + place % 2, 1 + place % 3) for place in range(9)]
    tranches = [found.terms.proposal for found in born]
    for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 4, 1, 9):
        s.fund(dataset, number, 7 + number)
    s.claim(dataset, 3, *tranches)
    born.append(s.accept(dataset, 4, 5))
    tranches.append(born[-1].terms.proposal)
    for number in (10, 9, 5, 8, 10, 7, 3):
        s.fund(dataset, number, 5 + number)
    s.fund(dataset, 11, 1)
    s.fund(dataset, 0, 1)
    s.claim(dataset, 4, *tranches)
    s.claim(dataset, 3, *tranches)
    s.fund_signed(dataset, 10, 5, 10)
    s.fund_signed(dataset, 2, 5, 10)
    s.fund_signed(dataset, 2, 5, 2)
    s.claim(dataset, 3, *tranches, tranches[0])


@scenario
def a_transfer_settles_income_first(s: Story) -> None:
    dataset = s.found(mint_cap=60, epoch_length=10_000)
    first = s.accept(dataset, 3, 7).terms.proposal
    s.fund(dataset, 1, 5)
    s.send(dataset, 3, 4, first, 3)
    s.fund(dataset, 1, 3)
    s.send(dataset, 3, 2, first, 4)
    s.fund(dataset, 1, 10)
    s.send(dataset, 4, 2, first, 1)
    s.send(dataset, 2, 2, first, 5)
    s.send(dataset, 2, 4, first, 0)
    s.send(dataset, 2, 4, first, 6)
    s.accept(dataset, 3, 2)
    s.fund(dataset, 1, 4)
    s.fund(dataset, 2, 5)
    s.send(dataset, 2, 3, first, 5)
    s.send_for(dataset, 4, (3, 4), first, 1)
    s.approve(dataset, 3, 4, first, 3)
    s.send_for(dataset, 4, (3, 4), first, 2)
    s.send_for(dataset, 4, (3, 4), first, 2)
    s.approve(dataset, 3, 4, first, 2**256 - 1)
    s.send_for(dataset, 4, (3, 2), first, 1)
    for person in (2, 3, 4):
        s.claim(dataset, person, first)
        s.collect(dataset, s.who(person))
        s.collect(dataset, s.who(person))
    s.fund(dataset, 2, 19)
    for person in (2, 3, 4):
        s.claim(dataset, person, first)


@scenario
def small_claims_lose_nothing(s: Story) -> None:
    dataset = s.found(mint_cap=60, epoch_length=10_000)
    first = s.accept(dataset, 3, 3).terms.proposal
    second = s.accept(dataset, 4, 4).terms.proposal
    for _ in range(15):
        s.fund(dataset, 2, 1)
        s.fund(dataset, 1, 1)
        s.claim(dataset, 3, first)
        s.claim(dataset, 4, second)
    s.send(dataset, 4, 2, second, 1)
    for _ in range(9):
        s.fund(dataset, 2, 2)
        s.claim(dataset, 2, second)
        s.claim(dataset, 4, second)


@scenario
def a_removed_tranche_keeps_its_earlier_income(s: Story) -> None:
    dataset = s.found(mint_cap=60, epoch_length=10_000)
    first, second = (s.accept(dataset, person, 3).terms.proposal for person in (3, 4))
    s.fund(dataset, 2, 6)
    s.send(dataset, 3, 2, first, 1)
    s.remove(dataset, 3, first)
    s.send(dataset, 2, 3, first, 1)
    s.remove(dataset, 2, first)
    s.remove(dataset, 3, first)
    s.remove(dataset, 3, first)
    s.fund(dataset, 3, 7)
    s.fund(dataset, 2, 8)
    s.fund(dataset, 1, 9)
    third = s.accept(dataset, 2, 2).terms.proposal
    for number in (1, 2, 3, 4):
        s.fund(dataset, number, 10)
    s.fund_tranche(dataset, first, 1, 4)
    s.fund_tranche(dataset, first, 2, 4)
    s.fund_tranche(dataset, second, 3, 4)
    s.claim(dataset, 3, first)
    s.claim(dataset, 4, second, third)
    s.claim(dataset, 2, third)
    s.remove(dataset, 4, second)
    s.remove(dataset, 2, third)
    s.fund(dataset, 6, 5)
    s.fund(dataset, 5, 5)
    s.claim(dataset, 2, third)
    # Taken down later: its income goes elsewhere from then on.
    motion = s.move_takedown(dataset, 4, first, 1, 1)
    s.fund(dataset, 1, 6)
    s.carry(motion)
    s.claim(dataset, 3, first)
    s.collect(dataset, s.who(1))


@scenario
def a_takedown_redirects_income(s: Story) -> None:
    dataset = s.found(mint_cap=60, epoch_length=10_000)
    first, second = (s.accept(dataset, person, 3).terms.proposal for person in (3, 4))
    s.fund(dataset, 2, 7)
    wrong = s.move_takedown(dataset, 4, first, 2, 1)
    motion = s.move_takedown(dataset, 4, first, 1, 1)
    twice = s.move_takedown(dataset, 4, first, 1, 2)
    for moved in (wrong, motion, twice):
        s.all_for(moved.box)
    s.enact(motion)
    s.until(motion.box.deadline - 1)
    s.settle(motion)
    s.wait(1)
    for moved in (wrong, motion, twice):
        s.settle(moved)
    s.settle(motion)
    s.until(motion.ready_at - 1)
    s.enact(motion)
    s.wait(1)
    s.enact(wrong)
    s.enact(motion)
    s.enact(motion)
    s.enact(twice)
    s.fund(dataset, 2, 5)
    s.fund(dataset, 3, 6)
    s.send(dataset, 3, 2, first, 2)
    s.claim(dataset, 3, first)
    s.claim(dataset, 2, first)
    s.claim(dataset, 4, second)
    s.collect(dataset, s.who(1))
    s.remove(dataset, 3, first)
    s.fund(dataset, 1, 4)
    s.claim(dataset, 3, first)
    s.push("Motions", s.who(4))


@scenario
def rules_change_for_what_begins_then(s: Story) -> None:
    dataset = s.found(challenge_bond=2, evaluator_stake=4, bond=3, epoch_length=500)
    for one in range(3):
        s.stake(dataset, one, 4)
    void = s.move_rules(dataset, 3, bond=9)
    motion = s.move_rules(
        dataset,
        4,
        bond=7,
        quorum_bps=10_000,
        challenge_bond=0,
        evaluator_stake=5,
        evaluators=(s.judge(1), s.judge(2), s.judge(3)),
        voting_period=8,
        relay_price=0,
    )
    poor = s.move_rules(dataset, 4, epoch_length=3)
    weak = s.move_rules(dataset, 4, evaluator_stake=0)
    for moved in (void, motion, poor, weak):
        s.all_for(moved.box)
    s.until(motion.box.deadline)
    for moved in (void, motion, poor, weak):
        s.settle(moved)
    s.until(motion.ready_at)
    old = s.propose(dataset, 3)
    for voter in (0, 2):
        s.vote(voter, old.box)
    s.enact(motion, bond=8)
    s.enact(motion)
    s.enact(poor)
    s.enact(weak)
    s.stake(dataset, 3, 5)
    new = s.propose(dataset, 3)
    s.relay(s.ballot(1, old.box), s.ballot(1, new.box))
    # The old one may still be challenged, and signed by those it began under.
    s.publish(old, s.judge(3))
    s.publish(new, s.judge(0))
    s.challenge(new, s.verdict(new), by=(3,))
    s.challenge(old, s.verdict(old), by=(0,))
    s.answer(old, s.verdict(old, 2), by=(1,))
    s.execute(old, by=(2,))
    for voter in (0, 2):
        s.vote(voter, new.box)
    s.execute(new, by=(3,))
    s.until(void.ready_at + MOTION_PATIENCE)
    s.enact(void)
    s.wait(LEAVING)


@scenario
def a_lost_motion_costs_its_bond(s: Story) -> None:
    dataset = s.found(bond=4, quorum_bps=5_000)
    first, second, third = (s.move_rules(dataset, 3, bond=1) for _ in range(3))
    s.vote(1, first.box, support=False)
    s.vote(2, first.box, support=False)
    s.vote(0, first.box)
    s.vote(0, second.box, support=False)
    s.vote(2, third.box)
    s.vote(0, third.box, support=False)
    s.until(first.box.deadline)
    for moved in (first, second, third):
        s.settle(moved)
    s.enact(first)
    s.push("Motions", s.who(3))
    # One curator alone is no quorum, and half is no majority.
    lonely = s.move_rules(dataset, 3, bond=1)
    s.vote(0, lonely.box)
    even = s.found(weights=(4, 4, 6), quorum_bps=5_000)
    tied = s.move_rules(even, 3, bond=1)
    s.vote(0, tied.box)
    s.vote(1, tied.box, support=False)
    s.until(tied.box.deadline)
    s.settle(lonely)
    s.settle(tied)
    for patience in (MOTION_PATIENCE - 1, MOTION_PATIENCE):
        late = s.move_rules(dataset, 4, bond=3)
        s.all_for(late.box)
        s.until(late.box.deadline + patience)
        s.settle(late)


@scenario
def a_value_pool_pays_by_proof(s: Story) -> None:
    dataset = s.found(a_bps=6_700, mint_cap=60, epoch_length=10_000)
    other = s.found(a_bps=0)
    first = s.accept(dataset, 3, 3)
    foreign = s.accept(other, 4, 3)
    s.fund(other, 1, 50)
    s.release_bond(first)
    s.release_bond(first)
    second = s.accept(dataset, 4, 2)
    s.fund(dataset, 2, 10)
    s.fund(dataset, 1, 20)
    s.claim_value(dataset, 1, 0)
    s.post_values(dataset, 1, by=(3,))
    s.post_values(dataset, 1, 0)
    s.post_values(dataset, 1)
    s.post_values(dataset, 1)
    s.claim_value(dataset, 1, 0)
    s.release_bond(second)
    s.post_values(dataset, 2)
    s.release_bond(second)
    s.until(dataset.pools[1].final_at)
    s.veto(dataset, 1)
    s.claim_value(dataset, 1, 0, worth=4)
    s.claim_value(dataset, 1, 0)
    s.claim_value(dataset, 1, 0)
    s.fund(dataset, 1, 13)
    s.claim_value(dataset, 1, 0)
    s.claim_value(dataset, 1, 1)
    s.release_bond(second)
    s.release(dataset, 1)
    # A root that promises more than there is takes nothing of the other pools, which have it.
    s.fund(dataset, 1, 60)
    s.post_values(other, 1, 3)
    s.until(other.pools[1].final_at)
    s.claim_value(other, 1, 0)
    s.claim_value(other, 1, 1)
    s.release_bond(foreign)
    s.release_bond(foreign)


@scenario
def values_once_final_stay_final(s: Story) -> None:
    """A longer period of later rules opens no second window."""
    dataset = s.found(a_bps=0, mint_cap=60)
    other = s.found(a_bps=0)
    s.accept(dataset, 3, 3)
    s.accept(other, 4, 3)
    s.fund(other, 1, 50)
    s.fund(dataset, 1, 20)
    motion = s.move_rules(dataset, 4, voting_period=400, change_delay=400, a_bps=10_000)
    s.all_for(motion.box)
    s.until(motion.box.deadline)
    s.settle(motion)
    s.until(motion.ready_at - 16)
    s.post_values(dataset, 1)
    s.until(motion.ready_at)
    s.claim_value(dataset, 1, 0)
    s.enact(motion)
    s.claim_value(dataset, 1, 1)
    s.veto(dataset, 1)
    # Nor does a snapshot's percent change with the rules.
    s.accept(dataset, 3, 2)
    s.fund(dataset, 1, 10)
    s.fund(dataset, 2, 10)


@scenario
def a_vetoed_or_forgotten_pool_falls_to_the_shares(s: Story) -> None:
    dataset = s.found(a_bps=0, mint_cap=60, epoch_length=10_000)
    first = s.accept(dataset, 3, 3)
    second = s.accept(dataset, 4, 2)
    s.fund(dataset, 1, 20)
    s.wait(5)
    s.fund(dataset, 1, 20)
    s.fund(dataset, 2, 7)
    s.post_values(dataset, 1)
    s.until(dataset.pools[1].final_at - 1)
    s.veto(dataset, 1, by=(3,))
    s.veto(dataset, 1)
    s.post_values(dataset, 1)
    s.fund(dataset, 1, 9)
    s.until(dataset.pools[2].since + POOL_PATIENCE - 1)
    s.release(dataset, 2)
    s.release_bond(second)
    s.wait(1)
    s.release(dataset, 2)
    s.release(dataset, 2)
    s.release_bond(second)
    s.claim(dataset, 3, first.terms.proposal)
    s.claim(dataset, 4, second.terms.proposal)
    # A removal leaves the percent as it is.
    s.remove(dataset, 4, second.terms.proposal)
    s.fund(dataset, 3, 10)
