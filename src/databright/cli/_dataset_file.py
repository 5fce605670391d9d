"""The file that describes a dataset to open: one JSON object, every field checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from databright.cli._options import address_of, amount, period
from databright.data_market.requests import (
    MAX_LICENCE_BYTES,
    MAX_PROGRAM_BYTES,
    MAX_WEIGHTS_BYTES,
    DatasetDraft,
)
from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import DEFAULT_MAX_EXPOSURE_BPS
from databright.records.rows import Schema
from databright.records.rules import Rules
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.units import BPS, BasisPoints, Digest, Seconds

MAX_FILE_BYTES: Final = 1 << 20
_NO_DIGEST: Final = Digest(bytes(32))
_LEAST_DELAY: Final = 7 * 86_400
"""Seconds between a carried motion and its effect, unless the file says otherwise."""
_REQUIRED: Final = {
    "title", "licence", "licence_file", "schema", "program_file", "weights_file", "steps",
    "evaluators", "curators", "threshold",
}  # fmt: skip
_OPTIONAL: Final = {
    "description", "nodes", "closes_at", "quorum_bps", "voting_period", "bond", "evaluation_fee",
    "mint_cap", "epoch_length", "price_per_use", "prediction_bps", "max_exposure_bps",
    "only_this_program", "review_minutes", "relay_price", "a_bps", "optimistic_window",
    "challenge_bond", "evaluator_stake", "tolerance_bps", "change_delay",
}  # fmt: skip
T = TypeVar("T")


def read_dataset_file(path: Path, home: Path | None) -> DatasetDraft:
    """Read a dataset's description.

    Args:
        path: the JSON file; files that it names lie beside it.
        home: what --home said, for names of keys.

    Returns:
        The draft.

    Raises:
        BadInputError: a missing or unknown field, or a value out of range; it is named.
        MalformedDataError: the file is no JSON object.
    """
    fields = loads_object(_read(path, MAX_FILE_BYTES), max_bytes=MAX_FILE_BYTES, max_depth=4,
                          allow_floats=True)  # fmt: skip
    missing, unknown = _REQUIRED - set(fields), set(fields) - _REQUIRED - _OPTIONAL
    if missing or unknown:
        raise BadInputError(
            f"{path.name}: "
            + (f"missing fields {', '.join(sorted(missing))}; " if missing else "")
            + (f"unknown fields {', '.join(sorted(unknown))}; " if unknown else "")
            + f"a dataset file has {', '.join(sorted(_REQUIRED))} and may have "
            f"{', '.join(sorted(_OPTIONAL))}"
        )
    schema = fields["schema"]
    if not isinstance(schema, dict):
        raise MalformedDataError("schema is no object: see 'databright dataset create --help'")
    folder = path.parent
    return DatasetDraft(
        title=_text(fields, "title"),
        description=_text(fields, "description", ""),
        licence=_text(fields, "licence"),
        licence_text=_read(folder / _text(fields, "licence_file"), MAX_LICENCE_BYTES).decode(),
        schema=Schema.from_json(dumps_canonical({"feature_dtype": "float32", **schema})),
        program=_read(folder / _text(fields, "program_file"), MAX_PROGRAM_BYTES),
        weights=_read(folder / _text(fields, "weights_file"), MAX_WEIGHTS_BYTES),
        steps=_whole(fields, "steps", 0),
        rules=_rules(fields, home),
        restrict_programs=bool(fields.get("only_this_program", False)),
    )


def _rules(fields: dict[str, JsonValue], home: Path | None) -> Rules:
    evaluators = tuple(address_of(who, home) for who in _texts(fields, "evaluators"))
    named = _texts(fields, "nodes") if "nodes" in fields else []
    nodes = tuple(address_of(who, home) for who in named) or evaluators
    curators = fields["curators"]
    if not isinstance(curators, dict):
        raise MalformedDataError('curators is no object: write {"name or address": weight, ...}')
    weights = tuple(_number(weight, "a curator's weight") for weight in curators.values())
    voting = _parsed(fields, "voting_period", "7d", period)
    return Rules(
        metadata=_NO_DIGEST,
        schema=_NO_DIGEST,
        licence=_NO_DIGEST,
        closes_at=Seconds(_whole(fields, "closes_at", 0)),
        quorum_bps=BasisPoints(_whole(fields, "quorum_bps", 1_000)),
        review_minutes=_whole(fields, "review_minutes", 0),
        voting_period=voting,
        bond=_parsed(fields, "bond", "1", amount),
        evaluation_fee=_parsed(fields, "evaluation_fee", "0.1", amount),
        relay_price=_parsed(fields, "relay_price", "0", amount),
        mint_cap=_whole(fields, "mint_cap", 10**9),
        epoch_length=_parsed(fields, "epoch_length", "30d", period),
        price_per_use=_parsed(fields, "price_per_use", "10", amount),
        prediction_bps=BasisPoints(_whole(fields, "prediction_bps", 2_000)),
        max_exposure_bps=BasisPoints(_whole(fields, "max_exposure_bps", DEFAULT_MAX_EXPOSURE_BPS)),
        a_bps=BasisPoints(_whole(fields, "a_bps", BPS)),
        threshold=_whole(fields, "threshold", 0),
        optimistic_window=_window(fields),
        challenge_bond=_parsed(fields, "challenge_bond", "0", amount),
        evaluator_stake=_parsed(fields, "evaluator_stake", "0", amount),
        tolerance_bps=BasisPoints(_whole(fields, "tolerance_bps", 500)),
        change_delay=_parsed(fields, "change_delay", f"{max(voting, _LEAST_DELAY)}s", period),
        evaluators=evaluators,
        nodes=nodes,
        curators=tuple(address_of(who, home) for who in curators),
        weights=weights,
    )


def _window(fields: dict[str, JsonValue]) -> Seconds:
    # A window of nothing has no unit.
    if fields.get("optimistic_window", 0) == 0:
        return Seconds(0)
    return _parsed(fields, "optimistic_window", "", period)


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise BadInputError(f"{path} is larger than {most} bytes")
    return content


def _text(fields: dict[str, JsonValue], name: str, default: str | None = None) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a string")
    return value


def _texts(fields: dict[str, JsonValue], name: str) -> list[str]:
    value = fields[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise MalformedDataError(f"{name} is no list of names or addresses")
    return [str(item) for item in value]


def _number(value: JsonValue, name: str) -> int:
    if type(value) is not int:
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a whole number")
    return value


def _whole(fields: dict[str, JsonValue], name: str, default: int) -> int:
    return _number(fields.get(name, default), name)


def _parsed(fields: dict[str, JsonValue], name: str, default: str, parse: Callable[[str], T]) -> T:
    return parse(_text(fields, name, default))
