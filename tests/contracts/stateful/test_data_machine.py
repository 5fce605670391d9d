"""The data market's contracts beside the plain-Python rules: same calls, refusals and money."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import boa
import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.contracts.data_world import Market as World
from tests.contracts.market_world import digest, refused
from tests.contracts.stateful.data_model import OPEN, Market, Refused, Rules

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
PERIOD = 10
WEALTH = 60

people = st.integers(0, 4)
amounts = st.integers(0, 19)
numbers = st.integers(1, 7)


WORLDS: list[World] = []


@pytest.fixture(scope="module", autouse=True)
def shared_world(built_market: World) -> None:
    """One deployment for all examples; what an example does is rolled back after it."""
    # A machine takes no fixtures, and what is deployed inside an example is rolled back with it.
    WORLDS[:] = [built_market]


class DataMarketMachine(RuleBasedStateMachine):
    """Random life of one dataset; every call goes to both sides."""

    def __init__(self) -> None:
        super().__init__()
        (self.world,) = WORLDS
        self.stack = ExitStack()
        self.people = [*self.world.contributors, *self.world.curators[:2]]
        self.first_dataset = self.world.dataset
        self.judges = sorted(
            (account.address for account in self.world.evaluators),
            key=lambda address: int(address, 16),
        )

    def teardown(self) -> None:
        self.stack.close()
        self.world.dataset = self.first_dataset

    @initialize(
        weights=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
        bond=st.integers(0, 7),
        fee=st.integers(0, 7),
        mint_cap=st.integers(5, 40),
        quorum_bps=st.sampled_from([0, 1, 3_000, 10_000]),
        escrow=st.integers(1, 19),
        rate=st.sampled_from([0, 500, 1_500]),
        first=st.lists(amounts, min_size=2, max_size=2),
    )
    def market(
        self,
        weights: tuple[int, int, int],
        bond: int,
        fee: int,
        mint_cap: int,
        quorum_bps: int,
        escrow: int,
        rate: int,
        first: list[int],
    ) -> None:
        # Not in the constructor: only a machine that runs is torn down.
        self.stack.enter_context(boa.env.anchor())
        world = self.world
        for account in self.people:
            spare = world.balance(account) - WEALTH
            world.token.transfer(world.initiator, spare, sender=account)
        genesis = dict(zip([*self.people[2:4], world.oracle], weights, strict=True))
        world.dataset = world.create_dataset(
            bond=bond,
            evaluation_fee=fee,
            mint_cap=mint_cap,
            quorum_bps=quorum_bps,
            voting_period=PERIOD,
            curators=list(genesis),
            weights=list(genesis.values()),
        )
        rules = Rules(genesis, quorum_bps, PERIOD, bond, fee, mint_cap, threshold=2)
        self.model = Market(rules, Counter(dict.fromkeys(self.people, WEALTH)), world.now())
        for account in self.people:
            world.token.approve(world.database.address, 2**256 - 1, sender=account)
        self.supply = int(world.token.totalSupply())
        self.request = world.open_request(
            escrow, rate, deadline=world.now() + 5 * PERIOD, sender=self.people[0]
        )
        self.model.open_request(self.people[0], escrow, rate, world.now() + 5 * PERIOD)
        self.money = self.model.money()
        for who, amount in enumerate(first):
            self.usual_course(who, amount, support=True)

    def both(self, name: str, model: Callable[[], object], contract: Callable[[], object]) -> None:
        """Make one call on both sides: the same answer or the same refusal."""
        try:
            expected = model()
        except Refused as reason:
            event(f"{name} refused: {reason}")
            with refused(str(reason)):
                contract()
            return
        event(name)
        found = contract()
        if isinstance(expected, int):
            assert found == expected

    # Proposals and votes

    @rule(who=people, payee=people, asked=st.booleans())
    def propose(self, who: int, payee: int, asked: bool) -> None:
        number = int(self.world.association.num_proposals()) + 1
        proposer, owner = self.people[who], self.people[payee]
        self.both(
            "propose",
            lambda: self.model.propose(number, proposer, owner, asked),
            lambda: self.world.association.propose(
                self.world.dataset,
                self.request if asked else 0,
                digest("ref"),
                digest("manifest"),
                1,
                owner,
                sender=proposer,
            ),
        )

    @rule(pick=numbers, who=people, support=st.booleans())
    def vote(self, pick: int, who: int, support: bool) -> None:
        self.cast(self.chosen(pick), self.people[who], support)

    def cast(self, number: int, voter: str, support: bool) -> None:
        self.both(
            "vote",
            lambda: self.model.vote(number, voter, support),
            lambda: self.world.association.vote(number, support, sender=voter),
        )

    @rule(pick=numbers, who=people, support=st.booleans())
    def vote_lent(self, pick: int, who: int, support: bool) -> None:
        number, oracle = self.chosen(pick), self.people[who]
        lenders = [*self.people, self.people[0]]
        self.both(
            "vote_lent",
            lambda: self.model.vote_lent(number, oracle, support, lenders),
            lambda: self.world.association.vote_lent(number, support, lenders, sender=oracle),
        )

    @rule(who=people, oracle=people, cap=amounts, time=amounts)
    def lend(self, who: int, oracle: int, cap: int, time: int) -> None:
        lender, taker, expiry = self.people[who], self.people[oracle], self.model.now + 2 * time
        self.both(
            "lend",
            lambda: self.model.lend(lender, taker, cap, expiry),
            lambda: self.world.shares.lend(self.world.dataset, taker, cap, expiry, sender=lender),
        )

    @rule(who=people)
    def take_back(self, who: int) -> None:
        lender = self.people[who]
        self.both(
            "take_back",
            lambda: self.model.take_back(lender),
            lambda: self.world.shares.take_back(self.world.dataset, sender=lender),
        )

    @rule(seconds=st.integers(1, 12))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds)
        self.model.now += seconds

    @rule(
        pick=numbers,
        amount=amounts,
        outcome=st.sampled_from([0, 0, 0, 0, 1, 2, 3]),
        copied=numbers,
        behind=st.sampled_from([0, 0, 0, 1]),
        signers=st.sampled_from([1, 2, 2, 3, 4]),
    )
    def execute(
        self, pick: int, amount: int, outcome: int, copied: int, behind: int, signers: int
    ) -> None:
        self.close(self.chosen(pick), amount, outcome, self.chosen(copied), behind, signers)

    @rule(who=people, amount=amounts, support=st.sampled_from([True, True, True, False]))
    def usual_course(self, who: int, amount: int, support: bool) -> None:
        """Propose, let all vote, execute the first open one: so that runs get somewhere."""
        self.wait(1)
        self.propose(who, who, asked=bool(amount % 2))
        number = self.first_open()
        for voter in self.people:
            self.cast(number, voter, support)
        self.wait(max(0, self.model.proposals[number].deadline - self.model.now))
        self.close(number, amount, 0, 0, 0, 2)

    def close(
        self, number: int, amount: int, outcome: int, copied: int, behind: int, signers: int
    ) -> None:
        base = len(self.model.tranches) + behind
        copy_of = copied if outcome == 1 else 0
        shares = amount if outcome == 0 else 0
        judges = self.judges[:signers]
        verdict = (base, 1, outcome, copy_of, shares, digest("figures"))
        keys = [account for account in self.world.evaluators if account.address in judges]
        signatures = self.world.sign(number, verdict, *keys)
        self.both(
            "execute",
            lambda: self.model.execute(number, base, outcome, copy_of, shares, judges),
            lambda: self.world.association.execute(number, verdict, signatures),
        )

    @rule(pick=numbers)
    def expire(self, pick: int) -> None:
        number = self.chosen(pick)
        self.both(
            "expire",
            lambda: self.model.expire(number),
            lambda: self.world.association.expire(number),
        )

    # Money

    @rule(who=people, amount=amounts)
    def top_up(self, who: int, amount: int) -> None:
        payer = self.people[who]
        self.both(
            "top_up",
            lambda: self.model.top_up(payer, amount),
            lambda: self.world.association.top_up(self.request, amount, sender=payer),
        )

    @rule(who=st.sampled_from([0, 0, 1]))
    def close_request(self, who: int) -> None:
        account = self.people[who]
        self.both(
            "close_request",
            lambda: self.model.close_request(account),
            lambda: self.world.association.close_request(self.request, sender=account),
        )

    @rule(who=people, snapshot=st.integers(0, 5), amount=amounts)
    def fund(self, who: int, snapshot: int, amount: int) -> None:
        payer = self.people[who]
        self.both(
            "fund",
            lambda: self.model.fund(payer, snapshot, amount),
            lambda: self.world.database.fund(snapshot, amount, sender=payer),
        )

    @rule(who=people, pick=numbers, amount=amounts)
    def fund_tranche(self, who: int, pick: int, amount: int) -> None:
        payer, tranche = self.people[who], self.tranche(pick)
        self.both(
            "fund_tranche",
            lambda: self.model.fund_tranche(payer, tranche, amount),
            lambda: self.world.database.fund_tranche(tranche, amount, sender=payer),
        )

    @rule(pick=numbers, who=people, other=people, amount=amounts)
    def transfer(self, pick: int, who: int, other: int, amount: int) -> None:
        tranche, sender, receiver = self.tranche(pick), self.people[who], self.people[other]
        self.both(
            "transfer",
            lambda: self.model.transfer(tranche, sender, receiver, amount),
            lambda: self.world.shares.transfer(receiver, tranche, amount, sender=sender),
        )

    @rule(pick=numbers, who=people, pushed=st.booleans())
    def claim(self, pick: int, who: int, pushed: bool) -> None:
        tranche, holder = self.tranche(pick), self.people[who]
        database = self.world.database
        self.both(
            "claim",
            lambda: self.model.claim(tranche, holder),
            lambda: (
                database.claim_for(tranche, holder, sender=self.world.stranger)
                if pushed
                else database.claim(tranche, sender=holder)
            ),
        )

    @rule(who=people)
    def withdraw(self, who: int) -> None:
        account = self.people[who]
        self.both(
            "withdraw",
            lambda: self.model.withdraw(account),
            lambda: self.world.association.withdraw(sender=account),
        )

    def chosen(self, pick: int) -> int:
        """A proposal; the newest ones first, since the old ones are closed."""
        known = sorted(self.model.proposals, reverse=True)
        return known[(pick - 1) % len(known)]

    def first_open(self) -> int:
        states = self.model.proposals.items()
        return min((n for n, p in states if p.status == OPEN), default=max(self.model.proposals))

    def tranche(self, pick: int) -> int:
        known = [*self.model.tranches, 10_000]
        return known[(pick - 1) % len(known)]

    # What must hold after every call

    @invariant()
    def rules_hold(self) -> None:
        self.model.check()
        assert self.model.money() == self.money

    @invariant()
    def same_money(self) -> None:
        world, model = self.world, self.model
        assert world.balance(world.association) == model.association_holds()
        assert world.balance(world.database) == model.database_holds()
        assert int(world.token.totalSupply()) == self.supply - model.burnt
        for account in self.people:
            assert world.balance(account) == model.wallets[account]
            assert world.credit(account) == model.credits[account]
        assert int(world.association.total_credit()) == sum(model.credits.values())

    @invariant()
    def same_income(self) -> None:
        for tranche, holders in self.model.tranches.items():
            for holder in holders:
                claimable = self.world.database.claimable(tranche, holder)
                assert claimable == self.model.claimable(tranche, holder)

    @invariant()
    def same_votes(self) -> None:
        world, model = self.world, self.model
        for account in self.people:
            weight = world.shares.weight_at(world.dataset, account, model.now)
            assert weight == model.weight(account, model.now)
        for number, proposal in model.proposals.items():
            found = world.association.proposal(number)
            assert found.status == proposal.status
            assert (found.yes, found.no) == (proposal.tally(True), proposal.tally(False))
            assert world.association.electorate_of(number) == model.electorate(number)


TestDataMarketMachine = DataMarketMachine.TestCase
TestDataMarketMachine.settings = settings(
    max_examples=300 if LONG else 12,
    stateful_step_count=40 if LONG else 25,
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
