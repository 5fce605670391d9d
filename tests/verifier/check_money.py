"""All money again: payments, conservation, the prediction's split, dividends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tests.verifier.assignment_again import workers_after
from tests.verifier.check_proposals import rules_of
from tests.verifier.checks import Checks
from tests.verifier.export import ZERO, Event, Market

ONE = 2**64
_WHY = {
    ("DataAssociation", "contributor"): "bonds, fees and awards returned or earned",
    ("DataAssociation", "node"): "evaluation fees",
    ("DataAssociation", "initiator"): "rest of the request's escrow",
    ("Database", "contributor"): "dividends",
    ("WorkerRegistry", "worker"): "stake returned",
    ("JobEscrow", "worker"): "wages",
    ("JobEscrow", "node"): "node fee and chain costs",
    ("JobEscrow", "buyer"): "rest of the job's escrow",
    ("PredictionMarket", "worker"): "wages of predictions",
    ("PredictionMarket", "model_owner"): "income of predictions",
    ("PredictionMarket", "buyer"): "prediction returned",
}
"""(who pays, role of the payee) -> what for (docs/design/story.md)."""
_ROLES = {
    "NodeRegistered": (("operator", "node"),),
    "WorkerRegistered": (("owner", "worker"),),
    "RequestOpened": (("initiator", "initiator"),),
    "Proposed": (("payee", "contributor"), ("proposer", "contributor")),
    "JobOpened": (("buyer", "buyer"),),
    "ModelRegistered": (("owner", "model_owner"),),
    "PredictionRequested": (("payer", "buyer"),),
}
"""What makes an address play a role."""


def balances(market: Market) -> dict[str, int]:
    """What everybody holds, by the token's transfers alone."""
    found: dict[str, int] = defaultdict(int)
    for event in market.transfers:
        found[event.args["sender"]] -= event.args["amount"]
        found[event.args["receiver"]] += event.args["amount"]
    return found


def check_money(story: Mapping[str, Any], market: Market, checks: Checks) -> None:
    """Payments and conservation of the story, against transfers and balances."""
    roles: dict[str, list[str]] = defaultdict(list)
    for event in market.events:
        for key, role in _ROLES.get(event.name, ()):
            if role not in roles[event.args[key]]:
                roles[event.args[key]].append(role)
    inside, paid, paid_in, paid_out = market.inside, [], 0, 0
    for event in market.transfers:
        sender, receiver, amount = (event.args[k] for k in ("sender", "receiver", "amount"))
        paid_in += amount if receiver in inside and sender not in inside else 0
        if sender in inside and receiver not in inside:
            paid_out += amount
            role, why = _purpose(inside[sender], receiver, roles[receiver])
            paid.append({"to": receiver, "role": role, "amount": str(amount), "why": why})
    checks.same("number of payments", len(story["payments"]), len(paid))
    wrong = [(t, f) for t, f in zip(story["payments"], paid, strict=False) if dict(t) != f]
    checks.same("payments that differ", [], wrong)
    held = balances(market)
    told = market.document["balances"]
    now = {address: str(held[address]) for address in told}
    checks.same("balances", dict(told), now)
    checks.same("contracts without a balance", [], sorted(set(inside) - set(told)))
    least = min(amount for holder, amount in held.items() if holder != ZERO)
    checks.holds("nobody holds less than nothing", least >= 0, least)
    total = sum(held[address] for address in inside)
    found = {
        "in": paid_in,
        "out": paid_out,
        "held": total,
        "difference": paid_in - paid_out - total,
    }
    checks.same("conservation", dict(story["conservation"]), {k: str(v) for k, v in found.items()})
    checks.same("what does not balance", story["conservation"]["difference"], "0")


def _purpose(payer: str, receiver: str, played: list[str]) -> tuple[str, str]:
    if receiver == ZERO:
        return "burn", f"burnt by {payer}"
    role = next((role for who, role in _WHY if who == payer and role in played), "holder")
    return role, _WHY.get((payer, role), f"paid by {payer}")


def check_prediction(story: Mapping[str, Any], market: Market, checks: Checks) -> None:
    """The split of the paid prediction, from the rules and the worker's fee."""
    fulfilled = market.one("PredictionFulfilled")
    number = fulfilled.args["prediction"]
    asked = market.one("PredictionRequested", prediction=number)
    model = market.one("ModelRegistered", model=asked.args["model"]).args
    price = market.events.index(asked), asked.args["price"]
    set_prices = [
        e.args["price"]
        for e in market.events[: price[0]]
        if e.name in {"ModelRegistered", "PriceSet"} and e.args["model"] == model["model"]
    ]
    checks.same("prediction: price", price[1], set_prices[-1])
    checks.same("prediction: paid", story["prediction"]["paid"], str(price[1]))
    before = market.events[: market.events.index(fulfilled)]
    fee = workers_after(before)[fulfilled.args["worker"]].min_fee
    rules = rules_of(market, model["dataset"])
    data = (price[1] - fee) * rules["prediction_bps"] // 10_000
    parts = {
        "worker_fee": fee,
        "data_amount": data,
        "owner_amount": price[1] - fee - data,
        "returned": 0,
    }
    told = {name: fulfilled.args[name] for name in parts}
    checks.same("prediction: parts", told, parts)
    node = market.sender(fulfilled.tx)
    checks.holds("prediction: by an admitted node", node in rules["nodes"], node)
    finished = market.one("JobFinished", job=model["job"]).args
    checks.same("prediction: weights of the model", model["weights"], finished["weights"])
    split: dict[str, int] = defaultdict(int)
    split[fulfilled.args["worker"]] += fee
    split[model["owner"]] += parts["owner_amount"]
    database = market.one("DatasetCreated", dataset=model["dataset"]).args["database"]
    entries = [
        e.args
        for e in market.named("Registered", dataset=model["dataset"])
        if e.args["snapshot"] <= model["snapshot"]
    ]
    shares = sum(entry["shares"] for entry in entries)
    for entry in entries:
        split[entry["contributor"]] += data * entry["shares"] // shares
    split[database] += data - sum(data * entry["shares"] // shares for entry in entries)
    found = {to: str(amount) for to, amount in split.items() if amount}
    checks.same("prediction: split", dict(story["prediction"]["split"]), found)
    told_sum = sum(int(amount) for amount in story["prediction"]["split"].values())
    checks.same("prediction: sum of the split", told_sum, price[1])


class Dividends:
    """One dataset's share stream, replayed with exact fractions.

    Args:
        market: the chain.
        dataset: id.
    """

    def __init__(self, market: Market, dataset: int) -> None:
        self.events = market.events
        self.dataset = dataset
        self.born: dict[int, int] = {}
        self.size: dict[int, int] = {}
        self.stream: list[tuple[int, int]] = []
        self.alone: dict[int, int] = defaultdict(int)
        self.shares: dict[tuple[int, str], int] = defaultdict(int)
        self.counted: dict[tuple[int, str], int] = defaultdict(int)
        self.pending: dict[tuple[int, str], int] = defaultdict(int)
        self.funded = 0
        self.claimed = 0

    def income(self, tranche: int) -> int:
        """Income of one share since the tranche's birth, times 2^64."""
        stream = sum(each for snapshot, each in self.stream if snapshot >= self.born[tranche])
        return stream + self.alone[tranche]

    def settle(self, tranche: int, holder: str) -> None:
        """Count what a holder has earned so far."""
        key, now = (tranche, holder), self.income(tranche)
        self.pending[key] += self.shares[key] * (now - self.counted[key])
        self.counted[key] = now

    def owed(self) -> Fraction:
        """What all holders have earned and not taken, base units."""
        for tranche, holder in list(self.shares):
            self.settle(tranche, holder)
        return Fraction(sum(self.pending.values()), ONE)

    def replay(self, checks: Checks) -> None:
        """Go through all events; every claim is compared when it comes."""
        steps = {
            "Registered": self._registered,
            "Funded": self._funded,
            "TrancheFunded": self._tranche_funded,
        }
        for event in self.events:
            if event.contract == "CuratorToken" and event.name == "Transfer":
                self._moved(event)
            elif event.contract != "Database" or event.args.get("dataset") != self.dataset:
                continue
            elif event.name == "Claimed":
                self._claimed(event, checks)
            elif event.name in steps:
                steps[event.name](event.args)

    def _registered(self, args: Mapping[str, Any]) -> None:
        self.born[args["proposal"]] = args["snapshot"]
        self.size[args["proposal"]] = args["shares"]

    def _funded(self, args: Mapping[str, Any]) -> None:
        sizes = [self.size[t] for t, born in self.born.items() if born <= args["snapshot"]]
        self.stream.append((args["snapshot"], args["amount"] * ONE // sum(sizes)))
        self.funded += args["amount"]

    def _tranche_funded(self, args: Mapping[str, Any]) -> None:
        self.alone[args["tranche"]] += args["amount"] * ONE // self.size[args["tranche"]]
        self.funded += args["amount"]

    def _moved(self, event: Event) -> None:
        tranche, amount = event.args["id"], event.args["amount"]
        if tranche not in self.born:
            return
        for holder, change in ((event.args["sender"], -amount), (event.args["receiver"], amount)):
            if holder != ZERO:
                self.settle(tranche, holder)
                self.shares[tranche, holder] += change

    def _claimed(self, event: Event, checks: Checks) -> None:
        tranche, holder = event.args["tranche"], event.args["holder"]
        self.settle(tranche, holder)
        earned = Fraction(self.pending[tranche, holder], ONE)
        whole = earned.numerator // earned.denominator
        checks.same(f"claim of {holder} on tranche {tranche}", event.args["amount"], whole)
        self.pending[tranche, holder] -= whole * ONE
        self.claimed += whole


def check_dividends(market: Market, checks: Checks) -> None:
    """Every claim, and what stays in each Database."""
    held = balances(market)
    for event in market.named("DatasetCreated"):
        dataset, database = event.args["dataset"], event.args["database"]
        dividends = Dividends(market, dataset)
        dividends.replay(checks)
        rest = dividends.funded - dividends.claimed
        checks.same(f"dataset {dataset}: held by its Database", held[database], rest)
        owed = dividends.owed()
        checks.holds(f"dataset {dataset}: enough for all", owed <= rest, float(owed))
        checks.holds(
            f"dataset {dataset}: only rounding is left ({rest} base units)",
            rest < len(dividends.born) + len(dividends.stream) + len(dividends.alone) + 1,
        )
