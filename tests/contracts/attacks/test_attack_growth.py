"""Attacks by size: no call of the market grows with holders, proposals, tranches or loans.

Gas is that of a transaction whose words are mostly warm, so figures are below those of a chain;
what is held here is growth. The binary searches and the Fenwick tree take one step more each time
a list doubles.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.contracts.attacks.attack_world import (
    BIG,
    NAIVE,
    RULES,
    build_world,
    digest,
    signed,
    who,
)
from tests.contracts.attacks.quick_chain import deploy_own

SMALL = 10
LARGE = 10_000 if os.environ.get("DATABRIGHT_LONG") == "1" else 500
STEP = 3_000
"""Gas of one step of a search at the most: a cold word, its place, the comparison."""
FIRST = 22_500
"""Gas of a node of the tree that is written for the first time."""
SLACK = 6_000
"""Two cold words more or less, and longer numbers in the call."""
CURATOR = who("curator")
PERIOD = 45 * 86_400
LOGS = {
    # Binary search in the history of somebody's votes, and in older loans.
    "vote on an old motion": STEP,
    "override an old loan": 2 * STEP,
    # Fenwick tree: a node for each bit of the snapshot's number; read up from a tranche's birth.
    "fund an old snapshot": FIRST,
    "claim the first tranche": STEP,
    "claim of a small holder": STEP,
    "transfer of the first tranche": STEP,
}
"""Kind of call -> gas of one step more each time a list doubles; others do nothing more."""


def holder(index: int) -> str:
    return "0x" + keccak(index.to_bytes(8, "big"))[12:].hex()


class Crowd:
    """A dataset that grows by tranches, holders and loans."""

    def __init__(self) -> None:
        self.world = build_world(
            curators=[CURATOR], weights=[2**51 - 1], threshold=1, mint_cap=2**51 - 1,
            voting_period=PERIOD, change_delay=PERIOD, review_minutes=0, bond=0, evaluation_fee=0,
            relay_price=0, quorum_bps=0,
        )  # fmt: skip
        world = self.world
        world.curators = [CURATOR]
        self.size = 0
        self.first = self.add(10**6)
        far = world.chain.now + 2 * PERIOD
        self.far = far
        world.votes.lend(world.dataset, who("worker"), 5, far, 0, sender=world.attacker)
        world.chain.wait(1)
        # Opened when little was minted: whoever votes on them later looks far back.
        self.old, self.lent_on = (
            int(world.motions.move(world.dataset, 1, digest("p"), digest("t"), sender=world.honest))
            for _ in range(2)
        )
        nobody, nothing = "0x" + "00" * 20, bytes(32)
        terms = (self.lent_on, 0, nobody, nobody, nothing, nothing, nothing, 0, 0, 0, 0, 0)
        world.votes.vote_lent(terms, True, 0, [world.attacker], sender=who("worker"))

    def add(self, amount: int) -> int:
        """An accepted tranche of the attacker's."""
        world = self.world
        proposal = world.propose(world.honest, world.attacker)
        world.votes.vote(proposal, True, sender=CURATOR)
        verdict = world.verdict(amount)
        signer = world.evaluators[:1]
        found = signed(world.verdicts.verdict_digest(proposal, verdict), signer)
        world.execute(proposal, verdict, found)
        return proposal

    def grow(self, size: int) -> None:
        world = self.world
        while self.size < size:
            self.size += 1
            self.add(2)
            world.database.transfer(holder(self.size), self.first, 1, sender=world.attacker)
            lender = world.attacker
            world.votes.lend(world.dataset, holder(self.size), 5, self.far, 0, sender=lender)
            world.terms = {}
            if self.size % 100 == 0:
                world.chain.keep()

    def measured(self) -> dict[str, int]:
        """Gas of every kind of call, none of which leaves a trace."""
        with self.world.chain.undone():
            return self._measured()

    def _measured(self) -> dict[str, int]:
        world = self.world
        newest = int(world.database.num_snapshots())
        newcomer = world.propose(world.honest, world.attacker)
        verdict = world.verdict(1)
        world.votes.vote(newcomer, True, sender=CURATOR)
        signatures = world.sign(newcomer, verdict, world.evaluators[0])
        waiting = world.propose(world.honest)
        terms = world.terms[waiting]
        database, dataset = world.database, world.dataset
        rules = list(world.rules_now)
        far = self.far
        calls: dict[str, Callable[[], Any]] = {
            "propose": lambda: world.propose(world.buyer),
            "vote": lambda: world.votes.vote(waiting, True, sender=CURATOR),
            "vote on an old motion": lambda: world.votes.vote(
                self.old, True, sender=world.attacker
            ),
            "override an old loan": lambda: world.votes.vote(
                self.lent_on, False, sender=world.attacker
            ),
            "execute": lambda: world.execute(newcomer, verdict, signatures),
            "revise": lambda: world.association.revise(
                terms, digest("r"), digest("f"), digest("m"), 3, sender=world.honest
            ),
            "publish evidence": lambda: world.verdicts.publish_evidence(
                waiting, newest, digest("e"), sender=world.evaluators[0].address
            ),
            "fund the newest snapshot": lambda: database.fund(newest, 50, sender=world.buyer),
            "fund an old snapshot": lambda: database.fund(newest // 2, 50, sender=world.buyer),
            "claim the first tranche": lambda: database.claim(self.first, sender=world.attacker),
            "claim of a small holder": lambda: database.claim(self.first, sender=holder(1)),
            "transfer of the first tranche": lambda: database.transfer(
                world.buyer, self.first, 1, sender=world.attacker
            ),
            "page of entries": lambda: database.entries(0, 10),
            "lend": lambda: world.votes.lend(
                dataset, world.buyer, 5, far, 0, sender=world.attacker
            ),
            "take back": lambda: world.votes.take_back(dataset, sender=world.attacker),
            "cancel ballots": lambda: world.votes.cancel_ballots(dataset, sender=world.attacker),
            "deposit": lambda: world.association.deposit(5, sender=world.buyer),
            "withdraw": lambda: world.association.withdraw(sender=world.buyer),
            "move": lambda: world.motions.move(
                dataset, 1, digest("p"), digest("t"), sender=world.buyer
            ),
            "create a dataset": lambda: world.charter.create_dataset(tuple(rules)),
            "open a request": lambda: world.requests.open_request(
                dataset, 5, [], far, digest("h"), digest("r"), digest("p"), digest("c"),
                sender=world.buyer,
            ),
        }  # fmt: skip
        assert len(RULES) == len(rules)
        found = {}
        database.fund(newest, 10**7, sender=world.buyer)
        for name, call in calls.items():
            for _ in range(2):
                # Once to warm what it touches, once to measure.
                with world.chain.undone():
                    call()
                    found[name] = world.chain.gas
        world.terms.clear()
        return found


@pytest.mark.long
def test_no_call_grows_more_than_its_logarithm() -> None:
    crowd = Crowd()
    crowd.grow(SMALL)
    small = crowd.measured()
    crowd.grow(LARGE)
    large = crowd.measured()
    doublings = math.ceil(math.log2(LARGE / SMALL))
    sys.stdout.write(f"gas with {SMALL:,} and with {LARGE:,} tranches, holders and loans\n")
    grown = {}
    for name, before in small.items():
        allowed = SLACK + LOGS.get(name, 0) * doublings
        sys.stdout.write(f"{name:32} {before:>9,} {large[name]:>9,} (+{allowed:,} allowed)\n")
        if large[name] - before > allowed:
            grown[name] = large[name] - before
    assert grown == {}
    crowd.world.check_association()


@pytest.mark.long
def test_loops_of_the_naive_market_end_at_the_block() -> None:
    """Income pushed to every holder: its gas grows in step, and ends above any block."""
    world = build_world()
    path = NAIVE / "NaiveAssociation.vy"
    market = deploy_own(
        world.chain, path, world.deployer, world.token.address, [world.honest], [10**6]
    )
    world.token.approve(market.address, BIG, sender=world.buyer)
    figures = []
    for size in (SMALL, LARGE // 10):
        for index in range(int(market.num_holders()), size):
            market.transfer(holder(index), 1, sender=world.honest)
        market.pay_all(10**6, sender=world.buyer)
        figures.append(world.chain.gas)
    per_holder = (figures[1] - figures[0]) / (LARGE // 10 - SMALL)
    sys.stdout.write(f"[naive] pay_all: {figures}, {per_holder:,.0f} for each holder\n")
    assert per_holder * 10_000 > 30_000_000
