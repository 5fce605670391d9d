"""Points: the rows of a proposal, each with a leaf under the proposal's root.

A leaf hides its row. The salt comes from a secret that only the contributor and the readers of the
sealed data hold, so nobody else can test guesses of rows against public leaves; a point's own salt
is shown only in a proof of that point, and says nothing of the others.

Shapes: N points.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from databright.errors import BadInputError
from databright.records.keccak import ByteRows
from databright.records.merkle import MAX_LEAVES, MerklePath, MerkleTree, leaf_hashes
from databright.records.words import address_bytes, check_word
from databright.units import Address, Digest

_INDEX_BYTES = 8


def point_salt(secret: bytes, index: int) -> bytes:
    """Salt of one point.

    Args:
        secret: of its contributor, 32 bytes.
        index: of the point in the whole proposal, 0-based, below 2**64.

    Returns:
        HMAC-SHA256(secret, index as 8 bytes, big-endian), 32 bytes.
    """
    return hmac.digest(secret, index.to_bytes(_INDEX_BYTES, "big"), "sha256")


@dataclass(frozen=True)
class Point:
    """One row of a proposal, as its leaf holds it.

    Attributes:
        index: in the whole proposal, 0 to 2**20 - 1.
        salt: `point_salt`, 32 bytes.
        row_digest: sha256 of the row's canonical bytes (`records.rows.row_digests`).
        owner: who contributed it.
        cid_digest: sha256 that names the sealed data which holds it.
    """

    index: int
    salt: bytes
    row_digest: Digest
    owner: Address
    cid_digest: Digest

    def __post_init__(self) -> None:
        """Refuse what has no leaf.

        Raises:
            BadInputError: a field is out of its range.
        """
        if isinstance(self.index, bool) or not isinstance(self.index, int):
            raise BadInputError(f"index {str(self.index)[:40]!r} of a point is no whole number")
        if not 0 <= self.index < MAX_LEAVES:
            raise BadInputError(
                f"index {str(self.index)[:40]} of a point: use 0 to {MAX_LEAVES - 1}"
            )
        for name in ("salt", "row_digest", "cid_digest"):
            check_word(name, getattr(self, name))
        address_bytes("owner", self.owner)

    def content(self) -> bytes:
        """What the point's leaf is the hash of.

        Returns:
            124 bytes: index (8, big-endian) | salt | row digest | owner (20) | CID digest.
        """
        owner = address_bytes("owner", self.owner)
        index = self.index.to_bytes(_INDEX_BYTES, "big")
        return index + self.salt + self.row_digest + owner + self.cid_digest


@dataclass(frozen=True)
class Part:
    """The rows of one owner in a proposal.

    Attributes:
        owner: who contributed them.
        cid_digest: sha256 that names their sealed data.
        secret: where their salts come from, 32 random bytes; it lies in the sealed data.
        row_digests: `records.rows.row_digests` of the rows, at least one.
    """

    owner: Address
    cid_digest: Digest
    secret: bytes = field(repr=False)
    row_digests: Sequence[bytes]

    def __post_init__(self) -> None:
        """Refuse what has no leaves.

        Raises:
            BadInputError: a field is out of its range, or there are no rows.
        """
        address_bytes("owner", self.owner)
        check_word("cid_digest", self.cid_digest)
        check_word("secret", self.secret)
        if not 1 <= len(self.row_digests) <= MAX_LEAVES:
            raise BadInputError(f"a part of {len(self.row_digests)} rows: use 1 to {MAX_LEAVES}")
        for digest in self.row_digests:
            check_word("a row's digest", digest)


class PointTree:
    """The points of a proposal with their tree."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Hash every point.

        Args:
            parts: in the order of the proposal; together 1 to 2**20 rows.

        Raises:
            BadInputError: no rows or too many.
        """
        num_points = sum(len(part.row_digests) for part in parts)
        if not 1 <= num_points <= MAX_LEAVES:
            raise BadInputError(f"a proposal of {num_points} points: use 1 to {MAX_LEAVES}")
        self._parts = tuple(parts)
        self._starts = [0]
        leaves = []
        for part in parts:
            leaves.append(_part_leaves(part, self._starts[-1]))
            self._starts.append(self._starts[-1] + len(part.row_digests))
        self._tree = MerkleTree(np.concatenate(leaves))

    def __len__(self) -> int:
        """Number of points."""
        return len(self._tree)

    @property
    def root(self) -> bytes:
        """Root of the tree, 32 bytes."""
        return self._tree.root

    @property
    def leaves(self) -> bytes:
        """The leaves in order, 32 bytes each; they may be published."""
        return self._tree.leaves

    def point(self, index: int) -> Point:
        """One point with its salt.

        Args:
            index: in the whole proposal, 0-based.

        Returns:
            The point; whoever sees it can test guesses of this row, of no other.

        Raises:
            BadInputError: there is no such point.
        """
        if not 0 <= index < len(self):
            raise BadInputError(f"there is no point {index}: they are 0 to {len(self) - 1}")
        at = int(np.searchsorted(self._starts, index, side="right")) - 1
        part = self._parts[at]
        return Point(
            index=index,
            salt=point_salt(part.secret, index),
            row_digest=Digest(part.row_digests[index - self._starts[at]]),
            owner=part.owner,
            cid_digest=part.cid_digest,
        )

    def path(self, index: int) -> MerklePath:
        """The way from a point to the root.

        Args:
            index: in the whole proposal, 0-based.

        Returns:
            The path.

        Raises:
            BadInputError: there is no such point.
        """
        return self._tree.path(index)


def _part_leaves(part: Part, start: int) -> ByteRows:
    num_rows = len(part.row_digests)
    indices = range(start, start + num_rows)
    salts = b"".join([point_salt(part.secret, index) for index in indices])
    fixed = address_bytes("owner", part.owner) + part.cid_digest
    columns = (
        np.arange(start, start + num_rows, dtype=">u8").view(np.uint8),
        np.frombuffer(salts, dtype=np.uint8),
        np.frombuffer(b"".join(part.row_digests), dtype=np.uint8),
        np.broadcast_to(np.frombuffer(fixed, dtype=np.uint8), (num_rows, len(fixed))),
    )
    return leaf_hashes(np.concatenate([one.reshape(num_rows, -1) for one in columns], axis=1))
