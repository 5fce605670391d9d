"""Short stories that go where chance seldom does; contracts and rules make every call alike."""

from __future__ import annotations

from collections.abc import Callable

from tests.contracts.stateful.script_income import Story

Scenario = Callable[[Story], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(tell: Scenario) -> Scenario:
    """Add a scenario to the list."""
    SCENARIOS[str(getattr(tell, "__name__", ""))] = tell
    return tell


@scenario
def votes_of_accepted_data_count_from_the_next_proposal_on(s: Story) -> None:
    dataset = s.found(mint_cap=60)
    first = s.propose(dataset, 3)
    second = s.propose(dataset, 4)
    for voter in (0, 1, 2):
        s.vote(voter, first.box)
    s.execute(first)
    s.move_rules(dataset, 4, price_per_use=6)
    s.vote(3, second.box)
    # In the same second: still strictly before.
    third = s.propose(dataset, 4)
    s.wait(1)
    fourth = s.propose(dataset, 0)
    s.vote(3, third.box)
    s.vote(3, fourth.box, support=False)
    s.vote(3, fourth.box)
    s.vote(0, fourth.box)
    s.vote_many(2, [(second.box, True), (third.box, False), (fourth.box, True)])
    s.vote_many(1, [(second.box, True), (second.box, True)])
    s.until(fourth.box.deadline)
    s.execute(second)
    s.execute(third)
    s.execute(fourth)
    # Shares move, votes do not.
    s.send(dataset, 3, 4, first.terms.proposal, 2)
    s.wait(1)
    fifth = s.propose(dataset, 1)
    for voter in (4, 3, 2):
        s.vote(voter, fifth.box)


@scenario
def a_second_mint_in_the_life_of_a_vote_leaves_its_weights_alone(s: Story) -> None:
    dataset = s.found(mint_cap=60, epoch_length=1_000)
    for person, payee in ((0, 3), (1, 3), (0, 4), (1, 3)):
        s.propose(dataset, person, payee)
        s.wait(2)
    for found in list(dataset.proposals):
        for voter in (0, 1, 2):
            s.vote(voter, found.box)
        s.execute(found, s.verdict(found, 2))
        s.wait(1)
        late = s.propose(dataset, 2, 4)
        s.vote(3, late.box)
    s.wait(1)
    for found in dataset.proposals:
        s.vote(3, found.box)
        s.vote(4, found.box)


@scenario
def a_longer_period_leaves_weights_alone(s: Story) -> None:
    """Two mints under old rules while a ballot under longer ones is open."""
    dataset = s.found(voting_period=40, change_delay=40, mint_cap=60, epoch_length=10_000)
    motion = s.move_rules(dataset, 4, voting_period=400, change_delay=400)
    s.all_for(motion.box)
    s.until(motion.box.deadline)
    s.settle(motion)
    s.until(motion.ready_at - 1)
    first, second = s.propose(dataset, 0, 3), s.propose(dataset, 1, 3)
    s.until(motion.ready_at)
    s.enact(motion)
    newer = s.propose(dataset, 2, 2)
    s.wait(1)
    for found in (first, second):
        for voter in (0, 1, 2):
            s.vote(voter, found.box)
    s.execute(first, s.verdict(first, 5))
    s.until(first.box.opened + 3 * 40 - 1)
    s.execute(second, s.verdict(second, 5))
    s.vote(3, newer.box)
    s.vote(0, newer.box)


@scenario
def an_own_vote_overrides_a_lent_one(s: Story) -> None:
    dataset = s.found()
    s.lend(dataset, 0, 4, 3)
    s.lend(dataset, 1, 4, least=6_000)
    s.lend(dataset, 2, 2)
    s.lend(dataset, 2, 1)
    s.wait(1)
    found, other = s.propose(dataset, 3), s.propose(dataset, 0)
    s.vote_lent(1, found.box, (0,))
    s.vote_lent(4, found.box, (0, 0, 1, 3), sure=5_000)
    s.vote_lent(4, found.box, (0,), sure=6_000)
    s.vote_lent(4, found.box, (1,), sure=6_000, yes=False)
    s.vote_lent(3, found.box, (0, 1))
    # Another loan since does not change what the first let the oracle cast.
    s.lend(dataset, 0, 3, 1)
    s.wait(1)
    s.lend(dataset, 0, 4, 2)
    s.vote(0, found.box, support=False)
    s.vote(1, found.box)
    s.vote(1, found.box)
    s.vote_lent(4, other.box, (0, 1), sure=10_001)
    s.vote_lent(4, other.box, (0, 1))
    s.take_back(dataset, 1)
    s.take_back(dataset, 1)
    s.relay(s.ballot(1, other.box), s.ballot(1, other.box), s.ballot(2, other.box, support=False))
    s.wait(2)
    late = s.propose(dataset, 3)
    s.vote_lent(4, late.box, (1,))
    s.vote_lent(4, late.box, (0,))
    s.until(found.box.deadline)
    s.execute(found)


@scenario
def an_override_leaves_the_tally_as_it_is(s: Story) -> None:
    """The same side with the same weight: nothing changes, and yet somebody has voted."""
    dataset = s.found(relay_price=2)
    s.lend(dataset, 2, 4)
    s.lend(dataset, 1, 4, 4)
    s.wait(1)
    found = s.propose(dataset, 3)
    s.vote_lent(4, found.box, (2,))
    s.relay(s.ballot(2, found.box))
    s.relay(s.ballot(2, found.box))
    s.vote(2, found.box)
    second = s.propose(dataset, 3)
    s.vote_lent(4, second.box, (1,))
    s.vote(0, second.box, support=False)
    s.vote(1, second.box, support=False)
    s.vote(1, second.box)
    # What she has lent was not cast: her own ballot, late, takes nothing off the others.
    s.until(second.box.deadline - 1)
    s.vote(2, second.box)
    s.until(second.box.deadline)
    s.execute(found)
    s.execute(second)


@scenario
def an_oracle_does_not_vote_on_her_own(s: Story) -> None:
    """Nor are her lenders' ballots hers: she is the proposer, and they override nothing."""
    dataset = s.found()
    s.accept(dataset, 4, 3)
    s.lend(dataset, 0, 4)
    s.lend(dataset, 4, 2)
    s.wait(1)
    own = s.propose(dataset, 4)
    s.vote(4, own.box)
    s.vote_lent(4, own.box, (0,))
    s.vote_lent(4, own.box, (0,), proposer=s.judge(0))
    s.vote_lent(2, own.box, (4,))
    s.vote(0, own.box)
    motion = s.move_rules(dataset, 4, price_per_use=7)
    s.vote(4, motion.box)
    s.vote_lent(4, motion.box, (0,))
    s.vote(2, motion.box, support=False)
    s.vote(0, motion.box, support=False)
    s.vote(1, motion.box)
    s.until(motion.box.deadline)
    s.settle(motion)
    s.push("Motions", s.who(4))


@scenario
def a_loan_ends(s: Story) -> None:
    dataset = s.found()
    s.lend(dataset, 0, 4, s=20)
    s.lend(dataset, 1, 4, s=21)
    s.lend(dataset, 1, 1)
    s.lend(dataset, 2, 4, 0)
    s.lend(dataset, 2, 4, s=0)
    s.lend(dataset, 2, 4, least=10_001)
    s.wait(5)
    found = s.propose(dataset, 3)
    s.lend(dataset, 2, 4)
    s.wait(15)
    s.vote_lent(4, found.box, (0, 2))
    s.vote_lent(4, found.box, (0, 1, 2))


@scenario
def a_signed_ballot_counts_once(s: Story) -> None:
    dataset = s.found(relay_price=2)
    first, second = s.propose(dataset, 3), s.propose(dataset, 0)
    now = s.player.model.now
    s.relay(
        s.ballot(0, first.box),
        s.ballot(0, first.box),
        s.ballot(1, first.box, deadline=now - 1),
        s.ballot(4, first.box),
        s.ballot(1, second.box, support=False),
        s.ballot(0, second.box),
        s.ballot(2, first.box, nonce=1),
    )
    stale = s.ballot(2, first.box, deadline=now + 30)
    s.cancel(dataset, 2)
    s.relay(stale)
    s.relay(s.ballot(2, first.box), s.ballot(1, first.box, support=False))
    s.push("DataAssociation", s.judge(3))
    s.until(first.box.deadline)
    s.relay(s.ballot(2, second.box))
    s.execute(first)
    motion = s.move_rules(dataset, 4, price_per_use=9)
    s.relay(s.ballot(0, motion.box), s.ballot(1, motion.box))


@scenario
def a_late_flip_extends_the_vote(s: Story) -> None:
    dataset = s.found()
    found = s.propose(dataset, 3)
    s.vote(1, found.box, support=False)
    s.until(found.box.deadline - 4)
    s.vote(0, found.box, support=False)
    s.wait(1)
    s.vote(2, found.box)
    for person in (3, 4):
        s.vote(person, found.box)
    again = s.propose(dataset, 0)
    s.until(again.box.deadline - 3)
    s.vote(1, again.box)
    s.until(again.box.deadline - 1)
    s.execute(again)
    s.vote(2, again.box, support=False)
    s.until(again.box.deadline - 1)
    s.execute(again)
    s.until(again.box.deadline)
    s.vote(0, again.box)
    s.execute(found)
    s.execute(again)


@scenario
def a_deadline_moves_by_one_period_at_most(s: Story) -> None:
    dataset = s.found(
        mint_cap=60, epoch_length=10_000, quorum_bps=0, voting_period=40, change_delay=40
    )
    for person in (3, 4):
        s.accept(dataset, person, 2)
    s.lend(dataset, 1, 4)
    s.wait(1)
    found = s.propose(dataset, 0)
    s.until(found.box.deadline - 1)
    s.vote_lent(4, found.box, (1,))
    for voter in (3, 4, 1, 2):
        s.until(found.box.deadline - 1)
        s.vote(voter, found.box, support=voter != 2)
    for voter in (0, 3):
        s.vote(voter, found.box)
    s.until(found.box.deadline)
    s.execute(found)


@scenario
def an_own_majority_settles_early(s: Story) -> None:
    dataset = s.found(quorum_bps=0)
    s.lend(dataset, 2, 4)
    s.wait(1)
    lent, own, lost = (s.propose(dataset, 3) for _ in range(3))
    s.vote(1, lent.box)
    s.vote_lent(4, lent.box, (2,))
    s.execute(lent)
    s.vote(0, lent.box)
    s.execute(lent)
    s.vote(1, own.box)
    s.execute(own)
    s.vote(2, own.box)
    s.execute(own, s.verdict(own, 0))
    s.vote_lent(4, lost.box, (2,), yes=False)
    s.vote(0, lost.box, support=False)
    s.execute(lost)
    s.vote(1, lost.box, support=False)
    s.execute(lost)
    s.until(lent.box.deadline)
    s.execute(lent)
    s.execute(lost, s.verdict(lost, 2))


@scenario
def half_of_the_weight_against_ends_it(s: Story) -> None:
    dataset = s.found(weights=(4, 4, 6), quorum_bps=5_000)
    first, second = s.propose(dataset, 2), s.propose(dataset, 3)
    s.vote(0, first.box, support=False)
    s.execute(first)
    s.vote(0, second.box, support=False)
    s.execute(second)
    s.vote(1, second.box, support=False)
    s.execute(second)
    third = s.propose(dataset, 2)
    s.vote(0, third.box)
    s.vote(1, third.box, support=False)
    s.until(third.box.deadline)
    s.execute(third)
    lonely = s.propose(dataset, 3)
    s.vote(0, lonely.box)
    s.until(lonely.box.deadline)
    s.execute(lonely)
    # Of 15, seven are less than half.
    odd = s.found(weights=(7, 5, 3), quorum_bps=0)
    for support in (False, True):
        found = s.propose(odd, 3)
        s.vote(0, found.box, support=support)
        s.execute(found)
        s.vote(2, found.box, support=support)
        s.execute(found)


@scenario
def proposals_settle_in_order(s: Story) -> None:
    dataset = s.found(epoch_length=10_000)
    first, second, third = (s.propose(dataset, 3) for _ in range(3))
    for found in (second, third):
        s.vote(0, found.box)
        s.vote(2, found.box)
    s.execute(second)
    s.pass_by(dataset, 1)
    s.until(first.box.begin + 2 * 16 - 1)
    s.execute(second)
    s.pass_by(dataset, 1)
    s.wait(1)
    s.pass_by(dataset, 1)
    s.execute(third, s.verdict(third, 2))
    s.pass_by(dataset, 1)
    s.pass_by(dataset, 3)
    s.pass_by(dataset, 9)
    # It was passed, but may still settle.
    s.execute(first)
    s.until(second.box.deadline + 2 * 16 - 1)
    s.expire(second)
    s.execute(second, by=(0, 1))
    again = s.propose(dataset, 3)
    s.until(again.box.deadline + 2 * 16)
    s.execute(again)
    s.expire(again)
    s.expire(again)
    s.withdraw(s.who(3))


@scenario
def many_closed_ones_are_passed_by(s: Story) -> None:
    dataset = s.found(bond=0, review_minutes=1)
    for _ in range(35):
        found = s.propose(dataset, 4)
        s.take_off(found)
    last = s.propose(dataset, 3)
    s.until(last.box.begin)
    for voter in (0, 1, 2):
        s.vote(voter, last.box)
    s.execute(last)
    s.pass_by(dataset, 33)
    s.pass_by(dataset, 3)
    s.pass_by(dataset, 2)
    s.execute(last)
    # Voters' windows have moved up by now; what was cast below stays readable.
    earlier = s.propose(dataset, 3)
    motion = s.move_rules(dataset, 4, price_per_use=1)
    s.until(motion.box.begin)
    s.vote(0, motion.box)
    s.vote(0, earlier.box)
    s.vote(0, earlier.box)
    s.vote(0, motion.box)
    s.vote(1, earlier.box)
    s.vote(1, motion.box)
    s.vote(1, earlier.box)
    s.vote(2, motion.box)
    s.relay(s.ballot(2, earlier.box))
    s.relay(s.ballot(2, earlier.box))
