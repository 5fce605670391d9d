"""The proof of one point: from its leaf to the chain, and to the models that used it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.verifier import points_again
from tests.verifier.assembly import Assembly
from tests.verifier.checks import Checks
from tests.verifier.content import Content
from tests.verifier.rules_again import UNIT
from tests.verifier.snapshots_again import Registry, registry_of

MAX_BYTES = 1_500
"""A proof is to be below this (docs/design/provenance.md)."""


def check_point(
    told: Mapping[str, Any], blob: bytes, assembly: Assembly, content: Content, checks: Checks
) -> None:
    """Hold a proof against the chain.

    Args:
        told: the story's point_proof.
        blob: the proof's bytes.
        assembly: the replayed market.
        content: the store.
        checks: where comparisons go.
    """
    checks.same("point proof: bytes", told["bytes"], len(blob))
    checks.holds(f"point proof: below {MAX_BYTES} bytes", len(blob) < MAX_BYTES, len(blob))
    proof = points_again.read(blob)
    for name, holds in points_again.holds(proof).items():
        checks.holds(f"point proof: {name}", holds)
    number, snapshot = proof["terms"]["proposal"], proof["snapshot"]
    said = [told["proposal"], told["index"], told["snapshot"]]
    checks.same("point proof: of", said, [number, proof["index"], snapshot])
    known = assembly.terms[number]
    checks.same("point proof: terms on chain", proof["terms"], known)
    commitment = points_again.commitment(known)
    checks.same("point proof: commitment on chain", proof["commitment"], commitment)
    registry = registry_of(assembly.market, number // UNIT)
    entry = registry.entries[number]
    placed = [entry.proposal for entry in registry.entries_in(snapshot)]
    found = [entry.shares, entry.born, placed.index(number), len(placed)]
    said = [proof[name] for name in ("shares", "born", "entry", "entries")]
    checks.same("point proof: entry of the snapshot", said, found)
    root = registry.root(snapshot)
    checks.same("point proof: root of the snapshot", proof["snapshot_root"], root)
    _check_owner(proof, assembly, content, checks)
    _check_models(told, proof, assembly, registry, checks)


def _check_owner(
    proof: Mapping[str, Any], assembly: Assembly, content: Content, checks: Checks
) -> None:
    """The point lies in the part of the owner that it names, and in that part's sealed rows."""
    number = proof["terms"]["proposal"]
    parts = content.json(proof["terms"]["ref"], "databright/sealed-rows/v1")["parts"]
    start, found = 0, ["", b""]
    for part in parts:
        if start <= proof["index"] < start + part["num_rows"]:
            found = [part["owner"], content.digest_of(part["ciphertext"])]
        start += part["num_rows"]
    checks.same("point proof: owner and rows", [proof["owner"], proof["cid"]], found)
    licence = assembly.poll_of(number).rules["licence"]
    manifest = content.json(proof["terms"]["manifest"], "databright/manifest/v2")
    own = bytes.fromhex(manifest.get("licence_text", ""))
    checks.holds(
        "point proof: licence is the dataset's or the manifest's",
        proof["licence"] in {licence, own},
        proof["licence"],
    )


def _check_models(
    told: Mapping[str, Any], proof: Mapping[str, Any], assembly: Assembly, registry: Registry,
    checks: Checks,
) -> None:  # fmt: skip
    market, entry = assembly.market, registry.entries[proof["terms"]["proposal"]]
    dataset = entry.proposal // UNIT
    used = []
    for event in market.named("ModelRegistered", dataset=dataset):
        if entry.is_in(event.args["snapshot"]):
            args = event.args
            used.append((args["model"], args["job"], args["snapshot"], args["weights"]))
    checks.same("point proof: models that used it", sorted(proof["models"]), sorted(used))
    checks.same("point proof: models told", [*told["models"]], [model for model, *_ in used])
