"""Cards: what a dataset holds and what a request asks for, and how such documents are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.errors import BadInputError, MalformedDataError
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.units import BasisPoints, Digest

MAX_CARD_BYTES: Final = 64 * 1024
"""Largest card or manifest that is read."""
MAX_TEXT: Final = 10_000
"""Longest text of a card or manifest, in characters."""
MAX_STEPS: Final = 100_000
"""Most optimizer steps of one segment of an evaluation training."""
CARD_KIND: Final = "databright/dataset/v1"
REQUEST_KIND: Final = "databright/request/v1"
METRIC: Final = "log-loss"
"""The metric that evidence is measured in."""
DEFAULT_MAX_EXPOSURE_BPS: Final = BasisPoints(500)
"""Share of a dataset that one worker owner may ever see, unless the dataset says otherwise."""


@dataclass(frozen=True)
class DatasetCard:
    """What people and evaluators need to know of a dataset.

    Attributes:
        title: one line.
        description: free text.
        licence: short name of the licence, e.g. CC-BY-4.0.
        program: digest of the op-list JSON that evaluations train.
        weights: digest of the blob of its initial weights.
        steps: optimizer steps of each of the 16 segments of one evaluation training (see
            programs.whole), 1 to 100,000.
        metric: always "log-loss".
    """

    title: str
    description: str
    licence: str
    program: Digest
    weights: Digest
    steps: int
    metric: str = METRIC

    def __post_init__(self) -> None:
        """Refuse a card that nobody could read or use.

        Raises:
            BadInputError: a text too long or empty, or steps out of range.
        """
        check_text("title", self.title, 200)
        check_text("description", self.description, MAX_TEXT, empty=True)
        check_text("licence", self.licence, 200)
        if not 1 <= self.steps <= MAX_STEPS:
            raise BadInputError(f"steps is {self.steps}: use 1 to {MAX_STEPS}")
        if self.metric != METRIC:
            raise BadInputError(f"metric is {self.metric!r}: only {METRIC!r} is measured")

    def to_json(self) -> bytes:
        """Write the card.

        Returns:
            Canonical JSON.
        """
        return dumps_canonical(
            {
                "kind": CARD_KIND,
                "title": self.title,
                "description": self.description,
                "licence": self.licence,
                "program": self.program.hex(),
                "weights": self.weights.hex(),
                "steps": self.steps,
                "metric": self.metric,
            }
        )

    @classmethod
    def from_json(cls, blob: bytes) -> DatasetCard:
        """Read a card that a stranger wrote.

        Args:
            blob: canonical JSON, at most 64 KiB.

        Returns:
            The card.

        Raises:
            MalformedDataError: another document.
            BadInputError: a value that no dataset can have.
        """
        fields = read_document(
            blob,
            CARD_KIND,
            {"title", "description", "licence", "program", "weights", "steps", "metric"},
        )
        return cls(
            title=text_field(fields, "title"),
            description=text_field(fields, "description"),
            licence=text_field(fields, "licence"),
            program=digest_field(fields, "program"),
            weights=digest_field(fields, "weights"),
            steps=int_field(fields, "steps"),
            metric=text_field(fields, "metric"),
        )


@dataclass(frozen=True)
class RequestCard:
    """What a request asks for, as people read it.

    Attributes:
        title: one line.
        description: free text.
        licence: short name of the licence that answers are given under.
        licence_text: digest of its text.
        schema: digest of the schema that rows must follow.
        metric: what the gain is measured in, always "log-loss".
    """

    title: str
    description: str
    licence: str
    licence_text: Digest
    schema: Digest
    metric: str = METRIC

    def __post_init__(self) -> None:
        """Refuse a card that nobody could read.

        Raises:
            BadInputError: a text too long or empty, or an unknown metric.
        """
        check_text("title", self.title, 200)
        check_text("description", self.description, MAX_TEXT, empty=True)
        check_text("licence", self.licence, 200)
        if self.metric != METRIC:
            raise BadInputError(f"metric is {self.metric!r}: only {METRIC!r} is measured")

    def to_json(self) -> bytes:
        """Write the card.

        Returns:
            Canonical JSON.
        """
        return dumps_canonical(
            {
                "kind": REQUEST_KIND,
                "title": self.title,
                "description": self.description,
                "licence": self.licence,
                "licence_text": self.licence_text.hex(),
                "schema": self.schema.hex(),
                "metric": self.metric,
            }
        )

    @classmethod
    def from_json(cls, blob: bytes) -> RequestCard:
        """Read a card that a stranger wrote.

        Args:
            blob: canonical JSON, at most 64 KiB.

        Returns:
            The card.

        Raises:
            MalformedDataError: another document.
            BadInputError: a value that no request can have.
        """
        names = {"title", "description", "licence", "licence_text", "schema", "metric"}
        fields = read_document(blob, REQUEST_KIND, names)
        return cls(
            title=text_field(fields, "title"),
            description=text_field(fields, "description"),
            licence=text_field(fields, "licence"),
            licence_text=digest_field(fields, "licence_text"),
            schema=digest_field(fields, "schema"),
            metric=text_field(fields, "metric"),
        )


def check_text(name: str, value: str, longest: int, *, empty: bool = False) -> None:
    """Refuse a text that a page could not show.

    Args:
        name: what the message calls it.
        value: the text.
        longest: most characters.
        empty: whether it may be empty.

    Raises:
        BadInputError: too long, empty, or with control characters.
    """
    if len(value) > longest or (not empty and not value.strip()):
        raise BadInputError(
            f"{name} has {len(value)} characters: use {'0' if empty else '1'} to {longest}"
        )
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in value):
        raise BadInputError(f"{name} holds a control character: remove it")


def read_document(blob: bytes, kind: str, names: set[str]) -> dict[str, JsonValue]:
    """Read a small JSON document of a known kind.

    Args:
        blob: UTF-8 JSON, at most 64 KiB.
        kind: value that its field `kind` must have.
        names: the other fields, all required.

    Returns:
        The fields.

    Raises:
        MalformedDataError: another kind, a missing or unknown field.
    """
    fields = loads_object(blob, max_bytes=MAX_CARD_BYTES, max_depth=8)
    if fields.get("kind") != kind or set(fields) != names | {"kind"}:
        raise MalformedDataError(
            f"expected a {kind} document with the fields {', '.join(sorted(names))}, got "
            f"{str(fields.get('kind'))[:60]!r} with {', '.join(sorted(fields))[:200]}"
        )
    return fields


def text_field(fields: dict[str, JsonValue], name: str) -> str:
    """A field that must be a string.

    Args:
        fields: a document's fields.
        name: the field's name.

    Returns:
        Its value.

    Raises:
        MalformedDataError: another type.
    """
    value = fields[name]
    if not isinstance(value, str):
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a string")
    return value


def int_field(fields: dict[str, JsonValue], name: str) -> int:
    """A field that must be a whole number from 0.

    Args:
        fields: a document's fields.
        name: the field's name.

    Returns:
        Its value.

    Raises:
        MalformedDataError: another type or a negative number.
    """
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a whole number from 0")
    return value


def digest_field(fields: dict[str, JsonValue], name: str) -> Digest:
    """A field that must be a SHA-256 digest in lower-case hex.

    Args:
        fields: a document's fields.
        name: the field's name.

    Returns:
        The digest.

    Raises:
        MalformedDataError: anything else.
    """
    return parse_digest(text_field(fields, name), name)


def parse_digest(text: str, name: str = "the digest") -> Digest:
    """Read a digest from its hex form.

    Args:
        text: 64 lower-case hex digits.
        name: what the message calls it.

    Returns:
        32 bytes.

    Raises:
        MalformedDataError: anything else.
    """
    if len(text) != 64 or any(letter not in "0123456789abcdef" for letter in text):
        raise MalformedDataError(f"{name} is {text[:80]!r}, not 64 lower-case hex digits")
    return Digest(bytes.fromhex(text))
