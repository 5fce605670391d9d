"""Contents sealed to the admitted trusted nodes, kept in the open content store.

The sealed payload is ``salt (32 random bytes) | plaintext``; the chain gets the commitment
sha256("databright/commit/v1" | salt | plaintext). Only readers know the salt, so nobody else can
test a guess at the plaintext against the chain, and no writer can show two readers two contents.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from databright.custody.context import SealContext
from databright.custody.envelopes import (
    MAX_ENVELOPES_BYTES,
    Envelopes,
    generate_hpke,
    unwrap_dek,
    wrap_dek,
)
from databright.custody.stream import open_range, open_sealed, seal, sealed_size
from databright.errors import SealBrokenError
from databright.storage.base import Store
from databright.units import Address, Cid, Digest

__all__ = [
    "Envelopes",
    "Opened",
    "SealContext",
    "SealedRef",
    "commitment",
    "generate_hpke",
    "open_from_store",
    "open_range",
    "open_sealed",
    "open_with_salt",
    "rewrap",
    "seal",
    "seal_to_nodes",
    "unwrap_dek",
    "wrap_dek",
]

COMMIT_DOMAIN = b"databright/commit/v1"
SALT_BYTES = 32
DEFAULT_MAX_BYTES = 1 << 30
"""Longest plaintext that is opened unless the caller says otherwise."""


@dataclass(frozen=True)
class SealedRef:
    """Where a sealed content lies and what it commits to; all of it may be public.

    Attributes:
        ciphertext: address of the sealed payload.
        envelopes: address of the record of key envelopes.
        plain_commitment: commitment to salt and plaintext.
    """

    ciphertext: Cid
    envelopes: Cid
    plain_commitment: Digest


@dataclass(frozen=True)
class Opened:
    """A content that was opened and found to match its commitment.

    Attributes:
        salt: 32 bytes.
        plaintext: the content.
    """

    salt: bytes
    plaintext: bytes


def commitment(salt: bytes, plaintext: bytes) -> Digest:
    """Commit to a content.

    Args:
        salt: 32 random bytes.
        plaintext: the content.

    Returns:
        sha256("databright/commit/v1" | salt | plaintext).
    """
    return Digest(hashlib.sha256(COMMIT_DOMAIN + salt + plaintext).digest())


def seal_to_nodes(
    plaintext: bytes, nodes: Mapping[Address, bytes], context: SealContext, store: Store
) -> SealedRef:
    """Seal a content to its readers and keep it.

    Args:
        plaintext: the content.
        nodes: each reader's address -> HPKE public key; at least one.
        context: where the content belongs.
        store: where ciphertext and envelopes go.

    Returns:
        Their addresses and the commitment.

    Raises:
        BadInputError: no reader, or a malformed address or key; nothing was kept then.
        StorageError: the store could not keep them.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    sealed, dek = seal(salt + plaintext, context)
    envelopes = Envelopes({who: wrap_dek(dek, key, context, who) for who, key in nodes.items()})
    return SealedRef(store.put(sealed), store.put(envelopes.to_blob()), commitment(salt, plaintext))


def _dek(
    ref: SealedRef, node: Address, private_key: bytes, context: SealContext, store: Store
) -> bytes:
    record = Envelopes.from_blob(store.get(ref.envelopes, max_bytes=MAX_ENVELOPES_BYTES))
    return unwrap_dek(record.of(node), private_key, context, node)


def open_with_salt(
    ref: SealedRef,
    node: Address,
    private_key: bytes,
    context: SealContext,
    store: Store,
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Opened:
    """Open a content together with the salt of its commitment.

    Args:
        ref: what `seal_to_nodes` gave.
        node: the reader's address.
        private_key: the reader's HPKE private key.
        context: where the content must belong.
        store: where it lies.
        max_bytes: longest plaintext that is taken.

    Returns:
        Salt and plaintext.

    Raises:
        SealBrokenError: seal, envelope or commitment do not fit.
        MalformedDataError: the record of envelopes is malformed.
        StorageError: a blob is missing or corrupt.
        BadInputError: the content is longer than max_bytes.
    """
    dek = _dek(ref, node, private_key, context, store)
    sealed = store.get(ref.ciphertext, max_bytes=sealed_size(max_bytes + SALT_BYTES))
    payload = open_sealed(sealed, dek, context)
    opened = Opened(payload[:SALT_BYTES], payload[SALT_BYTES:])
    if len(payload) < SALT_BYTES or commitment(opened.salt, opened.plaintext) != (
        ref.plain_commitment
    ):
        raise SealBrokenError(
            f"the content of {ref.ciphertext} opens, but is not the one committed to"
            f" ({ref.plain_commitment.hex()}): its proposer committed to other bytes; refuse it"
        )
    return opened


def open_from_store(
    ref: SealedRef,
    node: Address,
    private_key: bytes,
    context: SealContext,
    store: Store,
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> bytes:
    """Open a content.

    Args:
        ref: what `seal_to_nodes` gave.
        node: the reader's address.
        private_key: the reader's HPKE private key.
        context: where the content must belong.
        store: where it lies.
        max_bytes: longest plaintext that is taken.

    Returns:
        The plaintext, checked against the commitment.

    Raises:
        SealBrokenError: seal, envelope or commitment do not fit.
        MalformedDataError: the record of envelopes is malformed.
        StorageError: a blob is missing or corrupt.
        BadInputError: the content is longer than max_bytes.
    """
    return open_with_salt(ref, node, private_key, context, store, max_bytes=max_bytes).plaintext


def rewrap(
    ref: SealedRef,
    reader: tuple[Address, bytes],
    nodes: Mapping[Address, bytes],
    context: SealContext,
    store: Store,
) -> SealedRef:
    """Give the key of a content to another set of readers; the ciphertext stays.

    Whoever could read before still can: revoking protects only contents sealed later.

    Args:
        ref: the sealed content.
        reader: address and HPKE private key of one who can open it.
        nodes: the new readers' addresses -> HPKE public keys.
        context: where the content belongs.
        store: where it lies.

    Returns:
        The same content with the new record of envelopes.

    Raises:
        SealBrokenError: the reader cannot open it.
        BadInputError: no new reader, or a malformed address or key.
        StorageError: the store failed.
    """
    dek = _dek(ref, *reader, context, store)
    envelopes = Envelopes({who: wrap_dek(dek, key, context, who) for who, key in nodes.items()})
    return SealedRef(ref.ciphertext, store.put(envelopes.to_blob()), ref.plain_commitment)
