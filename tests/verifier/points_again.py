"""Points and their proofs read a second time: leaves, trees, commitments, the compact bytes.

The tree is built from the top (split at the largest power of two), its paths are followed by the
algorithm of RFC 9162, 2.1.3.2; the package builds it from the bottom.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from numpy.typing import NDArray

MAX_LEAVES = 1 << 20
MAX_MODELS = 64
PER_DATASET = 10**6
TERMS = (
    ("proposal", "uint256"),
    ("request", "uint256"),
    ("proposer", "address"),
    ("payee", "address"),
    ("root", "bytes32"),
    ("ref", "bytes32"),
    ("manifest", "bytes32"),
    ("num_rows", "uint256"),
    ("revises", "uint256"),
    ("bond", "uint256"),
    ("fee", "uint256"),
    ("electorate", "uint256"),
)
ENTRY = ("uint256", "bytes32", "uint256", "uint256")


@dataclass(frozen=True)
class Given:
    """What one owner gave.

    Attributes:
        owner: address.
        cid: sha256 of the sealed data.
        secret: where its salts come from.
        rows: digests of its rows.
    """

    owner: str
    cid: bytes
    secret: bytes
    rows: Sequence[bytes]


def row_digest(features: NDArray[np.float32], label: int) -> bytes:
    """Digest of one row's canonical bytes."""
    numbers = [float(x) + 0.0 for x in features]
    packed = struct.pack(f"<I{len(numbers)}fq", len(numbers), *numbers, label)
    return hashlib.sha256(b"databright/row/v1" + packed).digest()


def salt(secret: bytes, index: int) -> bytes:
    """Salt of a point."""
    return hmac.new(secret, struct.pack(">Q", index), hashlib.sha256).digest()


def point_leaf(index: int, salted: bytes, row: bytes, owner: str, cid: bytes) -> bytes:
    """Leaf of a point."""
    return keccak(b"\0" + struct.pack(">Q", index) + salted + row + bytes.fromhex(owner[2:]) + cid)


def entry_leaf(proposal: int, commitment: bytes, shares: int, born: int) -> bytes:
    """Leaf of a snapshot's entry."""
    return keccak(b"\0" + encode(ENTRY, (proposal, commitment, shares, born)))


def leaves_of(parts: Iterable[Given]) -> list[bytes]:
    """Leaves of a proposal."""
    found: list[bytes] = []
    for part in parts:
        for row in part.rows:
            at = len(found)
            found.append(point_leaf(at, salt(part.secret, at), row, part.owner, part.cid))
    return found


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Root of a list of leaves."""
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return keccak(b"\1" + tree_root(leaves[:split]) + tree_root(leaves[split:]))


def tree_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Siblings from the bottom up."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*tree_path(leaves[:split], index), tree_root(leaves[split:])]
    return [*tree_path(leaves[split:], index - split), tree_root(leaves[:split])]


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def leads_to(leaf: bytes, index: int, count: int, siblings: Sequence[bytes], root: bytes) -> bool:
    """Whether a path ends at the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < count <= MAX_LEAVES:
        return False
    fn, sn, node = index, count - 1, leaf
    for sibling in siblings:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = keccak(b"\1" + sibling + node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = keccak(b"\1" + node + sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


def num_siblings(index: int, count: int) -> int:
    """How many siblings a path has."""
    if count <= 1:
        return 0
    split = _split(count)
    below = (index, split) if index < split else (index - split, count - split)
    return 1 + num_siblings(*below)


def commitment(terms: Mapping[str, Any]) -> bytes:
    """The word on chain of a proposal."""
    kinds, names = [kind for _, kind in TERMS], [name for name, _ in TERMS]
    return keccak(encode(kinds, [terms[name] for name in names]))


def moved(motion: Mapping[str, Any]) -> bytes:
    """The word on chain of a motion: of all that its event says."""
    kinds = ("uint256", "address", "uint256", "bytes32", "bytes32", "uint256", "uint256")
    names = ("motion", "mover", "kind", "payload", "text", "bond", "electorate")
    return keccak(encode(kinds, [motion[name] for name in names]))


class _Bytes:
    def __init__(self, blob: bytes) -> None:
        self.rest = blob

    def cut(self, length: int) -> bytes:
        if len(self.rest) < length:
            raise ValueError("the proof ends early")
        found, self.rest = self.rest[:length], self.rest[length:]
        return found

    def number(self) -> int:
        raw = self.cut(self.cut(1)[0])
        if len(raw) > 32 or raw.startswith(b"\0"):
            raise ValueError("a number is not in its only form")
        return int.from_bytes(raw, "big")

    def of(self, kind: str) -> Any:
        if kind == "uint256":
            return self.number()
        return to_checksum_address(self.cut(20)) if kind == "address" else self.cut(32)

    def path(self, index: int, count: int) -> list[bytes]:
        if not 0 <= index < count <= MAX_LEAVES:
            raise ValueError(f"no leaf {index} of {count}")
        return [self.cut(32) for _ in range(num_siblings(index, count))]

    def value(self) -> int | None:
        kind = self.cut(1)[0]
        if kind == 0:
            return None
        if kind > 2:
            raise ValueError(f"value of kind {kind}")
        size = self.number()
        if size >= 2**255 or (kind == 2 and not size):
            raise ValueError("a value out of range, or minus zero")
        return -size if kind == 2 else size


def read(blob: bytes) -> dict[str, Any]:
    """A proof's fields; raises ValueError for bytes that are none."""
    rest = _Bytes(blob)
    if rest.cut(5) != b"DBPP\1":
        raise ValueError("no proof of version 1")
    index, count = rest.number(), rest.number()
    proof: dict[str, Any] = {"index": index, "count": count}
    for name, kind in (("salt", ""), ("row", ""), ("owner", "address"), ("cid", "")):
        proof[name] = rest.of(kind)
    proof["siblings"] = rest.path(index, count)
    proof["terms"] = {name: rest.of(kind) for name, kind in TERMS}
    proof["commitment"] = rest.cut(32)
    for name in ("shares", "born", "snapshot"):
        proof[name] = rest.number()
    proof["snapshot_root"] = rest.cut(32)
    proof["entry"], proof["entries"] = rest.number(), rest.number()
    proof["above"] = rest.path(proof["entry"], proof["entries"])
    proof["licence"], proof["value"] = rest.cut(32), rest.value()
    num_models = rest.number()
    if num_models > MAX_MODELS:
        raise ValueError(f"{num_models} models")
    proof["models"] = [
        (rest.number(), rest.number(), rest.number(), rest.cut(32)) for _ in range(num_models)
    ]
    if rest.rest:
        raise ValueError("bytes follow the proof")
    if min(divmod(proof["terms"]["proposal"], PER_DATASET)) < 1:
        raise ValueError("no proposal has this id")
    return proof


def holds(proof: dict[str, Any]) -> dict[str, bool]:
    """Each step of a proof, from the leaf to the snapshot's root."""
    terms = proof["terms"]
    leaf = point_leaf(*(proof[name] for name in ("index", "salt", "row", "owner", "cid")))
    entry = entry_leaf(terms["proposal"], proof["commitment"], proof["shares"], proof["born"])
    return {
        "point": leads_to(leaf, proof["index"], proof["count"], proof["siblings"], terms["root"]),
        "count": proof["count"] == terms["num_rows"],
        "terms": commitment(terms) == proof["commitment"],
        "entry": leads_to(
            entry, proof["entry"], proof["entries"], proof["above"], proof["snapshot_root"]
        ),
        "born": 0 < proof["born"] <= proof["snapshot"],
    }
