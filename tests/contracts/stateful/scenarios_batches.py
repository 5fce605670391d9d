"""Stories of many ballots at once: each counts as it would alone."""

from __future__ import annotations

from tests.contracts.stateful.data_model import Dataset, Proposal
from tests.contracts.stateful.scenarios import scenario
from tests.contracts.stateful.script_income import Story

FREE = {"bond": 0, "evaluation_fee": 0, "relay_price": 0, "mint_cap": 1_000}


def _open(s: Story, dataset: Dataset, count: int) -> list[Proposal]:
    found = [s.propose(dataset, 4) for _ in range(count)]
    s.wait(1)
    return found


@scenario
def a_batch_counts_as_its_ballots_one_by_one(s: Story) -> None:
    dataset = s.found(voting_period=64, change_delay=64, **FREE)
    s.accept(dataset, 4, 7, payee=3)
    s.wait(1)
    boxes = [found.box for found in _open(s, dataset, 36)]
    s.vote_many(3, [(boxes[0], True), (boxes[1], False), (boxes[2], True)])
    s.vote_many(3, [(boxes[0], True)])
    s.vote_many(3, [(boxes[3], True), (boxes[3], True)])
    s.vote_many(3, [(boxes[3], False), (boxes[1], True)])
    # Into the next 32 and back, again and again, with what was cast on both sides of the border.
    s.vote_many(3, [(box, place % 3 != 0) for place, box in enumerate(boxes[3:], 3)])
    s.vote_many(3, [(boxes[3], True)])
    s.vote_many(3, [(boxes[35], True)])
    s.vote(3, boxes[2])
    s.vote(3, boxes[34])
    # A genesis curator's votes fade; who proposed has no ballot.
    s.vote_many(1, [(boxes[34], True), (boxes[33], False), (boxes[2], True)])
    s.vote_many(1, [(boxes[5], True), (boxes[34], True)])
    s.vote_many(1, [(boxes[5], True), (boxes[35], True)])
    s.vote_many(4, [(boxes[7], True)])
    s.vote(1, boxes[7])
    s.vote_many(1, [(boxes[7], True)])


@scenario
def a_batch_knows_votes_of_later_and_what_is_closed(s: Story) -> None:
    dataset = s.found(voting_period=64, change_delay=64, **FREE)
    s.accept(dataset, 4, 7, payee=3)
    s.wait(1)
    early = _open(s, dataset, 3)
    for voter in (0, 1, 2):
        s.vote(voter, early[0].box)
    s.execute(early[0], s.verdict(early[0], 5))
    later = _open(s, dataset, 2)
    minting = s.propose(dataset, 4, 3)
    for voter in (0, 1, 2):
        s.vote(voter, minting.box)
    for found in (*early[1:], *later):
        for voter in (0, 1, 2):
            s.vote(voter, found.box)
        s.execute(found, s.verdict(found, 0))
    s.execute(minting, s.verdict(minting, 9))
    s.wait(1)
    after = _open(s, dataset, 3)
    # What is closed, first or last, and neighbours that are not.
    s.vote_many(3, [(after[0].box, True), (early[0].box, True)])
    s.vote_many(3, [(minting.box, True), (after[0].box, True)])
    s.vote_many(3, [(after[0].box, True), (after[1].box, False)])


@scenario
def a_batch_spans_a_mint(s: Story) -> None:
    """A voter earns more between two open proposals: each counts what she had before it."""
    dataset = s.found(voting_period=64, change_delay=64, **FREE)
    s.accept(dataset, 4, 7, payee=3)
    s.wait(1)
    minting = s.propose(dataset, 4, 3)
    before = _open(s, dataset, 2)
    for voter in (0, 1, 2):
        s.vote(voter, minting.box)
    s.execute(minting, s.verdict(minting, 9))
    s.wait(1)
    after = _open(s, dataset, 2)
    s.vote_many(3, [(after[0].box, True), (before[0].box, True)])
    s.vote_many(3, [(before[1].box, True), (after[1].box, False)])
    # In the second of a mint: still strictly before.
    s.vote_many(4, [(after[0].box, True)])


@scenario
def a_batch_before_the_vote_begins_and_late(s: Story) -> None:
    dataset = s.found(voting_period=64, change_delay=64, review_minutes=1, **FREE)
    s.accept(dataset, 4, 7, payee=3)
    s.wait(1)
    first, second, third, fourth, fifth = (found.box for found in _open(s, dataset, 5))
    s.vote_many(3, [(first, True)])
    s.until(first.begin - 1)
    s.vote_many(3, [(first, True)])
    s.until(first.begin)
    s.vote_many(0, [(first, False), (second, True)])
    # The last second before the last quarter, and those in it: the last ones turn the majority.
    s.until(first.deadline - 16)
    s.vote_many(1, [(third, True)])
    s.vote_many(3, [(first, True), (second, False)])
    s.until(first.deadline - 15)
    s.vote_many(2, [(first, True), (second, False)])
    s.vote_many(1, [(first, False), (second, True)])
    s.vote_many(3, [(fourth, True), (third, False), (fifth, False)])
    s.relay(s.ballot(0, fourth), s.ballot(1, fourth), s.ballot(2, fourth))
    s.until(first.deadline - 1)
    s.vote_many(4, [(first, True)])
    s.until(third.deadline)
    s.vote_many(2, [(third, True)])
    s.relay(s.ballot(1, second), s.ballot(2, third), by=4)


@scenario
def relayed_neighbours_count_as_one_by_one(s: Story) -> None:
    dataset = s.found(voting_period=64, change_delay=64, mint_cap=60)
    s.accept(dataset, 4, 7, payee=3)
    s.wait(1)
    first, second = (found.box for found in _open(s, dataset, 2))
    s.relay(s.ballot(3, first), s.ballot(1, first, support=False), s.ballot(3, first))
    # In turn, so that a tally is left and taken up again.
    s.relay(
        s.ballot(0, first),
        s.ballot(3, second, support=False),
        s.ballot(2, first, support=False),
        s.ballot(0, second),
    )
    s.relay(s.ballot(3, second), s.ballot(2, second))
    s.until(first.deadline - 3)
    third = s.propose(dataset, 4).box
    # Late ones move a deadline, once for all of them.
    s.relay(s.ballot(1, second), s.ballot(4, second), s.ballot(1, third), s.ballot(0, third))


@scenario
def a_relay_passes_by_what_is_closed(s: Story) -> None:
    dataset = s.found(review_minutes=1)
    closed, found = s.propose(dataset, 3), s.propose(dataset, 3)
    s.take_off(closed)
    s.until(found.box.begin)
    s.relay(s.ballot(0, found.box), s.ballot(4, closed.box))
    s.relay(s.ballot(1, found.box), s.ballot(2, closed.box), s.ballot(2, found.box))


@scenario
def everybody_votes_and_a_lender_overrides(s: Story) -> None:
    """All weight is cast: nothing may be counted once more."""
    dataset = s.found()
    s.lend(dataset, 0, 4)
    s.wait(1)
    found = s.propose(dataset, 3)
    s.vote(1, found.box)
    s.vote(2, found.box, support=False)
    s.vote_lent(4, found.box, (0,))
    s.vote(0, found.box)


@scenario
def a_late_ballot_holds_up_its_verdict(s: Story) -> None:
    dataset = s.found(voting_period=64, change_delay=64, **FREE)
    s.accept(dataset, 4, 7, payee=3)
    s.wait(1)
    found = s.propose(dataset, 4)
    s.vote(1, found.box)
    s.until(found.box.deadline - 3)
    s.vote(3, found.box, support=False)
    # Over, had nobody voted late.
    s.until(found.box.begin + 64)
    s.execute(found, s.verdict(found, 0))
    s.vote(2, found.box)
    s.until(found.box.deadline)
    s.execute(found, s.verdict(found, 0))
