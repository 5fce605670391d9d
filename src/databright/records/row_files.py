"""Reading feature and label arrays out of files that strangers wrote: CSV, npz, safetensors.

Everything is bounded before it is built: the file, the lines, the rows, the arrays that a header
announces. What comes out is arrays of plausible shape; `databright.records.rows` checks them
against a schema.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from databright.errors import MalformedDataError
from databright.records.tensors import load_tensors

MAX_FILE_BYTES = 1 << 30
"""Largest file or blob of rows that is read."""
MAX_ROWS = 10_000_000
"""Most rows of one proposal."""
MAX_FEATURES = 1 << 20
"""Most features of one row."""
MAX_CELLS = 1 << 28
"""Most numbers of one proposal: rows times features."""
MAX_CSV_CELL = 64
"""Longest cell of a CSV file, in characters."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\Z")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_COMPRESSION = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
_NPZ_MEMBERS = {"x.npy", "y.npy"}
_MAX_NPY_HEADER = 10_000
_NPY_HEADER = re.compile(
    rb"\{'descr': '(?P<descr>[<>|][fiu][1248])', 'fortran_order': (?P<order>True|False),"
    rb" 'shape': \((?P<shape>[0-9]{1,18},|[0-9]{1,18}, [0-9]{1,18})\), \} *\n\Z"
)

Numbers = npt.NDArray[Any]


def check_counts(rows: int, features: int, where: str) -> None:
    """Refuse more rows or features than one proposal may have.

    Args:
        rows: number of rows.
        features: number of features of each.
        where: what the message calls the source.

    Raises:
        MalformedDataError: a count over its cap, or no row or feature at all.
    """
    if not (1 <= rows <= MAX_ROWS and 1 <= features <= MAX_FEATURES):
        raise MalformedDataError(
            f"{where} has {rows} rows of {features} features: it takes 1 to {MAX_ROWS} rows"
            f" and 1 to {MAX_FEATURES} features"
        )
    if rows * features > MAX_CELLS:
        raise MalformedDataError(
            f"{where} has {rows} x {features} numbers, over the cap of {MAX_CELLS}:"
            " split it into several proposals"
        )


def _read_capped(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise MalformedDataError(f"cannot read {path.name}: {exc.strerror}") from exc
    if len(content) > MAX_FILE_BYTES:
        raise MalformedDataError(f"{path.name} is larger than {MAX_FILE_BYTES} bytes: split it")
    return content


def _csv_line(text: str, line: int, width: int) -> tuple[list[float], int]:
    cells = [cell.strip() for cell in text.split(",", width + 1)]
    if len(cells) != width:
        raise MalformedDataError(
            f"line {line} has {len(cells)}{'+' if len(cells) > width else ''} columns,"
            f" expected {width} (features, then the label)"
        )
    for column, cell in enumerate(cells, start=1):
        if len(cell) > MAX_CSV_CELL or not _NUMBER.match(cell):
            raise MalformedDataError(
                f"line {line}, column {column}: {cell[:40]!r} is not a finite number"
            )
    if not _INTEGER.match(cells[-1]):
        raise MalformedDataError(
            f"line {line}, column {width}: label {cells[-1][:40]!r} is not a whole number"
        )
    return [float(cell) for cell in cells[:-1]], int(cells[-1])


def _is_header(text: str) -> bool:
    # Only a first line without a single number is taken for names: a typo in data stays an error.
    return not any(_NUMBER.match(cell.strip()) for cell in text.split(","))


def _from_csv(content: bytes) -> tuple[Numbers, Numbers]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise MalformedDataError(f"the CSV is not UTF-8 at byte {exc.start}") from exc
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    first = 1 if _is_header(lines[0]) else 0
    if len(lines) == first:
        raise MalformedDataError("the CSV has a header but no row: add at least one row")
    width = lines[first].count(",") + 1
    check_counts(len(lines) - first, width - 1, "the CSV")
    x_NF = np.empty((len(lines) - first, width - 1), dtype=np.float64)
    y_N = np.empty(len(lines) - first, dtype=np.int64)
    for index, line in enumerate(lines[first:]):
        x_NF[index], y_N[index] = _csv_line(line, index + first + 1, width)
    return x_NF, y_N


def _npy_header(content: bytes, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    # numpy's own reader falls back on tokenizing and evaluating odd headers; what numpy.save
    # writes for plain numbers has one form, so one pattern reads it.
    length_bytes = {b"\x01\x00": 2, b"\x02\x00": 4}.get(content[6:8])
    if content[:6] != b"\x93NUMPY" or length_bytes is None:
        raise MalformedDataError(f"{name} is no npy array of version 1.0 or 2.0")
    start = 8 + length_bytes
    stop = start + int.from_bytes(content[8:start], "little")
    match = _NPY_HEADER.match(content[start : min(stop, start + _MAX_NPY_HEADER)])
    if match is None:
        raise MalformedDataError(
            f"{name} has no plain npy header: save an array of floats or integers with at most two"
            " dimensions, e.g. by numpy.savez('rows.npz', x=x, y=y)"
        )
    shape = tuple(int(size) for size in re.findall(rb"[0-9]+", match["shape"]))
    return shape, match["order"] == b"True", np.dtype(match["descr"].decode("ascii")), stop


def _npy_array(content: bytes, name: str) -> Numbers:
    shape, fortran, dtype, start = _npy_header(content, name)
    if math.prod(shape) * dtype.itemsize != len(content) - start:
        raise MalformedDataError(
            f"{name} announces {shape} of {dtype}, but holds {len(content) - start} bytes"
        )
    flat = np.frombuffer(content, dtype=dtype, offset=start)
    return flat.reshape(shape, order="F" if fortran else "C")


def _from_npz(content: bytes) -> tuple[Numbers, Numbers]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            names = sorted(member.filename for member in members)
            if names != sorted(_NPZ_MEMBERS):
                raise MalformedDataError(
                    f"the npz holds {', '.join(names)[:80] or 'nothing'}: save exactly x and y,"
                    " e.g. numpy.savez('rows.npz', x=x, y=y)"
                )
            arrays: dict[str, Numbers] = {}
            for member in members:
                if member.file_size > MAX_FILE_BYTES or member.compress_type not in _COMPRESSION:
                    raise MalformedDataError(
                        f"{member.filename} unpacks to over {MAX_FILE_BYTES} bytes, or is packed"
                        " by another method than numpy.savez uses"
                    )
                with archive.open(member) as file:
                    unpacked = file.read(member.file_size + 1)
                arrays[member.filename] = _npy_array(unpacked, member.filename)
    except _ZIP_ERRORS as exc:
        raise MalformedDataError(f"not a readable npz archive: {exc}") from exc
    return arrays["x.npy"], arrays["y.npy"]


def _from_safetensors(content: bytes) -> tuple[Numbers, Numbers]:
    arrays = load_tensors(content, max_bytes=MAX_FILE_BYTES, max_tensors=2, allow_nan=True)
    if sorted(arrays) != ["x", "y"]:
        raise MalformedDataError(
            f"the tensors are called {', '.join(arrays)[:80]!r}: call them x and y"
        )
    return arrays["x"], arrays["y"]


_READERS = {".csv": _from_csv, ".npz": _from_npz, ".safetensors": _from_safetensors}


def read_arrays(path: Path) -> tuple[Numbers, Numbers]:
    """Read features and labels from a file.

    Args:
        path: a .csv (features, then the label as the last column; a first line without any
            number is a header), .npz (arrays x and y) or .safetensors (tensors x and y).

    Returns:
        (features, labels) as stored: shapes and values still unchecked.

    Raises:
        MalformedDataError: the file cannot be read, breaks its format or passes a cap; for CSV
            the message names line and column, counted from 1.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise MalformedDataError(
            f"{path.name}: rows are read from {', '.join(sorted(_READERS))} files"
        )
    return reader(_read_capped(path))
