"""Columns of a table: what each feature of a row is called, what kind of value it takes, its range.

Shapes: N rows, F features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from databright.errors import BadInputError, MalformedDataError
from databright.records.strict_json import JsonValue

KINDS: Final = ("float", "int", "category")
MAX_COLUMNS: Final = 1024
"""Most named columns of a schema; wider rows are arrays with a shape."""
MAX_NAME: Final = 64
MAX_WHOLE: Final = 1 << 24
"""Whole numbers up to this are exact in float32."""
_FIELDS = {"name", "type", "low", "high"}


@dataclass(frozen=True)
class Column:
    """One feature of a table.

    Attributes:
        name: 1 to 64 printable characters.
        type: "float"; "int", a whole number; "category", a whole number that names a class.
        low: smallest value.
        high: largest value, >= low; both whole and at most 2**24 in size for int and category.
    """

    name: str
    type: str
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse a column that no value could follow.

        Raises:
            BadInputError: a field is out of its range.
        """
        if not (1 <= len(self.name) <= MAX_NAME and self.name.isprintable()):
            raise BadInputError(
                f"column name {self.name[:MAX_NAME]!r}: use 1 to {MAX_NAME} printable characters"
            )
        if self.type not in KINDS:
            raise BadInputError(
                f"column {self.name!r} has type {self.type!r}: use one of {', '.join(KINDS)}"
            )
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise BadInputError(
                f"column {self.name!r}: the range {self.low} to {self.high} holds no value"
            )
        if self.type != "float":
            for bound in (self.low, self.high):
                if bound != int(bound) or abs(bound) > MAX_WHOLE:
                    raise BadInputError(
                        f"column {self.name!r} is of whole numbers, its bound {bound} is not one"
                        f" of at most {MAX_WHOLE} in size"
                    )
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    def to_json(self) -> dict[str, JsonValue]:
        """The column as the schema's JSON holds it.

        Returns:
            Its four fields.
        """
        return {"name": self.name, "type": self.type, "low": self.low, "high": self.high}

    @classmethod
    def from_json(cls, value: JsonValue) -> Column:
        """Read a column.

        Args:
            value: an object of exactly the four fields.

        Returns:
            The column.

        Raises:
            MalformedDataError: another value, or a field of another type.
        """
        if not isinstance(value, dict) or set(value) != _FIELDS:
            raise MalformedDataError(
                f"a column is an object of {', '.join(sorted(_FIELDS))}, got {str(value)[:80]}"
            )
        name, kind = value["name"], value["type"]
        if not isinstance(name, str) or not isinstance(kind, str):
            raise MalformedDataError("a column's name and type are texts")
        return cls(name, kind, _number(value["low"], "low"), _number(value["high"], "high"))


def _number(value: JsonValue, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedDataError(f"a column's {what} is {str(value)[:40]!r}, not a number")
    return float(value)


def columns_of(value: JsonValue) -> tuple[Column, ...]:
    """Read a schema's list of columns.

    Args:
        value: a list of objects.

    Returns:
        The columns.

    Raises:
        MalformedDataError: no such list.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_COLUMNS:
        raise MalformedDataError(f"columns is a list of 1 to {MAX_COLUMNS} objects")
    return tuple(Column.from_json(item) for item in value)


def check_columns(columns: Sequence[Column], num_features: int, low: float, high: float) -> None:
    """Hold columns against the rest of their schema.

    Args:
        columns: the columns in order of the features.
        num_features: numbers of a row.
        low: smallest value of any feature.
        high: largest value of any feature.

    Raises:
        BadInputError: another number of columns, a name twice, a range beyond the schema's.
    """
    if len(columns) != num_features:
        raise BadInputError(f"{len(columns)} columns for {num_features} features: name each once")
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"column {name!r} is there twice: names differ")
    for column in columns:
        if column.low < low or column.high > high:
            raise BadInputError(
                f"column {column.name!r} goes from {column.low} to {column.high}, the schema only "
                f"from {low} to {high}"
            )


def check_values(columns: Sequence[Column], x_NF: npt.NDArray[np.float32]) -> None:
    """Hold features against their columns.

    Args:
        columns: one for each feature.
        x_NF: float32 [N, F], finite.

    Raises:
        MalformedDataError: a value out of its column's range or of another kind; the row and the
            column are named, rows counted from 0.
    """
    for place, column in enumerate(columns):
        x_N = x_NF[:, place]
        # The bounds as float32, as the values are: a bound that float32 cannot hold still counts.
        wrong_N = (x_N < np.float32(column.low)) | (x_N > np.float32(column.high))
        if column.type != "float":
            wrong_N |= x_N != np.floor(x_N)
        if wrong_N.any():
            row = int(np.argmax(wrong_N))
            raise MalformedDataError(
                f"row {row}, column {place} ({column.name!r}): {x_N[row]!s} is no {column.type} "
                f"from {column.low} to {column.high}"
            )
