"""The demo's JSON: read back from the chain and the store, nothing from the player's memory.

The player only names the things (which job, which prediction, who is who); every figure is
read from events, balances and blobs, as anybody else could.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databright.chain.bindings import Event
from databright.chain.market_contracts import MarketContracts
from databright.chain.snapshots import row_numbers
from databright.custody.exposure import ExposureLedger
from databright.lifecycle import STEPS
from databright.programs.schedule import shard_rows
from databright.storage.base import Store
from databright.units import Address, Amount
from databright.views.money import Transfer, conservation, payments_out
from databright.wiring.demo.blobs import read_json
from databright.wiring.demo.roles import roles_of
from databright.wiring.demo.shown import Shown, acts

SCHEMA_VERSION = 2
REVISED = 6


@dataclass(frozen=True)
class Played:
    """What the player knows and the chain does not say.

    Attributes:
        seed: the demo's seed.
        names: address -> keystore name.
        kinds: proposal id -> "honest", "flipped" or "copy".
        shown: what the new acts were about.
        refused: cap, owners needed and owners available of the refused plan.
        job: job id.
        prediction: prediction id.
        anvil: version of the node, or of what stood in for it.
    """

    seed: int
    names: Mapping[Address, str]
    kinds: Mapping[int, str]
    shown: Shown
    refused: tuple[int, int, int]
    job: int
    prediction: int
    anvil: str


def versions(anvil: str) -> dict[str, str]:
    """Versions of the parts whose behaviour shows in the figures.

    Args:
        anvil: the node's version.

    Returns:
        Name -> version.
    """
    found = {"python": platform.python_version(), "anvil": anvil}
    for package in ("databright", "torch", "numpy", "scikit-learn", "web3", "cryptography"):
        found[package] = importlib.metadata.version(package)
    return found


def build_story(contracts: MarketContracts, store: Store, played: Played) -> dict[str, Any]:
    """Make the demo's JSON.

    Args:
        contracts: the market.
        store: the content store.
        played: what only the player knows.

    Returns:
        The document that story.schema.json describes.
    """
    events = contracts.events()
    job = _job(contracts, store, events, played.job)
    return {
        "schema_version": SCHEMA_VERSION,
        "seed": played.seed,
        "versions": versions(played.anvil),
        "events": _transactions(contracts, events, played.names),
        "proposals": _proposals(store, events, played.kinds),
        "refused_plan": {
            "cap_bps": played.refused[0],
            "owners_needed": played.refused[1],
            "owners_available": played.refused[2],
        },
        **acts(contracts, store, events, played.shown),
        "job": job,
        **_money(contracts, events, played.names),
        "prediction": _prediction(contracts, events, played.prediction),
    }


def _transactions(
    contracts: MarketContracts, events: Sequence[Event], names: Mapping[Address, str]
) -> list[dict[str, Any]]:
    rank = {step.event: number for number, step in enumerate(STEPS)}
    best: dict[str, Event] = {}
    for event in events:
        if event.name not in rank:
            continue
        known = best.get(event.tx_hash)
        if known is None or rank[event.name] < rank[known.name]:
            best[event.tx_hash] = event
    rows = []
    for tx, event in best.items():
        sender = contracts.chain.sender(tx)
        rows.append(
            {
                "name": event.name,
                "actor": names.get(sender, sender),
                "tx": tx,
                "block": event.block_number,
            }
        )
    return sorted(rows, key=lambda row: (row["block"], row["tx"]))


def _proposals(
    store: Store, events: Sequence[Event], kinds: Mapping[int, str]
) -> list[dict[str, Any]]:
    proposed = {e.args["proposal"]: e for e in events if e.name == "Proposed"}
    settled = {e.args["proposal"]: e for e in events if e.name == "Settled"}
    rows = [
        _revised(event, proposed, kinds)
        for event in events
        if event.name == "Settled" and event.args["status"] == REVISED
    ]
    for event in events:
        if event.name != "Executed":
            continue
        number = event.args["proposal"]
        figures = read_json(store, bytes(event.args["evidence"]))
        rows.append(
            {
                "id": number,
                "contributor": proposed[number].args["proposer"],
                "kind": kinds.get(number, "honest"),
                "verdict": "accepted" if event.args["status"] == 2 else "rejected",
                "reason": reason_of(store, events, number, bytes(event.args["evidence"])),
                "copy_of": event.args["copy_of"] or None,
                "log_loss_gain": figures["gain"]["mean"],
                "ci95": [figures["gain"]["low"], figures["gain"]["high"]],
                "shares": str(settled[number].args["shares"]),
            }
        )
    return sorted(rows, key=lambda row: int(row["id"]))


def _revised(
    event: Event, proposed: Mapping[int, Event], kinds: Mapping[int, str]
) -> dict[str, Any]:
    number = event.args["proposal"]
    after = next(one for one, e in proposed.items() if e.args["revises"] == number)
    return {
        "id": number,
        "contributor": proposed[number].args["proposer"],
        "kind": kinds.get(number, "honest"),
        "verdict": "revised",
        "reason": f"revised as proposal {after}",
        "copy_of": None,
        "log_loss_gain": 0.0,
        "ci95": [0.0, 0.0],
        "shares": "0",
    }


def reason_of(store: Store, events: Sequence[Event], proposal: int, figures: bytes) -> str:
    """The evaluators' words on a proposal.

    Args:
        store: the content store.
        events: the market's events.
        proposal: its id.
        figures: digest of the figures that decided.

    Returns:
        The reason in the signed evidence that names these figures.
    """
    for event in events:
        if event.name == "EvidencePublished" and event.args["proposal"] == proposal:
            signed = read_json(store, bytes(event.args["evidence"]))
            if signed["figures"] == figures.hex():
                return str(signed["reason"])
    return ""


def exposures(
    contracts: MarketContracts, store: Store, events: Sequence[Event], dataset: int, snapshot: int
) -> dict[Address, int]:
    """Exposure of every owner to a snapshot's points, over all jobs of its dataset.

    Args:
        contracts: the market.
        store: the content store.
        events: the market's events.
        dataset: id.
        snapshot: whose points are the whole.

    Returns:
        Owner -> basis points of the snapshot's points ever reserved for it, rounded up.
    """
    whole = set(row_numbers(contracts, dataset, snapshot).tolist())
    ledger = ExposureLedger()
    owners: set[Address] = set()
    opened = {e.args["job"]: e for e in events if e.name == "JobOpened"}
    for event in events:
        if event.name != "Reserved" or opened[event.args["job"]].args["dataset"] != dataset:
            continue
        spec = read_json(store, bytes(opened[event.args["job"]].args["spec"]))
        # Rows have lasting numbers, whatever entries a snapshot has lost.
        numbers = row_numbers(contracts, dataset, int(spec["snapshot"]))
        shards = shard_rows(len(numbers), int(spec["num_shards"]), int(spec["seed"]))
        for number, shard in enumerate(shards):
            if int(event.args["shards"]) >> number & 1:
                points = [int(row) for row in numbers[shard] if int(row) in whole]
                ledger.reserve(dataset, Address(event.args["owner"]), points)
                owners.add(Address(event.args["owner"]))
    return {owner: ledger.exposure_bps(dataset, owner, len(whole)) for owner in sorted(owners)}


def _job(
    contracts: MarketContracts, store: Store, events: Sequence[Event], job: int
) -> dict[str, Any]:
    mine = [e for e in events if e.args.get("job") == job]
    opened = next(e for e in mine if e.name == "JobOpened").args
    finished = next(e for e in mine if e.name == "JobFinished").args
    final = read_json(store, bytes(finished["receipt"]))
    rejected = []
    for event in mine:
        if event.name == "Voided" and event.args["kind"] == 1:
            verdict = read_json(store, bytes(event.args["evidence"]))
            rejected.append(
                {
                    "segment": event.args["segment"],
                    "worker": event.args["owner"],
                    "reason": str(verdict["reason"]),
                }
            )
    spec = read_json(store, bytes(opened["spec"]))
    correct, total = final["holdout_accuracy"]
    return {
        "id": job,
        "program": bytes(opened["program"]).hex(),
        "segments": opened["num_shards"] * opened["num_rounds"],
        "replicas": opened["replicas"],
        "cap_bps": opened["cap_bps"],
        "exposure_by_owner_bps": dict(
            exposures(contracts, store, events, opened["dataset"], int(spec["snapshot"]))
        ),
        "rejected_results": rejected,
        "holdout_accuracy": correct / total,
        "weights_sha256": bytes(finished["weights"]).hex(),
    }


def _money(
    contracts: MarketContracts, events: Sequence[Event], names: Mapping[Address, str]
) -> dict[str, Any]:
    token = contracts.token.address
    databases = [e.args["database"] for e in events if e.name == "DatasetCreated"]
    inside = dict.fromkeys((Address(address) for address in databases), "Database") | {
        address: name
        for name, address in contracts.deployment.addresses.items()
        if name not in ("MarketToken", "DatabaseBlueprint")
    }
    transfers = [
        Transfer(
            Address(e.args["sender"]),
            Address(e.args["receiver"]),
            Amount(e.args["value"]),
            e.tx_hash,
            e.block_number,
        )
        for e in events
        if e.name == "Transfer" and e.address == token
    ]
    held = sum(int(contracts.token.call("balanceOf", address)) for address in inside)
    sums = conservation(transfers, inside, Amount(held))
    return {
        "payments": [
            {"to": p.to, "role": p.role, "amount": str(p.amount), "why": p.why}
            for p in payments_out(transfers, inside, roles_of(events))
        ],
        "conservation": {
            "in": str(sums.paid_in),
            "out": str(sums.paid_out),
            "held": str(sums.held),
            "difference": str(sums.difference),
        },
    }


def _prediction(
    contracts: MarketContracts, events: Sequence[Event], prediction: int
) -> dict[str, Any]:
    mine = {e.name: e for e in events if e.args.get("prediction") == prediction}
    requested, done = mine["PredictionRequested"].args, mine["PredictionFulfilled"]
    fulfilled = done.args
    model = contracts.models.call("model", requested["model"])
    owner, dataset = Address(model[0]), int(model[2])
    split: dict[str, int] = {}

    def add(to: str, amount: int) -> None:
        if amount:
            split[to] = split.get(to, 0) + amount

    add(fulfilled["worker"], int(fulfilled["worker_fee"]))
    add(owner, int(fulfilled["owner_amount"]))
    add(requested["payer"], int(fulfilled["returned"]))
    data = int(fulfilled["data_amount"])
    funded = next(e for e in events if e.tx_hash == done.tx_hash and e.name == "Funded")
    holders = data_split(events, funded, data)
    for holder, amount in holders.items():
        add(holder, amount)
    # What rounding leaves over stays in the Database.
    add(contracts.database(dataset).address, data - sum(holders.values()))
    return {"paid": str(requested["price"]), "split": {to: str(n) for to, n in split.items()}}


def data_split(events: Sequence[Event], funded: Event, amount: int) -> dict[Address, int]:
    """What each shareholder of a snapshot earns from one payment into its share stream.

    Args:
        events: the market's events in chain order.
        funded: the payment; whoever holds shares then earns of it.
        amount: base units paid in.

    Returns:
        Holder -> base units, rounded down for each holding.
    """
    database, snapshot = funded.address, int(funded.args["snapshot"])
    born = {
        int(e.args["proposal"]): int(e.args["snapshot"])
        for e in events
        if e.name == "Settled" and e.args["status"] == 2
    }
    ended = {
        int(e.args["tranche"]): int(e.args["snapshot"])
        for e in events
        if e.name == "Ended" and e.address == database
    }
    held: dict[tuple[int, Address], int] = {}
    for event in events[: events.index(funded)]:
        if event.name == "Transfer" and event.address == database:
            tranche, count = int(event.args["id"]), int(event.args["amount"])
            for who, change in ((event.args["sender"], -count), (event.args["receiver"], count)):
                key = (tranche, Address(who))
                held[key] = held.get(key, 0) + change
    inside = {
        key: count
        for key, count in held.items()
        if count > 0
        and born[key[0]] <= snapshot
        and (key[0] not in ended or snapshot < ended[key[0]])
    }
    total = sum(inside.values())
    found: dict[Address, int] = {}
    for (_, holder), count in inside.items():
        found[holder] = found.get(holder, 0) + amount * count // total
    return found
