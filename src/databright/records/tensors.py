"""The tensor container of every room: safetensors bytes, written canonically, read strictly.

Layout: header length (u64, little-endian) | JSON header padded with spaces to 8 bytes | tensors.
The header maps each name to ``{"data_offsets", "dtype", "shape"}``. `dump_tensors` sorts the
names and lays tensors out in that order, so the same mapping gives the same bytes always, which
is what makes two workers' weights comparable by hash.

Own reader: the `safetensors` package accepts duplicate header keys and NaN weights.

Source: safetensors format, https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from databright.errors import BadInputError, MalformedDataError
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object

Array = npt.NDArray[Any]
"""An array of one of the container's dtypes."""

MAX_HEADER_BYTES = 1_000_000
"""Largest JSON header that is read."""
MAX_DIMS = 8
"""Most dimensions of one tensor."""
MAX_NAME_CHARS = 256
"""Longest tensor name."""

_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_LENGTH = struct.Struct("<Q")
_METADATA = "__metadata__"


class _Entry(NamedTuple):
    name: str
    code: str
    shape: tuple[int, ...]
    begin: int
    end: int


def _check_name(name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS or name == _METADATA:
        raise BadInputError(
            f"{str(name)[:80]!r} is no tensor name: use 1 to {MAX_NAME_CHARS} characters"
        )
    return name


def _little_endian(name: str, array: Array) -> Array:
    if not isinstance(array, np.ndarray):
        raise BadInputError(f"tensor {name!r} is a {type(array).__name__}, not a numpy array")
    little = array.dtype.newbyteorder("<")
    if little not in _CODES or array.ndim > MAX_DIMS:
        raise BadInputError(
            f"tensor {name!r} has dtype {array.dtype} and {array.ndim} dimensions: use one of"
            f" float32, float64, int32, int64, uint8 and at most {MAX_DIMS} dimensions"
        )
    return np.asarray(array, dtype=little, order="C")


def _header_bytes(entries: list[_Entry]) -> bytes:
    header = dumps_canonical(
        {
            e.name: {"data_offsets": [e.begin, e.end], "dtype": e.code, "shape": list(e.shape)}
            for e in entries
        }
    )
    header += b" " * (-len(header) % 8)
    if len(header) > MAX_HEADER_BYTES:
        raise BadInputError(
            f"the header of {len(entries)} tensors takes {len(header)} bytes; at most"
            f" {MAX_HEADER_BYTES} are written: use fewer tensors or shorter names"
        )
    return _LENGTH.pack(len(header)) + header


def dump_tensors(tensors: Mapping[str, Array]) -> bytes:
    """Write tensors as one canonical blob.

    Args:
        tensors: name -> array of float32, float64, int32, int64 or uint8, any byte order and
            strides, at most 8 dimensions.

    Returns:
        safetensors bytes; equal mappings give equal bytes, whatever their order of insertion.

    Raises:
        BadInputError: a name, dtype or shape that the container does not hold.
    """
    entries: list[_Entry] = []
    parts: list[bytes] = []
    offset = 0
    for name in sorted(_check_name(name) for name in tensors):
        array = _little_endian(name, tensors[name])
        entries.append(
            _Entry(name, _CODES[array.dtype], array.shape, offset, offset + array.nbytes)
        )
        parts.append(array.tobytes())
        offset += array.nbytes
    return b"".join([_header_bytes(entries), *parts])


def _int_list(value: JsonValue, what: str, max_len: int) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > max_len:
        raise MalformedDataError(f"{what} is not a list of at most {max_len} integers")
    numbers: list[int] = []
    for item in value:
        if type(item) is not int or not 0 <= item < 2**63:  # bool is an int to isinstance
            raise MalformedDataError(f"{what} holds {str(item)[:40]!r}, not an integer >= 0")
        numbers.append(item)
    return tuple(numbers)


def _read_entry(name: str, value: JsonValue) -> _Entry:
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise MalformedDataError(f"{name[:80]!r} is no tensor name")
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise MalformedDataError(
            f"tensor {name!r} needs exactly dtype, shape and data_offsets in the header"
        )
    code = value["dtype"]
    if not isinstance(code, str) or code not in _DTYPES:
        raise MalformedDataError(
            f"tensor {name!r} has dtype {str(code)[:40]!r}: use one of {', '.join(_DTYPES)}"
        )
    shape = _int_list(value["shape"], f"the shape of tensor {name!r}", MAX_DIMS)
    offsets = _int_list(value["data_offsets"], f"data_offsets of tensor {name!r}", 2)
    if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * _DTYPES[code].itemsize:
        raise MalformedDataError(
            f"tensor {name!r}: data_offsets {list(offsets)} do not match"
            f" shape {list(shape)} of {code}"
        )
    if math.prod(max(1, size) for size in shape) * _DTYPES[code].itemsize >= 2**63:
        # An empty tensor may announce sizes that no array library takes.
        raise MalformedDataError(f"tensor {name!r} has the shape {list(shape)}: too large")
    return _Entry(name, code, shape, offsets[0], offsets[1])


def _check_metadata(value: JsonValue) -> None:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise MalformedDataError("__metadata__ in a tensor header must map strings to strings")


def _read_header(blob: bytes, max_tensors: int) -> tuple[int, list[_Entry]]:
    if len(blob) < _LENGTH.size:
        raise MalformedDataError(f"{len(blob)} bytes are too short for a tensor container")
    (length,) = _LENGTH.unpack_from(blob)
    start = _LENGTH.size + length
    if length > MAX_HEADER_BYTES or start > len(blob):
        raise MalformedDataError(
            f"the tensor header claims {length} bytes of a blob of {len(blob)};"
            f" at most {MAX_HEADER_BYTES} are read"
        )
    header = loads_object(blob[_LENGTH.size : start], max_bytes=MAX_HEADER_BYTES, max_depth=4)
    if _METADATA in header:
        _check_metadata(header.pop(_METADATA))
    if len(header) > max_tensors:
        raise MalformedDataError(f"{len(header)} tensors; at most {max_tensors} are read here")
    entries = [_read_entry(name, value) for name, value in header.items()]
    position = 0
    for entry in sorted(entries, key=lambda e: (e.begin, e.end, e.name)):
        if entry.begin != position:
            raise MalformedDataError(
                f"tensor {entry.name!r} starts at byte {entry.begin}, expected {position}:"
                " tensors must follow one another without gap or overlap"
            )
        position = entry.end
    if position != len(blob) - start:
        raise MalformedDataError(
            f"the header describes {position} bytes of tensors, the blob holds {len(blob) - start}"
        )
    return start, entries


def load_tensors(
    blob: bytes,
    *,
    max_bytes: int,
    max_tensors: int,
    allow_nan: bool = False,
    canonical: bool = False,
) -> dict[str, Array]:
    """Read a tensor container from outside.

    Args:
        blob: safetensors bytes.
        max_bytes: largest blob that is looked at, in bytes.
        max_tensors: most tensors.
        allow_nan: whether float tensors may hold NaN or infinities.
        canonical: whether only the very bytes that `dump_tensors` writes are taken.

    Returns:
        name -> writable C-ordered array, in the order of the names.

    Raises:
        MalformedDataError: the blob breaks the format or a cap, or holds NaN or an infinity.
    """
    if len(blob) > max_bytes:
        raise MalformedDataError(f"{len(blob)} bytes of tensors; at most {max_bytes} are read here")
    start, entries = _read_header(blob, max_tensors)
    entries.sort(key=lambda e: e.name)
    if canonical and (
        blob[:start] != _header_bytes(entries)
        or any(a.end != b.begin for a, b in pairwise(entries))
    ):
        raise MalformedDataError("the tensor container is not in its canonical form: dump it again")
    tensors: dict[str, Array] = {}
    for entry in entries:
        dtype = _DTYPES[entry.code]
        count = math.prod(entry.shape)
        flat = np.frombuffer(blob, dtype=dtype, count=count, offset=start + entry.begin)
        if not allow_nan and dtype.kind == "f" and not np.isfinite(flat).all():
            first = int(np.flatnonzero(~np.isfinite(flat))[0])
            raise MalformedDataError(
                f"tensor {entry.name!r} holds {flat[first]} at flat index {first}:"
                " only finite numbers are taken"
            )
        tensors[entry.name] = flat.reshape(entry.shape).copy()
    return tensors
