"""Proofs as bytes, text and JSON: one form each, small, and nothing else is read."""

from __future__ import annotations

import base64
import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from databright.errors import MalformedDataError
from databright.records.merkle import MerklePath, path_length
from databright.records.point_proof import InSnapshot, ModelUse, PointProof, is_sound, verify
from databright.records.point_proof_forms import (
    MAX_PROOF_BYTES,
    proof_from_bytes,
    proof_from_text,
    proof_to_bytes,
    proof_to_text,
)
from databright.records.point_proof_json import (
    MAX_JSON_BYTES,
    proof_from_json,
    proof_to_json,
    read_proof,
)
from databright.records.points import Point
from databright.records.words import address_of
from databright.units import Digest, Shares
from tests.unit.records.point_world import world
from tests.unit.records.test_records_terms import ADDRESSES, TERMS, UINT, WORD
from tests.verifier import points_again

HONEST = world([5, 4], 5, 3).proof(6, num_models=2, value=-12)
BLOB = proof_to_bytes(HONEST)
VALUES = st.one_of(st.none(), st.integers(-300, 300), st.integers(1 - 2**255, 2**255 - 1))


@st.composite
def paths(draw: st.DrawFn) -> MerklePath:
    count = draw(st.one_of(st.integers(1, 9), st.integers(1, 2**20)))
    index = draw(st.integers(0, count - 1))
    length = path_length(index, count)
    siblings = draw(st.lists(WORD, min_size=length, max_size=length))
    return MerklePath(index, count, tuple(siblings))


@st.composite
def proofs(draw: st.DrawFn) -> PointProof:
    path = draw(paths())
    uses = draw(st.lists(st.builds(ModelUse, UINT, UINT, UINT, WORD), max_size=5))
    return PointProof(
        Point(path.index, draw(WORD), Digest(draw(WORD)), draw(ADDRESSES), Digest(draw(WORD))),
        path,
        draw(TERMS),
        draw(WORD),
        Shares(draw(UINT)),
        draw(UINT),
        InSnapshot(draw(UINT), draw(WORD), draw(paths())),
        Digest(draw(WORD)),
        draw(VALUES),
        tuple(uses),
    )


@settings(deadline=None)
@given(proofs())
def test_every_form_gives_the_same_proof_back(proof: PointProof) -> None:
    blob, text, document = proof_to_bytes(proof), proof_to_text(proof), proof_to_json(proof)
    assert proof_from_bytes(blob) == proof
    assert proof_from_text(text) == proof
    assert proof_from_json(document) == proof
    assert read_proof(blob) == read_proof(text.encode()) == read_proof(document) == proof
    verify(proof)


@settings(deadline=None)
@given(proofs())
def test_a_second_reading_reads_the_same(proof: PointProof) -> None:
    read = points_again.read(proof_to_bytes(proof))
    assert (read["index"], read["count"]) == (proof.point.index, proof.path.num_leaves)
    assert (read["salt"], read["row"]) == (proof.point.salt, proof.point.row_digest)
    assert (read["owner"], read["cid"]) == (proof.point.owner, proof.point.cid_digest)
    assert tuple(read["siblings"]) == proof.path.siblings
    assert read["terms"] == vars(proof.terms)
    assert (read["commitment"], read["licence"]) == (proof.commitment, proof.licence)
    assert (read["shares"], read["born"]) == (proof.shares, proof.born)
    assert (read["snapshot"], read["value"]) == (proof.snapshot.number, proof.value)
    assert read["snapshot_root"] == proof.snapshot.root
    assert tuple(read["above"]) == proof.snapshot.path.siblings
    assert read["models"] == [(u.model, u.job, u.snapshot, u.weights) for u in proof.uses]
    findings = {one.about: one.status.value == "holds" for one in verify(proof)}
    for about, holds in points_again.holds(read).items():
        assert findings[about] == holds, about


def test_a_proof_of_a_large_dataset_is_small() -> None:
    """2**17 points, 256 entries, 4 models; numbers as large as a real market's."""
    case = world([2**17 - 1000, 1000], 256, 255)
    for index in (0, 2**17 - 1):
        proof = case.proof(index, num_models=4, value=-(10**18))
        assert is_sound(verify(proof))
        assert len(proof.path.siblings) == 17
        assert len(proof.snapshot.path.siblings) == 8
        assert len(proof_to_bytes(proof)) < 1500
        assert read_proof(proof_to_text(proof).encode()) == proof


def test_the_largest_proof_can_be_read() -> None:
    most = 2**256 - 1
    terms = replace(
        HONEST.terms, proposal=most, request=most, num_rows=most, revises=most, electorate=most
    )
    path = MerklePath(2**20 - 1, 2**20, (bytes(32),) * 20)
    proof = replace(
        HONEST,
        point=replace(HONEST.point, index=2**20 - 1),
        path=path,
        terms=terms,
        snapshot=InSnapshot(most, bytes(32), path),
        value=1 - 2**255,
        uses=(ModelUse(most, most, most, Digest(bytes(32))),) * 64,
    )
    assert len(proof_to_bytes(proof)) < MAX_PROOF_BYTES
    assert len(proof_to_json(proof)) < MAX_JSON_BYTES
    assert read_proof(proof_to_bytes(proof)) == proof
    assert read_proof(proof_to_text(proof).encode() + b"\n") == proof
    assert read_proof(b"\n" + proof_to_json(proof)) == proof


def test_every_cut_is_refused() -> None:
    for length in range(len(BLOB)):
        with pytest.raises(MalformedDataError):
            proof_from_bytes(BLOB[:length])
        with pytest.raises(ValueError, match=r"ends early|no proof|no leaf|form"):
            points_again.read(BLOB[:length])


def test_what_follows_a_proof_is_refused() -> None:
    with pytest.raises(MalformedDataError, match="1 bytes follow the end"):
        proof_from_bytes(BLOB + b"\0")


def _only_form(blob: bytes) -> None:
    """Bytes are refused by both readings, or are the only bytes of what both read."""
    try:
        proof = proof_from_bytes(blob)
    except MalformedDataError:
        with pytest.raises(ValueError, match=r"\w"):
            points_again.read(blob)
        return
    points_again.read(blob)
    assert proof_to_bytes(proof) == blob
    verify(proof)


@settings(max_examples=400, deadline=None)
@given(at=st.integers(0, len(BLOB) - 1), byte=st.integers(0, 255), more=st.binary(max_size=3))
def test_a_changed_byte_is_refused_or_makes_another_proof(at: int, byte: int, more: bytes) -> None:
    changed = BLOB[:at] + bytes([byte]) + BLOB[at + 1 :] + more
    _only_form(changed)
    if changed != BLOB:
        with contextlib.suppress(MalformedDataError):
            assert proof_from_bytes(changed) != HONEST


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda b: BLOB[:5] + b)))
@example(BLOB[:5] + b"\x21" + bytes(33))
@example(BLOB[:5] + b"\x01\x00" + bytes(900))
def test_any_bytes_are_read_or_refused_in_one_way(blob: bytes) -> None:
    _only_form(blob)


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", "was cut off"),
        (b"PPBD" + BLOB[4:], "these begin with 'DBPP'"),
        (BLOB[:4] + b"\2" + BLOB[5:], "version 2: this version of databright reads 1"),
        (BLOB[:5] + b"\x02\x00\x06" + BLOB[7:], "not in its shortest form"),
        (BLOB[:5] + b"\x21" + BLOB[6:], "a number of 33 bytes"),
        (BLOB + bytes(MAX_PROOF_BYTES), "at most 16384 are read"),
    ],
)
def test_what_is_wrong_with_bytes_is_said(blob: bytes, message: str) -> None:
    with pytest.raises(MalformedDataError, match=message):
        proof_from_bytes(blob)


def test_a_value_and_a_count_of_models_have_one_form() -> None:
    proof = replace(HONEST, value=None, uses=())
    blob = proof_to_bytes(proof)
    assert blob.endswith(b"\0\0")
    for end in (b"\2\0\0", b"\3\1\1\0", b"\1\x20" + b"\xff" * 32 + b"\0", b"\0\1\x41"):
        with pytest.raises(MalformedDataError):
            proof_from_bytes(blob[:-2] + end)
        with pytest.raises(ValueError, match=r"value|models"):
            points_again.read(blob[:-2] + end)
    use = b"\1\1" * 3 + bytes(32)
    assert len(proof_from_bytes(blob[:-1] + b"\1\x40" + use * 64).uses) == 64
    for end in (b"\1\x41" + use * 65, b"\x20" + b"\xff" * 32 + use):
        with pytest.raises(MalformedDataError, match=r"65 models|cut off"):
            proof_from_bytes(blob[:-1] + end)
    assert proof_from_bytes(blob[:-2] + b"\2\1\5\0") == replace(proof, value=-5)


def test_text_has_one_form() -> None:
    blob = proof_to_bytes(replace(HONEST, value=None, uses=()))
    while len(blob) % 3 == 0:  # a length at which base64 leaves bits over
        proof = replace(proof_from_bytes(blob), value=1)
        blob = proof_to_bytes(proof)
    text = proof_to_text(proof_from_bytes(blob))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(text[-1]) + 1]
    padded = text + "=" * (-len(text) % 4)
    assert base64.urlsafe_b64decode(text[:-1] + last + padded[len(text) :]) == blob
    for wrong in (text[:-1] + last, padded, text + "\n", " " + text, text[:-3], text + "é", ""):
        with pytest.raises(MalformedDataError):
            proof_from_text(wrong)
    with pytest.raises(MalformedDataError, match="characters: at most"):
        proof_from_text("A" * 30_000)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(alphabet="DBPPREJQA-_=0", max_size=60)))
def test_any_text_is_refused_with_the_one_error(text: str) -> None:
    with pytest.raises(MalformedDataError):
        proof_from_text(text)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
@example(b"\xff")
@example(b"{")
@example(b"[]")
@example(b" " * (MAX_JSON_BYTES + 1))
def test_any_file_is_refused_with_the_one_error(blob: bytes) -> None:
    with pytest.raises(MalformedDataError):
        read_proof(blob)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key in value:
            found += _places(value[key], (*path, key))
    elif isinstance(value, list):
        for key, member in enumerate(value):
            found += _places(member, (*path, key))
    return found


DOCUMENT = json.loads(proof_to_json(HONEST))
PLACES = _places(DOCUMENT)
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, -1, 0, 1, 2**70, 10**77, "", "0", "-0", "007", "1.0", "1" * 79,
        "0x" + "0" * 64, "0x" + "A" * 64, "0x", [], {}, [[]], ["0x" + "0" * 64],
        str(2**256), "-" + str(2**255), address_of(bytes(20)), "\u00e9",
    ]
)  # fmt: skip


def _altered(place: tuple[Any, ...], junk: Any, *, remove: bool = False) -> bytes:
    document = json.loads(json.dumps(DOCUMENT))
    at = document
    for key in place[:-1]:
        at = at[key]
    if remove:
        del at[place[-1]]
    else:
        at[place[-1]] = junk
    return json.dumps(document).encode()


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(PLACES), JUNK)
def test_an_altered_document_is_another_proof_or_refused(place: tuple[Any, ...], junk: Any) -> None:
    blob = _altered(place, junk)
    try:
        proof = proof_from_json(blob)
    except MalformedDataError:
        return
    assert json.loads(proof_to_json(proof)) == json.loads(blob)
    assert proof_from_bytes(proof_to_bytes(proof)) == proof


@pytest.mark.parametrize("place", [p for p in PLACES if isinstance(p[-1], str)])
def test_each_member_is_needed_and_no_other_is_taken(place: tuple[Any, ...]) -> None:
    with pytest.raises(MalformedDataError, match="exactly the members"):
        proof_from_json(_altered(place, None, remove=True))
    with pytest.raises(MalformedDataError, match="exactly the members"):
        proof_from_json(_altered((*place[:-1], "another"), 1))


@pytest.mark.parametrize(
    ("place", "junk", "message"),
    [
        (("version",), 2, "version 2"),
        (("point", "index"), "6", "not a whole number"),
        (("point",), [], "not an object"),
        (("models",), {}, "not a list"),
        (("models", 0), 1, "not an object"),
        (("terms", "bond"), 5, "string of decimal digits"),
        (("terms", "payee"), 5, "not an address"),
        (("terms", "payee"), "0x" + "ab" * 20, "checksum"),
        (("terms", "root"), "0x" + "AB" * 32, "64 small hex digits"),
        (("path", "index"), 5, "the path is of point 5"),
        (("path", "num_leaves"), 2**21, "use 1 to 1048576"),
        (("value",), "-0", "whole number"),
    ],
)
def test_what_is_wrong_with_json_is_said(place: tuple[Any, ...], junk: Any, message: str) -> None:
    with pytest.raises(MalformedDataError, match=message):
        proof_from_json(_altered(place, junk))


def test_json_of_people_may_have_spaces() -> None:
    assert proof_from_json(json.dumps(DOCUMENT, indent=2).encode()) == HONEST
