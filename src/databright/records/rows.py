"""Rows of a dataset: features and labels that follow the dataset's schema.

Shapes: N rows, F features.
"""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from databright.errors import BadInputError, MalformedDataError
from databright.records.columns import Column, check_columns, check_values, columns_of
from databright.records.row_files import (
    MAX_FEATURES,
    MAX_FILE_BYTES,
    check_counts,
    read_arrays,
)
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.records.tensors import dump_tensors, load_tensors

MAX_CLASSES = 1 << 16
"""Most classes of a dataset."""
MAX_SCHEMA_BYTES = 128 * 1024
"""Largest schema document that is read."""

_ROW_DOMAIN = b"databright/row/v1"
_FIELDS = {"feature_dtype", "high", "low", "num_classes", "num_features"}
_FORMS = {"columns", "shape"}
_MAX_RANK = 8


@dataclass(frozen=True)
class Schema:
    """What each row of a dataset looks like.

    Attributes:
        num_features: numbers of a row, 1 to 2**20.
        num_classes: labels are 0 to num_classes - 1; 2 to 65,536.
        low: smallest value that a feature takes.
        high: largest value that a feature takes, > low.
        feature_dtype: always "float32".
        shape: of the array that a row's features are, in C order; () where it has none.
        columns: name, kind and range of each feature of a table; () where it has none.
    """

    num_features: int
    num_classes: int
    low: float
    high: float
    feature_dtype: str = "float32"
    shape: tuple[int, ...] = ()
    columns: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a schema that no row could follow.

        Raises:
            BadInputError: a field is out of its range.
        """
        if not 1 <= self.num_features <= MAX_FEATURES:
            raise BadInputError(f"num_features is {self.num_features}: use 1 to {MAX_FEATURES}")
        if not 2 <= self.num_classes <= MAX_CLASSES:
            raise BadInputError(f"num_classes is {self.num_classes}: use 2 to {MAX_CLASSES}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise BadInputError(
                f"the range {self.low} to {self.high} holds no value: low must be below high"
            )
        if self.feature_dtype != "float32":
            raise BadInputError(f"feature_dtype is {self.feature_dtype!r}: only 'float32' is used")
        self._check_form()
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    def _check_form(self) -> None:
        if self.shape and self.columns:
            raise BadInputError("a schema has a shape or columns: rows are arrays or a table")
        if self.shape and (
            len(self.shape) > _MAX_RANK
            or min(self.shape) < 1
            or math.prod(self.shape) != self.num_features
        ):
            raise BadInputError(
                f"shape {self.shape} does not hold {self.num_features} features:"
                f" its 1 to {_MAX_RANK} sizes multiply to that"
            )
        if self.columns:
            check_columns(self.columns, self.num_features, self.low, self.high)

    def to_json(self) -> bytes:
        """Write the schema.

        Returns:
            Canonical JSON: equal schemas give equal bytes.
        """
        fields: dict[str, JsonValue] = {name: getattr(self, name) for name in _FIELDS}
        if self.shape:
            fields["shape"] = list(self.shape)
        if self.columns:
            fields["columns"] = [column.to_json() for column in self.columns]
        return dumps_canonical(fields)

    @classmethod
    def from_json(cls, blob: bytes) -> Schema:
        """Read a schema.

        Args:
            blob: JSON of exactly the fields of this class (`shape` and `columns` where it has
                them), at most 128 KiB.

        Returns:
            The schema.

        Raises:
            MalformedDataError: another document, or a field of another type.
            BadInputError: values that no row could follow.
        """
        fields = loads_object(blob, max_bytes=MAX_SCHEMA_BYTES, max_depth=3, allow_floats=True)
        if set(fields) - _FORMS != _FIELDS:
            raise MalformedDataError(
                f"a schema has exactly the fields {', '.join(sorted(_FIELDS))},"
                f" got {', '.join(sorted(fields))[:120]}"
            )
        dtype = fields["feature_dtype"]
        if not isinstance(dtype, str):
            raise MalformedDataError(f"feature_dtype is {dtype!r}, not a string")
        return cls(
            num_features=_int_field(fields, "num_features"),
            num_classes=_int_field(fields, "num_classes"),
            low=_number_field(fields, "low"),
            high=_number_field(fields, "high"),
            feature_dtype=dtype,
            shape=_shape_field(fields),
            columns=columns_of(fields["columns"]) if "columns" in fields else (),
        )


def _int_field(fields: dict[str, JsonValue], name: str) -> int:
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a whole number")
    return value


def _shape_field(fields: dict[str, JsonValue]) -> tuple[int, ...]:
    shape = fields.get("shape", [])
    if not isinstance(shape, list) or ("shape" in fields and not shape):
        raise MalformedDataError(f"shape is {str(shape)[:40]!r}, not a list of sizes")
    sizes = [size for size in shape if isinstance(size, int) and not isinstance(size, bool)]
    if len(sizes) != len(shape):
        raise MalformedDataError(f"shape is {str(shape)[:40]!r}: sizes are whole numbers")
    return tuple(sizes)


def _number_field(fields: dict[str, JsonValue], name: str) -> float:
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a number")
    return float(value)


@dataclass(frozen=True, eq=False)
class Rows:
    """Features and labels of the same rows, at least one.

    Attributes:
        x_NF: float32 [N, F], finite, C order.
        y_N: int64 [N], >= 0.
    """

    x_NF: npt.NDArray[np.float32]
    y_N: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Refuse arrays that are not rows of any dataset.

        Raises:
            MalformedDataError: a field is out of its range.
        """
        x_NF, y_N = _features(self.x_NF), _labels(self.y_N)
        if len(y_N) != len(x_NF):
            raise MalformedDataError(
                f"{len(x_NF)} rows of features but {len(y_N)} labels: give one label for each row"
            )
        object.__setattr__(self, "x_NF", x_NF)
        object.__setattr__(self, "y_N", y_N)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.y_N)

    def check(self, schema: Schema) -> Rows:
        """Hold the rows against a dataset's schema.

        Args:
            schema: the dataset's schema.

        Returns:
            These rows, so that a call can be chained.

        Raises:
            MalformedDataError: a row with another number of features, a feature out of range, a
                label that is no class; row and column are named, counted from 0.
        """
        if self.x_NF.shape[1] != schema.num_features:
            raise MalformedDataError(
                f"rows have {self.x_NF.shape[1]} features, the dataset has {schema.num_features}"
            )
        outside_NF = (self.x_NF < schema.low) | (self.x_NF > schema.high)
        if outside_NF.any():
            row, column = (int(i) for i in np.argwhere(outside_NF)[0])
            raise MalformedDataError(
                f"row {row}, column {column}: {self.x_NF[row, column]!s} is outside the dataset's"
                f" range {schema.low} to {schema.high}; scale the features as the schema says"
            )
        check_values(schema.columns, self.x_NF)
        too_high_N = self.y_N >= schema.num_classes
        if too_high_N.any():
            row = int(np.argmax(too_high_N))
            raise MalformedDataError(
                f"row {row}: label {self.y_N[row]} is not a class;"
                f" labels are 0 to {schema.num_classes - 1}"
            )
        return self


def _features(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "fiu":
        raise MalformedDataError(
            f"features must be an array of numbers, rows x features, got {_describe(values)}"
        )
    check_counts(values.shape[0], values.shape[1], "the set of rows")
    with np.errstate(over="ignore"):  # an overflow becomes an infinity, which is named below
        x_NF = np.ascontiguousarray(values, dtype=np.float32)
    bad_NF = ~np.isfinite(x_NF)
    if bad_NF.any():
        row, column = (int(i) for i in np.argwhere(bad_NF)[0])
        raise MalformedDataError(
            f"row {row}, column {column}: {values[row, column]!s} is not a finite float32;"
            " remove or fill the row"
        )
    return x_NF


def _labels(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "iu":
        raise MalformedDataError(f"labels must be one array of integers, got {_describe(values)}")
    wrong_N = (values < 0) | (values > np.iinfo(np.int64).max)
    if wrong_N.any():
        row = int(np.argmax(wrong_N))
        raise MalformedDataError(f"row {row}: label {values[row]} is below 0 or over 2**63 - 1")
    return np.ascontiguousarray(values, dtype=np.int64)


def _describe(values: object) -> str:
    if isinstance(values, np.ndarray):
        return f"{values.dtype} of shape {values.shape}"
    return type(values).__name__


def rows_to_blob(rows: Rows) -> bytes:
    """Write rows as one canonical tensor container.

    Args:
        rows: the rows.

    Returns:
        Tensors x (float32 [N, F]) and y (int64 [N]); equal rows give equal bytes.
    """
    return dump_tensors({"x": rows.x_NF, "y": rows.y_N})


def rows_from_blob(blob: bytes, schema: Schema | None = None) -> Rows:
    """Read what `rows_to_blob` wrote.

    Args:
        blob: the tensor container; nothing but its canonical form is taken.
        schema: the dataset's schema, checked when given.

    Returns:
        The rows.

    Raises:
        MalformedDataError: another container, other tensors, or rows that break the schema.
    """
    tensors = load_tensors(blob, max_bytes=MAX_FILE_BYTES, max_tensors=2, canonical=True)
    if sorted(tensors) != ["x", "y"]:
        raise MalformedDataError(f"rows are the tensors x and y, got {', '.join(tensors)[:80]}")
    x_NF, y_N = tensors["x"], tensors["y"]
    if x_NF.dtype != np.float32 or y_N.dtype != np.int64:
        raise MalformedDataError(
            f"rows are float32 features and int64 labels, got {x_NF.dtype} and {y_N.dtype}"
        )
    rows = Rows(x_NF, y_N)
    return rows if schema is None else rows.check(schema)


def read_rows(path: Path, schema: Schema | None = None) -> Rows:
    """Read rows from a contributor's file.

    Args:
        path: .csv, .npz or .safetensors, see `databright.records.row_files.read_arrays`.
        schema: the dataset's schema, checked when given.

    Returns:
        The rows.

    Raises:
        MalformedDataError: the file or its rows are not usable; the message names the place.
    """
    x_NF, y_N = read_arrays(Path(path))
    rows = Rows(x_NF, y_N)
    return rows if schema is None else rows.check(schema)


def row_digests(rows: Rows) -> list[bytes]:
    """Digest each row.

    Args:
        rows: N rows.

    Returns:
        N digests of 32 bytes: sha256 of "databright/row/v1" | F (u32) | features (float32) |
        label (int64), all little-endian, with -0.0 taken as 0.0. Rows that compare equal have
        equal digests.
    """
    x_NF = (rows.x_NF + np.float32(0.0)).astype("<f4", copy=False)
    y_N = rows.y_N.astype("<i8", copy=False)
    prefix = _ROW_DOMAIN + struct.pack("<I", x_NF.shape[1])
    return [
        hashlib.sha256(prefix + x_F.tobytes() + y.tobytes()).digest()
        for x_F, y in zip(x_NF, y_N, strict=True)
    ]
