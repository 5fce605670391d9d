"""Short stories of minting, copies, signatures and challenges."""

from __future__ import annotations

from tests.contracts.stateful.data_model import FRAUD, HARM, Dataset
from tests.contracts.stateful.data_model_changes import LEAVING
from tests.contracts.stateful.scenarios import scenario
from tests.contracts.stateful.script_income import Story


@scenario
def what_is_owed_pays_the_next_bond(s: Story) -> None:
    dataset = s.found(relay_price=0, bond=1, evaluation_fee=2, review_minutes=0)
    found = s.propose(dataset, 0)
    s.withdraw(s.who(0))
    s.vote(1, found.box)
    # Relayed ballots earn, but only where a price was set.
    paid = s.found(relay_price=2, bond=3, evaluation_fee=1)
    box = s.propose(paid, 4).box
    s.relay(s.ballot(0, box), s.ballot(1, box), s.ballot(2, box))
    s.relay(s.ballot(3, box), by=3)
    more = s.propose(paid, 4).box
    s.relay(s.ballot(0, more), s.ballot(1, more), s.ballot(2, more), by=3)
    s.withdraw(s.who(4))
    s.propose(paid, 4, is_poor=True)
    s.push("DataAssociation", s.judge(3))
    s.deposit(3, 1)
    s.propose(dataset, 3, is_poor=True)
    s.propose(dataset, 3, is_poor=True)
    s.propose(paid, 2, is_poor=True)
    s.until(box.deadline)
    s.execute(paid.proposals[0])
    s.execute(found, s.verdict(found, 0))


@scenario
def an_epoch_mints_its_cap(s: Story) -> None:
    dataset = s.found(mint_cap=5, epoch_length=40)
    for amount in (3, 3, 2, 0):
        found = s.propose(dataset, 3)
        for voter in (0, 1, 2):
            s.vote(voter, found.box)
        if not s.execute(found, s.verdict(found, amount)):
            s.execute(found, s.verdict(found, max(amount - 1, 0)))
            s.execute(found, s.verdict(found, 0))
    found = s.propose(dataset, 4)
    for voter in (0, 1, 2):
        s.vote(voter, found.box)
    start = dataset.created_at
    s.until(start + 40 * ((s.player.model.now - start) // 40 + 1) - 1)
    s.execute(found, s.verdict(found, 1))
    s.wait(1)
    s.execute(found, s.verdict(found, 6))
    s.execute(found, s.verdict(found, 5))


@scenario
def a_copy_pays_whom_it_copied(s: Story) -> None:
    dataset = s.found(bond=5, mint_cap=60)
    first = s.accept(dataset, 3, 3)
    nothing = s.accept(dataset, 4, 0)
    s.send(dataset, 3, 2, first.terms.proposal, 1)
    copies = [s.propose(dataset, 4) for _ in range(4)]
    s.until(copies[-1].box.deadline)
    s.execute(copies[0], s.copy(copies[0], copies[1]))
    s.execute(copies[0], s.copy(copies[0], first), born=2)
    s.execute(copies[0], s.copy(copies[0], first), born=0)
    s.execute(copies[0], s.copy(copies[0], first), born=1, num_rows=9)
    s.execute(copies[0], s.copy(copies[0], first), born=1)
    s.execute(copies[1], s.copy(copies[1], nothing), born=nothing.born)
    s.execute(copies[2], s.copy(copies[2], copies[0]))
    s.execute(copies[3], s.verdict(copies[3], 0, outcome=FRAUD))
    s.claim(dataset, 3, first.terms.proposal)
    s.claim(dataset, 2, first.terms.proposal)
    odd = s.propose(dataset, 4)
    s.until(odd.box.deadline)
    s.execute(odd, s.verdict(odd, 1, outcome=FRAUD))
    s.execute(odd, s.verdict(odd, 0, outcome=FRAUD + 1))
    s.execute(odd, s.verdict(odd, 1, copy_of=1))
    s.execute(odd, s.verdict(odd, 1, holdout_epoch=2))
    s.execute(odd, s.verdict(odd, 1), num_rows=9)
    s.execute(odd, s.copy(odd, odd))
    s.execute(odd, s.verdict(odd, 1, base=1))
    for voter in (0, 1, 2):
        s.vote(voter, odd.box)
    liked = s.propose(dataset, 4)
    for voter in (0, 1, 2):
        s.vote(voter, liked.box)
    s.until(liked.box.deadline)
    s.execute(odd, s.verdict(odd, 0, outcome=HARM))
    s.execute(liked, s.verdict(liked, 1, base=1))
    s.execute(liked, s.verdict(liked, 0, outcome=HARM))


@scenario
def k_evaluators_sign(s: Story) -> None:
    judges = tuple(s.judge(one) for one in range(4))
    dataset = s.found(threshold=2, evaluators=judges)
    found = s.propose(dataset, 3)
    for voter in (0, 1, 2):
        s.vote(voter, found.box)
    s.execute(found, by=(0,))
    s.execute(found, by=(1, 0))
    s.execute(found, by=(1, 1))
    s.execute(found, by=(0, 1, 3))
    other = s.found()
    found = s.propose(other, 3)
    for voter in (0, 1, 2):
        s.vote(voter, found.box)
    s.execute(found, by=(3,))
    s.execute(found, by=(0, 3))
    s.publish(found, s.judge(3))
    s.execute(found, by=(0,))
    s.publish(found, s.judge(0))


@scenario
def a_posted_verdict_passes_unopposed(s: Story) -> None:
    dataset = s.found(
        optimistic_window=6, challenge_bond=3, evaluator_stake=6, review_minutes=1, mint_cap=60
    )
    for one in range(3):
        s.stake(dataset, one, 6)
    first, second = s.propose(dataset, 3), s.propose(dataset, 4)
    verdict = s.verdict(first)
    s.post(first, verdict)
    s.until(first.box.begin)
    s.publish(first, s.judge(1))
    s.post(first, s.verdict(first, 0))
    s.post(first, s.verdict(first, base=1))
    s.post(first, verdict, by=(0,))
    s.post(first, verdict, by=(1,))
    s.post(second, s.verdict(second))
    s.wait(5)
    s.execute(first, verdict)
    s.execute(first, s.verdict(first, 4))
    s.wait(1)
    s.vote(0, second.box, support=False)
    s.execute(first, verdict)
    s.execute(second, s.verdict(second, 4))
    s.execute(second, s.verdict(second))
    s.until(second.box.deadline)
    s.execute(second, s.verdict(second))
    third = s.propose(dataset, 4)
    s.until(third.box.deadline)
    s.post(third, s.verdict(third))
    s.post(third, s.verdict(third, 2))
    s.execute(third, s.verdict(third, 2))
    s.execute(third, s.verdict(third))
    s.wait(6)
    s.execute(third, s.verdict(third), by=(0, 1, 2))
    s.post(third, s.verdict(third))


def _challenged(s: Story, **changed: object) -> None:
    plain = {"challenge_bond": 3, "evaluator_stake": 7, "tolerance_bps": 2_000}
    dataset = s.found(**{**plain, **changed})
    for one in range(3):
        s.stake(dataset, one, 6)
        s.stake(dataset, one, 1)
    found = s.propose(dataset, 3)
    verdict = s.verdict(found, 10)
    s.publish(found, s.judge(0))
    s.post(found, verdict)
    s.challenge(found, verdict)
    s.challenge(found, verdict)
    s.expire(found)
    s.execute(found, verdict)
    s.take_off(found)
    s.revise(found)
    s.lapse(found)
    s.answer(found, s.verdict(found, 8), by=(0,))
    s.answer(found, s.verdict(found, 8, base=1), by=(1,))
    s.answer(found, s.verdict(found, 8), by=(1, 2))
    s.answer(found, s.verdict(found, 8), by=(1,))
    s.answer(found, s.verdict(found, 8), by=(1,))
    s.challenge(found, verdict)
    for voter in (0, 1, 2):
        s.vote(voter, found.box)
    s.execute(found, verdict)
    for one in (1, 2):
        s.push("Challenges", s.judge(one))
    _lapses_or_is_upheld(s, dataset)


def _lapses_or_is_upheld(s: Story, dataset: Dataset) -> None:
    second = s.propose(dataset, 4)
    verdict = s.verdict(second, 10)
    s.challenge(second, verdict, by=(0, 1))
    s.challenge(second, verdict)
    s.until(second.box.deadline)
    s.answer(second, s.verdict(second, 7), by=(2,))
    s.wait(1)
    s.answer(second, s.verdict(second, 7), by=(2,))
    s.lapse(second)
    s.lapse(second)
    third = s.propose(dataset, 4)
    s.challenge(third, s.verdict(third, 10))
    s.answer(third, s.verdict(third, 7), by=(2,))
    s.push("Challenges", s.who(4))
    s.execute(third, by=(0,))
    s.stake(dataset, 0, 6)
    s.execute(third, by=(0,))
    s.stake(dataset, 0, 1)
    for voter in (0, 1, 2):
        s.vote(voter, third.box)
    s.until(third.box.deadline)
    s.expire(third)
    s.execute(third, by=(0,))


@scenario
def a_challenge_is_answered_or_lapses(s: Story) -> None:
    _challenged(s)


@scenario
def a_challenge_undoes_a_posted_verdict(s: Story) -> None:
    _challenged(s, optimistic_window=4)


@scenario
def a_second_challenge_needs_a_reason(s: Story) -> None:
    dataset = s.found(
        challenge_bond=3, evaluator_stake=6, evaluators=tuple(s.judge(one) for one in range(4))
    )
    for one in range(4):
        s.stake(dataset, one, 6)
    found = s.propose(dataset, 3)
    s.challenge(found, s.verdict(found, 5), by=(0,))
    s.answer(found, s.verdict(found, 3), by=(1,))
    s.challenge(found, s.verdict(found, 3), by=(1,))
    s.wait(3)
    s.challenge(found, s.verdict(found, 5), by=(2,))
    s.answer(found, s.verdict(found, 3), by=(1,))
    s.challenge(found, s.verdict(found, 4), by=(3,))
    s.until(found.box.deadline + 2 * 16)
    s.expire(found)
    s.lapse(found)
    s.challenge(found, s.verdict(found, 9), by=(1,))


@scenario
def the_time_to_execute_begins_anew_after_a_challenge(s: Story) -> None:
    dataset = s.found(challenge_bond=3, evaluator_stake=6)
    for one in range(3):
        s.stake(dataset, one, 6)
    found = s.propose(dataset, 3)
    s.until(found.box.deadline + 2 * 16 - 1)
    s.challenge(found, s.verdict(found))
    s.wait(15)
    s.expire(found)
    s.answer(found, s.verdict(found, 0, outcome=FRAUD), by=(1,))
    s.wait(2 * 16 - 1)
    s.expire(found)
    s.execute(found, by=(1, 2))
    later = s.propose(dataset, 3)
    s.until(later.box.deadline + 2 * 16)
    s.challenge(later, s.verdict(later), by=(1,))
    s.unstake(dataset, 1)
    s.unstake(dataset, 1)
    s.stake(dataset, 1, 6)
    s.unstake(dataset, 0)
    s.publish(later, s.judge(1))
    s.wait(LEAVING - 1)
    s.unstake(dataset, 1)
    s.stake(dataset, 2, 0)
    s.wait(1)
    s.unstake(dataset, 1)
    s.stake(dataset, 1, 6)
    s.push("Challenges", s.judge(1))
