"""A point's proof as bytes, as text and as JSON.

Bytes: "DBPP", version 1 (u8), then the fields in order. A number is its length (u8, 0 to 32)
followed by as many big-endian bytes, of which the first is not 0. Digests (32) and addresses (20)
stand alone. Siblings are not counted: index and number of leaves say how many there are. Equal
proofs have equal bytes, and only these bytes are read.

Text is base64url of the bytes without padding. JSON is for people and for pages.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final, TypeVar

from databright.errors import BadInputError, MalformedDataError
from databright.records.merkle import MerklePath, path_length
from databright.records.point_proof import InSnapshot, ModelUse, PointProof
from databright.records.points import Point
from databright.records.terms import Terms
from databright.records.words import ADDRESS_BYTES, WORD_BYTES, address_bytes, address_of
from databright.units import Address, Amount, Digest, Shares

MAX_PROOF_BYTES: Final = 1 << 14
"""Longest proof in bytes that is read."""

_MAGIC, _VERSION = b"DBPP", 1
_NO_VALUE, _NOT_NEGATIVE, _NEGATIVE = 0, 1, 2
_TEXT = re.compile(r"[A-Za-z0-9_-]+\Z")
_T = TypeVar("_T")


def proof_to_bytes(proof: PointProof) -> bytes:
    """Write a proof.

    Args:
        proof: the proof.

    Returns:
        Its bytes, below 1.5 kB for 2**17 points, 256 entries and 4 models.
    """
    point, terms, place = proof.point, proof.terms, proof.snapshot
    parts = [
        _MAGIC,
        bytes([_VERSION]),
        _number(point.index),
        _number(proof.path.num_leaves),
        point.salt,
        point.row_digest,
        address_bytes("owner", point.owner),
        point.cid_digest,
        *proof.path.siblings,
        _number(terms.proposal),
        _number(terms.request),
        address_bytes("proposer", terms.proposer),
        address_bytes("payee", terms.payee),
        terms.root,
        terms.ref,
        terms.manifest,
        *map(_number, (terms.num_rows, terms.revises, terms.bond, terms.fee, terms.electorate)),
        proof.commitment,
        *map(_number, (proof.shares, proof.born, place.number)),
        place.root,
        _number(place.path.index),
        _number(place.path.num_leaves),
        *place.path.siblings,
        proof.licence,
        _value(proof.value),
        _number(len(proof.uses)),
    ]
    for use in proof.uses:
        parts += [*map(_number, (use.model, use.job, use.snapshot)), use.weights]
    return b"".join(parts)


def _number(value: int) -> bytes:
    length = (value.bit_length() + 7) // 8
    return bytes([length]) + value.to_bytes(length, "big")


def _value(value: int | None) -> bytes:
    if value is None:
        return bytes([_NO_VALUE])
    return bytes([_NEGATIVE if value < 0 else _NOT_NEGATIVE]) + _number(abs(value))


class _Reader:
    """A position in a proof's bytes."""

    def __init__(self, blob: bytes) -> None:
        self._blob, self._at = blob, 0

    def take(self, length: int) -> bytes:
        found = self._blob[self._at : self._at + length]
        if len(found) != length:
            raise MalformedDataError(
                f"the proof ends after {len(self._blob)} bytes, inside of a field: it was cut off"
            )
        self._at += length
        return found

    def word(self) -> bytes:
        return self.take(WORD_BYTES)

    def digest(self) -> Digest:
        return Digest(self.word())

    def address(self) -> Address:
        return address_of(self.take(ADDRESS_BYTES))

    def number(self) -> int:
        length = self.take(1)[0]
        if length > WORD_BYTES:
            raise MalformedDataError(
                f"a number of {length} bytes at byte {self._at} of the proof: at most {WORD_BYTES}"
            )
        raw = self.take(length)
        if raw[:1] == b"\0":
            raise MalformedDataError(f"a number before byte {self._at} is not in its shortest form")
        return int.from_bytes(raw, "big")

    def siblings(self, index: int, num_leaves: int) -> tuple[bytes, ...]:
        return tuple(self.word() for _ in range(path_length(index, num_leaves)))

    def value(self) -> int | None:
        kind = self.take(1)[0]
        if kind == _NO_VALUE:
            return None
        magnitude = self.number()
        if kind == _NOT_NEGATIVE:
            return magnitude
        if kind != _NEGATIVE or not magnitude:
            raise MalformedDataError(f"a value of kind {kind} and magnitude {magnitude}: no such")
        return -magnitude

    def end(self) -> None:
        if self._at != len(self._blob):
            raise MalformedDataError(
                f"{len(self._blob) - self._at} bytes follow the end of the proof: remove them"
            )


def proof_from_bytes(blob: bytes) -> PointProof:
    """Read a proof's bytes.

    Args:
        blob: what `proof_to_bytes` wrote, at most 16,384 bytes.

    Returns:
        The proof; nothing of it has been verified.

    Raises:
        MalformedDataError: any other bytes.
    """
    _check_length(len(blob), MAX_PROOF_BYTES, "bytes")
    return _strictly(lambda: _read(_Reader(blob)))


def _check_length(length: int, most: int, unit: str) -> None:
    if length > most:
        raise MalformedDataError(f"a proof of {length} {unit}: at most {most} are read")


def _strictly(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except MalformedDataError:
        raise
    except BadInputError as error:
        raise MalformedDataError(f"the proof holds what no proof can: {error}") from error


def _read(reader: _Reader) -> PointProof:
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise MalformedDataError(f"not a point's proof: these begin with {_MAGIC.decode()!r}")
    version = reader.take(1)[0]
    if version != _VERSION:
        raise MalformedDataError(
            f"a point's proof of version {version}: this version of databright reads {_VERSION}"
        )
    point, path = _read_point(reader)
    terms = _read_terms(reader)
    commitment, shares, born = reader.word(), Shares(reader.number()), reader.number()
    number, root = reader.number(), reader.word()
    at, num_entries = reader.number(), reader.number()
    above = MerklePath(at, num_entries, reader.siblings(at, num_entries))
    licence, value = reader.digest(), reader.value()
    uses = tuple(
        ModelUse(reader.number(), reader.number(), reader.number(), reader.digest())
        for _ in range(reader.number())  # a count that lies ends with the bytes
    )
    reader.end()
    place = InSnapshot(number, root, above)
    return PointProof(point, path, terms, commitment, shares, born, place, licence, value, uses)


def _read_point(reader: _Reader) -> tuple[Point, MerklePath]:
    index, num_points = reader.number(), reader.number()
    salt, row, owner, cid = reader.word(), reader.digest(), reader.address(), reader.digest()
    path = MerklePath(index, num_points, reader.siblings(index, num_points))
    return Point(index, salt, row, owner, cid), path


def _read_terms(reader: _Reader) -> Terms:
    return Terms(
        proposal=reader.number(),
        request=reader.number(),
        proposer=reader.address(),
        payee=reader.address(),
        root=reader.word(),
        ref=reader.word(),
        manifest=reader.word(),
        num_rows=reader.number(),
        revises=reader.number(),
        bond=Amount(reader.number()),
        fee=Amount(reader.number()),
        electorate=reader.number(),
    )


def proof_to_text(proof: PointProof) -> str:
    """Write a proof as text that survives a message or an address.

    Args:
        proof: the proof.

    Returns:
        base64url of its bytes without padding.
    """
    return base64.urlsafe_b64encode(proof_to_bytes(proof)).decode().rstrip("=")


def proof_from_text(text: str) -> PointProof:
    """Read a proof's text.

    Args:
        text: what `proof_to_text` wrote.

    Returns:
        The proof; nothing of it has been verified.

    Raises:
        MalformedDataError: any other text.
    """
    _check_length(len(text), MAX_PROOF_BYTES * 4 // 3 + 1, "characters")
    if not _TEXT.match(text):
        raise MalformedDataError(
            "a proof's text has letters, digits, - and _ only: copy all of it, without spaces"
        )
    try:
        blob = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise MalformedDataError(f"a proof's text was cut off: {error}") from error
    proof = proof_from_bytes(blob)
    if proof_to_text(proof) != text:
        raise MalformedDataError("the last character of the proof's text is another: copy it again")
    return proof
