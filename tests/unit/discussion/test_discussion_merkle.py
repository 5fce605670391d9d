from __future__ import annotations

from contextlib import suppress

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from databright.discussion.merkle import leaf_hash, merkle_path, merkle_root, root_from
from databright.errors import BadInputError


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(bytes([n])) for n in range(count)]


def by_definition(hashes: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, written down again: split at the largest power of two."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return keccak(b"\x01" + by_definition(hashes[:k]) + by_definition(hashes[k:]))


def test_leaves_and_inner_nodes_are_told_apart() -> None:
    a, b = leaves(2)
    assert leaf_hash(b"\x00") == keccak(b"\x00\x00")
    assert merkle_root([a, b]) == keccak(b"\x01" + a + b)
    assert merkle_root([a]) == a
    assert merkle_root([b, a]) != merkle_root([a, b])


@given(st.integers(1, 70))
def test_the_root_is_that_of_the_definition(count: int) -> None:
    assert merkle_root(leaves(count)) == by_definition(leaves(count))


@given(st.integers(1, 70), st.data())
def test_every_path_leads_to_the_root_and_no_other_leaf_does(
    count: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, count - 1))
    tree = leaves(count)
    path = merkle_path(tree, index)
    root = merkle_root(tree)
    assert root_from(tree[index], index, count, path) == root
    assert root_from(leaf_hash(b"other"), index, count, path) != root
    for wrong in set(range(count)) - {index}:
        with suppress(BadInputError):  # a path of another length
            assert root_from(tree[index], wrong, count, path) != root


@given(st.integers(2, 40), st.data())
def test_paths_of_another_length_are_refused(count: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, count - 1))
    tree = leaves(count)
    path = merkle_path(tree, index)
    for wrong in ((*path, bytes(32)), path[:-1]):
        with pytest.raises(BadInputError, match="hashes is too"):
            root_from(tree[index], index, count, wrong)


@given(st.integers(1, 40), st.integers(1, 40))
def test_repeating_the_last_leaf_gives_another_root(count: int, more: int) -> None:
    tree = leaves(count)
    assert merkle_root(tree) != merkle_root(tree + tree[-1:] * more)


def test_what_is_not_there_has_no_path() -> None:
    with pytest.raises(BadInputError):
        merkle_root([])
    for index in (-1, 3):
        with pytest.raises(BadInputError):
            merkle_path(leaves(3), index)
        with pytest.raises(BadInputError):
            root_from(leaves(3)[0], index, 3, [bytes(32), bytes(32)])
