"""Manifests, samples, books of points and lists of values survive their bytes; others do not."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from eth_utils.crypto import keccak

from databright.client.points import keep_points, kept_points
from databright.errors import BadInputError, MalformedDataError
from databright.records.manifest import (
    MAX_SAMPLES,
    Manifest,
    Samples,
    choose_samples,
    sample_evenly,
)
from databright.records.point_book import book_of, parts_of
from databright.records.points import Part, PointTree
from databright.records.rows import Rows, Schema
from databright.records.tensors import Array, dump_tensors
from databright.records.value_tree import ValueList
from databright.records.words import address_of
from databright.units import Digest

DIGEST = Digest(bytes(range(32)))
MANIFEST = Manifest("rows", "of hands", "scanned", "CC0-1.0", DIGEST, 3, DIGEST, DIGEST, DIGEST)
ROWS = Rows((np.arange(12).reshape(6, 2) / 12).astype(np.float32), np.arange(6, dtype=np.int64) % 2)
SCHEMA = Schema(num_features=2, num_classes=2, low=0.0, high=1.0)


def some_parts(sizes: list[int]) -> list[Part]:
    draw = random.Random(7)
    return [
        Part(
            address_of(draw.randbytes(20)),
            Digest(draw.randbytes(32)),
            draw.randbytes(32),
            [draw.randbytes(32) for _ in range(size)],
        )
        for size in sizes
    ]


def test_a_manifest_survives_its_json_with_and_without_samples() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    blob = MANIFEST.to_json().replace(f'"{DIGEST.hex()}","schema"'.encode(), b'null,"schema"')
    assert blob != MANIFEST.to_json()
    assert Manifest.from_json(blob).samples is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"num_rows":3', b'"num_rows":0'),
        (b'"num_rows":3', b'"num_rows":100001'),
        (b'"title":"rows"', b'"title":""'),
        (b"manifest/v2", b"manifest/v1"),
        (b'"root"', b'"roof"'),
        (b'"samples":"00', b'"samples":"zz'),
    ],
)
def test_another_manifest_is_refused(old: bytes, new: bytes) -> None:
    blob = MANIFEST.to_json()
    assert old in blob
    with pytest.raises(MalformedDataError):
        Manifest.from_json(blob.replace(old, new))


def test_samples_are_the_chosen_rows_in_order() -> None:
    samples = choose_samples(ROWS, [5, 0, 2])
    assert samples.indices == (0, 2, 5)
    again = Samples.from_blob(samples.to_blob(), SCHEMA)
    assert again.indices == samples.indices
    assert np.array_equal(again.rows.x_NF, ROWS.x_NF[[0, 2, 5]])
    assert sample_evenly(6, 3) == (0, 2, 4)
    assert sample_evenly(6, 6) == tuple(range(6))


@pytest.mark.parametrize("indices", [[6], [-1], [1, 1], [], list(range(MAX_SAMPLES + 1))])
def test_rows_that_are_none_are_not_shown(indices: list[int]) -> None:
    with pytest.raises(BadInputError):
        choose_samples(ROWS, indices)


@pytest.mark.parametrize("count", [0, 7, MAX_SAMPLES + 1])
def test_as_many_samples_as_there_are_not_are_refused(count: int) -> None:
    with pytest.raises(BadInputError, match="sample rows"):
        sample_evenly(6, count)


def test_samples_of_a_stranger_are_held_to_their_form() -> None:
    index_S = np.asarray([0, 1], dtype=np.int64)
    x_SF, y_S = ROWS.x_NF[:2], ROWS.y_N[:2]
    forms: list[dict[str, Array]] = [
        {"index": index_S, "x": x_SF},
        {"index": index_S[::-1], "x": x_SF, "y": y_S},
        {"index": index_S[:1], "x": x_SF, "y": y_S},
        {"index": index_S.astype(np.int32), "x": x_SF, "y": y_S},
        {"index": index_S, "x": x_SF + 2, "y": y_S},
    ]
    assert Samples.from_blob(dump_tensors({"index": index_S, "x": x_SF, "y": y_S}), SCHEMA)
    for form in forms:
        with pytest.raises(MalformedDataError):
            Samples.from_blob(dump_tensors(form), SCHEMA)


def test_a_book_gives_the_same_tree_again(tmp_path: Path) -> None:
    parts = some_parts([3, 1, 4])
    tree = PointTree(parts)
    book = book_of(parts)
    again = PointTree(parts_of(book))
    assert again.root == tree.root
    assert again.point(3) == tree.point(3)
    assert kept_points(tmp_path, tree.root) is None
    place = keep_points(tmp_path, tree.root, book)
    assert place.stat().st_mode & 0o777 == 0o600
    kept = kept_points(tmp_path, tree.root)
    assert kept is not None
    assert kept.root == tree.root
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    place.write_bytes(book[:-1])
    with pytest.raises(MalformedDataError):
        kept_points(tmp_path, tree.root)


def test_a_book_of_another_form_is_refused() -> None:
    part = some_parts([2])[0]
    tensors: dict[str, Array] = {
        "cids": np.zeros((1, 32), np.uint8),
        "digests": np.zeros((2, 32), np.uint8),
        "owners": np.zeros((1, 20), np.uint8),
        "secrets": np.zeros((1, 32), np.uint8),
        "sizes": np.asarray([2], np.int64),
    }
    assert parts_of(dump_tensors(tensors))[0].row_digests == [bytes(32)] * 2
    assert parts_of(book_of([part])) == [part]
    changes: dict[str, Array] = {
        "cids": np.zeros((1, 31), np.uint8),
        "digests": np.zeros((3, 32), np.uint8),
        "owners": np.zeros((2, 20), np.uint8),
        "sizes": np.asarray([0], np.int64),
        "secrets": np.zeros((1, 32), np.int64),
    }
    for name, value in changes.items():
        with pytest.raises(MalformedDataError):
            parts_of(dump_tensors({**tensors, name: value}))
    with pytest.raises(MalformedDataError):
        parts_of(dump_tensors({name: tensors[name] for name in ("cids", "sizes")}))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_every_owner_proves_its_value(count: int) -> None:
    draw = random.Random(count)
    values = {address_of(draw.randbytes(20)): draw.randrange(1, 10**9) for _ in range(count)}
    listed = ValueList(1, 2, values)
    assert ValueList.from_json(listed.to_json()) == listed
    for owner, value in values.items():
        node = keccak(b"\0" + bytes.fromhex(owner[2:]) + value.to_bytes(32, "big"))
        for sibling in listed.path(owner):
            node = keccak(b"\1" + b"".join(sorted((node, sibling))))
        assert node == listed.root
    with pytest.raises(BadInputError, match="do not name"):
        listed.path(address_of(bytes(20)))


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "0x1", "", str(2**128)])
def test_values_out_of_form_are_refused(value: str) -> None:
    owner = address_of(bytes(19) + b"\1")
    blob = ValueList(1, 2, {owner: 5}).to_json()
    with pytest.raises(MalformedDataError):
        ValueList.from_json(blob.replace(b'"5"', f'"{value}"'.encode()))
