"""Shards and batches against a second reading of their definition, in plain Python."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databright.errors import BadInputError
from databright.programs.schedule import batch_indices, shard_rows

SHARD_VECTOR = [1, 2, 3, 4]
BATCH_VECTOR = [[3, 0, 4], [1, 5, 2]]


def _permutation(tag: str, numbers: list[int], length: int) -> list[int]:
    message = tag.encode() + b"\x00"
    for number in numbers:
        message += number.to_bytes(32, "big")
    stream = hashlib.shake_256(message).digest(8 * length)
    keys = [int.from_bytes(stream[8 * i : 8 * i + 8], "little") for i in range(length)]
    return sorted(range(length), key=lambda i: (keys[i], i))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(1, 12), st.integers(0, 2**256 - 1))
def test_shards_are_a_fair_partition_as_defined(rows: int, shards: int, seed: int) -> None:
    shards = min(shards, rows)
    parts = shard_rows(rows, shards, seed)
    assert sorted(int(row) for part in parts for row in part) == list(range(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    order = _permutation("databright/shards/v1", [seed], rows)
    assert [part.tolist() for part in parts] == [sorted(order[k::shards]) for k in range(shards)]


def test_batches_follow_the_definition_and_see_each_row_once_an_epoch() -> None:
    batches = batch_indices(10, 5, 4, seed=7, shard=2, round_number=3)
    drawn: list[int] = []
    for epoch in range(2):
        drawn += _permutation("databright/batches/v1", [7, 2, 3, epoch], 10)
    assert batches.dtype == np.int32
    assert batches.tolist() == np.array(drawn).reshape(5, 4).tolist()
    assert sorted(drawn[:10]) == list(range(10))


def test_first_values_stay_as_published() -> None:
    assert shard_rows(10, 3, 1)[0].tolist() == SHARD_VECTOR
    assert batch_indices(6, 2, 3, 1, 0, 0).tolist() == BATCH_VECTOR


def test_every_argument_matters() -> None:
    base = batch_indices(50, 4, 8, 1, 0, 0).tolist()
    assert base != batch_indices(50, 4, 8, 2, 0, 0).tolist()
    assert base != batch_indices(50, 4, 8, 1, 1, 0).tolist()
    assert base != batch_indices(50, 4, 8, 1, 0, 1).tolist()


@pytest.mark.parametrize(
    ("rows", "shards", "seed"), [(3, 4, 0), (3, 0, 0), (0, 0, 0), (3, 1, -1), (3, 1, 2**256)]
)
def test_impossible_shards_are_refused(rows: int, shards: int, seed: int) -> None:
    with pytest.raises(BadInputError):
        shard_rows(rows, shards, seed)


@pytest.mark.parametrize(
    "numbers", [(0, 1, 1, 0, 0, 0), (5, 0, 1, 0, 0, 0), (5, 1, 0, 0, 0, 0), (5, 2**20, 65, 0, 0, 0)]
)
def test_impossible_batches_are_refused(numbers: tuple[int, int, int, int, int, int]) -> None:
    with pytest.raises(BadInputError):
        batch_indices(*numbers)
