"""Rows: the schema, the blob, the files of contributors, the digests."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from databright.errors import BadInputError, MalformedDataError
from databright.records.row_files import MAX_ROWS
from databright.records.rows import (
    Rows,
    Schema,
    read_rows,
    row_digests,
    rows_from_blob,
    rows_to_blob,
)
from databright.records.tensors import Array, dump_tensors

SCHEMA = Schema(num_features=3, num_classes=4, low=0, high=16)
X = np.array([[0, 1.5, 16], [3, 4, 5]], dtype=np.float32)
Y = np.array([0, 3], dtype=np.int64)


def npy(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def write_npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_schema_is_written_canonically_and_read_back() -> None:
    blob = SCHEMA.to_json()
    assert blob == (
        b'{"feature_dtype":"float32","high":16.0,"low":0.0,"num_classes":4,"num_features":3}'
    )
    assert Schema.from_json(blob) == SCHEMA
    assert Schema(3, 4, 0.0, 16.0).to_json() == blob


@pytest.mark.parametrize(
    "changes",
    [
        {"num_features": 0},
        {"num_features": 2**21},
        {"num_classes": 1},
        {"low": 16},
        {"high": float("inf")},
        {"low": float("nan")},
        {"feature_dtype": "float64"},
    ],
)
def test_a_schema_that_no_row_can_follow_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        Schema(**{"num_features": 3, "num_classes": 4, "low": 0, "high": 16, **changes})


@pytest.mark.parametrize(
    "blob",
    [
        b"{}",
        SCHEMA.to_json().replace(b'"num_classes":4', b'"num_classes":4.0'),
        SCHEMA.to_json().replace(b'"num_classes":4', b'"num_classes":true'),
        SCHEMA.to_json().replace(b'"low":0.0', b'"low":"0"'),
        SCHEMA.to_json().replace(b'"float32"', b"32"),
        SCHEMA.to_json().replace(b"}", b',"more":1}'),
        SCHEMA.to_json().replace(b"16.0", b"NaN"),
    ],
)
def test_a_malformed_schema_is_refused(blob: bytes) -> None:
    with pytest.raises(MalformedDataError):
        Schema.from_json(blob)


def test_rows_keep_their_values_and_types() -> None:
    rows = Rows(X.astype(np.float64), Y.astype(np.int8)).check(SCHEMA)
    assert rows.x_NF.dtype == np.float32
    assert rows.y_N.dtype == np.int64
    assert (rows.x_NF == X).all()
    assert len(rows) == 2
    read = rows_from_blob(rows_to_blob(rows), SCHEMA)
    assert (read.x_NF == X).all()
    assert (read.y_N == Y).all()


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (X[:0], Y[:0], "0 rows"),
        (X[:, :0], Y, "0 features"),
        (X, Y[:1], "2 rows of features but 1 labels"),
        (X[0], Y, "shape"),
        (X, Y[None], "shape"),
        (X, Y.astype(np.float64), "integers"),
        (X.astype(object), Y, "object"),
        (X.astype(bool), Y, "bool"),
        (X.tolist(), Y, "list"),
        (X, np.array([0, -1]), "row 1"),
        (X, np.array([0, 2**64 - 1], dtype=np.uint64), "row 1"),
        (np.where(X == 4, np.nan, X), Y, "row 1, column 1: nan"),
        (np.where(X == 5, np.inf, X), Y, "row 1, column 2: inf"),
        (np.where(X == 3, 1e39, X.astype(np.float64)), Y, r"row 1, column 0: 1e\+39"),
    ],
)
def test_arrays_that_are_no_rows_are_refused(x: Array, y: Array, match: str) -> None:
    with pytest.raises(MalformedDataError, match=match):
        Rows(x, y)


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (X[:, :2], Y, "2 features, the dataset has 3"),
        (np.where(X == 5, 16.001, X), Y, "row 1, column 2: 16.001"),
        (np.where(X == 3, -0.5, X), Y, "row 1, column 0: -0.5"),
        (X, np.array([0, 4]), "row 1: label 4.*0 to 3"),
    ],
)
def test_rows_off_the_schema_are_refused_by_place(x: Array, y: Array, match: str) -> None:
    with pytest.raises(MalformedDataError, match=match):
        Rows(x, y).check(SCHEMA)


@pytest.mark.parametrize(
    "tensors",
    [
        {"x": X},
        {"x": X, "z": Y},
        {"x": X.astype(np.float64), "y": Y},
        {"x": X, "y": Y.astype(np.int32)},
        {"x": X, "y": np.array([0, -1])},
        {"x": X * np.float32(np.nan), "y": Y},
        {"x": X, "y": np.array([0, 9])},
    ],
)
def test_a_blob_of_other_rows_is_refused(tensors: dict[str, Any]) -> None:
    with pytest.raises(MalformedDataError):
        rows_from_blob(dump_tensors(tensors), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "0,1.5,16,0\n3,4,5,3\n",
        "0,1.5,16,0\r\n3,4,5,3",
        "a,b,c,label\n0,1.5,16,0\n3,4,5,3\n",
        "\ufeffa,b,c,label\n 0 , +1.5,1.6e1,0\n3.,4,5,3\n",
    ],
)
def test_a_csv_is_read(tmp_path: Path, text: str) -> None:
    rows = read_rows(write(tmp_path / "r.CSV", text), SCHEMA)
    assert (rows.x_NF == X).all()
    assert (rows.y_N == Y).all()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("0,1,2,0\n0,x,2,0\n", "line 2, column 2: 'x'"),
        ("a,b,c,d\n0,1,2,0\n0,1,nan,0\n", "line 3, column 3: 'nan'"),
        ("0,1,inf,0\n", "line 1, column 3: 'inf'"),
        ("0,1,2,0\n0,1,2\n", "line 2 has 3 columns, expected 4"),
        ("0,1,2,0\n0,1,2,3,4,5,6\n", r"line 2 has .* columns, expected 4"),
        ("0,1,2,0\n\n0,1,2,0\n", "line 2 has 1 columns"),
        ("0,1,2,1.0\n", "line 1, column 4: label '1.0'"),
        ("0,1,2,-1\n", "row 0: label -1"),
        ("0,1,2,4\n", "label 4"),
        ("0,1,1e39,1\n", "row 0, column 2"),
        ("0,1,1_0,1\n", "line 1, column 3"),
        ("0,1,\u0661,1\n", "line 1, column 3"),
        ("0,," + "1" * 80 + ",1\n", "line 1, column 2: ''"),
        ("0,1," + "1" * 80 + ",1\n", "line 1, column 3"),
        ("a,b,c,label\n", "no row"),
        ("", "no row"),
        ("5\n", "0 features"),
        (b"0,1,\xff,1\n", "UTF-8"),
    ],
)
def test_a_malformed_csv_is_refused_by_place(tmp_path: Path, text: str | bytes, match: str) -> None:
    with pytest.raises(MalformedDataError, match=match):
        read_rows(write(tmp_path / "r.csv", text), SCHEMA)


def test_npz_and_safetensors_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", x=np.asfortranarray(X), y=Y.astype(np.uint8))
    np.savez_compressed(tmp_path / "c.npz", x=X.astype(">f8"), y=Y)
    write(tmp_path / "r.safetensors", dump_tensors({"x": X, "y": Y.astype(np.int32)}))
    for name in ("r.npz", "c.npz", "r.safetensors"):
        rows = read_rows(tmp_path / name, SCHEMA)
        assert (rows.x_NF == X).all()
        assert (rows.y_N == Y).all()


def huge_header() -> bytes:
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3), }"
    head += b" " * (63 - (len(head) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ({"x": npy(X)}, "exactly x and y"),
        ({"x": npy(X), "y": npy(Y), "z": npy(Y)}, "exactly x and y"),
        ({"x": npy(X.astype(object)), "y": npy(Y)}, "plain npy"),
        ({"x": npy(X.astype(complex)), "y": npy(Y)}, "plain npy"),
        ({"x": npy(X[None]), "y": npy(Y)}, "plain npy"),
        ({"x": huge_header(), "y": npy(Y)}, "announces"),
        ({"x": npy(X)[:-1], "y": npy(Y)}, "announces"),
        ({"x": npy(X) + b"0", "y": npy(Y)}, "announces"),
        ({"x": b"not npy", "y": npy(Y)}, "no npy array"),
        ({"x": b"\x93NUMPY\x01\x00\xff\xff{", "y": npy(Y)}, "plain npy"),
        ({"x": b"\x93NUMPY\x03\x00" + npy(X)[8:], "y": npy(Y)}, "version"),
        ({"x": npy(X).replace(b"(2, 3)", b"(2,-3)"), "y": npy(Y)}, "plain npy"),
    ],
)
def test_a_malformed_npz_is_refused(tmp_path: Path, members: dict[str, bytes], match: str) -> None:
    with pytest.raises(MalformedDataError, match=match):
        read_rows(write_npz(tmp_path / "r.npz", **members), SCHEMA)


@pytest.mark.parametrize("name", ["r.npz", "r.safetensors"])
def test_bytes_that_are_no_archive_are_refused(tmp_path: Path, name: str) -> None:
    for content in (b"", b"PK\x03\x04" + b"\0" * 50, b"\x80\x04N."):
        with pytest.raises(MalformedDataError):
            read_rows(write(tmp_path / name, content))


def test_damaged_archives_are_refused_or_read_whole(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "r.npz", x=npy(X), y=npy(Y))
    whole = path.read_bytes()
    refused = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        try:
            rows = read_rows(path)
        except MalformedDataError:
            refused += 1
        else:
            assert (rows.x_NF == X).all()
    assert refused > len(whole) // 2


def test_missing_files_and_unknown_kinds_are_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedDataError, match=r"gone\.csv"):
        read_rows(tmp_path / "gone.csv")
    with pytest.raises(MalformedDataError, match=r"\.csv, \.npz, \.safetensors"):
        read_rows(write(tmp_path / "r.pkl", b"x"))


def test_row_digests_are_fixed_and_follow_equality() -> None:
    rows = Rows(np.array([[1, 0], [1, -0.0], [1, 0], [2, 0]], dtype=np.float32), np.array([2] * 4))
    digests = row_digests(rows)
    expected = b"databright/row/v1" + struct.pack("<Iffq", 2, 1.0, 0.0, 2)
    assert digests[0] == hashlib.sha256(expected).digest()
    assert digests[0] == digests[1] == digests[2] != digests[3]
    other = Rows(rows.x_NF, np.array([2, 2, 1, 2]))
    assert row_digests(other)[2] != digests[2]


@pytest.mark.parametrize(("rows", "features"), [(MAX_ROWS + 1, 1), (2**10, 2**19)])
def test_more_numbers_than_a_proposal_may_have_are_refused(rows: int, features: int) -> None:
    one = np.zeros(1, dtype=np.float32)
    x_NF = np.broadcast_to(one, (rows, features))  # takes four bytes
    with pytest.raises(MalformedDataError, match=r"takes 1 to|cap"):
        Rows(x_NF, np.zeros(1, dtype=np.int64))
