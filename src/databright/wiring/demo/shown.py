"""The acts of governance in the demo's JSON: each figure read from events and blobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databright.chain.bindings import Event
from databright.chain.market_contracts import MarketContracts
from databright.custody.blobs import read_blob
from databright.custody.references import MAX_REF_BYTES
from databright.custody.sealed_rows import SealedParts
from databright.records.point_proof_forms import proof_from_bytes
from databright.storage.base import Store
from databright.units import Address, Digest
from databright.wiring.demo.blobs import read_json

LENT_YES = 2
UPHELD = 2


@dataclass(frozen=True)
class Shown:
    """What the player knows of the acts: which proposal each was about.

    Attributes:
        batch: proposal in two parts.
        revision: the revision that was decided.
        override: proposal on which an oracle was overridden.
        relay: proposal on which signed ballots were handed in.
        challenge: proposal whose verdict was challenged.
        transfer: tranche of which shares were sold.
        seller: who sold them.
        buyer: who bought them.
        takedown: the motion that took a tranche down.
        proof: file of the proof of a point.
    """

    batch: int
    revision: int
    override: int
    relay: int
    challenge: int
    transfer: int
    seller: Address
    buyer: Address
    takedown: int
    proof: Path


def acts(
    contracts: MarketContracts, store: Store, events: Sequence[Event], shown: Shown
) -> dict[str, Any]:
    """The objects that the acts add to the story.

    Args:
        contracts: the market.
        store: the content store.
        events: its events in chain order.
        shown: what the player knows.

    Returns:
        batch, revision, override, relay, challenge, transfer, point_proof and takedown.
    """
    return {
        "batch": _batch(store, events, shown.batch),
        "revision": _revision(events, shown.revision),
        "override": _override(events, shown.override),
        "relay": _relay(events, shown.relay),
        "challenge": _challenge(store, events, shown.challenge),
        "transfer": _transfer(contracts, events, shown),
        "point_proof": _proof(shown.proof),
        "takedown": _takedown(events, shown.takedown),
    }


def _one(events: Sequence[Event], name: str, **equal: object) -> Event:
    return next(
        e for e in events if e.name == name and all(e.args[k] == v for k, v in equal.items())
    )


def _batch(store: Store, events: Sequence[Event], number: int) -> dict[str, Any]:
    proposed = _one(events, "Proposed", proposal=number).args
    sealed = SealedParts.from_json(read_blob(store, Digest(proposed["ref"]), MAX_REF_BYTES))
    return {
        "proposal": number,
        "root": bytes(proposed["root"]).hex(),
        "parts": [
            {"owner": part.owner, "cid": str(part.ref.ciphertext), "num_rows": part.num_rows}
            for part in sealed.parts
        ],
    }


def _revision(events: Sequence[Event], number: int) -> dict[str, Any]:
    thread = [number]
    while before := _one(events, "Proposed", proposal=thread[0]).args["revises"]:
        thread.insert(0, before)
    return {"thread": thread, "proposal": number}


def _override(events: Sequence[Event], number: int) -> dict[str, Any]:
    lent = _one(events, "VotedLent", proposal=number).args
    taken = _one(events, "Overridden", proposal=number, lender=lent["lender"]).args
    own = _one(events, "Voted", proposal=number, voter=lent["lender"]).args
    return {
        "proposal": number,
        "lender": lent["lender"],
        "oracle": lent["oracle"],
        "oracle_support": bool(lent["support"]),
        "own_support": bool(own["support"]),
        "weight": str(taken["weight"]),
    }


def _relay(events: Sequence[Event], number: int) -> dict[str, Any]:
    repaid = _one(events, "BallotsRepaid", proposal=number)
    ballots = [e for e in events if e.name == "Voted" and e.tx_hash == repaid.tx_hash]
    return {
        "proposal": number,
        "relayer": repaid.args["relayer"],
        "ballots": len(ballots),
        "repaid": str(repaid.args["amount"]),
    }


def _challenge(store: Store, events: Sequence[Event], number: int) -> dict[str, Any]:
    made = _one(events, "Challenged", proposal=number)
    decided = _one(events, "ChallengeDecided", proposal=number)
    slashed = [
        e.args for e in events if e.name == "EvaluatorSlashed" and e.args["proposal"] == number
    ]
    pot = sum(int(one["amount"]) for one in slashed)
    reward = min(pot, 2 * int(made.args["bond"]))
    first = [one["evaluator"] for one in slashed]
    return {
        "proposal": number,
        "challenger": made.args["challenger"],
        "bond": str(made.args["bond"]),
        "base": made.args["base"],
        "claimed_amount": str(made.args["amount"]),
        "measured_outcome": decided.args["outcome"],
        "measured_amount": str(decided.args["amount"]),
        "first_signers": first,
        "second_signers": _others(store, events, decided, first),
        "status": "upheld" if decided.args["status"] == UPHELD else "not upheld",
        "reward": str(reward),
        "burnt": str(pot - reward),
    }


def _others(
    store: Store, events: Sequence[Event], decided: Event, first: Sequence[str]
) -> list[str]:
    """Who measured again: others whose published evidence names the figures that decided."""
    found = set()
    for event in events:
        if event.name != "EvidencePublished" or event.args["evaluator"] in first:
            continue
        if event.args["proposal"] == decided.args["proposal"]:
            signed = read_json(store, bytes(event.args["evidence"]))
            if signed["figures"] == bytes(decided.args["evidence"]).hex():
                found.add(str(event.args["evaluator"]))
    return sorted(found, key=lambda who: int(who, 16))


def _transfer(contracts: MarketContracts, events: Sequence[Event], shown: Shown) -> dict[str, Any]:
    moved = next(
        e
        for e in events
        if e.name == "Transfer"
        and e.address != contracts.token.address
        and e.args["id"] == shown.transfer
        and e.args["sender"] == shown.seller
    )
    credited = [
        int(e.args["amount"]) for e in events if e.name == "Credited" and e.tx_hash == moved.tx_hash
    ]
    return {
        "tranche": shown.transfer,
        "from": shown.seller,
        "to": shown.buyer,
        "shares": str(moved.args["amount"]),
        "credited": str(sum(credited)),
    }


def _proof(path: Path) -> dict[str, Any]:
    blob = path.read_bytes()
    proof = proof_from_bytes(blob)
    return {
        "proposal": proof.terms.proposal,
        "index": proof.point.index,
        "bytes": len(blob),
        "snapshot": proof.snapshot.number,
        "models": [use.model for use in proof.uses],
    }


def _takedown(events: Sequence[Event], motion: int) -> dict[str, Any]:
    enacted = _one(events, "Enacted", motion=motion)
    taken = next(e for e in events if e.name == "TakenDown" and e.tx_hash == enacted.tx_hash).args
    ended = next(e for e in events if e.name == "Ended" and e.tx_hash == enacted.tx_hash).args
    tranche = taken["tranche"]
    born = _one(events, "Settled", proposal=tranche).args["snapshot"]
    redirected = [
        int(e.args["amount"])
        for e in events
        if e.name == "Redirected" and e.args["tranche"] == tranche
    ]
    models = [
        e.args["model"]
        for e in events
        if e.name == "ModelRegistered" and born <= e.args["snapshot"] < ended["snapshot"]
    ]
    erased = dict.fromkeys(
        e.args["node"] for e in events if e.name == "Erased" and e.args["tranche"] == tranche
    )
    return {
        "motion": motion,
        "tranche": tranche,
        "to": taken["to"],
        "snapshot": ended["snapshot"],
        "redirected": str(sum(redirected)),
        "erased_by": list(erased),
        "flagged_models": models,
    }
