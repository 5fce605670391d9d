"""Merkle trees over records: one root for many leaves, and a short path from each to it.

A leaf is keccak256(0x00 | content), an inner node keccak256(0x01 | left | right): what is hashed
as the one can never pass for the other. Order counts, nothing is sorted. The last node of a level
of odd length moves up unchanged and is never paired with itself, so no two lists of leaves have
one root. A tree of one leaf is the leaf. (The same tree as RFC 9162's, with another hash.)

A root alone does not say how many leaves it has: whoever needs the count or the index to be true
compares the count with one that is known otherwise.

Shapes: N leaves, L bytes of content each.

Source: RFC 9162, section 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from eth_utils.crypto import keccak

from databright.errors import BadInputError
from databright.records.keccak import DIGEST_BYTES, ByteRows, keccak_rows
from databright.records.words import check_word

MAX_LEAVES: Final = 1 << 20
"""Most leaves of a tree."""

_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """Hash of one leaf.

    Args:
        content: what the leaf stands for.

    Returns:
        32 bytes.
    """
    return keccak(_LEAF + content)


def leaf_hashes(contents_NL: ByteRows) -> ByteRows:
    """Hashes of many leaves of one length.

    Args:
        contents_NL: uint8 [N, L].

    Returns:
        uint8 [N, 32], `leaf_hash` of each row.
    """
    prefixed = np.empty((len(contents_NL), 1 + contents_NL.shape[1]), dtype=np.uint8)
    prefixed[:, 0] = _LEAF[0]
    prefixed[:, 1:] = contents_NL
    return keccak_rows(prefixed)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node.

    Args:
        left: hash of its left child, 32 bytes.
        right: hash of its right child, 32 bytes.

    Returns:
        32 bytes.
    """
    return keccak(_NODE + left + right)


def path_length(index: int, num_leaves: int) -> int:
    """How many siblings lie on the way from a leaf to the root.

    Args:
        index: of the leaf, 0 to num_leaves - 1.
        num_leaves: leaves of the tree, 1 to 2**20.

    Returns:
        0 to 20; levels at which the node moves up unchanged have none.

    Raises:
        BadInputError: no such leaf or no such tree.
    """
    _check_place(index, num_leaves)
    length, last = 0, num_leaves - 1
    while last:
        length += bool(index & 1 or index < last)
        index, last = index >> 1, last >> 1
    return length


def _check_place(index: int, num_leaves: int) -> None:
    if not _whole(num_leaves) or not 1 <= num_leaves <= MAX_LEAVES:
        raise BadInputError(f"a tree of {str(num_leaves)[:40]} leaves: use 1 to {MAX_LEAVES}")
    if not _whole(index) or not 0 <= index < num_leaves:
        raise BadInputError(
            f"there is no leaf {str(index)[:40]}: the tree's are 0 to {num_leaves - 1}"
        )


def _whole(value: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class MerklePath:
    """The way from one leaf to the root.

    Attributes:
        index: of the leaf, 0-based.
        num_leaves: leaves of the tree, 1 to 2**20.
        siblings: hashes that are paired with the node on its way, from the bottom up.
    """

    index: int
    num_leaves: int
    siblings: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse a path that no tree has.

        Raises:
            BadInputError: no such leaf, or another number of siblings than such a leaf has.
        """
        expected = path_length(self.index, self.num_leaves)
        if len(self.siblings) != expected:
            raise BadInputError(
                f"{len(self.siblings)} siblings on a path: leaf {self.index} of {self.num_leaves}"
                f" has {expected}"
            )
        for sibling in self.siblings:
            check_word("a sibling", sibling)

    def root_of(self, content: bytes) -> bytes:
        """The root that a leaf leads to.

        Args:
            content: of the leaf; never a hash, so that no inner node can stand in for a leaf.

        Returns:
            32 bytes; the tree's root if the leaf is in the tree at this index.
        """
        node, index, last = leaf_hash(content), self.index, self.num_leaves - 1
        siblings = iter(self.siblings)
        while last:
            if index & 1:
                node = node_hash(next(siblings), node)
            elif index < last:
                node = node_hash(node, next(siblings))
            index, last = index >> 1, last >> 1
        return node


class MerkleTree:
    """A tree with all its levels, for paths.

    It takes 64 bytes for each leaf.
    """

    def __init__(self, leaves_N32: ByteRows | Sequence[bytes]) -> None:
        """Hash the levels.

        Args:
            leaves_N32: hashes of the leaves in order, uint8 [N, 32] or N times 32 bytes;
                1 to 2**20.

        Raises:
            BadInputError: no leaves, too many, or other lengths.
        """
        if not 1 <= len(leaves_N32) <= MAX_LEAVES:
            raise BadInputError(f"a tree of {len(leaves_N32)} leaves: use 1 to {MAX_LEAVES}")
        level = _as_rows(leaves_N32)
        self._levels = [level]
        while len(level) > 1:
            level = _next_level(level)
            self._levels.append(level)

    def __len__(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """The root, 32 bytes."""
        return self._levels[-1].tobytes()

    @property
    def leaves(self) -> bytes:
        """The hashes of the leaves in order, 32 bytes each."""
        return self._levels[0].tobytes()

    def path(self, index: int) -> MerklePath:
        """The way from a leaf to the root.

        Args:
            index: of the leaf, 0-based.

        Returns:
            The path.

        Raises:
            BadInputError: there is no such leaf.
        """
        _check_place(index, len(self))
        siblings, at = [], index
        for level in self._levels[:-1]:
            if at ^ 1 < len(level):
                siblings.append(level[at ^ 1].tobytes())
            at >>= 1
        return MerklePath(index, len(self), tuple(siblings))


def _as_rows(leaves: ByteRows | Sequence[bytes]) -> ByteRows:
    if not isinstance(leaves, np.ndarray):
        for leaf in leaves:
            check_word("a leaf", leaf)
        leaves = np.frombuffer(b"".join(leaves), dtype=np.uint8).reshape(-1, DIGEST_BYTES)
    if leaves.dtype != np.uint8 or leaves.shape[1:] != (DIGEST_BYTES,):
        raise BadInputError(
            f"leaves are {leaves.dtype} of shape {leaves.shape}: give uint8, leaves x 32"
        )
    return leaves.copy()


def _next_level(level: ByteRows) -> ByteRows:
    pairs, odd = divmod(len(level), 2)
    prefixed = np.empty((pairs, 1 + 2 * DIGEST_BYTES), dtype=np.uint8)
    prefixed[:, 0] = _NODE[0]
    prefixed[:, 1:] = level[: 2 * pairs].reshape(pairs, -1)
    above = keccak_rows(prefixed)
    return np.concatenate([above, level[-1:]]) if odd else above
