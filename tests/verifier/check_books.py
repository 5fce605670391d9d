"""The compute market's books again: what was opened is paid, given back or burnt, once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tests.verifier.assignment_again import shards_of, workers_after
from tests.verifier.calls import JOB_SPEC, read_call
from tests.verifier.check_money import balances
from tests.verifier.checks import Checks
from tests.verifier.export import Event, Market

WRONG = 1
COMPUTE, POT, RESERVE = 1, 2, 3
MAX_WRONGED = 64
CREDITS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "JobEscrow": (
        ("SegmentPaid", "owner", "amount"),
        ("Compensated", "owner", "amount"),
        ("ChainRepaid", "node", "amount"),
        ("NodePaid", "node", "amount"),
        ("BuyerRefunded", "buyer", "amount"),
    ),
    "PredictionMarket": (("PredictionFulfilled", "worker", "worker_fee"),),
}
"""Events that make a credit: (event, who, how much); the rest of the credits is in _more."""


def _total(events: Iterable[Event], name: str = "amount") -> int:
    return sum(event.args[name] for event in events)


def _more(market: Market, event: Event) -> list[tuple[str, int]]:
    args = event.args
    if event.name == "PredictionFulfilled":
        asked = market.one("PredictionRequested", prediction=args["prediction"]).args
        owner = market.one("ModelRegistered", model=asked["model"]).args["owner"]
        return [(owner, args["owner_amount"]), (asked["payer"], args["returned"])]
    if event.name == "PredictionRefunded":
        asked = market.one("PredictionRequested", prediction=args["prediction"]).args
        return [(asked["payer"], args["amount"])]
    return []


def credits_left(market: Market, contract: str) -> dict[str, int]:
    """What a contract still owes each account."""
    owed: dict[str, int] = defaultdict(int)
    for event in market.events:
        if event.contract != contract:
            continue
        for name, who, amount in CREDITS.get(contract, ()):
            if event.name == name:
                owed[event.args[who]] += event.args[amount]
        for payee, amount_more in _more(market, event):
            owed[payee] += amount_more
        if event.name == "Withdrawn":
            owed[event.args["account"]] -= event.args["amount"]
            if owed[event.args["account"]] < 0:
                raise ValueError(f"{contract} paid {event.args['account']} more than it owed")
    return {payee: amount for payee, amount in owed.items() if amount}


def check_books(market: Market, checks: Checks) -> None:
    """Each contract holds exactly what it owes."""
    held = balances(market)
    with checks.section("jobs"):
        for event in market.named("JobOpened"):
            JobBook(market, event).check(checks)
        owed = sum(credits_left(market, "JobEscrow").values())
        checks.same("held by the JobEscrow", held[market.addresses["JobEscrow"]], owed)
    with checks.section("stakes"):
        _check_stakes(market, held[market.addresses["WorkerRegistry"]], checks)
    with checks.section("predictions"):
        owed = sum(credits_left(market, "PredictionMarket").values())
        known = "PredictionFulfilled", "PredictionRefunded"
        done = {event.args["prediction"] for event in market.named(*known)}
        waiting = [
            e for e in market.named("PredictionRequested") if e.args["prediction"] not in done
        ]
        owed += _total(waiting, "price")
        checks.same(
            "held by the PredictionMarket", held[market.addresses["PredictionMarket"]], owed
        )


def _check_stakes(market: Market, held: int, checks: Checks) -> None:
    staked = _total(market.named("WorkerRegistered"), "stake") + _total(market.named("StakeAdded"))
    taken = _total(market.named("Slashed"))
    gone = sum(
        e.args["amount"] for e in market.named("Withdrawn") if e.contract == "WorkerRegistry"
    )
    checks.same("held by the WorkerRegistry", held, staked - taken - gone)


class JobBook:
    """One job's lines, replayed.

    Args:
        market: the chain.
        event: its JobOpened.
    """

    def __init__(self, market: Market, event: Event) -> None:
        self.market, self.opened, self.number = market, event.args, event.args["job"]
        self.events = [e for e in market.events if e.args.get("job") == self.number]
        (values,) = read_call("open_job", market.calldata(event.tx, "JobEscrow"))
        self.spec = dict(zip(JOB_SPEC, values, strict=True))

    def _of(self, name: str, **equal: Any) -> list[Event]:
        found = [e for e in self.events if e.contract == "JobEscrow" and e.name == name]
        return [e for e in found if all(e.args[k] == v for k, v in equal.items())]

    def check(self, checks: Checks) -> None:
        """All lines of the job."""
        name = f"job {self.number}"
        lines = ("data_fee", "compute", "reserve", "node_fee", "chain_fee")
        slashed = _total(self._of("Voided"), "slashed")
        opened = sum(self.opened[line] for line in lines)
        outs = ("DataFeePaid", "SegmentPaid", "Compensated", "ChainRepaid", "NodePaid")
        gone = sum(_total(self._of(out)) for out in (*outs, "BuyerRefunded", "PotBurnt"))
        checks.same(f"{name}: opened and slashed = paid, given back, burnt", opened + slashed, gone)
        amount = self.spec["num_shards"] * self.spec["num_rounds"] * self.spec["replicas"]
        checks.same(
            f"{name}: compute line", self.opened["compute"], amount * self.spec["segment_price"]
        )
        by_registry = _total(self.market.named("Slashed", job=self.number))
        checks.same(f"{name}: slashed", slashed, by_registry)
        fees = [event.args["amount"] for event in self._of("DataFeePaid")]
        paid = [self.opened["data_fee"]] if self.opened["data_fee"] else []
        checks.same(f"{name}: data fee", fees, paid)
        node = [e.args["amount"] for e in self._of("NodePaid")]
        checks.same(f"{name}: node fee", node, [self.opened["node_fee"]])
        self._check_wages(checks)
        self._check_chain_line(checks)
        self._check_end(checks)

    def _check_wages(self, checks: Checks) -> None:
        paid = self._of("SegmentPaid")
        places = [(e.args["segment"], e.args["owner"], e.args["source"]) for e in paid]
        twice = [place for place, count in Counter(places).items() if count > 1]
        checks.same(f"job {self.number}: places paid twice", [], twice)
        wages: dict[tuple[int, str], int] = defaultdict(int)
        for event in paid:
            wages[event.args["segment"], event.args["owner"]] += event.args["amount"]
        offers: dict[str, int] = {}
        for event in self._of("Reserved"):
            before = self.market.events[: self.market.events.index(event)]
            fee = workers_after(before)[event.args["owner"]].min_fee
            offers.setdefault(event.args["owner"], fee)
        wrong = [place for place, wage in wages.items() if wage != offers[place[1]]]
        checks.same(f"job {self.number}: wages that are not the owner's offer", [], wrong)
        count = self.opened["num_shards"] * self.opened["num_rounds"] * self.opened["replicas"]
        checks.same(f"job {self.number}: places paid", len(wages), count)

    def _check_chain_line(self, checks: Checks) -> None:
        left, found = self.opened["chain_fee"], []
        calls = dict.fromkeys(
            e.tx
            for e in self.events
            if e.name in {"Reserved", "SegmentAccepted", "Voided", "JobFinished"}
        )
        for _ in calls:
            amount = min(self.spec["chain_price"], left)
            left -= amount
            found += [amount] if amount else []
        told = [event.args["amount"] for event in self._of("ChainRepaid")]
        checks.same(f"job {self.number}: transactions repaid", told, found)

    def _wronged(self) -> list[tuple[int, str]]:
        active: dict[int, list[str]] = defaultdict(list)
        found: list[tuple[int, str]] = []
        shards = self.opened["num_shards"]
        for event in self.events:
            if event.name == "Reserved":
                for shard in shards_of(event.args["shards"]):
                    active[shard].append(event.args["owner"])
            elif event.name == "Voided":
                segment = event.args["segment"]
                owners = active[segment % shards]
                owners.remove(event.args["owner"])
                new = [(segment, owner) for owner in owners if (segment, owner) not in found]
                found += new if event.args["kind"] == WRONG else []
        return found[:MAX_WRONGED]

    def _check_end(self, checks: Checks) -> None:
        offers = {e.args["owner"]: e.args["price"] for e in self._of("Reserved")}
        finished = self.market.events.index(self._of("JobFinished")[0])
        registry = workers_after(self.market.events[:finished])
        due = [
            (s, o, offers[o]) for s, o in self._wronged() if not registry[o].barred and offers[o]
        ]
        by_source = {
            source: _total(self._of("SegmentPaid", source=source))
            for source in (COMPUTE, POT, RESERVE)
        }
        pot = _total(self._of("Voided"), "slashed") - by_source[POT]
        whole = sum(price for _, _, price in due)
        owed = [(s, o, price if pot >= whole else price * pot // whole) for s, o, price in due]
        told = [
            (e.args["segment"], e.args["owner"], e.args["amount"]) for e in self._of("Compensated")
        ]
        expected = [entry for entry in owed if entry[2]]
        checks.same(f"job {self.number}: wronged owners paid", told, expected)
        pot -= sum(amount for _, _, amount in owed)
        wronged = {event.args["segment"] for event in self._of("Voided", kind=WRONG)}
        buyer_due = sum(
            e.args["amount"]
            for e in self._of("SegmentPaid")
            if e.args["segment"] in wronged and e.args["source"] != POT
        )
        to_buyer = min(pot, buyer_due)
        back = (
            self.opened["compute"] - by_source[COMPUTE]
            + self.opened["reserve"] - by_source[RESERVE]
            + self.opened["chain_fee"] - _total(self._of("ChainRepaid"))
            + to_buyer
        )  # fmt: skip
        refunds = [event.args["amount"] for event in self._of("BuyerRefunded")]
        checks.same(f"job {self.number}: back to the buyer", refunds, [back])
        burnt = [event.args["amount"] for event in self._of("PotBurnt")]
        rest = [pot - to_buyer] if pot > to_buyer else []
        checks.same(f"job {self.number}: burnt", burnt, rest)
