"""A point's proof as JSON, for people and pages.

Numbers that have 256 bits on chain are decimal strings, as money is elsewhere, so that no reader
rounds them; indices and counts inside a tree are numbers. Digests are hex with 0x, addresses
EIP-55.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from databright.errors import BadInputError, MalformedDataError
from databright.records.merkle import MerklePath
from databright.records.point_proof import InSnapshot, ModelUse, PointProof
from databright.records.point_proof_forms import (
    proof_from_bytes,
    proof_from_text,
)
from databright.records.points import Point
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.records.terms import Terms
from databright.units import Address, Amount, Digest, Shares

MAX_JSON_BYTES: Final = 1 << 16
"""Longest proof in JSON that is read."""

_VERSION = 1
_DEPTH = 4
_WORD = re.compile(r"0x[0-9a-f]{64}\Z")
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,77})\Z")
_SIGNED = re.compile(r"(0|-?[1-9][0-9]{0,77})\Z")
_TERMS = {
    "proposal": "number",
    "request": "number",
    "proposer": "address",
    "payee": "address",
    "root": "word",
    "ref": "word",
    "manifest": "word",
    "num_rows": "number",
    "revises": "number",
    "bond": "number",
    "fee": "number",
    "electorate": "number",
}
_Members = Mapping[str, JsonValue]


def proof_to_json(proof: PointProof) -> bytes:
    """Write a proof as JSON.

    Args:
        proof: the proof.

    Returns:
        Canonical JSON: equal proofs give equal bytes.
    """
    point, place = proof.point, proof.snapshot
    return dumps_canonical(
        {
            "version": _VERSION,
            "point": {
                "index": point.index,
                "salt": _hex(point.salt),
                "row_digest": _hex(point.row_digest),
                "owner": point.owner,
                "cid_digest": _hex(point.cid_digest),
            },
            "path": _path_json(proof.path),
            "terms": {
                name: _hex(getattr(proof.terms, name))
                if kind == "word"
                else str(getattr(proof.terms, name))
                for name, kind in _TERMS.items()
            },
            "commitment": _hex(proof.commitment),
            "shares": str(proof.shares),
            "born": str(proof.born),
            "snapshot": {
                "number": str(place.number),
                "root": _hex(place.root),
                "path": _path_json(place.path),
            },
            "licence": _hex(proof.licence),
            "value": None if proof.value is None else str(proof.value),
            "models": [
                {
                    "model": str(use.model),
                    "job": str(use.job),
                    "snapshot": str(use.snapshot),
                    "weights": _hex(use.weights),
                }
                for use in proof.uses
            ],
        }
    )


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def _path_json(path: MerklePath) -> dict[str, object]:
    return {
        "index": path.index,
        "num_leaves": path.num_leaves,
        "siblings": [_hex(sibling) for sibling in path.siblings],
    }


def proof_from_json(blob: bytes) -> PointProof:
    """Read a proof's JSON.

    Args:
        blob: JSON of exactly the members that `proof_to_json` writes, at most 65,536 bytes; spaces
            and the order of members do not matter.

    Returns:
        The proof; nothing of it has been verified.

    Raises:
        MalformedDataError: any other document.
    """
    document = loads_object(blob, max_bytes=MAX_JSON_BYTES, max_depth=_DEPTH)
    try:
        return _proof(document)
    except MalformedDataError:
        raise
    except BadInputError as error:
        raise MalformedDataError(f"the proof holds what no proof can: {error}") from error


def read_proof(blob: bytes) -> PointProof:
    """Read a proof in any of its forms, from a file for example.

    Args:
        blob: bytes of `proof_to_bytes`, `proof_to_json` or `proof_to_text`; white space around
            the two that are text does not matter.

    Returns:
        The proof; nothing of it has been verified.

    Raises:
        MalformedDataError: it is none of them.
    """
    if blob.startswith(b"DBPP"):
        return proof_from_bytes(blob)
    if len(blob) > MAX_JSON_BYTES:
        raise MalformedDataError(f"a proof of {len(blob)} bytes: at most {MAX_JSON_BYTES} are read")
    text = blob.strip()
    if text.startswith(b"{"):
        return proof_from_json(text)
    try:
        return proof_from_text(text.decode("ascii"))
    except UnicodeDecodeError as error:
        raise MalformedDataError(
            f"not a point's proof: it is neither its bytes, its text nor JSON ({error.reason})"
        ) from error


def _proof(document: _Members) -> PointProof:
    _names(
        "a proof",
        document,
        "born commitment licence models path point shares snapshot terms value version",
    )
    if _count(document, "version") != _VERSION:
        raise MalformedDataError(
            f"a point's proof of version {document['version']}: this version of databright reads"
            f" {_VERSION}"
        )
    point = _object(document, "point", "cid_digest index owner row_digest salt")
    place = _object(document, "snapshot", "number path root")
    return PointProof(
        point=Point(
            index=_count(point, "index"),
            salt=_word(point, "salt"),
            row_digest=Digest(_word(point, "row_digest")),
            owner=_address(point, "owner"),
            cid_digest=Digest(_word(point, "cid_digest")),
        ),
        path=_path(document),
        terms=_terms(_object(document, "terms", " ".join(_TERMS))),
        commitment=_word(document, "commitment"),
        shares=Shares(_number(document, "shares")),
        born=_number(document, "born"),
        snapshot=InSnapshot(_number(place, "number"), _word(place, "root"), _path(place)),
        licence=Digest(_word(document, "licence")),
        value=None if document["value"] is None else _number(document, "value", _SIGNED),
        uses=tuple(_use(item) for item in _list(document, "models")),
    )


def _terms(members: _Members) -> Terms:
    return Terms(
        proposal=_number(members, "proposal"),
        request=_number(members, "request"),
        proposer=_address(members, "proposer"),
        payee=_address(members, "payee"),
        root=_word(members, "root"),
        ref=_word(members, "ref"),
        manifest=_word(members, "manifest"),
        num_rows=_number(members, "num_rows"),
        revises=_number(members, "revises"),
        bond=Amount(_number(members, "bond")),
        fee=Amount(_number(members, "fee")),
        electorate=_number(members, "electorate"),
    )


def _path(members: _Members) -> MerklePath:
    path = _object(members, "path", "index num_leaves siblings")
    siblings = tuple(_as_word("a sibling", item) for item in _list(path, "siblings"))
    return MerklePath(_count(path, "index"), _count(path, "num_leaves"), siblings)


def _use(item: JsonValue) -> ModelUse:
    use = _object({"a model": item}, "a model", "job model snapshot weights")
    return ModelUse(
        model=_number(use, "model"),
        job=_number(use, "job"),
        snapshot=_number(use, "snapshot"),
        weights=Digest(_word(use, "weights")),
    )


def _object(members: _Members, name: str, names: str) -> _Members:
    value = members[name]
    if not isinstance(value, dict):
        raise MalformedDataError(f"{name} is a {type(value).__name__}, not an object")
    _names(name, value, names)
    return value


def _names(what: str, members: _Members, names: str) -> None:
    if set(members) != set(names.split()):
        raise MalformedDataError(
            f"{what} has exactly the members {names}, got {' '.join(sorted(members))[:200]}"
        )


def _list(members: _Members, name: str) -> list[JsonValue]:
    value = members[name]
    if not isinstance(value, list):
        raise MalformedDataError(f"{name} is a {type(value).__name__}, not a list")
    return value


def _count(members: _Members, name: str) -> int:
    value = members[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a whole number")
    return value


def _number(members: _Members, name: str, pattern: re.Pattern[str] = _DECIMAL) -> int:
    value = members[name]
    if not isinstance(value, str) or not pattern.match(value):
        raise MalformedDataError(
            f"{name} is {str(value)[:40]!r}: write a whole number as a string of decimal digits"
        )
    return int(value)


def _word(members: _Members, name: str) -> bytes:
    return _as_word(name, members[name])


def _as_word(name: str, value: JsonValue) -> bytes:
    if not isinstance(value, str) or not _WORD.match(value):
        raise MalformedDataError(
            f"{name} is {str(value)[:80]!r}: write 32 bytes as 0x and 64 small hex digits"
        )
    return bytes.fromhex(value[2:])


def _address(members: _Members, name: str) -> Address:
    value = members[name]
    if not isinstance(value, str):
        raise MalformedDataError(f"{name} is a {type(value).__name__}, not an address")
    return Address(value)
