"""The data market's books again: every contract holds what it owes, to the base unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tests.verifier.assembly import Assembly
from tests.verifier.check_flows import check_flows
from tests.verifier.check_money import balances
from tests.verifier.checks import Checks
from tests.verifier.export import Event, Market
from tests.verifier.income_again import Income

NO_MONEY = ("CuratorToken", "Verdicts", "Charter", "ModelRegistry")
"""Contracts that never keep any."""


def check_market_books(assembly: Assembly, checks: Checks) -> None:
    """Each contract of the data market holds exactly what it owes."""
    market, held = assembly.market, balances(assembly.market)
    names = market.addresses
    for name in NO_MONEY:
        checks.same(f"held by the {name}", held[names[name]], 0)
    with checks.section("deposits, bonds and fees"):
        owed = Accounts(assembly, checks).replay()
        checks.same("held by the DataAssociation", held[names["DataAssociation"]], owed)
    with checks.section("requests' escrows"):
        owed = sum(request.left for request in assembly.requests.values())
        awards = [
            (event.args[who], event.args[amount])
            for event in market.named("AwardPaid")
            for who, amount in (("to", "award"), ("proposer", "fee_back"))
        ]
        owed += _credits(assembly, "DataRequests", awards, checks)
        checks.same("held by the DataRequests", held[names["DataRequests"]], owed)
    with checks.section("stakes and challenges"):
        owed = sum(assembly.stakes.values())
        owed += sum(case.bond for case in assembly.challenges.values() if case.status == 1)
        owed += _credits(assembly, "Challenges", (), checks)
        checks.same("held by the Challenges", held[names["Challenges"]], owed)
    with checks.section("motions"):
        is_open = [n for n in assembly.motions if assembly.poll_of(n).status == 1]
        owed = sum(assembly.motions[number]["bond"] for number in is_open)
        owed += _credits(assembly, "Motions", (), checks)
        checks.same("held by the Motions", held[names["Motions"]], owed)
    with checks.section("value pools"):
        owed = sum(pool.held for pool in assembly.pools.values())
        checks.same("held by the ValuePools", held[names["ValuePools"]], owed)
    with checks.section("money that moved"):
        check_flows(market, checks)


def _credits(
    assembly: Assembly, contract: str, earned: Iterable[tuple[str, int]], checks: Checks
) -> int:
    """What a contract still owes; nobody was sent more than it was owed."""
    owed: dict[str, int] = defaultdict(int)
    for account, amount in [*earned, *assembly.credited[contract]]:
        owed[account] += amount
    for event in assembly.market.named("Withdrawn"):
        if event.contract == contract:
            owed[event.args["account"]] -= event.args["amount"]
    over = sorted(account for account, amount in owed.items() if amount < 0)
    checks.same(f"paid more than owed by the {contract}", [], over)
    return sum(owed.values())


class Accounts:
    """Deposits, credits and locked money of the DataAssociation, event by event.

    Args:
        assembly: the replayed market.
        checks: where comparisons go.
    """

    def __init__(self, assembly: Assembly, checks: Checks) -> None:
        self.assembly, self.market, self.checks = assembly, assembly.market, checks
        self.deposit: dict[str, int] = defaultdict(int)
        self.credit: dict[str, int] = defaultdict(int)
        self.locked: dict[int, int] = defaultdict(int)
        self.kept: dict[int, int] = defaultdict(int)

    def replay(self) -> int:
        """Go through all events; what the association owes at the end."""
        steps = {
            "Deposited": self._deposited, "Proposed": self._proposed,
            "BallotsRepaid": self._repaid, "FeePaid": self._fee_paid, "Settled": self._settled,
            "Given": self._given, "Burnt": self._burnt, "Withdrawn": self._withdrawn,
        }  # fmt: skip
        for event in self.market.events:
            if event.contract == "DataAssociation" and event.name in steps:
                steps[event.name](event)
        self._check_kept()
        lines = self.deposit, self.credit, self.locked, self.kept
        below = [key for line in lines for key, amount in line.items() if amount < 0]
        self.checks.same("lines of the DataAssociation below zero", [], below)
        return sum(sum(line.values()) for line in lines)

    def _deposited(self, event: Event) -> None:
        self.deposit[event.args["account"]] += event.args["amount"]

    def _proposed(self, event: Event) -> None:
        args, who = event.args, event.args["proposer"]
        carried = self.kept.pop(args["revises"], 0) if args["revises"] else 0
        self.locked[args["proposal"]] = args["bond"] + args["fee"]
        due = args["bond"] + args["fee"] - carried
        from_deposit = min(due, self.deposit[who])
        self.deposit[who] -= from_deposit
        # What the association owes the proposer pays the rest.
        self.credit[who] -= due - from_deposit

    def _repaid(self, event: Event) -> None:
        self.locked[event.args["proposal"]] -= event.args["amount"]
        self.credit[event.args["relayer"]] += event.args["amount"]

    def _fee_paid(self, event: Event) -> None:
        self.locked[event.args["proposal"]] -= event.args["amount"]
        self.credit[event.args["to"]] += event.args["amount"]

    def _settled(self, event: Event) -> None:
        args, number = event.args, event.args["proposal"]
        back = args["bond_back"] + args["fee_back"]
        self.deposit[self.assembly.terms[number]["proposer"]] += back
        rest = self.locked.pop(number) - back
        # A revision carries the bond on; a slashed or held one leaves later.
        bond = self.assembly.terms[number]["bond"]
        expected = 0 if args["bond_back"] or not bond else bond
        self.checks.same(f"proposal {number}: bond kept at its end", rest, expected)
        if rest:
            self.kept[number] = rest

    def _given(self, event: Event) -> None:
        number, to = event.args["proposal"], event.args["to"]
        self.kept[number] -= event.args["amount"]
        if to != self.market.addresses["Verdicts"]:
            self.deposit[to] += event.args["amount"]

    def _burnt(self, event: Event) -> None:
        self.kept[event.args["proposal"]] -= event.args["amount"]

    def _withdrawn(self, event: Event) -> None:
        who, amount = event.args["account"], event.args["amount"]
        due = self.credit.pop(who, 0)
        if self.market.call(event.tx) == ("DataAssociation", "withdraw"):
            due += self.deposit.pop(who, 0)
        self.checks.same(f"withdrawal of {who} from the DataAssociation", amount, due)

    def _check_kept(self) -> None:
        waiting = sorted(number for number, amount in self.kept.items() if amount)
        held = sorted(self.assembly.held)
        self.checks.same("bonds kept until values are settled", waiting, held)


def check_income(market: Market, checks: Checks) -> None:
    """Every claim, transfer, redirection and withdrawal, and what stays in each Database."""
    held = balances(market)
    for address, dataset in market.databases.items():
        with checks.section(f"income of dataset {dataset}"):
            income = Income(market, dataset, checks)
            income.replay()
            income.check(held[address])
