"""Merkle trees: paths, and every known way to make one root stand for something else."""

from __future__ import annotations

import numpy as np
import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from databright.errors import BadInputError
from databright.records.merkle import (
    MAX_LEAVES,
    MerklePath,
    MerkleTree,
    leaf_hash,
    leaf_hashes,
    node_hash,
    path_length,
)
from tests.verifier import points_again

SIZES = st.one_of(st.integers(1, 40), st.sampled_from([63, 64, 65, 127, 129, 1500]))


def contents(count: int) -> list[bytes]:
    return [b"leaf %6d" % index for index in range(count)]


def tree_of(items: list[bytes]) -> MerkleTree:
    return MerkleTree([leaf_hash(item) for item in items])


@given(size=SIZES, data=st.data())
def test_each_path_leads_to_the_root_that_a_second_reading_finds(
    size: int, data: st.DataObject
) -> None:
    items = contents(size)
    tree, leaves = tree_of(items), [keccak(b"\0" + item) for item in items]
    assert len(tree) == size
    assert tree.leaves == b"".join(leaves)
    assert tree.root == points_again.tree_root(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = tree.path(index)
    assert list(path.siblings) == points_again.tree_path(leaves, index)
    assert path.root_of(items[index]) == tree.root
    assert points_again.leads_to(leaves[index], index, size, path.siblings, tree.root)


@given(size=st.integers(2, 40), data=st.data())
def test_one_changed_byte_leads_elsewhere(size: int, data: st.DataObject) -> None:
    items = contents(size)
    tree, index = tree_of(items), data.draw(st.integers(0, size - 1))
    path = tree.path(index)
    assert path.root_of(items[index] + b"!") != tree.root
    at = data.draw(st.integers(0, len(path.siblings) - 1))
    byte = data.draw(st.integers(0, 31))
    changed = bytearray(path.siblings[at])
    changed[byte] ^= 1 << data.draw(st.integers(0, 7))
    siblings = (*path.siblings[:at], bytes(changed), *path.siblings[at + 1 :])
    assert MerklePath(index, size, siblings).root_of(items[index]) != tree.root


@given(size=st.integers(2, 64), data=st.data())
def test_a_leaf_stands_at_its_own_index_alone(size: int, data: st.DataObject) -> None:
    items = contents(size)
    tree = tree_of(items)
    index, other = data.draw(st.permutations(range(size)))[:2]
    siblings = tree.path(index).siblings
    assert tree.path(other).root_of(items[index]) != tree.root
    if path_length(other, size) == len(siblings):
        assert MerklePath(other, size, siblings).root_of(items[index]) != tree.root


def test_small_trees_by_hand() -> None:
    a, b, c = (leaf_hash(item) for item in (b"a", b"b", b"c"))
    assert a == keccak(b"\0a")
    assert MerkleTree([a]).root == a
    assert MerkleTree([a]).path(0) == MerklePath(0, 1, ())
    assert MerkleTree([a, b]).root == keccak(b"\1" + a + b)
    assert MerkleTree([a, b, c]).root == keccak(b"\1" + keccak(b"\1" + a + b) + c)
    assert MerkleTree([a, b, c]).path(2).siblings == (node_hash(a, b),)


def test_many_leaves_are_hashed_as_one_is() -> None:
    rows = np.random.default_rng(7).integers(0, 256, size=(700, 124), dtype=np.uint8)
    found = leaf_hashes(rows)
    assert [one.tobytes() for one in found] == [leaf_hash(row.tobytes()) for row in rows]


def test_an_inner_node_is_no_leaf() -> None:
    items = contents(4)
    leaves = [leaf_hash(item) for item in items]
    tree = MerkleTree(leaves)
    inner, above = leaves[0] + leaves[1], node_hash(leaves[2], leaves[3])
    assert node_hash(leaves[0], leaves[1]) == keccak(b"\1" + inner)
    # The bytes under the inner node as a leaf's content, with and without the prefix of a node.
    for content in (inner, b"\1" + inner):
        assert MerklePath(0, 2, (above,)).root_of(content) != tree.root


def test_a_leaf_is_no_inner_node() -> None:
    # A content made to look like two children: its hash is a leaf's, so nothing hangs below it.
    below = leaf_hash(b"x"), leaf_hash(b"y")
    crafted = below[0] + below[1]
    tree = MerkleTree([leaf_hash(crafted), leaf_hash(b"z")])
    path = MerklePath(0, 3, (below[1], leaf_hash(b"z")))
    assert path.root_of(b"x") != tree.root
    assert tree.path(0).root_of(crafted) == tree.root


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 9, 100])
def test_repeating_the_last_leaves_makes_another_root(size: int) -> None:
    items = contents(size)
    root = tree_of(items).root
    for repeated in range(1, size + 1):
        assert tree_of([*items, *items[-repeated:]]).root != root


def test_no_two_lengths_have_one_root() -> None:
    items = contents(130)
    assert len({tree_of(items[:size]).root for size in range(1, 131)}) == 130


@given(size=st.integers(1, 200), data=st.data())
def test_a_truncated_or_padded_path_is_refused(size: int, data: st.DataObject) -> None:
    path = tree_of(contents(size)).path(data.draw(st.integers(0, size - 1)))
    padded = (*path.siblings, bytes(32))
    with pytest.raises(BadInputError, match="siblings on a path"):
        MerklePath(path.index, size, padded)
    if path.siblings:
        with pytest.raises(BadInputError, match="siblings on a path"):
            MerklePath(path.index, size, path.siblings[:-1])


def test_a_wrong_count_that_another_path_has_is_seen_by_its_length() -> None:
    tree = tree_of(contents(5))
    path = tree.path(4)
    assert len(path.siblings) == 1
    for count in (6, 7, 8, 9, 16):
        if path_length(4, count) != 1:
            with pytest.raises(BadInputError, match="has"):
                MerklePath(4, count, path.siblings)
    assert [count for count in range(5, 64) if path_length(4, count) == 1] == [5]


def test_a_root_does_not_say_how_many_leaves_it_has() -> None:
    """Why whoever needs the count compares it: here one path stands for three counts."""
    items = contents(3)
    tree = tree_of(items)
    siblings = tree.path(0).siblings
    assert MerklePath(0, 4, siblings).root_of(items[0]) == tree.root
    assert MerklePath(1, 2, tree.path(2).siblings).root_of(items[2]) == tree.root


@given(size=st.integers(1, MAX_LEAVES), data=st.data())
def test_the_length_of_a_path(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    assert path_length(index, size) == points_again.num_siblings(index, size)
    assert path_length(index, size) <= 20


@pytest.mark.parametrize(
    ("index", "count"),
    [(-1, 3), (3, 3), (0, 0), (0, -1), (0, MAX_LEAVES + 1), (True, 3), (0, True), (2**300, 3)],
)
def test_a_place_outside_of_the_tree_is_refused(index: int, count: int) -> None:
    with pytest.raises(BadInputError, match=r"there is no leaf|a tree of"):
        MerklePath(index, count, ())


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_a_tree_has_no_path_outside_of_it(index: int) -> None:
    with pytest.raises(BadInputError, match="there is no leaf"):
        tree_of(contents(3)).path(index)


def test_the_largest_path_and_one_leaf_too_many() -> None:
    node, siblings = leaf_hash(b""), []
    for _ in range(20):
        siblings.append(node)
        node = node_hash(node, node)
    assert MerklePath(MAX_LEAVES - 1, MAX_LEAVES, tuple(siblings)).root_of(b"") == node
    with pytest.raises(BadInputError, match="use 1 to 1048576"):
        MerkleTree(np.zeros((MAX_LEAVES + 1, 32), dtype=np.uint8))


@pytest.mark.parametrize("leaves", [[], [bytes(31)], [bytes(32), bytes(33)]])
def test_leaves_of_other_lengths_are_refused(leaves: list[bytes]) -> None:
    with pytest.raises(BadInputError, match=r"use 1 to|give 32 bytes"):
        MerkleTree(leaves)


@pytest.mark.parametrize("leaves", [np.zeros((2, 31), np.uint8), np.zeros((2, 32), np.int8)])
def test_arrays_of_other_shapes_are_refused(leaves: np.ndarray) -> None:
    with pytest.raises(BadInputError, match="give uint8, leaves x 32"):
        MerkleTree(leaves)


def test_a_tree_keeps_its_leaves_whatever_becomes_of_the_array() -> None:
    leaves = np.zeros((3, 32), dtype=np.uint8)
    tree = MerkleTree(leaves)
    leaves[:] = 1
    assert tree.leaves == bytes(96)
