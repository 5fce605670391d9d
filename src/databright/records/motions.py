"""What a motion says: its reason, and what it would enact, in words that anybody can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.address import is_checksum_address

from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import (
    MAX_TEXT,
    check_text,
    int_field,
    parse_digest,
    read_document,
    text_field,
)
from databright.records.rules import FIELDS, Rules
from databright.records.strict_json import JsonValue, dumps_canonical
from databright.units import Address

MOTION_KIND: Final = "databright/motion/v1"
NUM_KINDS: Final = 2
_DIGESTS: Final = ("metadata", "schema", "licence")
_PEOPLE: Final = ("evaluators", "nodes")
_FIXED: Final = ("curators", "weights")
_MAX_DIGITS: Final = 30


@dataclass(frozen=True)
class TakedownWish:
    """A tranche that is to be taken down.

    Attributes:
        tranche: id of the tranche.
        born: the snapshot that it was born in.
        to: who is paid its unclaimed and future income.
    """

    tranche: int
    born: int
    to: Address


@dataclass(frozen=True)
class MotionText:
    """A motion in words.

    Attributes:
        kind: 1 new rules, 2 takedown.
        reason: why.
        rules: what the rules would be, without curators; only of kind 1.
        takedown: what would be taken down; only of kind 2.
    """

    kind: int
    reason: str
    rules: Rules | None = None
    takedown: TakedownWish | None = None

    def __post_init__(self) -> None:
        """Refuse a motion that nobody could vote on.

        Raises:
            BadInputError: no reason, or not exactly the content of its kind.
        """
        check_text("reason", self.reason, MAX_TEXT)
        contents = (self.rules, self.takedown)
        if not 1 <= self.kind <= NUM_KINDS:
            raise BadInputError(f"a motion of kind {self.kind} is unknown: use 1 or 2")
        if [content is not None for content in contents] != [self.kind == 1, self.kind == 2]:
            raise BadInputError(f"a motion of kind {self.kind} names what it would enact, no more")

    def to_json(self) -> bytes:
        """Write the motion.

        Returns:
            Canonical JSON.
        """
        what: JsonValue = None
        if self.rules is not None:
            what = _rules_to_json(self.rules)
        elif self.takedown is not None:
            wish = self.takedown
            what = {"tranche": wish.tranche, "born": wish.born, "to": wish.to}
        return dumps_canonical(
            {"kind": MOTION_KIND, "moves": self.kind, "reason": self.reason, "what": what}
        )

    @classmethod
    def from_json(cls, blob: bytes) -> MotionText:
        """Read a motion that a stranger wrote.

        Args:
            blob: canonical JSON, at most 64 KiB.

        Returns:
            The motion.

        Raises:
            MalformedDataError: another document.
            BadInputError: a value that no motion can have.
        """
        fields = read_document(blob, MOTION_KIND, {"moves", "reason", "what"})
        kind, what = int_field(fields, "moves"), fields["what"]
        if not isinstance(what, dict):
            raise MalformedDataError("what a motion would enact is no object")
        reason = text_field(fields, "reason")
        if kind == 1:
            return cls(kind, reason, rules=_rules_from_json(what))
        if set(what) != {"tranche", "born", "to"}:
            raise MalformedDataError("a takedown names tranche, born and to")
        wish = TakedownWish(
            int_field(what, "tranche"), int_field(what, "born"), _address(what["to"])
        )
        return cls(kind, reason, takedown=wish)


def _rules_to_json(rules: Rules) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for name in FIELDS:
        value = getattr(rules, name)
        if name in _FIXED:
            continue
        if name in _DIGESTS:
            found[name] = value.hex()
        elif name == "programs":
            found[name] = [item.hex() for item in value]
        elif name in _PEOPLE:
            found[name] = [*value]
        else:
            # As decimal strings, as money is everywhere: no reader rounds them.
            found[name] = str(value)
    return found


def _rules_from_json(fields: Mapping[str, JsonValue]) -> Rules:
    names = [name for name in FIELDS if name not in _FIXED]
    if set(fields) != set(names):
        raise MalformedDataError(f"rules have the fields {', '.join(sorted(names))}")
    values: dict[str, Any] = {}
    for name in names:
        value = fields[name]
        if name in _DIGESTS:
            values[name] = parse_digest(_text(name, value), name)
        elif name == "programs":
            values[name] = tuple(parse_digest(_text(name, one), name) for one in _list(name, value))
        elif name in _PEOPLE:
            values[name] = tuple(_address(one) for one in _list(name, value))
        else:
            values[name] = _number(name, value)
    return Rules(**values)


def _list(name: str, value: JsonValue) -> list[JsonValue]:
    if not isinstance(value, list):
        raise MalformedDataError(f"{name} is no list")
    return value


def _text(name: str, value: JsonValue) -> str:
    if not isinstance(value, str):
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a string")
    return value


def _number(name: str, value: JsonValue) -> int:
    text = _text(name, value)
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
        raise MalformedDataError(f"{name} is {text[:40]!r}, not a decimal number")
    return int(text)


def _address(value: JsonValue) -> Address:
    text = _text("an address", value)
    if not is_checksum_address(text):
        raise MalformedDataError(f"{text[:60]!r} is no address with an EIP-55 checksum")
    return Address(text)
