"""Attacks by reorganisations: 1 to 64 blocks taken back at each step, their content sent anew."""

from __future__ import annotations

import os
import random
import secrets
import sys
from collections.abc import Callable
from typing import Any

import pytest

from databright.chain.devnet.anvil import find_anvil
from tests.contracts.attacks.anvil_chain import AnvilChain, Sent, open_anvil
from tests.contracts.attacks.attack_world import (
    ACCEPTED,
    BOND,
    FEE,
    RELAY,
    World,
    build_world,
    digest,
    who,
)
from tests.contracts.attacks.quick_chain import Bound, Chain, RefusedError, refused
from tests.contracts.attacks.test_attack_replay import VOTER, naive_ballots, naive_signed

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.skipif(
        find_anvil(os.environ) is None, reason="no anvil: run `npm install` in the checkout"
    ),
]
DEPTHS = (1, 2, 3, 5, 8, 13, 21, 34, 64)
SHARES = 16
INCOME = 64
STEPS = 14


class Life:
    """A proposal from its commitment to the income of its shares, beside another that fails."""

    def __init__(self, chain: AnvilChain) -> None:
        self.chain = chain
        # A long vote: what is sent anew after 64 empty blocks still finds it open.
        self.world = build_world(
            chain=chain, voting_period=5_000, change_delay=5_000, review_minutes=0,
            weights=[6_000, 3_000, 2_000],
        )  # fmt: skip
        self.good = self.bad = 0
        self.supply = int(self.world.token.totalSupply())
        self.before = {one: self.world.worth(one) for one in self.world.people}
        self.steps: list[Callable[[], Any]] = [
            self.commit,
            lambda: self.world.votes.lend(
                1, who("worker"), 5, chain.now + 10**6, 0, sender=self.world.buyer
            ),
            self.commit_another,
            lambda: self.evidence(0),
            *(lambda one=one: self.vote(one) for one in self.world.curators),
            lambda: self.evidence(1),
            self.execute,
            self.reject,
            lambda: self.world.database.fund(1, INCOME, sender=self.world.buyer),
            lambda: self.world.database.transfer(
                self.world.attacker, self.good, 4, sender=self.world.honest
            ),
            lambda: self.world.database.claim(self.good, sender=self.world.honest),
            lambda: self.world.association.withdraw(sender=self.world.evaluators[0].address),
        ]

    def commit(self) -> None:
        self.good = self.world.propose(self.world.honest)

    def commit_another(self) -> None:
        self.bad = self.world.propose(who("accomplice"))

    def evidence(self, index: int) -> None:
        self.world.verdicts.publish_evidence(
            self.good, 0, digest("e"), sender=self.world.evaluators[index].address
        )

    def vote(self, curator: str) -> None:
        self.world.votes.vote_many([self.good, self.bad], 1, sender=curator)

    def execute(self) -> None:
        self.world.execute(self.good, self.world.verdict(SHARES))

    def reject(self) -> None:
        verdict = self.world.verdict(SHARES)
        self.world.execute(self.bad, verdict)

    def check(self) -> None:
        """After all of it: every action counted once, and the books balance."""
        world, database = self.world, self.world.database
        assert world.status(self.good) == ACCEPTED
        # Each ballot once. The last may come after an outcome that it could not change any more.
        for proposal, side in ((self.good, 0), (self.bad, 1)):
            cast = [one for one in world.curators if world.votes.ballot_of(proposal, one) == 1]
            weight = sum(int(world.votes.weight_on(proposal, one)) for one in cast)
            assert world.sides(proposal)[side] == weight > 11_000 // 2
            assert world.sides(proposal)[1 - side] == 0
        assert database.num_snapshots() == 1
        assert database.total_shares(1) == SHARES
        assert database.balanceOf(world.honest, self.good) == SHARES - 4
        assert database.balanceOf(world.attacker, self.good) == 4
        assert world.votes.earned_votes(world.dataset, world.honest) == SHARES
        assert int(world.token.totalSupply()) == self.supply
        self.balanced()
        for one in (world.honest, world.attacker):
            database.claim_for(self.good, one)
        assert world.balance(database) == sum(int(database.credit_of(one)) for one in self.before)
        due = {world.buyer: -INCOME, who("accomplice"): -FEE}
        measured = [one.address for one in world.evaluators[:2]]
        gained = {one: world.worth(one) - self.before[one] for one in self.before}
        assert sum(gained.pop(one) for one in measured) == 2 * FEE
        # Four of sixteen shares changed hands before or after the income came.
        bought = gained.pop(world.attacker)
        assert bought in {0, INCOME * 4 // SHARES}
        assert gained.pop(world.honest) == INCOME - FEE - bought
        assert {one: found for one, found in gained.items() if found} == due

    def balanced(self) -> None:
        world = self.world
        world.terms = {
            one: terms for one, terms in world.terms.items() if world.status(one) in range(1, 8)
        }
        world.check_association()
        held = world.balance(world.database)
        owed = 0
        for tranche in (self.good, self.bad):
            for one in (world.honest, world.attacker):
                owed += int(world.database.claimable(tranche, one)) if tranche else 0
        owed += sum(int(world.database.credit_of(one)) for one in world.people)
        assert held == owed


def sent_anew(chain: AnvilChain, lost: list[Sent], draw: random.Random) -> int:
    """Send transactions in another order until nothing more goes through, as a pool would.

    Returns:
        How many were refused at first, or for good.
    """
    waiting, refusals = list(lost), 0
    draw.shuffle(waiting)
    while True:
        left = []
        for one in waiting:
            try:
                chain.send(one.sender, one.to, one.data)
            except RefusedError:
                refusals += 1
                left.append(one)
        if not left or len(left) == len(waiting):
            return refusals
        waiting = left


@pytest.mark.long
@pytest.mark.parametrize("depth", DEPTHS)
def test_reorganisations_at_every_step_of_a_proposal(depth: int) -> None:
    every = os.environ.get("DATABRIGHT_LONG") == "1"
    chosen = range(STEPS) if every else [secrets.randbelow(STEPS)]
    for step in chosen:
        with open_anvil() as chain:
            lost, refusals = lived(Life(chain), step, depth)
        sys.stdout.write(
            f"depth {depth} after step {step}: {lost} transactions taken back, "
            f"{refusals} refusals until all were back\n"
        )


def lived(life: Life, last: int, depth: int) -> tuple[int, int]:
    """A life with a reorganisation after one of its steps; its order drawn from step and depth."""
    chain, draw = life.chain, random.Random(1_000 * depth + last)
    counted = (0, 0)
    assert len(life.steps) == STEPS
    for index, step in enumerate(life.steps):
        step()
        if index != last:
            continue
        # Never deeper than the life itself: what lies before is final.
        chain.pass_blocks(max(0, depth - (index + 1)))
        lost = chain.reorganise(depth)
        # Of the two proposals each keeps its number: the test below swaps them.
        ordered = [one for one in lost if is_proposal(life.world, one)]
        for one in ordered:
            chain.send(one.sender, one.to, one.data)
        rest = [one for one in lost if one not in ordered]
        counted = (len(lost), sent_anew(chain, rest, draw))
        life.balanced()
    life.check()
    # What is acknowledged is not done again by sending it again.
    again = [one for one in chain.sent if counts_once(life.world, one)]
    # One large ballot decides: the others may have come too late.
    assert len(again) >= 3
    for one in again:
        with pytest.raises(RefusedError):
            chain.send(one.sender, one.to, one.data)
    life.balanced()
    return counted


def is_proposal(world: World, sent: Sent) -> bool:
    return sent.data[:4] == world.association.encoded(
        "propose", 1, 0, world.honest, bytes(32), bytes(32), bytes(32), 1
    )[:4]  # fmt: skip


def counts_once(world: World, sent: Sent) -> bool:
    """Ballots and executions of this life."""
    ballots = world.votes.encoded("vote_many", [1], 0)[:4]
    terms = next(iter(world.terms.values()))
    execution = world.verdicts.encoded("execute", terms, world.verdict(), [], 0)[:4]
    return sent.data[:4] in {ballots, execution}


def test_reorganisation_that_swaps_two_proposals_serves_neither() -> None:
    """Their numbers change hands; terms that were acknowledged before fit nothing any more."""
    with open_anvil() as chain:
        life = Life(chain)
        world = life.world
        life.commit()
        life.commit_another()
        before = dict(world.terms)
        lost = chain.reorganise(2)
        for one in reversed([one for one in lost if is_proposal(world, one)]):
            chain.send(one.sender, one.to, one.data)
        assert world.association.commitment(life.good) != bytes(32)
        for proposal, proposer in ((life.good, world.honest), (life.bad, who("accomplice"))):
            with refused("association: other terms"):
                world.association.revise(
                    before[proposal], digest("r"), digest("f"), digest("m"), 3, sender=proposer
                )
        # Bonds, fees and numbers: one each.
        assert world.association.open_of(world.honest) == 1
        assert world.association.open_of(who("accomplice")) == 1
        locked = 2 * (BOND + FEE + 64 * RELAY)
        assert (
            world.balance(world.association)
            == sum(int(world.association.deposit_of(one)) for one in world.people) + locked
        )


def test_naive_ballots_count_for_whatever_takes_the_place() -> None:
    chain = Chain()
    naive: Bound = naive_ballots(chain)
    with chain.undone():
        parts = naive_signed(naive)
        naive.vote_signed(naive.propose(digest("good")), *parts)
    junk = naive.propose(digest("junk"))
    naive.vote_signed(junk, *parts)
    assert naive.yes(junk) == naive.weight(VOTER.address) == 100
