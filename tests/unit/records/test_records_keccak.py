"""Keccak-256 of many messages: published digests, and a package that hashes one at a time."""

from __future__ import annotations

import numpy as np
import pytest
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from databright.errors import BadInputError
from databright.records.keccak import keccak_rows

FEW, MANY = 3, 600
"""Below and above the number from which messages are hashed together."""
PUBLISHED = {
    b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    b"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
    b"testing": "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02",
}


@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize("message", PUBLISHED)
def test_published_digests(message: bytes, count: int) -> None:
    rows = np.frombuffer(message * count, dtype=np.uint8).reshape(count, len(message))
    assert {digest.tobytes().hex() for digest in keccak_rows(rows)} == {PUBLISHED[message]}


@settings(max_examples=25, deadline=None)
@given(
    length=st.one_of(st.integers(0, 420), st.sampled_from([134, 135, 136, 137, 271, 272, 408])),
    count=st.sampled_from([0, 1, FEW, 511, 512, MANY]),
    seed=st.integers(0, 2**32),
)
def test_each_digest_is_that_of_its_message(length: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(0, 256, size=(count, length), dtype=np.uint8)
    before = rows.copy()
    found = keccak_rows(rows)
    assert found.shape == (count, 32)
    assert [one.tobytes() for one in found] == [keccak(row.tobytes()) for row in rows]
    assert np.array_equal(rows, before)


def test_more_than_are_permuted_together() -> None:
    rows = np.arange(9000, dtype="<u4").view(np.uint8).reshape(9000, 4)
    found = keccak_rows(rows)
    for index in (0, 8191, 8192, 8999):
        assert found[index].tobytes() == keccak(rows[index].tobytes())


def test_rows_that_are_a_view() -> None:
    wide = np.random.default_rng(3).integers(0, 256, size=(MANY, 50), dtype=np.uint8)
    found = keccak_rows(wide[::-1, 5:45:2])
    assert [one.tobytes() for one in found] == [keccak(row.tobytes()) for row in wide[::-1, 5:45:2]]


@pytest.mark.parametrize("rows", [np.zeros((2, 3), np.int8), np.zeros(3, np.uint8)])
def test_other_arrays_are_refused(rows: np.ndarray) -> None:
    with pytest.raises(BadInputError, match="give uint8, messages x bytes"):
        keccak_rows(rows)
