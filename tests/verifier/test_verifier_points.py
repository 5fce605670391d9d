"""The second reading of points by hand, by published digests and against the golden proof."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_utils.crypto import keccak

from tests.verifier import points_again

GOLDEN = json.loads((Path(__file__).parent / "points_golden.json").read_bytes())


@dataclass(frozen=True)
class Rfc:
    """A tree with its paths as RFC 9162, 2.1.5 draws it: seven leaves."""

    leaves: tuple[bytes, ...] = tuple(bytes([k]) * 32 for k in range(7))

    def node(self, left: bytes, right: bytes) -> bytes:
        return keccak(b"\1" + left + right)


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def golden_proof() -> bytes:
    text = GOLDEN["proof"]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_tree_of_seven_leaves_that_the_rfc_draws() -> None:
    tree = Rfc()
    a, b, c, d, e, f, j = tree.leaves
    g, h, i = tree.node(a, b), tree.node(c, d), tree.node(e, f)
    k, last = tree.node(g, h), tree.node(i, j)
    root = tree.node(k, last)
    assert points_again.tree_root(tree.leaves) == root
    paths = {0: [b, h, last], 3: [c, g, last], 4: [f, j, k], 6: [i, k]}
    for index, path in paths.items():
        assert points_again.tree_path(tree.leaves, index) == path
        assert points_again.num_siblings(index, 7) == len(path)
        assert points_again.leads_to(tree.leaves[index], index, 7, path, root)
        assert not points_again.leads_to(tree.leaves[index], index, 7, path[:-1], root)
        assert not points_again.leads_to(tree.leaves[index], index, 7, [*path, root], root)
        assert not points_again.leads_to(tree.leaves[index], index, index, path, root)


def test_the_golden_figures() -> None:
    given = [
        points_again.Given(
            part["owner"],
            raw(part["cid_digest"]),
            raw(part["secret"]),
            [
                points_again.row_digest(np.array(row, dtype=np.float32), label)
                for row, label in zip(part["features"], part["labels"], strict=True)
            ],
        )
        for part in GOLDEN["parts"]
    ]
    assert [[*map(raw, part["row_digests"])] for part in GOLDEN["parts"]] == [
        one.rows for one in given
    ]
    leaves = points_again.leaves_of(given)
    assert leaves == [raw(leaf) for leaf in GOLDEN["leaves"]]
    assert points_again.tree_root(leaves) == raw(GOLDEN["root"])
    terms: dict[str, Any] = {
        name: raw(GOLDEN["terms"][name]) if kind == "bytes32" else GOLDEN["terms"][name]
        for name, kind in points_again.TERMS
    }
    assert points_again.commitment(terms) == raw(GOLDEN["commitment"])
    entries = [
        points_again.entry_leaf(one["proposal"], raw(one["commitment"]), one["shares"], one["born"])
        for one in GOLDEN["entries"]
    ]
    assert points_again.tree_root(entries) == raw(GOLDEN["snapshot_root"])


def test_the_golden_proof_holds() -> None:
    proof = points_again.read(golden_proof())
    assert set(points_again.holds(proof).values()) == {True}
    assert (proof["index"], proof["value"]) == (GOLDEN["index"], GOLDEN["value"])
    assert proof["snapshot_root"] == raw(GOLDEN["snapshot_root"])


@pytest.mark.parametrize("name", ["salt", "row", "cid", "commitment", "snapshot_root"])
def test_each_altered_digest_breaks_a_step(name: str) -> None:
    proof = points_again.read(golden_proof())
    proof[name] = bytes(32)
    assert not all(points_again.holds(proof).values())
