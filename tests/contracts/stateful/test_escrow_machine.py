"""The job escrow beside the plain-Python rules: same calls, same refusals, same money."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache

import boa
import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.contracts.market_world import (
    DATA_PRICE,
    STAKE,
    World,
    bitmap,
    build_world,
    digest,
    refused,
)
from tests.contracts.stateful.escrow_model import (
    BUYER,
    FINISHED,
    REFUNDED,
    Job,
    Money,
    Refused,
    Terms,
    Worker,
)

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
NUM_OWNERS = 7
SILENCE = 60

owner_index = st.integers(0, NUM_OWNERS - 1)
shard_sets = st.sets(st.integers(0, 3), min_size=1, max_size=2)


@cache
def shared_world() -> World:
    """One deployment for all examples; each example runs inside its own anchor."""
    return build_world()


@pytest.fixture(scope="module", autouse=True)
def deployed() -> None:
    """Deploy before the tests: what a test deploys is rolled back after it."""
    shared_world()


class EscrowMachine(RuleBasedStateMachine):
    """Random work on one job after another; every call goes to both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.world = shared_world()
        self.stack = ExitStack()
        self.owners = self.world.workers[:NUM_OWNERS]
        self.nodes = self.world.nodes[:2]
        self.accounts = {BUYER: self.world.buyer}
        self.accounts |= {account: account for account in (*self.owners, *self.nodes)}
        self.money = Money({owner: Worker(2, STAKE) for owner in self.owners}, tuple(self.nodes))
        self.start = {
            "supply": int(self.world.token.totalSupply()),
            "data": self.world.balance(self.world.database),
        }
        self.wallets = {account: self.world.balance(account) for account in self.owners}

    def teardown(self) -> None:
        self.stack.close()

    @initialize(
        fees=st.lists(st.integers(0, 4), min_size=NUM_OWNERS, max_size=NUM_OWNERS),
        more=st.lists(st.integers(0, 5), min_size=NUM_OWNERS, max_size=NUM_OWNERS),
    )
    def people(self, fees: list[int], more: list[int]) -> None:
        # not in the constructor: only a machine that runs is torn down
        self.stack.enter_context(boa.env.anchor())
        for owner, fee, stake in zip(self.owners, fees, more, strict=True):
            self.world.registry.set_min_fee(fee, sender=owner)
            self.world.registry.add_stake(stake, sender=owner)
            self.money.workers[owner] = Worker(fee, STAKE + stake)
            self.wallets[owner] -= stake

    # Helpers

    @property
    def job(self) -> Job:
        return self.money.jobs[-1]

    @property
    def number(self) -> int:
        return len(self.money.jobs)

    def running(self) -> bool:
        return bool(self.money.jobs) and self.job.status not in (FINISHED, REFUNDED)

    def both(self, ours: Callable[[], object], theirs: Callable[[], object]) -> bool:
        """Run a call on both sides; they must agree on whether and why it is refused."""
        self.money.now = self.world.now()
        try:
            ours()
        except Refused as reason:
            event(f"refused: {reason}")
            with refused(str(reason)):
                theirs()
            return False
        theirs()
        return True

    # Rules

    @precondition(lambda self: not self.running() and self.number < 3)
    @rule(
        shards=st.integers(2, 4), rounds=st.integers(1, 2), replicas=st.integers(1, 3),
        price=st.integers(3, 5), reserve=st.integers(0, 9), node_fee=st.integers(0, 5),
        chain_fee=st.integers(0, 9), chain_price=st.integers(1, 4),
    )  # fmt: skip
    def open_job(
        self, shards: int, rounds: int, replicas: int, price: int, reserve: int, node_fee: int,
        chain_fee: int, chain_price: int,
    ) -> None:  # fmt: skip
        terms = Terms(
            num_shards=shards, num_rounds=rounds, replicas=replicas, cap_bps=5_000,
            segment_price=price, reserve=reserve, node_fee=node_fee, chain_fee=chain_fee,
            chain_price=chain_price, silence=SILENCE, data_fee=DATA_PRICE,
        )  # fmt: skip
        self.both(
            lambda: self.money.open_job(terms),
            lambda: self.world.open_job(
                num_shards=shards, num_rounds=rounds, replicas=replicas, segment_price=price,
                reserve=reserve, node_fee=node_fee, chain_fee=chain_fee,
                chain_price=chain_price, silence=SILENCE,
            ),
        )  # fmt: skip
        self.claim(0)

    @precondition(running)
    @rule(index=st.integers(0, 1))
    def claim(self, index: int) -> None:
        node = self.nodes[index]
        self.both(
            lambda: self.money.claim(self.number, node),
            lambda: self.world.escrow.claim_hub(self.number, sender=node),
        )

    def _reserve(self, owner: str, shards: set[int]) -> None:
        job = self.job
        self.both(
            lambda: self.money.reserve(self.number, job.hub, job.epoch, owner, shards),
            lambda: self.world.escrow.reserve(
                self.number, job.epoch, [owner], [bitmap(*shards)], sender=job.hub
            ),
        )

    @precondition(running)
    @rule(index=owner_index, shards=shard_sets)
    def reserve(self, index: int, shards: set[int]) -> None:
        self._reserve(self.owners[index], shards)

    @precondition(running)
    @rule(first=owner_index)
    def reserve_all(self, first: int) -> None:
        """Fill every vacant place with owners that the rules still allow."""
        job = self.job
        allowed = 5_000 * job.terms.num_shards // 10_000
        for shard in range(job.terms.num_shards):
            for index in range(NUM_OWNERS):
                owner = self.owners[(first + index) % NUM_OWNERS]
                had = job.ever.get(owner, set())
                full = len(job.places.get(shard, [])) == job.terms.replicas
                if not full and len(had) < allowed and shard not in had:
                    self._reserve(owner, {shard})

    @precondition(running)
    @rule(shard=st.integers(0, 3), turn=st.integers(0, 2), drop=st.integers(0, 5))
    def accept(self, shard: int, turn: int, drop: int) -> None:
        """A segment by its row; now and then by a wrong list of owners."""
        job = self.job
        owners = [place.owner for place in job.places.get(shard, [])]
        if drop == 5 and owners:
            owners[-1] = self.owners[0]
        segment = turn * job.terms.num_shards + shard
        self._accept(segment, owners)

    def _accept(self, segment: int, owners: list[str]) -> None:
        job = self.job
        entry = (segment, digest("result"), owners)
        self.both(
            lambda: self.money.accept(self.number, job.hub, job.epoch, segment, owners),
            lambda: self.world.escrow.accept(
                self.number, job.epoch, digest("receipt"), [entry], sender=job.hub
            ),
        )

    @precondition(running)
    @rule()
    def accept_round(self) -> None:
        """The next segment of every shard that has one."""
        job = self.job
        for shard in range(job.terms.num_shards):
            segment = job.done[shard] * job.terms.num_shards + shard
            owners = [place.owner for place in job.places.get(shard, [])]
            if job.done[shard] < job.terms.num_rounds:
                self._accept(segment, owners)

    @precondition(running)
    @rule(shard=st.integers(0, 3), index=owner_index, kind=st.sampled_from([1, 1, 2]))
    def void(self, shard: int, index: int, kind: int) -> None:
        job = self.job
        row = job.places.get(shard, [])
        self._void(shard, row[index % len(row)].owner if row else self.owners[index], kind)

    def _void(self, shard: int, owner: str, kind: int) -> None:
        job = self.job
        segment = job.done[shard] * job.terms.num_shards + shard
        self.both(
            lambda: self.money.void(self.number, job.hub, job.epoch, segment, owner, kind),
            lambda: self.world.escrow.void(
                self.number, job.epoch, segment, owner, kind, digest("v"), sender=job.hub
            ),
        )

    @precondition(running)
    @rule(first=owner_index, shard=st.integers(0, 1), lies=st.integers(0, 2))
    def lie_and_recover(self, first: int, shard: int, lies: int) -> None:
        """Liars on one shard are voided everywhere, others take their places, the job ends."""
        self.reserve_all(first)
        for _ in range(lies):
            row = self.job.places.get(shard, [])
            if row and self.job.done[shard] < self.job.terms.num_rounds:
                self.vacate(shard, row[0].owner)
        self.reserve_all(first)
        for _ in range(self.job.terms.num_rounds):
            self.accept_round()
        self.finish()

    def vacate(self, shard: int, liar: str) -> None:
        self._void(shard, liar, 1)
        for other in range(self.job.terms.num_shards):
            turns_left = self.job.done[other] < self.job.terms.num_rounds
            if turns_left and self.job.place(other, liar) is not None:
                self._void(other, liar, 2)

    @precondition(running)
    @rule()
    def finish(self) -> None:
        job = self.job
        if self.both(
            lambda: self.money.finish(self.number, job.hub, job.epoch),
            lambda: self.world.escrow.finish(
                self.number, job.epoch, digest("w"), 1, digest("f"), sender=job.hub
            ),
        ):
            event(f"finished, wronged {bool(job.wronged)}, burnt {self.money.burnt > 0}")

    @precondition(running)
    @rule(stale=st.booleans())
    def old_process(self, stale: bool) -> None:
        """The process of an earlier epoch, or the other node, tries to finish."""
        job = self.job
        node = job.hub if stale else next(node for node in self.nodes if node != job.hub)
        epoch = job.epoch - 1 if stale else job.epoch
        agreed = self.both(
            lambda: self.money.finish(self.number, node, epoch),
            lambda: self.world.escrow.finish(
                self.number, epoch, digest("w"), 1, digest("f"), sender=node
            ),
        )
        assert not agreed

    @precondition(running)
    @rule(seconds=st.sampled_from([10, 20, 30, 61, 121, 241]), by_stranger=st.booleans())
    def silence_then_refund(self, seconds: int, by_stranger: bool) -> None:
        self.world.wait(seconds)
        who = "stranger" if by_stranger else BUYER
        sender = self.world.stranger if by_stranger else self.world.buyer
        if self.both(
            lambda: self.money.refund(self.number, who),
            lambda: self.world.escrow.refund(self.number, sender=sender),
        ):
            event(f"refunded, wronged {bool(self.job.wronged)}")

    @precondition(running)
    @rule(early=st.sampled_from([False, False, False, True]))
    def cancel(self, early: bool) -> None:
        if not self.job.ever and not early:
            return
        self.both(
            lambda: self.money.cancel(self.number),
            lambda: self.world.escrow.cancel(self.number, sender=self.world.buyer),
        )

    @rule(index=owner_index)
    def withdraw(self, index: int) -> None:
        owner = self.owners[index]
        amount = self.money.withdraw(owner)
        assert self.world.escrow.withdraw(sender=owner) == amount
        self.wallets[owner] += amount

    # Invariants

    @invariant()
    def conservation(self) -> None:
        """Balance = in - out = lines + credits, on both sides, to the unit."""
        assert self.world.balance(self.world.escrow) == self.money.balance == self.money.owed

    @invariant()
    def same_credits(self) -> None:
        for name, account in self.accounts.items():
            assert self.world.escrow.credit_of(account) == self.money.credit[name]

    @invariant()
    def same_lines(self) -> None:
        for number, job in enumerate(self.money.jobs, 1):
            found = self.world.escrow.job(number)
            aside = [place for row in job.places.values() for place in row]
            assert (
                found.data_fee, found.compute_left, found.reserve_left, found.chain_left,
                found.pot, found.pot_held, found.reserve_held, found.status,
            ) == (
                job.data_fee, job.compute, job.reserve, job.chain,
                job.pot, sum(p.from_pot for p in aside), sum(p.from_reserve for p in aside),
                job.status,
            )  # fmt: skip

    @invariant()
    def no_double_payment(self) -> None:
        """Wallets grew by what was withdrawn, and each replica of a segment was paid once."""
        assert set(self.money.wages.values()) <= {1}
        for owner, wallet in self.wallets.items():
            assert self.world.balance(owner) == wallet

    @invariant()
    def data_fee_and_burnt(self) -> None:
        assert self.world.balance(self.world.database) - self.start["data"] == self.money.to_data
        assert self.start["supply"] - self.world.token.totalSupply() == self.money.burnt

    @invariant()
    def stakes(self) -> None:
        stakes = sum(worker.stake for worker in self.money.workers.values())
        spare = len(self.world.workers) - NUM_OWNERS
        assert self.world.balance(self.world.registry) == stakes + spare * STAKE


EscrowMachine.TestCase.settings = settings(
    max_examples=1_000 if LONG else 50,
    stateful_step_count=40,
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TestEscrowBesideModel = EscrowMachine.TestCase
