"""Points: leaves, salts, parts of several owners."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databright.errors import BadInputError
from databright.records.merkle import leaf_hash
from databright.records.points import Part, Point, PointTree, point_salt
from databright.records.rows import Rows, row_digests
from databright.units import Digest
from tests.unit.records.point_world import world
from tests.verifier import points_again


def given_again(parts: tuple[Part, ...]) -> list[points_again.Given]:
    return [
        points_again.Given(one.owner, one.cid_digest, one.secret, one.row_digests) for one in parts
    ]


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.integers(1, 12), st.just(600)), min_size=1, max_size=4),
    st.integers(0, 2**32),
)
def test_the_tree_is_that_of_a_second_reading(sizes: list[int], seed: int) -> None:
    found = world(sizes, 1, 0, seed)
    leaves = points_again.leaves_of(given_again(found.parts))
    assert found.tree.leaves == b"".join(leaves)
    assert found.tree.root == points_again.tree_root(leaves)
    for index in {0, sizes[0] - 1, sizes[0] % sum(sizes), sum(sizes) - 1}:
        point = found.tree.point(index)
        assert leaf_hash(point.content()) == leaves[index]
        assert found.tree.path(index).root_of(point.content()) == found.tree.root


def test_points_are_counted_over_all_parts() -> None:
    found = world([2, 1, 3], 1, 0)
    points = [found.tree.point(index) for index in range(6)]
    assert len(found.tree) == 6
    assert [point.index for point in points] == [*range(6)]
    assert [point.owner for point in points] == [found.parts[at].owner for at in (0, 0, 1, 2, 2, 2)]
    assert [point.row_digest for point in points] == [
        digest for part in found.parts for digest in part.row_digests
    ]


def test_how_rows_are_split_into_parts_does_not_matter() -> None:
    whole = world([7], 1, 0).parts[0]
    rows = list(whole.row_digests)
    split = [replace(whole, row_digests=rows[:3]), replace(whole, row_digests=rows[3:])]
    assert PointTree(split).root == PointTree([whole]).root


def test_a_salt_is_the_hmac_of_the_index() -> None:
    secret = bytes(range(32))
    expected = hmac.new(secret, b"\0\0\0\0\0\0\1\2", hashlib.sha256).digest()
    assert point_salt(secret, 258) == expected
    assert len({point_salt(secret, index) for index in range(1000)}) == 1000


def test_equal_rows_have_unequal_leaves() -> None:
    part = replace(world([1], 1, 0).parts[0], row_digests=[bytes(32)] * 50)
    leaves = PointTree([part]).leaves
    assert len({leaves[at : at + 32] for at in range(0, len(leaves), 32)}) == 50


def test_another_secret_moves_every_leaf() -> None:
    part = world([20], 1, 0).parts[0]
    before = PointTree([part]).leaves
    after = PointTree([replace(part, secret=bytes(32))]).leaves
    assert all(before[at : at + 32] != after[at : at + 32] for at in range(0, len(before), 32))


def test_a_secret_is_not_printed() -> None:
    part = world([2], 1, 0).parts[0]
    assert part.owner in repr(part)
    assert repr(part.secret) not in repr(part)


@given(st.integers(1, 5), st.integers(0, 2**32))
def test_row_digests_are_those_of_a_second_reading(num_features: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(size=(6, num_features)).astype(np.float32)
    x[0] = -0.0
    rows = Rows(x, random.integers(0, 9, size=6))
    again = [points_again.row_digest(x, int(y)) for x, y in zip(rows.x_NF, rows.y_N, strict=True)]
    assert row_digests(rows) == again


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("index", -1),
        ("index", 2**20),
        ("index", True),
        ("salt", bytes(31)),
        ("row_digest", bytes(33)),
        ("cid_digest", b""),
        ("owner", "0x00"),
    ],
)
def test_points_without_a_leaf_are_refused(name: str, value: Any) -> None:
    with pytest.raises(BadInputError):
        replace(world([1], 1, 0).tree.point(0), **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("row_digests", []),
        ("row_digests", [bytes(31)]),
        ("secret", bytes(16)),
        ("cid_digest", bytes(31)),
        ("owner", ""),
    ],
)
def test_parts_without_leaves_are_refused(name: str, value: Any) -> None:
    with pytest.raises(BadInputError):
        replace(world([1], 1, 0).parts[0], **{name: value})


def test_parts_are_limited_together() -> None:
    part = world([1], 1, 0).parts[0]
    large = replace(part, row_digests=[bytes(32)] * 2**20)
    with pytest.raises(BadInputError, match="1048577 points"):
        PointTree([large, part])
    with pytest.raises(BadInputError, match="0 points"):
        PointTree([])


@pytest.mark.parametrize("index", [-1, 3])
def test_there_are_no_points_outside(index: int) -> None:
    tree = world([2, 1], 1, 0).tree
    with pytest.raises(BadInputError, match="there is no point"):
        tree.point(index)


def test_a_leaf_s_content_has_a_fixed_layout() -> None:
    found = world([1], 1, 0).tree.point(0)
    point = Point(258, bytes([1]) * 32, Digest(bytes([2]) * 32), found.owner, found.cid_digest)
    assert point.content() == (
        b"\0\0\0\0\0\0\1\2"
        + bytes([1]) * 32
        + bytes([2]) * 32
        + bytes.fromhex(found.owner[2:])
        + found.cid_digest
    )
