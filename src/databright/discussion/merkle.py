"""Merkle trees over log entries: a leaf under 0x00, an inner node under 0x01, keccak-256, in order.

The tree of RFC 9162, section 2.1, with keccak-256 so that a contract could check a path. Nothing
is sorted and nothing is repeated, so no other entries have the same root.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_utils.crypto import keccak

from databright.errors import BadInputError


def leaf_hash(content: bytes) -> bytes:
    """Hash of a leaf.

    Args:
        content: what the leaf stands for.

    Returns:
        32 bytes.
    """
    return keccak(b"\x00" + content)


def _inner(left: bytes, right: bytes) -> bytes:
    return keccak(b"\x01" + left + right)


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    if not leaves:
        raise BadInputError("a tree without leaves has no root: anchor at least one entry")
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        level = levels[-1]
        above = [_inner(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        # The last of an odd number moves up as it is: repeating it would give two lists one root.
        levels.append(above + level[2 * len(above) :])
    return levels


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root of a tree.

    Args:
        leaves: leaf hashes, at least one.

    Returns:
        32 bytes.
    """
    return _levels(leaves)[-1][0]


def merkle_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The siblings on the way from a leaf to the root.

    Args:
        leaves: leaf hashes.
        index: of the leaf, from 0.

    Returns:
        Hashes from the bottom up.

    Raises:
        BadInputError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise BadInputError(f"there is no leaf {index}: the tree has {len(leaves)}")
    path: list[bytes] = []
    for level in _levels(leaves)[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
    return tuple(path)


def root_from(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes:
    """The root that a path leads to.

    Args:
        leaf: leaf hash, made of the content by whoever checks.
        index: of the leaf, from 0.
        count: leaves of the tree.
        path: siblings from the bottom up.

    Returns:
        32 bytes; the leaf is in the tree when this is the tree's root.

    Raises:
        BadInputError: no such leaf, or a path of another length than that leaf has.
    """
    if not 0 <= index < count:
        raise BadInputError(f"there is no leaf {index} in a tree of {count}")
    node, last, used = leaf, count - 1, 0
    while last:
        if index & 1 or index < last:
            if used == len(path):
                raise BadInputError(f"a path of {len(path)} hashes is too short for that leaf")
            node = _inner(path[used], node) if index & 1 else _inner(node, path[used])
            used += 1
        index, last = index >> 1, last >> 1
    if used != len(path):
        raise BadInputError(f"a path of {len(path)} hashes is too long: that leaf has {used}")
    return node
