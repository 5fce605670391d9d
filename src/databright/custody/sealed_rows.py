"""Sealed rows of a proposal: one or more parts, each with its owner, its file and its secret.

What is sealed of a part is ``secret (32 bytes) | rows``. The secret salts the leaves of the part's
points (`records.points`), so whoever opens the part can make the proposal's tree again, and nobody
else can test guesses of rows against public leaves.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from databright.custody.context import SealContext
from databright.custody.references import MAX_REF_BYTES
from databright.custody.sealing import SealedRef, open_from_store, seal_to_nodes
from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import digest_field, int_field, text_field
from databright.records.points import Part, PointTree
from databright.records.row_files import MAX_FILE_BYTES
from databright.records.rows import Rows, Schema, row_digests, rows_from_blob, rows_to_blob
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.records.words import address_bytes
from databright.storage.base import Store, cid_digest, open_store
from databright.units import Address, Cid

PARTS_KIND: Final = "databright/sealed-rows/v1"
MAX_PARTS: Final = 128
"""Most parts of one proposal."""
SECRET_BYTES: Final = 32
_FIELDS = {"owner", "num_rows", "ciphertext", "envelopes", "commitment"}


@dataclass(frozen=True)
class SealedPart:
    """Where the rows of one owner lie; all of it may be public.

    Attributes:
        owner: who contributed them.
        num_rows: rows of the part.
        ref: ciphertext, envelopes and commitment.
    """

    owner: Address
    num_rows: int
    ref: SealedRef


@dataclass(frozen=True)
class SealedParts:
    """The document by which a proposal names its sealed rows.

    Attributes:
        parts: in the order of the proposal's points.
    """

    parts: tuple[SealedPart, ...]

    def __post_init__(self) -> None:
        """Refuse what no proposal can hold.

        Raises:
            BadInputError: no parts or too many.
        """
        if not 1 <= len(self.parts) <= MAX_PARTS:
            raise BadInputError(f"{len(self.parts)} parts: a proposal has 1 to {MAX_PARTS}")

    @property
    def num_rows(self) -> int:
        """Rows of all parts."""
        return sum(part.num_rows for part in self.parts)

    def to_json(self) -> bytes:
        """Write the document.

        Returns:
            Canonical JSON.
        """
        parts: list[JsonValue] = [
            {
                "owner": part.owner,
                "num_rows": part.num_rows,
                "ciphertext": part.ref.ciphertext,
                "envelopes": part.ref.envelopes,
                "commitment": part.ref.plain_commitment.hex(),
            }
            for part in self.parts
        ]
        return dumps_canonical({"kind": PARTS_KIND, "parts": parts})

    @classmethod
    def from_json(cls, blob: bytes) -> SealedParts:
        """Read a document that a stranger wrote.

        Args:
            blob: canonical JSON, at most 64 KiB.

        Returns:
            The parts.

        Raises:
            MalformedDataError: another document.
        """
        fields = loads_object(blob, max_bytes=MAX_REF_BYTES, max_depth=4)
        listed = fields.get("parts")
        if fields.get("kind") != PARTS_KIND or set(fields) != {"kind", "parts"}:
            raise MalformedDataError(
                f"expected a {PARTS_KIND} document with its parts, got "
                f"{str(fields.get('kind'))[:60]!r} with {', '.join(sorted(fields))[:200]}"
            )
        if not isinstance(listed, list):
            raise MalformedDataError("parts is no list")
        try:
            return cls(tuple(_part(one) for one in listed))
        except BadInputError as error:
            raise MalformedDataError(str(error)) from error


def _part(fields: JsonValue) -> SealedPart:
    if not isinstance(fields, dict) or set(fields) != _FIELDS:
        raise MalformedDataError(f"a part has the fields {', '.join(sorted(_FIELDS))}")
    owner = Address(text_field(fields, "owner"))
    address_bytes("the owner of a part", owner)
    return SealedPart(
        owner=owner,
        num_rows=int_field(fields, "num_rows"),
        ref=SealedRef(
            ciphertext=Cid(text_field(fields, "ciphertext")),
            envelopes=Cid(text_field(fields, "envelopes")),
            plain_commitment=digest_field(fields, "commitment"),
        ),
    )


@dataclass(frozen=True, eq=False)
class OpenedPart:
    """The rows of one owner, opened.

    Attributes:
        owner: who contributed them.
        ref: where they lie.
        secret: of the salts of their points, 32 bytes.
        rows: the rows.
    """

    owner: Address
    ref: SealedRef
    secret: bytes = field(repr=False)
    rows: Rows = field(repr=False)

    def as_part(self) -> Part:
        """The part as the proposal's tree takes it.

        Returns:
            Owner, address, secret and row digests.
        """
        digest = cid_digest(self.ref.ciphertext)
        return Part(self.owner, digest, self.secret, row_digests(self.rows))


def point_tree(parts: Sequence[OpenedPart]) -> PointTree:
    """The tree of a proposal's points; a point's index is its row's place over all parts.

    Args:
        parts: all parts in order.

    Returns:
        The tree.

    Raises:
        BadInputError: no rows or too many.
    """
    return PointTree([part.as_part() for part in parts])


def seal_part(
    owner: Address, rows: Rows, nodes: Mapping[Address, bytes], context: SealContext
) -> tuple[OpenedPart, tuple[bytes, ...]]:
    """Seal the rows of one owner to a dataset's trusted nodes, in memory.

    Args:
        owner: who contributes them.
        rows: the plaintext.
        nodes: each reader's address -> HPKE public key.
        context: where the content belongs.

    Returns:
        The part with its new secret, and the two blobs that it names, not stored yet.

    Raises:
        BadInputError: no reader, or an owner that is no address.
    """
    address_bytes("the owner of a part", owner)
    secret = secrets.token_bytes(SECRET_BYTES)
    scratch = open_store("memory")
    ref = seal_to_nodes(secret + rows_to_blob(rows), nodes, context, scratch)
    blobs = (scratch.get(ref.ciphertext), scratch.get(ref.envelopes))
    return OpenedPart(owner, ref, secret, rows), blobs


def sealed_parts(parts: Sequence[OpenedPart]) -> SealedParts:
    """The document that names parts.

    Args:
        parts: in order.

    Returns:
        What may be public of them.

    Raises:
        BadInputError: no parts or too many.
    """
    return SealedParts(tuple(SealedPart(part.owner, len(part.rows), part.ref) for part in parts))


def open_parts(
    sealed: SealedParts,
    reader: tuple[Address, bytes],
    context: SealContext,
    store: Store,
    schema: Schema,
) -> list[OpenedPart]:
    """Open all parts of a proposal.

    Args:
        sealed: the document that names them.
        reader: address and HPKE private key of an admitted node.
        context: where the content belongs.
        store: where it lies.
        schema: the dataset's, which every row must follow.

    Returns:
        The parts in order.

    Raises:
        SealBrokenError: a seal, envelope or commitment does not fit.
        StorageError: a blob is missing or corrupt.
        MalformedDataError: what was sealed is no part, or does not follow the schema.
    """
    found = []
    for part in sealed.parts:
        plain = open_from_store(
            part.ref, *reader, context, store, max_bytes=MAX_FILE_BYTES + SECRET_BYTES
        )
        rows = rows_from_blob(plain[SECRET_BYTES:], schema)
        if len(rows) != part.num_rows:
            raise MalformedDataError(
                f"{len(rows)} rows of {part.owner} were sealed, its part says {part.num_rows}"
            )
        found.append(OpenedPart(part.owner, part.ref, plain[:SECRET_BYTES], rows))
    return found
