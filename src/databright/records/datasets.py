"""What a dataset is and by which rules it is governed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from databright.errors import BadInputError, MalformedDataError
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.units import BPS, Address, Amount, BasisPoints, Digest, Seconds

MAX_CARD_BYTES: Final = 64 * 1024
"""Largest card or manifest that is read."""
MAX_TEXT: Final = 10_000
"""Longest text of a card or manifest, in characters."""
MAX_STEPS: Final = 100_000
"""Most optimizer steps of one segment of an evaluation training."""
CARD_KIND: Final = "databright/dataset/v1"
METRIC: Final = "log-loss"
"""The metric that evidence is measured in."""
DEFAULT_MAX_EXPOSURE_BPS: Final = BasisPoints(500)
"""Share of a dataset that one worker owner may ever see, unless the dataset says otherwise."""
_MAX_UINT256 = 2**256 - 1
_MAX_LIST = 16
_MAX_PROGRAMS = 8


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
class Rules:
    """A dataset's immutable rules, in the order of the contract's struct.

    Attributes:
        metadata: digest of the dataset card.
        schema: digest of the schema.
        licence: digest of the licence's text.
        closes_at: chain time from which nothing can be proposed; 0 = never.
        quorum_bps: votes needed, of the supply without the proposer's weight.
        voting_period: seconds from proposal to deadline.
        bond: what a proposer deposits.
        evaluation_fee: what a proposer pays for the measurement.
        mint_cap: most shares that one epoch mints.
        epoch_length: seconds of an epoch.
        price_per_use: data fee of a job.
        prediction_bps: share of a prediction's income that goes to the data.
        max_exposure_bps: share of the data that one worker owner may ever see.
        a_bps: share of income that goes by shares; 10,000 until values exist.
        threshold: k, evaluators that must sign the same verdict.
        evaluators: n >= 2k operators that measure.
        nodes: trusted nodes that may open the data; the evaluators are among them.
        curators: genesis curators.
        weights: their genesis weight, same order.
        programs: allowed program digests; empty = any.
    """

    metadata: Digest
    schema: Digest
    licence: Digest
    closes_at: Seconds
    quorum_bps: BasisPoints
    voting_period: Seconds
    bond: Amount
    evaluation_fee: Amount
    mint_cap: int
    epoch_length: Seconds
    price_per_use: Amount
    prediction_bps: BasisPoints
    max_exposure_bps: BasisPoints
    a_bps: BasisPoints
    threshold: int
    evaluators: tuple[Address, ...]
    nodes: tuple[Address, ...]
    curators: tuple[Address, ...]
    weights: tuple[int, ...]
    programs: tuple[Digest, ...] = ()

    def check(self) -> Rules:
        """Refuse rules that the contract or the market's promises do not allow.

        Returns:
            These rules, so that a call can be chained.

        Raises:
            BadInputError: a value out of range; the message names it and says what to use.
        """
        self._check_numbers()
        self._check_people()
        if len(self.programs) > _MAX_PROGRAMS or len(set(self.programs)) != len(self.programs):
            raise BadInputError(f"name at most {_MAX_PROGRAMS} different programs")
        return self

    def _check_numbers(self) -> None:
        for name in ("quorum_bps", "prediction_bps"):
            value = getattr(self, name)
            if not 0 <= value <= BPS:
                raise BadInputError(f"{name} is {value}: use 0 to {BPS}")
        if not 1 <= self.max_exposure_bps <= BPS:
            raise BadInputError(f"max_exposure_bps is {self.max_exposure_bps}: use 1 to {BPS}")
        if self.a_bps != BPS:
            raise BadInputError(f"a_bps is {self.a_bps}: only {BPS} is possible until values exist")
        for name in ("voting_period", "epoch_length", "mint_cap"):
            if not 1 <= getattr(self, name) <= _MAX_UINT256:
                raise BadInputError(f"{name} is {getattr(self, name)}: use a whole number above 0")
        for name in ("closes_at", "bond", "evaluation_fee", "price_per_use"):
            if not 0 <= getattr(self, name) <= _MAX_UINT256:
                raise BadInputError(f"{name} is {getattr(self, name)}: use a whole number from 0")

    def _check_people(self) -> None:
        if not self.threshold >= 1 or len(self.evaluators) < 2 * self.threshold:
            raise BadInputError(
                f"{len(self.evaluators)} evaluators with threshold {self.threshold}: a challenge "
                "needs k evaluators who did not sign, so name at least 2k evaluators and k >= 1"
            )
        for name in ("evaluators", "nodes", "curators"):
            listed: Sequence[Address] = getattr(self, name)
            if not 1 <= len(listed) <= _MAX_LIST or len(set(listed)) != len(listed):
                raise BadInputError(f"{name}: name 1 to {_MAX_LIST} different addresses")
        strangers = [address for address in self.evaluators if address not in self.nodes]
        if strangers:
            raise BadInputError(
                f"evaluator {strangers[0]} is not among the admitted nodes: it could not open the "
                "data; add it to nodes"
            )
        if len(self.weights) != len(self.curators) or any(weight < 1 for weight in self.weights):
            raise BadInputError(
                f"{len(self.curators)} curators with weights {list(self.weights)}: give each "
                "curator one weight above 0"
            )

    def to_struct(self) -> tuple[object, ...]:
        """The rules as the contract takes them.

        Returns:
            Values in the order of the struct.
        """
        return (
            self.metadata, self.schema, self.licence, self.closes_at, self.quorum_bps,
            self.voting_period, self.bond, self.evaluation_fee, self.mint_cap, self.epoch_length,
            self.price_per_use, self.prediction_bps, self.max_exposure_bps, self.a_bps,
            self.threshold, list(self.evaluators), list(self.nodes), list(self.curators),
            list(self.weights), list(self.programs),
        )  # fmt: skip

    @classmethod
    def from_struct(cls, values: Sequence[object]) -> Rules:
        """Read what the contract returned.

        Args:
            values: the struct's values in order.

        Returns:
            The rules.

        Raises:
            MalformedDataError: another form: the contract is not of this version.
        """
        head = [bytes(value) for value in values[:3] if isinstance(value, bytes)]
        numbers = [value for value in values[3:15] if isinstance(value, int)]
        lists = [list(value) for value in values[15:20] if isinstance(value, list | tuple)]
        if len(values) != 20 or len(head) != 3 or len(numbers) != 12 or len(lists) != 5:
            raise MalformedDataError("the association's rules do not have this version's form")
        return cls(
            Digest(head[0]), Digest(head[1]), Digest(head[2]), Seconds(numbers[0]),
            BasisPoints(numbers[1]), Seconds(numbers[2]), Amount(numbers[3]), Amount(numbers[4]),
            numbers[5], Seconds(numbers[6]), Amount(numbers[7]), BasisPoints(numbers[8]),
            BasisPoints(numbers[9]), BasisPoints(numbers[10]), numbers[11],
            tuple(Address(str(item)) for item in lists[0]),
            tuple(Address(str(item)) for item in lists[1]),
            tuple(Address(str(item)) for item in lists[2]),
            tuple(int(item) for item in lists[3]),
            tuple(Digest(bytes(item)) for item in lists[4]),
        )  # fmt: skip


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
