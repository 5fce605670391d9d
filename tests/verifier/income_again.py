"""Income of one dataset's shares again, from the list of its fundings.

A funding of snapshot s belongs to the tranches that s consists of; what a share gets of it is
rounded down to 2^-64 of a base unit, as the contract does. There is no accumulator and no tree: a
tranche's income is summed anew over all fundings each time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tests.verifier.checks import Checks
from tests.verifier.export import ZERO, Event, Market
from tests.verifier.snapshots_again import ACCEPTED, Registry

ONE = 2**64


class Income:
    """One dataset's shares and what they earn.

    Args:
        market: the chain.
        dataset: its id.
        checks: where comparisons go.
    """

    def __init__(self, market: Market, dataset: int, checks: Checks) -> None:
        self.market, self.dataset, self.checks = market, dataset, checks
        self.registry = Registry()
        self.stream: list[tuple[int, int, Fraction]] = []
        self.alone: dict[int, list[tuple[int, Fraction]]] = defaultdict(list)
        self.earned_before: dict[int, int] = {}
        self.newest_income = 0
        self.balance: dict[tuple[int, str], int] = defaultdict(int)
        self.mark: dict[tuple[int, str], int] = defaultdict(int)
        self.redirect: dict[int, str] = {}
        self.credit: dict[str, int] = defaultdict(int)
        self.taken: dict[int, int] = defaultdict(int)
        self.closed_pools: set[int] = set()
        self.funded = self.gone = 0

    # -- what a share has earned

    def income(self, tranche: int) -> int:
        """Income of one share since its birth, times 2^64."""
        entry = self.registry.entries[tranche]
        stream = sum(each for snapshot, each, _ in self.stream if entry.is_in(snapshot))
        return stream + sum(each for each, _ in self.alone[tranche])

    def exact(self, tranche: int) -> Fraction:
        """Income of one share since its birth, nothing rounded."""
        entry = self.registry.entries[tranche]
        stream = sum((part for s, _, part in self.stream if entry.is_in(s)), Fraction())
        return stream + sum((part for _, part in self.alone[tranche]), Fraction())

    def due(self, tranche: int, holder: str) -> int:
        """What a holder has earned and not taken, times 2^64."""
        key = tranche, holder
        return self.balance[key] * (self.income(tranche) - self.mark[key])

    # -- events

    def replay(self, until: int | None = None) -> None:
        """Go through the chain, up to an event; compare what each event says."""
        steps = {
            "Settled": self._settled, "Transfer": self._transfer, "Funded": self._funded,
            "TrancheFunded": self._tranche_funded, "Claimed": self._claimed,
            "Redirected": self._redirected, "Credited": self._credited,
            "Withdrawn": self._withdrawn, "Ended": self._ended, "PoolReleased": self._released,
        }  # fmt: skip
        for event in self.market.events[:until]:
            of_database = event.contract == "Database" and event.args["dataset"] == self.dataset
            of_pools = event.contract == "ValuePools" and event.args["dataset"] == self.dataset
            if event.name in steps and (of_database or of_pools or event.name == "Settled"):
                steps[event.name](event)

    def _settled(self, event: Event) -> None:
        args = event.args
        if args["proposal"] // 10**6 != self.dataset or args["status"] != ACCEPTED:
            return
        self.registry.step(self.market, event)
        self.earned_before[args["proposal"]] = self.newest_income

    def _ended(self, event: Event) -> None:
        tranche, to = event.args["tranche"], event.args["redirected_to"]
        if to == ZERO:
            owner = self.market.sender(event.tx)
            held = self.balance[tranche, owner]
            shares = self.registry.entries[tranche].shares
            self.checks.same(f"removal of {tranche}: by who holds all", held, shares)
        else:
            self.redirect[tranche] = to
        self.registry.step(self.market, event)

    def _released(self, event: Event) -> None:
        self.closed_pools.add(event.args["snapshot"])

    def _funded(self, event: Event) -> None:
        snapshot, amount, to_pool = (event.args[k] for k in ("snapshot", "amount", "to_pool"))
        percent = self.registry.snapshots[snapshot - 1][2]
        by_pools = event.args["payer"] == self.market.addresses["ValuePools"]
        expected = amount * percent // 100
        if by_pools or snapshot in self.closed_pools:
            expected = 0
        about = f"dataset {self.dataset}, funding of snapshot {snapshot}"
        self.checks.same(f"{about}: to the value pool", to_pool, expected)
        shares, part = self.registry.shares_in(snapshot), amount - to_pool
        each = part * ONE // shares
        self.stream.append((snapshot, each, Fraction(part, shares)))
        if snapshot == self.registry.newest:
            self.newest_income += each
        self.funded += part

    def _tranche_funded(self, event: Event) -> None:
        tranche, amount = event.args["tranche"], event.args["amount"]
        shares = self.registry.entries[tranche].shares
        self.alone[tranche].append((amount * ONE // shares, Fraction(amount, shares)))
        self.funded += amount

    def _take(self, tranche: int, holder: str) -> int:
        """Pay a holder out; the fraction of a base unit stays, in whole 2^-64 a share."""
        key, due = (tranche, holder), self.due(tranche, holder)
        if due >= ONE:
            self.mark[key] = self.income(tranche) - due % ONE // self.balance[key]
        self.taken[tranche] += due // ONE
        return due // ONE

    def _claimed(self, event: Event) -> None:
        tranche, holder = event.args["tranche"], event.args["holder"]
        amount = self._take(tranche, holder)
        self.checks.same(f"claim of {holder} on {tranche}", event.args["amount"], amount)
        about = f"claim of {holder} on {tranche}: is its own"
        self.checks.holds(about, tranche not in self.redirect, holder)
        self.gone += amount

    def _redirected(self, event: Event) -> None:
        tranche, holder, to = (event.args[k] for k in ("tranche", "holder", "to"))
        amount = self._take(tranche, holder)
        about = f"income of {holder} on {tranche}, redirected"
        told = [event.args["amount"], to]
        self.checks.same(about, told, [amount, self.redirect.get(tranche, ZERO)])
        self.credit[to] += amount

    def _transfer(self, event: Event) -> None:
        sender, receiver, tranche, amount = (
            event.args[k] for k in ("sender", "receiver", "id", "amount")
        )
        by = self.market.sender(event.tx)
        if sender == ZERO:
            by = self.market.addresses["DataAssociation"]
        self.checks.same(f"transfer of {tranche}: by whom", event.args["caller"], by)
        if sender == ZERO:
            entry = {"shares": amount, "to": receiver}
            minted = self._minted(event, tranche)
            self.checks.same(f"tranche {tranche}: minted", entry, minted)
            self.balance[tranche, receiver] += amount
            return
        about = f"transfer of {tranche} from {sender}"
        self.checks.holds(f"{about}: has them", self.balance[tranche, sender] >= amount, amount)
        if amount == 0 or sender == receiver:
            return
        income, due = self.income(tranche), self.due(tranche, sender)
        whole = due // ONE
        told = [
            [other.args["holder"], other.args["amount"]]
            for other in self.market.events[event.index + 1 :][:1]
            if other.name == "Credited"
        ]
        payee = self.redirect.get(tranche, sender)
        self.checks.same(f"{about}: credited", told, [[payee, whole]] if whole else [])
        self.taken[tranche] += whole
        self._move(tranche, (sender, receiver), amount, income, due)

    def _move(self, tranche: int, who: tuple[str, str], amount: int, income: int, due: int) -> None:
        sender, receiver = ((tranche, one) for one in who)
        rest = self.balance[sender] - amount
        if rest:
            # No more than the shares that are left could ever have earned.
            most = self.earned_before[tranche] + income
            self.mark[sender] = income - min(most, due % ONE // rest)
        earlier = self.due(*receiver) if self.balance[receiver] else 0
        held = self.balance[receiver]
        self.mark[receiver] = income - earlier // (held + amount)
        self.balance[sender], self.balance[receiver] = rest, held + amount

    def _minted(self, event: Event, tranche: int) -> Mapping[str, Any]:
        # The Database speaks before the association, in one transaction.
        settled = self.market.one("Settled", proposal=tranche)
        proposed = self.market.one("Proposed", proposal=tranche)
        self.checks.same(f"tranche {tranche}: minted with its end", event.tx, settled.tx)
        return {"shares": settled.args["shares"], "to": proposed.args["payee"]}

    def _credited(self, event: Event) -> None:
        self.credit[event.args["holder"]] += event.args["amount"]

    def _withdrawn(self, event: Event) -> None:
        who, amount = event.args["account"], event.args["amount"]
        about = f"dataset {self.dataset}: credit of {who}"
        self.checks.same(about, amount, self.credit.pop(who, 0))
        self.gone += amount

    # -- the end

    def check(self, held: int) -> None:
        """The Database holds what it owes, and only rounding beyond it."""
        name = f"dataset {self.dataset}"
        self.checks.same(f"{name}: held by its Database", held, self.funded - self.gone)
        owed = sum(
            Fraction(self.due(tranche, holder), ONE) for tranche, holder in list(self.balance)
        )
        rest = held - sum(self.credit.values())
        self.checks.holds(f"{name}: enough for all", owed <= rest, float(owed))
        dust = len(self.stream) + sum(map(len, self.alone.values())) + len(self.balance) + 1
        self.checks.holds(f"{name}: only rounding is left", rest - owed < dust, float(rest - owed))
        for tranche, entry in self.registry.entries.items():
            most = self.exact(tranche) * entry.shares
            about = f"tranche {tranche}: took no more than its part of the income"
            self.checks.holds(about, self.taken[tranche] <= most, self.taken[tranche])


def holders_at(market: Market, dataset: int, index: int) -> dict[tuple[int, str], int]:
    """(tranche, holder) -> shares, as an event finds them, in order of receipt."""
    found: dict[tuple[int, str], int] = defaultdict(int)
    for event in market.events[:index]:
        if (event.contract, event.name) != ("Database", "Transfer"):
            continue
        if event.args["dataset"] != dataset:
            continue
        sender, receiver, tranche, amount = (
            event.args[k] for k in ("sender", "receiver", "id", "amount")
        )
        if sender != ZERO:
            found[tranche, sender] -= amount
        found[tranche, receiver] += amount
    return {key: shares for key, shares in found.items() if shares}
