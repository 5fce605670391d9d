"""Short stories of bonds and requests, and of rules that do not fit together."""

from __future__ import annotations

from tests.contracts.stateful.data_model import Dataset
from tests.contracts.stateful.scenarios import scenario
from tests.contracts.stateful.script_income import Story


@scenario
def an_escrow_waits_for_open_proposals(s: Story) -> None:
    dataset = s.found(review_minutes=1, relay_price=0)
    s.ask(1, 30, ((5, 2_000),))
    s.wait(30)
    found = s.propose(dataset, 4, 3, 1)
    s.until(found.box.deadline)
    s.execute(found)
    s.wait(120)
    s.close_request(1)
    s.ask(1, 30, ((5, 2_000),))
    s.wait(90)
    last = s.propose(dataset, 4, 3, 2)
    s.wait(20)
    s.close_request(2)
    s.retire(2, 0)
    s.until(last.box.deadline)
    s.execute(last)
    s.close_request(2)
    s.expire(found)


@scenario
def an_escrow_pays_awards_and_fees(s: Story) -> None:
    dataset = s.found(review_minutes=1, mint_cap=60, epoch_length=10_000, relay_price=0)
    other = s.found()
    s.ask(9, 10)
    s.ask(1, 0)
    s.ask(1, 30, ((3, 4_000), (6, 1_500), (7, 900)))
    s.ask(1, 0, ((5, 10), (9, 20)))
    s.ask(1, 5, person=0)
    s.ask(1, 0, person=0)
    s.propose(other, 4)
    s.propose(other, 4, request=1)
    first, second = s.propose(dataset, 4, 3, 1), s.propose(dataset, 3, 3, 1)
    third = s.propose(dataset, 4, 4, 2)
    s.take_off(second)
    s.revise(first)
    s.retire(1, 0)
    s.close_request(1)
    s.until(dataset.proposals[-1].box.begin)
    open_ones = [found for found in dataset.proposals if found.box.status == 1]
    for found in open_ones:
        for voter in (0, 1, 2):
            s.vote(voter, found.box)
    s.execute(third, s.verdict(third, 2))
    s.execute(dataset.proposals[-1], s.verdict(dataset.proposals[-1], 5))
    _closed(s, dataset)


def _closed(s: Story, dataset: Dataset) -> None:
    """What is left of the escrows of `dataset` goes back to their initiators."""
    last = s.propose(dataset, 3, request=1)
    s.top_up(1, 9)
    s.until(last.box.begin)
    for voter in (0, 1, 2):
        s.vote(voter, last.box)
    s.until(last.box.deadline)
    s.execute(last, s.verdict(last, 4))
    s.close_request(1, 4)
    s.retire(3, 2)
    s.close_request(3, 0)
    s.close_request(1)
    s.retire(1, 3)
    s.retire(1, 0)
    s.retire(1, 1)
    s.propose(dataset, 3, request=1)
    s.close_request(1, 4)
    s.close_request(1)
    s.close_request(1)
    s.top_up(1, 9)
    s.propose(dataset, 3, request=1)
    s.push("DataRequests", s.who(3))
    s.push("DataRequests", s.who(4))
    s.wait(200)
    s.propose(dataset, 4, request=2)
    s.close_request(2, 0)
    s.close_request(3, 0)


@scenario
def rules_bind_stakes_bonds_and_windows(s: Story) -> None:
    s.found()
    for changed in (
        {"optimistic_window": 5},
        {"challenge_bond": 3, "evaluator_stake": 5},
        {"threshold": 2},
        {"change_delay": 15},
        {"a_bps": 50},
        {"quorum_bps": 10_001},
        {"voting_period": 3, "change_delay": 5},
    ):
        s.refuse(**changed)


@scenario
def bond_and_fee_are_locked_and_returned(s: Story) -> None:
    dataset = s.found(review_minutes=1, relay_price=0, bond=3)
    s.deposit(3, 8)
    s.player.model.deposits[s.who(3)] += 0
    other = s.found(relay_price=0, bond=2)
    for _ in range(3):
        s.propose(dataset, 3)
        s.propose(other, 3)
    first = dataset.proposals[0]
    s.take_off(first, s.who(2))
    s.take_off(first)
    s.take_off(first)
    measured = dataset.proposals[1]
    s.publish(measured, s.who(0))
    s.publish(measured, s.judge(0))
    s.take_off(measured)
    third = dataset.proposals[2]
    revised = s.revise(third)
    s.revise(third)
    s.publish(revised, s.judge(2))
    again = s.revise(revised)
    s.vote(0, again.box)
    s.wait(61)
    s.take_off(again)
    s.vote(0, again.box)
    s.revise(again)
    last = dataset.proposals[-1]
    s.until(last.box.begin + last.box.rules.voting_period)
    s.revise(last)
    s.propose(dataset, 3, rows=0)
    s.withdraw(s.who(3))
    s.withdraw(s.judge(0))
    s.push("DataAssociation", s.judge(2))
