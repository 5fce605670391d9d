"""Records as JSON and back: what the page answers is read by the SDK into the same records."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from databright.errors import MalformedDataError
from databright.records.strict_json import JsonValue

T = TypeVar("T")


def to_plain(value: Any) -> JsonValue:  # noqa: ANN401 - records of any kind
    """A record as JSON holds it.

    Args:
        value: frozen dataclasses of strings, whole numbers, flags, tuples and JSON.

    Returns:
        Plain values.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    plain: JsonValue = value
    return plain


def from_plain(kind: type[T], value: JsonValue, path: str = "$") -> T:
    """Read a record strictly.

    Args:
        kind: its dataclass.
        value: plain values, as `to_plain` gives them.
        path: where it is, for the message.

    Returns:
        The record.

    Raises:
        MalformedDataError: a field is missing, unknown or of another type.
    """
    found: T = _read(kind, value, path)
    return found


def _read(kind: Any, value: Any, path: str) -> Any:  # noqa: ANN401 - driven by the type
    origin = get_origin(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _read_record(kind, value, path)
    if origin is tuple and isinstance(value, list):
        (item, _) = get_args(kind)
        return tuple(_read(item, one, f"{path}[{i}]") for i, one in enumerate(value))
    if origin in {Union, types.UnionType}:
        inner = [one for one in get_args(kind) if one is not type(None)]
        return None if value is None else _read(inner[0], value, path)
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, dict):
        return value
    if type(value) is not kind:
        raise MalformedDataError(f"{path} is {str(value)[:60]!r}, not of type {kind}")
    return value


def _read_record(kind: type[Any], value: Any, path: str) -> Any:  # noqa: ANN401 - by its type
    hints = get_type_hints(kind)
    names = [item.name for item in fields(kind)]
    if not isinstance(value, dict) or set(value) != set(names):
        raise MalformedDataError(f"{path} is no {kind.__name__} with {', '.join(names)}")
    return kind(**{name: _read(hints[name], value[name], f"{path}.{name}") for name in names})
