"""The file of a motion for other rules: one JSON object with the fields that change."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from databright.cli._options import address_of, amount, period
from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import parse_digest
from databright.records.rules import FIELDS
from databright.records.strict_json import JsonValue, loads_object

MAX_FILE_BYTES: Final = 64 * 1024
_AMOUNTS: Final = {
    "bond", "evaluation_fee", "relay_price", "price_per_use", "challenge_bond", "evaluator_stake",
}  # fmt: skip
_PERIODS: Final = {"voting_period", "epoch_length", "optimistic_window", "change_delay"}
_PEOPLE: Final = {"evaluators", "nodes"}
_DIGESTS: Final = {"metadata", "schema", "licence"}
_FIXED: Final = {"curators", "weights"}


def read_rules_file(path: Path, home: Path | None) -> dict[str, Any]:
    """Read which rules are to change.

    Args:
        path: the JSON file: amounts in tokens and periods with a unit as strings, people by
            address or key's name, digests in hex, everything else as whole numbers.
        home: what --home said, for names of keys.

    Returns:
        Field of the rules -> new value.

    Raises:
        BadInputError: the file cannot be read, an unknown field, or a value out of its form.
        MalformedDataError: the file is no JSON object.
    """
    try:
        with path.open("rb") as file:
            blob = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from error
    fields = loads_object(blob, max_bytes=MAX_FILE_BYTES, max_depth=3)
    known = [name for name in FIELDS if name not in _FIXED]
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise BadInputError(
            f"{path.name}: unknown fields {', '.join(unknown)[:200]}; rules have "
            f"{', '.join(known)}, and curators stay as they are"
        )
    return {name: _value(name, value, home) for name, value in fields.items()}


def _value(name: str, value: JsonValue, home: Path | None) -> object:
    if name in _AMOUNTS:
        return amount(_text(name, value))
    if name in _PERIODS:
        # A window of nothing has no unit.
        return 0 if value == 0 and type(value) is int else period(_text(name, value))
    if name in _DIGESTS:
        return parse_digest(_text(name, value), name)
    if name in _PEOPLE or name == "programs":
        if not isinstance(value, list):
            raise MalformedDataError(f"{name} is no list")
        texts = [_text(name, item) for item in value]
        if name == "programs":
            return tuple(parse_digest(text, name) for text in texts)
        return tuple(address_of(text, home) for text in texts)
    if type(value) is not int:
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a whole number")
    return value


def _text(name: str, value: JsonValue) -> str:
    if not isinstance(value, str):
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a string")
    return value
