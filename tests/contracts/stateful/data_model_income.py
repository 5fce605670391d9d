"""Shares and their income by the rules, with fractions: nothing is ever rounded here.

What a holder is owed is a range, because a transfer may lose less than a base unit; what is paid is
the whole part of it. `slack` bounds what a contract loses by keeping income per share to 2^-64.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from tests.contracts.stateful.data_model import (
    Dataset,
    Holding,
    Market,
    Pool,
    Snapshot,
    Use,
    require,
)

ACCEPTANCE, REMOVAL, TAKEDOWN = range(3)
GRAIN = Fraction(1, 2**64)
TOUCHES = 2**12
"""More shares than anybody has: how many grains one rounding may cost."""
POOLS = "ValuePools"
CLAIMED = "a claim pays what is owed"
SETTLED = "a transfer settles income first"
PAID_INVARIANTS = frozenset({CLAIMED, SETTLED})
"""Of what a single call pays."""


class Difference(AssertionError):
    """The contract did something else than the rules."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


def register(dataset: Dataset, tranche: int, payee: str, shares: int, percent: int) -> int:
    members = dict(dataset.snapshots[-1].members) if dataset.snapshots else {}
    members[tranche] = shares
    number = dataset.newest + 1
    dataset.snapshots.append(Snapshot(number, ACCEPTANCE, tranche, percent, members))
    if shares:
        dataset.holding(payee, tranche).shares += shares
    return number


def birth_of(dataset: Dataset, tranche: int) -> Snapshot | None:
    """The snapshot that a tranche was accepted in."""
    for snapshot in dataset.snapshots:
        if snapshot.kind == ACCEPTANCE and snapshot.tranche == tranche:
            return snapshot
    return None


def check_born(dataset: Dataset, born: int, tranche: int) -> int:
    """Shares that a tranche was born with."""
    snapshot = dataset.snapshot(born)
    is_birth = snapshot.kind == ACCEPTANCE and snapshot.tranche == tranche
    require(is_birth, "database: unknown tranche")
    return snapshot.members[tranche]


def _end(dataset: Dataset, tranche: int, kind: int) -> None:
    members = {key: value for key, value in dataset.snapshots[-1].members.items() if key != tranche}
    number = dataset.newest + 1
    percent = dataset.snapshots[-1].pool_percent
    dataset.snapshots.append(Snapshot(number, kind, tranche, percent, members))
    dataset.ended[tranche] = number


def remove(dataset: Dataset, sender: str, tranche: int) -> None:
    shares = dataset.holding(sender, tranche).shares
    # Who has sent all away has nothing to remove.
    require(shares != 0, "database: no shares")
    birth = birth_of(dataset, tranche)
    everything = birth.members[tranche] if birth else 0
    require(shares == everything, "database: not all shares")
    require(tranche not in dataset.ended, "database: has ended")
    _end(dataset, tranche, REMOVAL)


def check_take_down(dataset: Dataset, born: int, tranche: int) -> None:
    check_born(dataset, born, tranche)
    require(tranche not in dataset.redirect, "database: is taken down")


def take_down(dataset: Dataset, tranche: int, to: str) -> None:
    dataset.redirect[tranche] = to
    if tranche not in dataset.ended:
        _end(dataset, tranche, TAKEDOWN)


def holders(dataset: Dataset, tranche: int) -> list[Holding]:
    return [holding for (_, owned), holding in dataset.holdings.items() if owned == tranche]


def give(dataset: Dataset, tranche: int, amount: Fraction) -> None:
    """Divide income of a tranche among those who hold it now."""
    held = holders(dataset, tranche)
    everything = sum(holding.shares for holding in held)
    for holding in held:
        part = amount * holding.shares / everything
        holding.least += part
        holding.most += part
        holding.slack += TOUCHES * GRAIN


def add_income(dataset: Dataset, number: int, amount: int) -> None:
    """Divide income among the shares of a snapshot."""
    snapshot = dataset.snapshot(number)
    dataset.uses.append(Use(number, 0, amount, number == dataset.newest))
    for tranche, shares in snapshot.members.items():
        if shares:
            give(dataset, tranche, Fraction(amount * shares, snapshot.shares))


def pool_of(dataset: Dataset, number: int) -> Pool:
    return dataset.pools.setdefault(number, Pool())


def fund(market: Market, payer: str, dataset: Dataset, number: int, amount: int) -> None:
    # Of an empty dataset the newest snapshot is 0, without shares.
    require(dataset.newest != 0 or number != 0, "database: no shares")
    snapshot = dataset.snapshot(number)
    require(snapshot.shares != 0, "database: no shares")
    market.can_pay(payer, amount)
    to_pool = 0
    pool = pool_of(dataset, number)
    if not pool.is_released:
        to_pool = amount * snapshot.pool_percent // 100
    market.pay(payer, dataset.wallet, amount)
    add_income(dataset, number, amount - to_pool)
    if to_pool:
        market.pay(dataset.wallet, POOLS, to_pool)
        pool.since = pool.since or market.now
        pool.amount += to_pool


def fund_tranche(
    market: Market, payer: str, dataset: Dataset, tranche: int, born: int, amount: int
) -> None:
    shares = check_born(dataset, born, tranche)
    require(shares != 0, "database: no shares")
    market.can_pay(payer, amount)
    market.pay(payer, dataset.wallet, amount)
    dataset.uses.append(Use(0, tranche, amount, False))
    give(dataset, tranche, Fraction(amount))


def payable(holding: Holding) -> tuple[int, int]:
    """Least and most that a claim pays now."""
    return max(0, floor(holding.least - holding.slack)), floor(holding.most)


def settle(holding: Holding, paid: int, what: str) -> None:
    least, most = payable(holding)
    if not least <= paid <= most:
        raise Difference(what, f"{paid} base units were paid, {least} to {most} are owed")
    holding.least = max(holding.least - paid, Fraction(0))
    holding.most -= paid


def claim(market: Market, dataset: Dataset, holder: str, tranche: int, paid: int) -> None:
    """Pay a holder, or whom a takedown named in its stead.

    Args:
        paid: what the contract has paid, which must be what is owed.
    """
    settle(dataset.holding(holder, tranche), paid, CLAIMED)
    to = dataset.redirect.get(tranche)
    if to is not None:
        dataset.credits[to] += paid
    else:
        market.pay(dataset.wallet, holder, paid)


def check_transfer(dataset: Dataset, sender: str, tranche: int, amount: int) -> None:
    require(dataset.holding(sender, tranche).shares >= amount, "database: balance too low")


def check_spend(dataset: Dataset, caller: str, sender: str, tranche: int, amount: int) -> None:
    allowed = dataset.allowances.get((sender, caller, tranche), 0)
    is_free = caller == sender or (sender, caller) in dataset.operators
    require(is_free or allowed >= amount, "database: allowance too low")
    check_transfer(dataset, sender, tranche, amount)
    if not is_free and allowed != 2**256 - 1:
        dataset.allowances[sender, caller, tranche] = allowed - amount


def transfer(
    dataset: Dataset, sender: str, receiver: str, tranche: int, amount: int, credited: int
) -> None:
    """Send shares: earlier income stays with the sender, the whole part of it as a credit.

    Args:
        credited: what the contract has credited, which must be what is owed.
    """
    if amount == 0 or sender == receiver:
        if credited:
            raise Difference(SETTLED, f"{credited} for no shares")
        return
    giving, taking = dataset.holding(sender, tranche), dataset.holding(receiver, tranche)
    settle(giving, credited, SETTLED)
    dataset.credits[dataset.redirect.get(tranche, sender)] += credited
    giving.shares -= amount
    # The fraction stays, as far as the shares left could have earned it.
    could = giving.shares * per_share(dataset, tranche)
    giving.least = min(giving.least, could)
    if giving.shares == 0:
        giving.most = Fraction(0)
    giving.slack += TOUCHES * GRAIN
    dataset.lost += 1
    taking.shares += amount
    taking.slack += TOUCHES * GRAIN


def per_share(dataset: Dataset, tranche: int) -> Fraction:
    """What one share of a tranche has earned since its birth: the sum over all uses."""
    total = Fraction(0)
    birth = birth_of(dataset, tranche)
    for use in dataset.uses:
        if use.snapshot and tranche in dataset.snapshots[use.snapshot - 1].members:
            total += Fraction(use.amount, dataset.snapshots[use.snapshot - 1].shares)
        elif use.tranche == tranche and birth:
            total += Fraction(use.amount, birth.members[tranche])
    return total


def withdraw(market: Market, dataset: Dataset, account: str) -> int:
    amount = dataset.credits.pop(account, 0)
    market.pay(dataset.wallet, account, amount)
    return amount
