"""What the public may know of proposed data, and the rows that its contributor shows.

Shapes: S sample rows, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import (
    MAX_TEXT,
    check_text,
    digest_field,
    int_field,
    read_document,
    text_field,
)
from databright.records.rows import Rows, Schema
from databright.records.strict_json import dumps_canonical
from databright.records.tensors import dump_tensors, load_tensors
from databright.units import Digest

MANIFEST_KIND: Final = "databright/manifest/v2"
MAX_PROPOSED_ROWS: Final = 100_000
"""Most rows of one proposal: looking for copies takes time by the square of them."""
MAX_SAMPLES: Final = 100
"""Most rows that a contributor shows."""
MAX_SAMPLE_BYTES: Final = 8 << 20
"""Largest blob of shown rows."""
_TEXTS = ("title", "description", "provenance", "licence")
_DIGESTS = ("licence_text", "schema", "root")


@dataclass(frozen=True)
class Manifest:
    """What the public may know of proposed data.

    Attributes:
        title: one line.
        description: free text.
        provenance: where the rows come from.
        licence: short name of the licence they are given under.
        licence_text: digest of the licence's text.
        num_rows: rows, at least 1.
        schema: digest of the dataset's schema that they follow.
        root: root of the tree of the points.
        samples: digest of the blob of rows that may be seen (`samples_to_blob`), or None.
    """

    title: str
    description: str
    provenance: str
    licence: str
    licence_text: Digest
    num_rows: int
    schema: Digest
    root: Digest
    samples: Digest | None = None

    def __post_init__(self) -> None:
        """Refuse a manifest that says nothing.

        Raises:
            BadInputError: a text too long or empty, no rows or too many.
        """
        check_text("title", self.title, 200)
        check_text("description", self.description, MAX_TEXT, empty=True)
        check_text("provenance", self.provenance, MAX_TEXT, empty=True)
        check_text("licence", self.licence, 200)
        if not 1 <= self.num_rows <= MAX_PROPOSED_ROWS:
            raise BadInputError(
                f"num_rows is {self.num_rows}: propose 1 to {MAX_PROPOSED_ROWS} rows at a time"
            )

    def to_json(self) -> bytes:
        """Write the manifest.

        Returns:
            Canonical JSON.
        """
        return dumps_canonical(
            {
                "kind": MANIFEST_KIND,
                "num_rows": self.num_rows,
                "samples": None if self.samples is None else self.samples.hex(),
                **{name: getattr(self, name) for name in _TEXTS},
                **{name: getattr(self, name).hex() for name in _DIGESTS},
            }
        )

    @classmethod
    def from_json(cls, blob: bytes) -> Manifest:
        """Read a manifest that a stranger wrote.

        Args:
            blob: canonical JSON, at most 64 KiB.

        Returns:
            The manifest.

        Raises:
            MalformedDataError: another document, or a value out of range.
        """
        fields = read_document(blob, MANIFEST_KIND, {*_TEXTS, *_DIGESTS, "num_rows", "samples"})
        try:
            return cls(
                title=text_field(fields, "title"),
                description=text_field(fields, "description"),
                provenance=text_field(fields, "provenance"),
                licence=text_field(fields, "licence"),
                licence_text=digest_field(fields, "licence_text"),
                num_rows=int_field(fields, "num_rows"),
                schema=digest_field(fields, "schema"),
                root=digest_field(fields, "root"),
                samples=None if fields["samples"] is None else digest_field(fields, "samples"),
            )
        except BadInputError as error:
            raise MalformedDataError(str(error)) from error


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows that a contributor shows to everybody.

    Attributes:
        indices: their places in the proposal, ascending, 0-based.
        rows: the rows, same order.
    """

    indices: tuple[int, ...]
    rows: Rows

    def __post_init__(self) -> None:
        """Refuse what cannot be shown.

        Raises:
            BadInputError: none or too many, or places that are not ascending.
        """
        if not 1 <= len(self.indices) <= MAX_SAMPLES or len(self.indices) != len(self.rows):
            raise BadInputError(f"{len(self.indices)} sample rows: show 1 to {MAX_SAMPLES}")
        if list(self.indices) != sorted(set(self.indices)) or self.indices[0] < 0:
            raise BadInputError("sample rows are named by ascending places from 0")

    def to_blob(self) -> bytes:
        """Write the samples.

        Returns:
            A tensor container with index (int64 [S]), x (float32 [S, F]), y (int64 [S]).
        """
        index_S = np.asarray(self.indices, dtype=np.int64)
        return dump_tensors({"index": index_S, "x": self.rows.x_NF, "y": self.rows.y_N})

    @classmethod
    def from_blob(cls, blob: bytes, schema: Schema | None = None) -> Samples:
        """Read samples that a stranger wrote.

        Args:
            blob: what `to_blob` writes.
            schema: the dataset's schema, checked when given.

        Returns:
            The samples.

        Raises:
            MalformedDataError: another container, or rows that break the schema.
        """
        tensors = load_tensors(blob, max_bytes=MAX_SAMPLE_BYTES, max_tensors=3, canonical=True)
        if sorted(tensors) != ["index", "x", "y"]:
            raise MalformedDataError(
                f"samples are the tensors index, x and y, got {', '.join(tensors)[:80]}"
            )
        if [tensors[name].dtype for name in ("index", "x", "y")] != _SAMPLE_TYPES:
            raise MalformedDataError("samples are int64 places, float32 features, int64 labels")
        rows = Rows(tensors["x"], tensors["y"])
        try:
            found = cls(tuple(int(i) for i in tensors["index"].reshape(-1)), rows)
        except BadInputError as error:
            raise MalformedDataError(str(error)) from error
        if schema is not None:
            rows.check(schema)
        return found


_SAMPLE_TYPES = [np.dtype(np.int64), np.dtype(np.float32), np.dtype(np.int64)]


def choose_samples(rows: Rows, indices: Sequence[int]) -> Samples:
    """Take the rows that a contributor wants to show.

    Args:
        rows: all rows of the proposal.
        indices: places, in any order.

    Returns:
        The samples.

    Raises:
        BadInputError: a place that is none, twice the same, none or too many.
    """
    chosen = sorted(indices)
    if any(not 0 <= index < len(rows) for index in chosen):
        raise BadInputError(f"sample rows {chosen}: the proposal has rows 0 to {len(rows) - 1}")
    taken = np.asarray(chosen, dtype=np.int64)
    return Samples(tuple(chosen), Rows(rows.x_NF[taken], rows.y_N[taken]))


def sample_evenly(num_rows: int, count: int) -> tuple[int, ...]:
    """Places spread over a proposal.

    Args:
        num_rows: rows of the proposal.
        count: how many to show.

    Returns:
        Ascending places.

    Raises:
        BadInputError: more than there are, or too many.
    """
    if not 1 <= count <= min(num_rows, MAX_SAMPLES):
        raise BadInputError(
            f"{count} sample rows of {num_rows}: show 1 to {min(num_rows, MAX_SAMPLES)}"
        )
    return tuple(k * num_rows // count for k in range(count))
