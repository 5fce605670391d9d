"""Seals and envelopes: fixed vectors, and every way of tampering refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databright.custody import stream
from databright.custody.context import SealContext, address_bytes, length_prefixed
from databright.custody.envelopes import (
    ENVELOPE_BYTES,
    PRIVATE_KEY_BYTES,
    PUBLIC_KEY_BYTES,
    Envelopes,
    generate_hpke,
    unwrap_dek,
    wrap_dek,
)
from databright.custody.holdouts import read_retired, retire
from databright.custody.sealing import (
    SealedRef,
    commitment,
    open_from_store,
    open_with_salt,
    rewrap,
    seal_to_nodes,
)
from databright.custody.stream import open_range, open_sealed, seal, seal_with, sealed_size
from databright.errors import BadInputError, MalformedDataError, SealBrokenError
from databright.storage.base import Store, open_store
from databright.units import Address, Digest

ALICE = Address("0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf")
BOB = Address("0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF")
EVE = Address("0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69")
CONTEXT = SealContext(31337, EVE, 7, "proposal/3", Digest(bytes(range(32))))
MIB = stream.CHUNK_BYTES
VECTORS = json.loads(Path(__file__).with_name("sealing_vectors.json").read_text())


def context_of(vector: dict[str, Any]) -> SealContext:
    fields = vector["context"]
    return SealContext(
        fields["chain_id"],
        Address(fields["registry"]),
        fields["dataset"],
        fields["version"],
        Digest(bytes.fromhex(fields["policy"])),
    )


@pytest.mark.parametrize("vector", VECTORS["seals"])
def test_the_format_is_the_one_of_the_vectors(vector: dict[str, Any]) -> None:
    context, plaintext = context_of(vector), bytes.fromhex(vector["plaintext"])
    plaintext *= vector["repeat"]
    key, prefix = bytes.fromhex(vector["key"]), bytes.fromhex(vector["prefix"])
    sealed = seal_with(plaintext, context, key, prefix)
    assert len(sealed) == vector["sealed_bytes"] == sealed_size(len(plaintext))
    assert hashlib.sha256(sealed).hexdigest() == vector["sealed_sha256"]
    if "sealed" in vector:
        assert sealed.hex() == vector["sealed"]
    assert open_sealed(sealed, key, context) == plaintext


@pytest.mark.parametrize("vector", VECTORS["envelopes"])
def test_the_envelope_of_the_vectors_opens(vector: dict[str, Any]) -> None:
    opened = unwrap_dek(
        bytes.fromhex(vector["envelope"]),
        bytes.fromhex(vector["private_key"]),
        context_of(vector),
        Address(vector["recipient"]),
    )
    assert opened.hex() == vector["dek"]


@pytest.mark.parametrize("size", [0, 1, 31, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 5])
def test_what_is_sealed_opens(size: int) -> None:
    plaintext = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    sealed, key = seal(plaintext, CONTEXT)
    assert len(sealed) == sealed_size(size)
    assert open_sealed(sealed, key, CONTEXT) == plaintext
    assert seal(plaintext, CONTEXT)[0] != sealed


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2 * MIB + 9), st.integers(0, 2 * MIB + 9))
def test_a_range_is_a_slice_and_touches_its_chunks_only(offset: int, length: int) -> None:
    plaintext = bytes(2 * MIB) + b"abcdefg"
    sealed, key = seal_with(plaintext, CONTEXT, b"k" * 32, b"prefix7"), b"k" * 32
    touched: list[int] = []

    def read(at: int, count: int) -> bytes:
        touched.append(count)
        return sealed[at : at + count]

    opened = open_range(read, len(sealed), key, CONTEXT, (offset, length))
    assert opened == plaintext[offset : offset + length]
    assert sum(touched) <= stream.HEADER_BYTES + (length // MIB + 2) * (MIB + 16)


def test_every_flipped_byte_is_refused() -> None:
    sealed, key = seal(b"a small content of the market", CONTEXT)
    for at in range(len(sealed)):
        for flip in (1, 0x80, 0xFF):
            broken = sealed[:at] + bytes([sealed[at] ^ flip]) + sealed[at + 1 :]
            with pytest.raises(SealBrokenError):
                open_sealed(broken, key, CONTEXT)


def test_every_truncation_and_any_addition_is_refused() -> None:
    sealed, key = seal(b"a small content", CONTEXT)
    for stop in range(len(sealed)):
        with pytest.raises(SealBrokenError):
            open_sealed(sealed[:stop], key, CONTEXT)
    for more in (b"\0", b"x" * 16, sealed):
        with pytest.raises(SealBrokenError, match="lengthened"):
            open_sealed(sealed + more, key, CONTEXT)


def test_chunks_cannot_be_swapped_dropped_or_repeated() -> None:
    sealed, key = seal(bytes(3 * MIB), CONTEXT)
    header, body = sealed[: stream.HEADER_BYTES], sealed[stream.HEADER_BYTES :]
    chunks = [body[at : at + MIB + 16] for at in range(0, len(body), MIB + 16)]
    assert len(chunks) == 3
    for order in ([1, 0, 2], [0, 2, 1], [0, 0, 2], [2, 2, 2]):
        with pytest.raises(SealBrokenError):
            open_sealed(header + b"".join(chunks[i] for i in order), key, CONTEXT)
    shorter = header[:12] + (2 * MIB).to_bytes(8, "big") + header[20:]
    with pytest.raises(SealBrokenError):  # a header that agrees with two chunks
        open_sealed(shorter + chunks[0] + chunks[1], key, CONTEXT)
    with pytest.raises(SealBrokenError):
        open_sealed(header + chunks[0] + chunks[1], key, CONTEXT)


def test_two_seals_under_one_key_cannot_be_mixed() -> None:
    key = b"k" * 32
    one, two = (seal_with(bytes(2 * MIB), CONTEXT, key, p) for p in (b"prefix1", b"prefix2"))
    middle = stream.HEADER_BYTES + MIB + 16
    with pytest.raises(SealBrokenError):
        open_sealed(one[:middle] + two[middle:], key, CONTEXT)


OTHER_CONTEXTS = [
    replace(CONTEXT, chain_id=1),
    replace(CONTEXT, registry=ALICE),
    replace(CONTEXT, dataset=8),
    replace(CONTEXT, version="proposal/4"),
    replace(CONTEXT, policy=Digest(bytes(32))),
]


@pytest.mark.parametrize("other", OTHER_CONTEXTS)
def test_another_context_or_key_opens_nothing(other: SealContext) -> None:
    sealed, key = seal(b"content", CONTEXT)
    with pytest.raises(SealBrokenError, match="another place"):
        open_sealed(sealed, key, other)
    private, public = generate_hpke()
    envelope = wrap_dek(key, public, CONTEXT, ALICE)
    with pytest.raises(SealBrokenError, match="does not open"):
        unwrap_dek(envelope, private, other, ALICE)
    with pytest.raises(SealBrokenError, match="does not open"):
        open_sealed(sealed, bytes(32), CONTEXT)


def test_keys_of_another_length_are_refused() -> None:
    sealed, key = seal(b"content", CONTEXT)
    for bad in (b"", key[:-1], key + b"0"):
        with pytest.raises(BadInputError, match="32 bytes"):
            open_sealed(sealed, bad, CONTEXT)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(SealBrokenError):
        open_sealed(noise, bytes(32), CONTEXT)
    with pytest.raises(SealBrokenError):
        open_sealed(b"DBSL\x01" + noise, bytes(32), CONTEXT)
    with pytest.raises(MalformedDataError):
        Envelopes.from_blob(noise)


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 0},
        {"dataset": -1},
        {"registry": EVE.lower()},
        {"registry": "0x" + "0" * 39},
        {"version": ""},
        {"version": "x" * 129},
        {"version": "a\nb"},
        {"policy": b"short"},
    ],
)
def test_a_malformed_context_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        replace(CONTEXT, **changes)


def test_fields_cannot_flow_into_one_another() -> None:
    assert length_prefixed(b"ab", b"c") != length_prefixed(b"a", b"bc")
    assert replace(CONTEXT, chain_id=1, dataset=11).envelope_info(ALICE) != (
        replace(CONTEXT, chain_id=11, dataset=1).envelope_info(ALICE)
    )
    assert len(address_bytes(ALICE)) == 20


def test_an_envelope_opens_for_its_reader_alone() -> None:
    (alice, alice_public), (bob, _) = generate_hpke(), generate_hpke()
    assert (len(alice), len(alice_public)) == (PRIVATE_KEY_BYTES, PUBLIC_KEY_BYTES)
    dek = bytes(range(32))
    envelope = wrap_dek(dek, alice_public, CONTEXT, ALICE)
    assert len(envelope) == ENVELOPE_BYTES
    assert unwrap_dek(envelope, alice, CONTEXT, ALICE) == dek
    with pytest.raises(SealBrokenError):
        unwrap_dek(envelope, bob, CONTEXT, ALICE)
    with pytest.raises(SealBrokenError):
        unwrap_dek(envelope, alice, CONTEXT, BOB)
    for at in (*range(0, ENVELOPE_BYTES, 37), ENVELOPE_BYTES - 1):
        broken = envelope[:at] + bytes([envelope[at] ^ 1]) + envelope[at + 1 :]
        with pytest.raises(SealBrokenError):
            unwrap_dek(broken, alice, CONTEXT, ALICE)
    for broken in (b"", envelope[:-1], envelope + b"0"):
        with pytest.raises(SealBrokenError, match="not a key envelope"):
            unwrap_dek(broken, alice, CONTEXT, ALICE)


@pytest.mark.parametrize("public", [b"", b"k" * 1215, b"\xff" * 1216, b"\x00" * 1216])
def test_a_public_key_that_is_none_is_refused(public: bytes) -> None:
    with pytest.raises(BadInputError):
        wrap_dek(bytes(32), public, CONTEXT, ALICE)


def test_a_private_key_or_dek_of_another_length_is_refused() -> None:
    _, public = generate_hpke()
    with pytest.raises(BadInputError):
        wrap_dek(bytes(31), public, CONTEXT, ALICE)
    with pytest.raises(BadInputError):
        unwrap_dek(bytes(ENVELOPE_BYTES), bytes(95), CONTEXT, ALICE)


def test_a_record_of_envelopes_is_canonical() -> None:
    one, two = bytes([1]) * ENVELOPE_BYTES, bytes([2]) * ENVELOPE_BYTES
    blob = Envelopes({ALICE: one, BOB: two}).to_blob()
    assert Envelopes({BOB: two, ALICE: one}).to_blob() == blob
    read = Envelopes.from_blob(blob)
    assert read.of(ALICE) == one
    with pytest.raises(SealBrokenError, match=BOB):
        read.of(EVE)


def record_blob(**changes: object) -> bytes:
    good = json.loads(Envelopes({ALICE: bytes(ENVELOPE_BYTES)}).to_blob())
    return json.dumps({**good, **changes}, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "blob",
    [
        record_blob(version=2),
        record_blob(version="1"),
        record_blob(more=1),
        record_blob(envelopes=[]),
        record_blob(envelopes={}),
        record_blob(envelopes={ALICE: 3}),
        record_blob(envelopes={ALICE: "AA=="}),
        record_blob(envelopes={ALICE: "%%"}),
        record_blob(envelopes={ALICE.lower(): "A" * 1560}),
        record_blob(envelopes={"x": "A" * 1560}),
        record_blob() + b"\n",
        record_blob().replace(b":", b": "),
        record_blob().replace(b'A="', b'B="'),  # spare bits set: another text, same bytes
        record_blob(version=True),
        b"{}",
        b"[]",
    ],
)
def test_another_record_is_refused(blob: bytes) -> None:
    with pytest.raises(MalformedDataError):
        Envelopes.from_blob(blob)


@pytest.fixture(scope="module")
def keys() -> dict[Address, tuple[bytes, bytes]]:
    return {who: generate_hpke() for who in (ALICE, BOB, EVE)}


@pytest.fixture
def store() -> Store:
    return open_store("memory")


def test_every_named_node_opens_and_nobody_else(
    keys: dict[Address, tuple[bytes, bytes]], store: Store
) -> None:
    nodes = {who: keys[who][1] for who in (ALICE, BOB)}
    ref = seal_to_nodes(b"rows", nodes, CONTEXT, store)
    for who in nodes:
        assert open_from_store(ref, who, keys[who][0], CONTEXT, store) == b"rows"
    with pytest.raises(SealBrokenError, match="no key envelope"):
        open_from_store(ref, EVE, keys[EVE][0], CONTEXT, store)
    with pytest.raises(SealBrokenError, match="does not open"):
        open_from_store(ref, ALICE, keys[EVE][0], CONTEXT, store)
    for cid in store.cids():
        assert b"rows" not in store.get(cid)


def test_the_commitment_is_salted_and_checked(
    keys: dict[Address, tuple[bytes, bytes]], store: Store
) -> None:
    private, public = keys[ALICE]
    one, two = (seal_to_nodes(b"rows", {ALICE: public}, CONTEXT, store) for _ in range(2))
    assert one.plain_commitment != two.plain_commitment
    opened = open_with_salt(one, ALICE, private, CONTEXT, store)
    expected = hashlib.sha256(b"databright/commit/v1" + opened.salt + b"rows").digest()
    assert one.plain_commitment == expected == commitment(opened.salt, b"rows")
    lied = replace(one, plain_commitment=two.plain_commitment)
    with pytest.raises(SealBrokenError, match="committed"):
        open_from_store(lied, ALICE, private, CONTEXT, store)


def test_a_payload_without_a_salt_is_refused(
    keys: dict[Address, tuple[bytes, bytes]], store: Store
) -> None:
    private, public = keys[ALICE]
    sealed, dek = seal(b"too short", CONTEXT)
    envelopes = Envelopes({ALICE: wrap_dek(dek, public, CONTEXT, ALICE)})
    ref = SealedRef(
        store.put(sealed), store.put(envelopes.to_blob()), commitment(b"too short", b"")
    )
    with pytest.raises(SealBrokenError, match="committed"):
        open_from_store(ref, ALICE, private, CONTEXT, store)


def test_a_content_over_the_cap_is_refused(
    keys: dict[Address, tuple[bytes, bytes]], store: Store
) -> None:
    private, public = keys[ALICE]
    ref = seal_to_nodes(b"0123456789", {ALICE: public}, CONTEXT, store)
    opened = open_from_store(ref, ALICE, private, CONTEXT, store, max_bytes=10)
    assert opened == b"0123456789"
    with pytest.raises(BadInputError, match="more than"):
        open_from_store(ref, ALICE, private, CONTEXT, store, max_bytes=9)


def test_nothing_is_kept_when_a_node_has_no_key(store: Store) -> None:
    nodes: dict[Address, bytes]
    for nodes in ({}, {ALICE: b"no key"}):
        with pytest.raises(BadInputError):
            seal_to_nodes(b"rows", nodes, CONTEXT, store)
    assert list(store.cids()) == []


def test_rewrapping_admits_another_reader(
    keys: dict[Address, tuple[bytes, bytes]], store: Store
) -> None:
    ref = seal_to_nodes(b"rows", {ALICE: keys[ALICE][1]}, CONTEXT, store)
    nodes = {BOB: keys[BOB][1]}
    new = rewrap(ref, (ALICE, keys[ALICE][0]), nodes, CONTEXT, store)
    assert (new.ciphertext, new.plain_commitment) == (ref.ciphertext, ref.plain_commitment)
    assert open_from_store(new, BOB, keys[BOB][0], CONTEXT, store) == b"rows"
    with pytest.raises(SealBrokenError):
        open_from_store(new, ALICE, keys[ALICE][0], CONTEXT, store)


def test_a_retired_holdout_is_checked_by_anybody(
    keys: dict[Address, tuple[bytes, bytes]], store: Store
) -> None:
    private, public = keys[ALICE]
    ref = seal_to_nodes(b"holdout rows", {ALICE: public}, CONTEXT, store)
    opened, published = retire(ref, ALICE, private, CONTEXT, store)
    assert store.get(published) == opened.salt + b"holdout rows"
    assert read_retired(published, ref.plain_commitment, store) == b"holdout rows"
    for other in (opened.salt + b"holdout rowz", bytes(32) + b"holdout rows"):
        with pytest.raises(SealBrokenError, match="committed"):
            read_retired(store.put(other), ref.plain_commitment, store)
    with pytest.raises(MalformedDataError, match="salt"):
        read_retired(store.put(b"short"), ref.plain_commitment, store)
