"""The tensor container: canonical bytes, strict reading."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load as peer_load
from safetensors.numpy import save as peer_save

from databright.errors import BadInputError, MalformedDataError
from databright.records.tensors import Array, dump_tensors, load_tensors

DTYPES = ["<f4", "<f8", "<i4", "<i8", "u1"]
ARRAYS = hnp.arrays(
    st.sampled_from([np.dtype(d) for d in DTYPES]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)


def load(
    blob: bytes, max_bytes: int = 10**6, *, allow_nan: bool = False, canonical: bool = False
) -> dict[str, Array]:
    return load_tensors(
        blob, max_bytes=max_bytes, max_tensors=10, allow_nan=allow_nan, canonical=canonical
    )


def container(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


@given(st.dictionaries(NAMES, ARRAYS, max_size=5))
def test_round_trip_is_exact_and_canonical(tensors: dict[str, Array]) -> None:
    blob = dump_tensors(tensors)
    assert dump_tensors(dict(reversed(tensors.items()))) == blob
    read = load(blob, allow_nan=True, canonical=True)
    assert list(read) == sorted(tensors)
    for name, array in tensors.items():
        assert read[name].dtype == array.dtype
        assert read[name].shape == array.shape
        assert read[name].tobytes() == array.tobytes()
        assert read[name].flags.writeable
    assert dump_tensors(read) == blob


def test_the_safetensors_package_reads_ours_and_we_read_its() -> None:
    tensors: dict[str, Array] = {
        "w": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.arange(3, dtype=np.uint8),
        "n": np.array(5, dtype=np.int64),
    }
    for read in (peer_load(dump_tensors(tensors)), load(peer_save(tensors, {"k": "v"}))):
        assert {k: v.tolist() for k, v in read.items()} == {
            k: v.tolist() for k, v in tensors.items()
        }


def test_byte_order_and_strides_do_not_change_the_bytes() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    blob = dump_tensors({"a": array})
    assert dump_tensors({"a": array.astype(">f4")}) == blob
    assert dump_tensors({"a": np.asfortranarray(array)}) == blob
    assert dump_tensors({"a": np.repeat(array, 2, axis=0)[::2]}) == blob


def test_the_bytes_of_a_small_container_are_fixed() -> None:
    blob = dump_tensors({"b": np.array([1.0], dtype=np.float32), "a": np.array(7, dtype=np.uint8)})
    header = (
        b'{"a":{"data_offsets":[0,1],"dtype":"U8","shape":[]},'
        b'"b":{"data_offsets":[1,5],"dtype":"F32","shape":[1]}}'
    )
    header += b" " * (-len(header) % 8)
    assert blob == struct.pack("<Q", len(header)) + header + b"\x07\x00\x00\x80\x3f"


@pytest.mark.parametrize(
    "tensors",
    [
        {"a": np.array([True])},
        {"a": np.array([1], dtype=np.float16)},
        {"a": np.array(["x"])},
        {"a": np.array([None])},
        {"a": [1.0]},
        {"": np.zeros(1)},
        {"__metadata__": np.zeros(1)},
        {"x" * 257: np.zeros(1)},
        {3: np.zeros(1)},
        {"a": np.zeros((1,) * 9)},
    ],
)
def test_what_the_container_does_not_hold_is_not_written(tensors: dict[str, Array]) -> None:
    with pytest.raises(BadInputError):
        dump_tensors(tensors)


@pytest.mark.parametrize(
    ("blob", "match"),
    [
        (b"", "too short"),
        (b"\x00" * 7, "too short"),
        (struct.pack("<Q", 2**63), "claims"),
        (struct.pack("<Q", 1_000_001) + b" " * 1_000_001, "claims"),
        (container(b"[]"), "object"),
        (
            container(
                b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
                b'"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
                b"1",
            ),
            "twice",
        ),
        (container({"a": entry(dtype="F16")}, b"12345678"), "dtype"),
        (container({"a": entry(dtype=["F32"])}, b"12345678"), "dtype"),
        (container({"a": entry(shape=[3])}, b"12345678"), "do not match"),
        (container({"a": entry(shape=[-2])}, b"12345678"), "integer >= 0"),
        (container({"a": entry(shape=[True, 2])}, b"12345678"), "integer >= 0"),
        (container({"a": entry(shape=[2.0])}, b"12345678"), "only integers"),
        (container({"a": entry(shape=[1] * 9)}, b"12345678"), "at most 8"),
        (container({"a": entry(shape="2")}, b"12345678"), "list"),
        (container({"a": entry(shape=[2**40, 2**40])}, b"12345678"), "do not match"),
        (container({"a": entry(data_offsets=[0])}, b"12345678"), "do not match"),
        (container({"a": entry(data_offsets=[8, 0])}, b"12345678"), "do not match"),
        (container({"a": entry(data_offsets=[4, 12])}, b"123456789012"), "gap"),
        (container({"a": entry(), "b": entry()}, b"12345678"), "gap"),
        (container({"a": entry()}, b"123456789"), "holds 9"),
        (container({"a": entry()}, b"1234567"), "holds 7"),
        (container({"a": {**entry(), "more": 1}}, b"12345678"), "exactly"),
        (container({"a": 3}), "exactly"),
        (container({"": entry()}, b"12345678"), "name"),
        (container({"__metadata__": {"a": 1}}), "metadata"),
        (container({str(i): entry(shape=[0], data_offsets=[0, 0]) for i in range(11)}), "most 10"),
    ],
)
def test_a_malformed_container_is_refused(blob: bytes, match: str) -> None:
    with pytest.raises(MalformedDataError, match=match):
        load(blob, max_bytes=2 * 10**6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_nan_and_infinity_are_refused_unless_allowed(bad: float, dtype: str) -> None:
    blob = dump_tensors({"w": np.array([[0, 1], [bad, 2]], dtype=dtype)})
    with pytest.raises(MalformedDataError, match="flat index 2"):
        load(blob)
    assert load(blob, allow_nan=True)["w"].shape == (2, 2)


def test_other_encodings_of_the_same_tensors_are_not_canonical() -> None:
    two = {"a": np.array([1], dtype=np.uint8), "b": np.array([2], dtype=np.uint8)}
    swapped = container(
        {
            "a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]},
            "b": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        },
        b"\x02\x01",
    )
    for blob in (swapped, peer_save(two, {"k": "v"}), container({"a": entry()}, b"\0" * 8)):
        assert load(blob)
        with pytest.raises(MalformedDataError, match="canonical"):
            load(blob, canonical=True)


def test_a_blob_over_the_cap_is_not_looked_at() -> None:
    blob = dump_tensors({"a": np.zeros(4)})
    with pytest.raises(MalformedDataError, match="at most"):
        load(blob, max_bytes=len(blob) - 1)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mutated_container_is_refused_or_read_canonically(data: st.DataObject) -> None:
    original = dump_tensors({"w": np.arange(4, dtype=np.int64), "b": np.zeros(3, dtype=np.uint8)})
    blob = bytearray(original)
    for _ in range(data.draw(st.integers(1, 3))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = load(bytes(blob), canonical=True, allow_nan=True)
    except BadInputError:
        return
    assert dump_tensors(read) == bytes(blob)


@pytest.mark.parametrize("shape", [[0, 2**62], [2**62, 0], [0, 2**62, 2**62], [2**63 - 1, 0]])
def test_an_empty_tensor_of_an_impossible_size_is_refused(shape: list[int]) -> None:
    with pytest.raises(MalformedDataError, match="too large"):
        load(container({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}))
