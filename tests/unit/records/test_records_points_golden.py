"""Figures that never change: whoever changes them breaks every proof that was handed out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from databright.records.point_proof import ModelUse, PointProof, is_sound, prove_point, verify
from databright.records.point_proof_forms import proof_from_text, proof_to_text
from databright.records.points import Part, PointTree
from databright.records.rows import Rows, row_digests
from databright.records.terms import SnapshotEntry, Terms, snapshot_tree
from databright.units import Digest

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = json.loads((ROOT / "tests" / "verifier" / "points_golden.json").read_bytes())


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def digest(text: str) -> Digest:
    return Digest(raw(text))


def tree() -> PointTree:
    return PointTree(
        [
            Part(
                one["owner"],
                digest(one["cid_digest"]),
                raw(one["secret"]),
                row_digests(
                    Rows(np.array(one["features"], np.float32), np.array(one["labels"], np.int64))
                ),
            )
            for one in GOLDEN["parts"]
        ]
    )


def terms() -> Terms:
    values: dict[str, Any] = {
        name: raw(value) if name in {"root", "ref", "manifest"} else value
        for name, value in GOLDEN["terms"].items()
    }
    return Terms(**values)


def entries() -> list[SnapshotEntry]:
    return [
        SnapshotEntry(one["proposal"], raw(one["commitment"]), one["shares"], one["born"])
        for one in GOLDEN["entries"]
    ]


def proof() -> PointProof:
    return prove_point(
        tree(),
        GOLDEN["index"],
        terms(),
        entries=entries(),
        snapshot=GOLDEN["snapshot"],
        licence=digest(GOLDEN["licence"]),
        value=GOLDEN["value"],
        uses=[
            ModelUse(one["model"], one["job"], one["snapshot"], digest(one["weights"]))
            for one in GOLDEN["models"]
        ],
    )


def test_leaves_and_root() -> None:
    assert tree().leaves == b"".join(raw(leaf) for leaf in GOLDEN["leaves"])
    assert tree().root == raw(GOLDEN["root"])


def test_commitment_and_root_of_the_snapshot() -> None:
    assert terms().commitment() == raw(GOLDEN["commitment"])
    assert snapshot_tree(entries()).root == raw(GOLDEN["snapshot_root"])


def test_the_proof_to_the_byte() -> None:
    assert proof_to_text(proof()) == GOLDEN["proof"]
    found = proof_from_text(GOLDEN["proof"])
    assert found == proof()
    known = {
        "commitment_on_chain": raw(GOLDEN["commitment"]),
        "snapshot_root": raw(GOLDEN["snapshot_root"]),
    }
    assert is_sound(verify(found, **known, num_entries=len(GOLDEN["entries"])))
