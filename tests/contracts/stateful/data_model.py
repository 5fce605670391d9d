"""The data market's money and votes once more, in plain Python and from the rules alone.

Nothing of the package or the contracts is used. Income is handed out holder by holder at each
payment, and weight is counted from the list of all mints: slow, and without any of the contracts'
accumulators, trees or checkpoints. A refused call raises `Refused` with the reason that the
contract must give.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

ONE = 2**64
"""Income of one share is rounded down to a whole number of these parts of a base unit."""
OPEN, ACCEPTED, REJECTED, EXPIRED = 1, 2, 3, 4
OK, COPY = 0, 1


class Refused(Exception):
    """The rules refuse this call."""


def require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


@dataclass(frozen=True)
class Rules:
    """What the dataset is created with."""

    genesis: dict[str, int]
    quorum_bps: int
    period: int
    bond: int
    fee: int
    mint_cap: int
    threshold: int


@dataclass
class Loan:
    """Votes lent to an oracle."""

    oracle: str
    cap: int
    since: int
    expiry: int


@dataclass
class Proposal:
    """A proposal and the ballots on it: voter -> (support, weight, who cast it)."""

    proposer: str
    payee: str
    under_request: bool
    opened: int
    deadline: int
    status: int = OPEN
    ballots: dict[str, tuple[bool, int, str]] = field(default_factory=dict)

    def tally(self, side: bool) -> int:
        return sum(weight for support, weight, _ in self.ballots.values() if support is side)


@dataclass
class Market:
    """One dataset with one request, and all money around it."""

    rules: Rules
    wallets: Counter[str]
    now: int
    deadline: int = 0
    initiator: str = ""
    award_rate: int = 0
    escrow: int = 0
    request_open: bool = False
    proposals: dict[int, Proposal] = field(default_factory=dict)
    mints: list[tuple[int, str, int]] = field(default_factory=list)
    loans: dict[str, Loan] = field(default_factory=dict)
    credits: Counter[str] = field(default_factory=Counter)
    burnt: int = 0
    # Accepted tranches in order: id -> holder -> shares.
    tranches: dict[int, Counter[str]] = field(default_factory=dict)
    earned: Counter[tuple[int, str]] = field(default_factory=Counter)
    exact: dict[tuple[int, str], Fraction] = field(default_factory=dict)
    paid: Counter[tuple[int, str]] = field(default_factory=Counter)
    funded: int = 0
    fundings: int = 0

    # Weight

    def earned_weight(self, account: str, time: int) -> int:
        return sum(amount for when, who, amount in self.mints if who == account and when <= time)

    def earned_supply(self, time: int) -> int:
        return sum(amount for when, _, amount in self.mints if when <= time)

    def weight(self, account: str, time: int) -> int:
        total = sum(self.rules.genesis.values())
        faded = self.rules.genesis.get(account, 0) * total // (total + self.earned_supply(time))
        return self.earned_weight(account, time) + faded

    def supply(self, time: int) -> int:
        total = sum(self.rules.genesis.values())
        earned = self.earned_supply(time)
        return earned + total * total // (total + earned)

    def electorate(self, number: int) -> int:
        p = self.proposals[number]
        return self.supply(p.opened - 1) - self.weight(p.proposer, p.opened - 1)

    def lend(self, lender: str, oracle: str, cap: int, expiry: int) -> None:
        require(oracle != lender, "curator: cannot lend to oneself")
        require(cap != 0, "curator: cap is zero")
        require(expiry > self.now, "curator: expiry is past")
        self.loans[lender] = Loan(oracle, cap, self.now, expiry)

    def take_back(self, lender: str) -> None:
        require(lender in self.loans, "curator: nothing is lent")
        del self.loans[lender]

    # Proposals

    def propose(self, number: int, who: str, payee: str, under_request: bool) -> None:
        if under_request:
            require(
                self.request_open and self.now < self.deadline, "association: request is closed"
            )
        cost = self.rules.bond + self.rules.fee
        require(self.wallets[who] >= cost, "token: balance too low")
        self.wallets[who] -= cost
        self.proposals[number] = Proposal(
            who, payee, under_request, self.now, self.now + self.rules.period
        )

    def vote(self, number: int, voter: str, support: bool) -> None:
        p = self.proposals[number]
        require(self.now < p.deadline, "association: voting is over")
        require(voter != p.proposer, "association: own proposal")
        require(p.ballots.get(voter, (True, 0, ""))[2] != voter, "association: already voted")
        weight = self.weight(voter, p.opened - 1)
        require(weight != 0, "association: no weight")
        p.ballots[voter] = (support, weight, voter)

    def vote_lent(self, number: int, oracle: str, support: bool, lenders: list[str]) -> None:
        p = self.proposals[number]
        require(self.now < p.deadline, "association: voting is over")
        require(oracle != p.proposer, "association: own proposal")
        cast = {}
        for lender in lenders:
            loan = self.loans.get(lender)
            if lender == p.proposer or lender in p.ballots or loan is None:
                continue
            if loan.oracle != oracle or loan.since >= p.opened or loan.expiry <= self.now:
                continue
            weight = min(loan.cap, self.weight(lender, p.opened - 1))
            if weight:
                cast[lender] = (support, weight, oracle)
        require(bool(cast), "association: no weight")
        p.ballots |= cast

    def execute(
        self, number: int, base: int, outcome: int, copy_of: int, amount: int, signers: list[str]
    ) -> None:
        p = self.proposals[number]
        require(p.status == OPEN, "association: proposal is not open")
        require(self.now >= p.deadline, "association: voting is not over")
        period = self.rules.period
        require(self.now < p.deadline + 2 * period, "association: proposal has expired")
        for earlier, other in self.proposals.items():
            waits = earlier < number and other.status == OPEN
            require(
                not waits or self.now >= other.deadline + period,
                "association: earlier proposal is open",
            )
        if outcome == COPY:
            require(0 < copy_of < number, "association: copy of no earlier proposal")
        require(len(signers) >= self.rules.threshold, "association: too few signatures")
        carried = outcome == OK and self._carried(number)
        if carried:
            require(base == len(self.tranches), "association: stale base")
            minted = self.earned_supply(self.now) + amount
            require(minted <= self.rules.mint_cap, "association: mint cap")
        self._pay_signers(signers)
        if outcome != OK:
            p.status = REJECTED
            self._slash(outcome, copy_of)
            return
        self.credits[p.proposer] += self.rules.bond
        p.status = ACCEPTED if carried else REJECTED
        if carried:
            self._accept(number, amount)

    def _carried(self, number: int) -> bool:
        p = self.proposals[number]
        yes, no = p.tally(True), p.tally(False)
        quorum = Fraction(self.rules.quorum_bps, 10_000) * self.electorate(number)
        return yes > no and yes + no >= quorum

    def _pay_signers(self, signers: list[str]) -> None:
        part, rest = divmod(self.rules.fee, len(signers))
        for signer in signers:
            self.credits[signer] += part
        self.credits[signers[0]] += rest

    def _slash(self, outcome: int, copy_of: int) -> None:
        half = 0
        if outcome == COPY and self.tranches.get(copy_of, Counter()).total():
            half = self.rules.bond // 2
            self._share_out([copy_of], half)
        self.burnt += self.rules.bond - half

    def _accept(self, number: int, amount: int) -> None:
        p = self.proposals[number]
        if p.under_request:
            award = min(self.escrow, amount * self.award_rate // 1_000)
            fee_back = min(self.escrow - award, self.rules.fee)
            self.escrow -= award + fee_back
            self.credits[p.payee] += award
            self.credits[p.proposer] += fee_back
        self.tranches[number] = Counter({p.payee: amount})
        if amount:
            self.mints.append((self.now, p.payee, amount))

    def expire(self, number: int) -> None:
        p = self.proposals[number]
        require(p.status == OPEN, "association: proposal is not open")
        require(self.now >= p.deadline + 2 * self.rules.period, "association: too early to expire")
        p.status = EXPIRED
        self.credits[p.proposer] += self.rules.bond + self.rules.fee

    # The request

    def open_request(self, initiator: str, escrow: int, award_rate: int, deadline: int) -> None:
        self.wallets[initiator] -= escrow
        self.initiator, self.escrow, self.award_rate = initiator, escrow, award_rate
        self.deadline, self.request_open = deadline, True

    def top_up(self, who: str, amount: int) -> None:
        require(self.request_open, "association: request is closed")
        require(self.wallets[who] >= amount, "token: balance too low")
        self.wallets[who] -= amount
        self.escrow += amount

    def close_request(self, who: str) -> None:
        require(self.request_open, "association: request is closed")
        require(who == self.initiator, "association: not the initiator")
        require(self.now >= self.deadline, "association: request is open")
        waiting = [p for p in self.proposals.values() if p.under_request and p.status == OPEN]
        require(not waiting, "association: proposals are open")
        self.request_open = False
        self.credits[who] += self.escrow
        self.escrow = 0

    # Income

    def fund(self, who: str, snapshot: int, amount: int) -> None:
        require(0 < snapshot <= len(self.tranches), "database: unknown snapshot")
        members = list(self.tranches)[:snapshot]
        total = sum(sum(self.tranches[tranche].values()) for tranche in members)
        require(total != 0, "database: snapshot has no shares")
        require(self.wallets[who] >= amount, "token: balance too low")
        self.wallets[who] -= amount
        self._share_out(members, amount)

    def fund_tranche(self, who: str, tranche: int, amount: int) -> None:
        require(tranche in self.tranches, "database: unknown tranche")
        total = sum(self.tranches[tranche].values())
        require(total != 0, "database: tranche has no shares")
        require(self.wallets[who] >= amount, "token: balance too low")
        self.wallets[who] -= amount
        self._share_out([tranche], amount)

    def _share_out(self, members: list[int], amount: int) -> None:
        total = sum(sum(self.tranches[tranche].values()) for tranche in members)
        self.funded += amount
        self.fundings += 1
        for tranche in members:
            for holder, shares in self.tranches[tranche].items():
                key = (tranche, holder)
                self.earned[key] += shares * (amount * ONE // total)
                self.exact[key] = self.exact.get(key, Fraction(0)) + Fraction(
                    shares * amount, total
                )

    def claimable(self, tranche: int, holder: str) -> int:
        return self.earned[tranche, holder] // ONE - self.paid[tranche, holder]

    def claim(self, tranche: int, holder: str) -> int:
        require(tranche in self.tranches, "database: unknown tranche")
        amount = self.claimable(tranche, holder)
        self.paid[tranche, holder] += amount
        self.wallets[holder] += amount
        return amount

    def transfer(self, tranche: int, sender: str, receiver: str, amount: int) -> None:
        require(tranche in self.tranches, "curator: unknown tranche")
        require(self.tranches[tranche][sender] >= amount, "curator: balance too low")
        self.tranches[tranche][sender] -= amount
        self.tranches[tranche][receiver] += amount

    def withdraw(self, account: str) -> int:
        amount = self.credits.pop(account, 0)
        self.wallets[account] += amount
        return amount

    # What must always hold

    def association_holds(self) -> int:
        waiting = sum(p.status == OPEN for p in self.proposals.values())
        locked = waiting * (self.rules.bond + self.rules.fee)
        return locked + self.escrow + sum(self.credits.values())

    def database_holds(self) -> int:
        return self.funded - sum(self.paid.values())

    def money(self) -> int:
        """All money there is, the burnt included: it never changes."""
        held = self.association_holds() + self.database_holds()
        return sum(self.wallets.values()) + held + self.burnt

    def check(self) -> None:
        """Raise AssertionError where an invariant of one state is broken."""
        claimables = {key: self.claimable(*key) for key in self.earned}
        assert all(amount >= 0 for amount in claimables.values())
        assert all(amount >= 0 for amount in self.wallets.values())
        # Nobody is paid what it did not earn.
        assert all(self.paid[key] <= self.exact[key] for key in self.exact)
        # Dust: less than a unit for each position, and a last digit for each payment.
        dust = self.database_holds() - sum(claimables.values())
        assert 0 <= dust <= len(self.earned)
        for number, p in self.proposals.items():
            assert p.proposer not in p.ballots
            assert p.tally(True) + p.tally(False) <= self.electorate(number)
