"""JSON read strictly and written canonically.

Bytes from outside are read with caps that hold before anything is built: size, nesting, digits.
Duplicate keys, NaN, Infinity and lone surrogates are refused, so that no two readers can see two
different documents in the same bytes. The canonical form (sorted keys, no spaces, UTF-8) gives
one byte string per document, which is what digests are taken of.
"""

from __future__ import annotations

import json
import math
import re
from typing import TypeAlias, cast

from databright.errors import BadInputError, MalformedDataError

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
"""What a JSON document holds once it is read."""

MAX_DEPTH = 64
"""Nesting that a document may have unless the caller allows another depth."""
MAX_INT_DIGITS = 78
"""Digits of the largest unsigned 256-bit integer."""

# Possessive repeats and an optional closing quote: one pass over any input, never a second look.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def _check_depth(data: bytes, max_depth: int) -> None:
    depth = 0
    for match in _TOKEN.finditer(data):
        first = data[match.start()]
        if first in b"[{":
            depth += 1
            if depth > max_depth:
                raise MalformedDataError(
                    f"the JSON nests deeper than {max_depth} levels at byte {match.start()}:"
                    " flatten it"
                )
        elif first in b"]}":
            depth -= 1


def _no_duplicates(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in found:
            raise MalformedDataError(f"the JSON has the key {key[:80]!r} twice: keep one")
        found[key] = value
    return found


def _parse_int(text: str) -> int:
    if len(text.lstrip("-")) > MAX_INT_DIGITS:
        raise MalformedDataError(
            f"the JSON holds an integer of {len(text)} digits; at most {MAX_INT_DIGITS} are read"
        )
    return int(text)


def _parse_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise MalformedDataError(f"the JSON number {text[:40]} does not fit a 64-bit float")
    return value


def _refuse_float(text: str) -> float:
    raise MalformedDataError(
        f"the JSON holds the number {text[:40]}, but only integers are allowed here"
    )


def _refuse_constant(text: str) -> float:
    raise MalformedDataError(f"the JSON holds {text}, which is not a JSON number")


def loads_strict(
    data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH, allow_floats: bool = False
) -> JsonValue:
    """Read one JSON document.

    Args:
        data: UTF-8 bytes, without a byte order mark.
        max_bytes: largest document that is looked at, in bytes.
        max_depth: deepest nesting of arrays and objects; checked before parsing.
        allow_floats: whether numbers with a point or exponent may occur.

    Returns:
        The document as plain Python values.

    Raises:
        MalformedDataError: anything else than one well-formed document inside the caps:
            a duplicate key, NaN or Infinity, a float where none is allowed, an integer of more
            than 78 digits, a lone surrogate, bytes after the end.
    """
    if len(data) > max_bytes:
        raise MalformedDataError(
            f"the JSON is {len(data)} bytes long; at most {max_bytes} are read here"
        )
    _check_depth(data, max_depth)
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_int=_parse_int,
            parse_float=_parse_float if allow_floats else _refuse_float,
            parse_constant=_refuse_constant,
        )
        if b"\\u" in data:  # only an escape can smuggle in half of a surrogate pair
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as exc:
        raise MalformedDataError(f"the JSON is not UTF-8 at byte {exc.start}") from exc
    except UnicodeEncodeError as exc:
        raise MalformedDataError("the JSON escapes half of a surrogate pair") from exc
    except json.JSONDecodeError as exc:
        raise MalformedDataError(f"not JSON: {exc.msg} at character {exc.pos}") from exc
    return cast(JsonValue, value)


def loads_object(
    data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH, allow_floats: bool = False
) -> dict[str, JsonValue]:
    """Read one JSON document that must be an object.

    Args:
        data: as for `loads_strict`.
        max_bytes: as for `loads_strict`.
        max_depth: as for `loads_strict`.
        allow_floats: as for `loads_strict`.

    Returns:
        The object's members.

    Raises:
        MalformedDataError: as for `loads_strict`, or the document is not an object.
    """
    value = loads_strict(data, max_bytes=max_bytes, max_depth=max_depth, allow_floats=allow_floats)
    if not isinstance(value, dict):
        raise MalformedDataError(f"expected a JSON object, got {type(value).__name__}")
    return value


def _check_plain(value: object, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BadInputError(f"{path[:80]} nests deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise BadInputError(f"{path}: the key {key!r} is not a string")
            _check_plain(member, f"{path}.{key[:40]}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            _check_plain(member, f"{path}[{index}]", depth + 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise BadInputError(f"{path} is {value}, which JSON cannot hold")
    elif value is not None and not isinstance(value, bool | int | str):
        raise BadInputError(f"{path} is a {type(value).__name__}, which JSON cannot hold")


def dumps_canonical(obj: object) -> bytes:
    """Write the one canonical form of a JSON document.

    Args:
        obj: dicts with string keys, lists or tuples, strings, ints, finite floats, bools, None.

    Returns:
        UTF-8 bytes: keys sorted by code point, no spaces, no escapes that are not needed; floats
        in Python's shortest round-trip form. The same document gives the same bytes always.

    Raises:
        BadInputError: a value or key that JSON cannot hold, or a string that UTF-8 cannot.
    """
    _check_plain(obj, "$", 0)
    try:
        text = json.dumps(
            obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise BadInputError("a string holds half of a surrogate pair: JSON cannot hold it") from exc
