"""Schemas of tables and of arrays with a shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from databright.errors import BadInputError, MalformedDataError
from databright.records.columns import Column
from databright.records.rows import Rows, Schema

AGE = Column("age", "int", 0, 120)
COLOUR = Column("colour", "category", 0, 2)
DOSE = Column("dose", "float", 0.5, 9.5)
TABLE = Schema(3, 2, 0, 120, columns=(AGE, COLOUR, DOSE))
IMAGE = Schema(6, 2, 0, 1, shape=(1, 2, 3))
GOOD = [30, 2, 0.5]


def rows(*features: list[float]) -> Rows:
    return Rows(np.array(features, dtype=np.float32), np.zeros(len(features), dtype=np.int64))


@pytest.mark.parametrize("schema", [TABLE, IMAGE, Schema(2, 2, 0, 1)])
def test_a_schema_is_read_back_as_it_was(schema: Schema) -> None:
    assert Schema.from_json(schema.to_json()) == schema


def test_a_schema_without_a_form_is_written_as_before() -> None:
    assert b"columns" not in Schema(2, 2, 0, 1).to_json()
    assert b"shape" not in Schema(2, 2, 0, 1).to_json()


def test_rows_that_follow_their_columns_are_taken() -> None:
    assert len(rows(GOOD, [0, 0, 9.5]).check(TABLE)) == 2


@pytest.mark.parametrize(
    ("features", "named"),
    [
        ([30.5, 2, 1], "row 1, column 0 \\('age'\\): 30.5 is no int"),
        ([30, 3, 1], "column 1 \\('colour'\\): 3.0 is no category from 0.0 to 2.0"),
        ([30, 1.5, 1], "'colour'"),
        ([30, 1, 0.25], "'dose'"),
        ([30, 1, 9.75], "'dose'"),
    ],
)
def test_a_value_that_breaks_its_column_is_named(features: list[float], named: str) -> None:
    with pytest.raises(MalformedDataError, match=named):
        rows(GOOD, features).check(TABLE)


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": (AGE, COLOUR)},
        {"columns": (AGE, COLOUR, AGE)},
        {"columns": (AGE, COLOUR, Column("far", "float", -1, 3))},
        {"columns": (AGE, COLOUR, DOSE), "shape": (3,)},
        {"shape": (2, 2)},
        {"shape": (3, 0)},
        {"shape": (-1, -3)},
        {"shape": (1,) * 8 + (3,)},
    ],
)
def test_a_form_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        Schema(3, 2, 0, 120, **changes)


@pytest.mark.parametrize(
    "fields",
    [("", "float", 0, 1), ("a\n", "float", 0, 1), ("a" * 65, "float", 0, 1), ("a", "text", 0, 1),
     ("a", "float", 2, 1), ("a", "float", 0, float("inf")), ("a", "int", 0, 1.5),
     ("a", "category", 0, 2**25)],
)  # fmt: skip
def test_a_column_that_no_value_follows_is_refused(fields: tuple[str, str, float, float]) -> None:
    with pytest.raises(BadInputError):
        Column(*fields)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"columns":[', b'"columns":[7,'),
        (b'"type":"int"', b'"type":4'),
        (b'"low":0.5', b'"low":"0.5"'),
        (b'"name":"age"', b'"name":"age","unit":"years"'),
        (b'"columns":', b'"column":'),
    ],
)
def test_a_document_of_another_form_is_malformed(old: bytes, new: bytes) -> None:
    blob = TABLE.to_json()
    assert old in blob
    with pytest.raises(MalformedDataError):
        Schema.from_json(blob.replace(old, new))


@pytest.mark.parametrize("shape", [b"[]", b'"6"', b"[1,2.0,3]", b"[true,2,3]", b"{}"])
def test_a_shape_of_another_form_is_malformed(shape: bytes) -> None:
    with pytest.raises(MalformedDataError):
        Schema.from_json(IMAGE.to_json().replace(b"[1,2,3]", shape))
