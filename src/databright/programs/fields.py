"""Readers of single JSON fields of a program; each refuses everything but its own form."""

from __future__ import annotations

import math
import re
from typing import cast

from databright.errors import ProgramRejectedError

MAX_DIMS = 8
MAX_SIZE = 2**24

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,119}\Z")
_OP = re.compile(r"[A-Za-z0-9_.]{1,120}\Z")


def as_object(value: object, where: str, names: str | None = None) -> dict[str, object]:
    """A JSON object, with exactly the given fields when they are named.

    Args:
        value: what the JSON reader gave.
        where: the field, for the message.
        names: field names separated by spaces, or None for any.

    Returns:
        The object.

    Raises:
        ProgramRejectedError: it is no object, or a field is missing or unknown.
    """
    if not isinstance(value, dict):
        raise ProgramRejectedError(f"{where} must be an object, got {type(value).__name__}")
    if names is not None and set(value) != set(names.split()):
        missing = sorted(set(names.split()) - set(value))
        unknown = [name[:40] for name in sorted(set(value) - set(names.split()))][:5]
        raise ProgramRejectedError(
            f"{where} must have exactly the fields {names}; missing {missing}, unknown {unknown}"
        )
    return cast(dict[str, object], value)


def as_list(value: object, where: str, most: int, *, exactly: bool = False) -> list[object]:
    """A JSON list of at most (or exactly) `most` items.

    Args:
        value: what the JSON reader gave.
        where: the field, for the message.
        most: number of items.
        exactly: refuse fewer items, too.

    Returns:
        The list.

    Raises:
        ProgramRejectedError: it is no list, or its length is wrong.
    """
    if not isinstance(value, list):
        raise ProgramRejectedError(f"{where} must be a list, got {type(value).__name__}")
    if len(value) > most or (exactly and len(value) != most):
        bound = "exactly" if exactly else "at most"
        raise ProgramRejectedError(f"{where} has {len(value)} items: {bound} {most} are allowed")
    return cast(list[object], value)


def as_name(value: object, where: str) -> str:
    """A name: up to 120 letters, digits, underscores and points, not first a point.

    Args:
        value: what the JSON reader gave.
        where: the field, for the message.

    Returns:
        The name.

    Raises:
        ProgramRejectedError: it is anything else.
    """
    if not isinstance(value, str) or not _NAME.match(value):
        raise ProgramRejectedError(
            f"{where}: {repr(value)[:80]} is not a name (letters, digits, _ and ., not first a "
            "point, at most 120)"
        )
    return value


def as_op(value: object, where: str) -> str:
    """The spelling of an operation's name; whether it is allowed is checked by `validate`.

    Args:
        value: what the JSON reader gave.
        where: the field, for the message.

    Returns:
        The name.

    Raises:
        ProgramRejectedError: it is not a dotted name of at most 120 characters.
    """
    if not isinstance(value, str) or not _OP.match(value):
        raise ProgramRejectedError(f"{where}: {repr(value)[:80]} is not an operation's name")
    return value


def as_text(value: object, where: str, allowed: tuple[str, ...]) -> str:
    """One of a few fixed words.

    Args:
        value: what the JSON reader gave.
        where: the field, for the message.
        allowed: the words.

    Returns:
        The word.

    Raises:
        ProgramRejectedError: it is another value.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ProgramRejectedError(f"{where} must be one of {allowed}, got {repr(value)[:80]}")
    return value


def as_whole(value: object, where: str, low: int, high: int) -> int:
    """A whole number within bounds.

    Args:
        value: what the JSON reader gave.
        where: the field, for the message.
        low: smallest allowed.
        high: largest allowed.

    Returns:
        The number.

    Raises:
        ProgramRejectedError: it is no whole number or out of bounds.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ProgramRejectedError(
            f"{where} must be a whole number from {low} to {high}, got {repr(value)[:80]}"
        )
    return value


def as_shape(value: object, where: str) -> tuple[int, ...]:
    """A tensor's shape: up to 8 dimensions, at most 2**24 elements.

    Args:
        value: what the JSON reader gave.
        where: the field, for the message.

    Returns:
        The shape.

    Raises:
        ProgramRejectedError: a dimension is not from 1 to 2**24, or the product is above it.
    """
    items = as_list(value, where, MAX_DIMS)
    shape = tuple(as_whole(item, where, 1, MAX_SIZE) for item in items)
    if math.prod(shape) > MAX_SIZE:
        raise ProgramRejectedError(
            f"{where} {list(shape)} has {math.prod(shape)} elements: at most {MAX_SIZE} are "
            "allowed, use a smaller model"
        )
    return shape


def as_number(value: object, where: str, low: float, high: float) -> float:
    """A finite double written as the shortest decimal that gives it back.

    Args:
        value: what the JSON reader gave; must be a string.
        where: the field, for the message.
        low: smallest allowed.
        high: largest allowed.

    Returns:
        The number.

    Raises:
        ProgramRejectedError: no such string, another spelling of it, or out of bounds.
    """
    number = math.nan
    if isinstance(value, str) and len(value) <= 32:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
    if not low <= number <= high or number_text(number) != value:
        raise ProgramRejectedError(
            f"{where} must be a number from {low} to {high} as a string, spelled as Python's "
            f"repr does (e.g. '0.1'), got {repr(value)[:80]}"
        )
    return number


def number_text(number: float) -> str:
    """The one spelling of a double in a program.

    Args:
        number: a finite double; minus zero is written as zero.

    Returns:
        The shortest decimal string that reads back as the same double.
    """
    return repr(float(number) + 0.0)
