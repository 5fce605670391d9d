"""Strict JSON: what is taken, what is refused, one byte string for each document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databright.errors import BadInputError, MalformedDataError
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object, loads_strict

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**255), 2**255)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children) | st.dictionaries(st.text('abé"\\\n'), children),
    max_leaves=20,
)


@given(PLAIN)
def test_what_is_written_is_read_back_the_same(document: JsonValue) -> None:
    blob = dumps_canonical(document)
    read = loads_strict(blob, max_bytes=10**6, allow_floats=True)
    assert read == document
    assert dumps_canonical(read) == blob
    assert json.loads(blob) == document


def test_the_canonical_form_is_fixed() -> None:
    document = {"b": [1, True, None, "é\n"], "a": {"z": 0.5, "A": -3}, "aa": ()}
    expected = '{"a":{"A":-3,"z":0.5},"aa":[],"b":[1,true,null,"é\\n"]}'
    assert dumps_canonical(document) == expected.encode()
    assert dumps_canonical(dict(reversed(document.items()))) == expected.encode()


@pytest.mark.parametrize(
    ("blob", "match"),
    [
        (b'{"a":1,"a":1}', "twice"),
        (b'{"x":{"a":1,"b":2,"a":3}}', "twice"),
        (b'{"a":1,"\\u0061":2}', "twice"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "Infinity"),
        (b"1.5", "only integers"),
        (b"1e2", "only integers"),
        (b"9" * 79, "79 digits"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b"[" * 500_000, "deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00":1}', "surrogate"),
        (b'"\xff"', "UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"01", "not JSON"),
        (b'"\n"', "not JSON"),
        (b'"' + b'\\"' * 300_000, "not JSON"),
    ],
)
def test_anything_else_is_refused(blob: bytes, match: str) -> None:
    with pytest.raises(MalformedDataError, match=match):
        loads_strict(blob, max_bytes=10**6)


def test_brackets_inside_strings_are_no_depth() -> None:
    blob = json.dumps(["[" * 200, '"' + "{" * 200, "\\"]).encode()
    assert loads_strict(blob, max_bytes=1000, max_depth=1) == json.loads(blob)


def test_caps_hold_at_their_edge() -> None:
    assert loads_strict(b"[" * 64 + b"]" * 64, max_bytes=128) is not None
    assert loads_strict(b"9" * 78, max_bytes=78) == int("9" * 78)
    with pytest.raises(MalformedDataError, match="at most 77"):
        loads_strict(b"9" * 78, max_bytes=77)


def test_a_float_too_large_is_refused_even_where_floats_are_allowed() -> None:
    assert loads_strict(b"1.5e3", max_bytes=10, allow_floats=True) == 1500.0
    with pytest.raises(MalformedDataError, match="64-bit"):
        loads_strict(b"1e999", max_bytes=10, allow_floats=True)


def test_an_object_is_asked_for_and_given() -> None:
    assert loads_object(b'{"a":1}', max_bytes=10) == {"a": 1}
    with pytest.raises(MalformedDataError, match="list"):
        loads_object(b"[]", max_bytes=10)


@pytest.mark.parametrize(
    "document", [float("nan"), float("inf"), {1: 2}, b"bytes", {"a": {3}}, "\ud800", object()]
)
def test_what_json_cannot_hold_is_not_written(document: object) -> None:
    with pytest.raises(BadInputError):
        dumps_canonical(document)


def test_a_value_nested_too_deep_is_not_written() -> None:
    document: list[Any] = []
    for _ in range(100):
        document = [document]
    with pytest.raises(BadInputError, match="deeper"):
        dumps_canonical(document)
