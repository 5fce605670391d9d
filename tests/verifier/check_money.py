"""All money again: payments, conservation, the prediction's split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from tests.verifier.assignment_again import workers_after
from tests.verifier.checks import Checks
from tests.verifier.export import ZERO, Event, Market
from tests.verifier.income_again import holders_at
from tests.verifier.rules_again import rules_of
from tests.verifier.snapshots_again import registry_of

_WHY = {
    ("DataAssociation", "contributor"): "deposits, bonds and fees returned",
    ("DataAssociation", "node"): "evaluation fees",
    ("DataAssociation", "relayer"): "relayed ballots repaid",
    ("DataRequests", "contributor"): "awards, and fees of accepted data repaid",
    ("DataRequests", "initiator"): "rest of the request's escrow",
    ("Challenges", "challenger"): "bond and reward of a challenge",
    ("Challenges", "node"): "stakes, and fees of measuring again",
    ("Motions", "mover"): "bond of a motion returned",
    ("ValuePools", "contributor"): "part of a value pool",
    ("ValuePools", "holder"): "part of a value pool",
    ("Database", "contributor"): "dividends",
    ("Database", "holder"): "dividends of shares that were bought",
    ("Database", "successor"): "income of a tranche that was taken down",
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
    "BallotsRepaid": (("relayer", "relayer"),),
    "Challenged": (("challenger", "challenger"),),
    "Moved": (("mover", "mover"),),
    "Transfer": (("receiver", "holder"),),
    "Ended": (("redirected_to", "successor"),),
    "JobOpened": (("buyer", "buyer"),),
    "ModelRegistered": (("owner", "model_owner"),),
    "PredictionRequested": (("payer", "buyer"),),
}
"""What makes an address play a role; a Transfer counts where shares move between people."""


def roles_of(market: Market) -> dict[str, list[str]]:
    """Which roles each address plays, by what it did."""
    found: dict[str, list[str]] = defaultdict(list)
    for event in market.events:
        is_share = event.contract == "Database" and event.args.get("sender") != ZERO
        if event.name == "Transfer" and not is_share:
            continue
        for key, role in _ROLES.get(event.name, ()):
            if role not in found[event.args[key]] and event.args[key] != ZERO:
                found[event.args[key]].append(role)
    return found


def balances(market: Market) -> dict[str, int]:
    """What everybody holds, by the token's transfers alone."""
    found: dict[str, int] = defaultdict(int)
    for event in market.transfers:
        found[event.args["sender"]] -= event.args["amount"]
        found[event.args["receiver"]] += event.args["amount"]
    return found


def check_money(story: Mapping[str, Any], market: Market, checks: Checks) -> None:
    """Payments and conservation of the story, against transfers and balances."""
    roles = roles_of(market)
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
    role = next((role for who, role in _WHY if who == payer and role in played), "other")
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
    rules = rules_of(market, model["dataset"], asked.index)
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
    for to, amount in _data_split(market, model, fulfilled, data).items():
        split[to] += amount
    found = {to: str(amount) for to, amount in split.items() if amount}
    checks.same("prediction: split", dict(story["prediction"]["split"]), found)
    told_sum = sum(int(amount) for amount in story["prediction"]["split"].values())
    checks.same("prediction: sum of the split", told_sum, price[1])


def _data_split(
    market: Market, model: Mapping[str, Any], fulfilled: Event, data: int
) -> dict[str, int]:
    """What holders of the model's snapshot earn then, each rounded down; the rest stays."""
    dataset, snapshot = model["dataset"], model["snapshot"]
    registry = registry_of(market, dataset, fulfilled.index)
    percent = registry.snapshots[snapshot - 1][2]
    released = market.named("PoolReleased", dataset=dataset, snapshot=snapshot)
    is_open = not any(event.index < fulfilled.index for event in released)
    to_pool = data * percent // 100 if is_open else 0
    tranches = {entry.proposal for entry in registry.entries_in(snapshot)}
    total, found = registry.shares_in(snapshot), dict[str, int]()
    gone = {
        event.args["tranche"]: event.args["redirected_to"]
        for event in market.named("Ended", dataset=dataset)
        if event.index < fulfilled.index and event.args["redirected_to"] != ZERO
    }
    for (tranche, holder), shares in holders_at(market, dataset, fulfilled.index).items():
        if tranche in tranches:
            payee = gone.get(tranche, holder)
            found[payee] = found.get(payee, 0) + (data - to_pool) * shares // total
    database = str(market.one("DatasetCreated", dataset=dataset).args["database"])
    found[database] = data - to_pool - sum(found.values())
    found[market.addresses["ValuePools"]] = to_pool
    return found
