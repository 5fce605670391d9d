"""Holdouts: rows that only evaluators read, committed to on chain and opened when retired.

A holdout is sealed like data. Retiring publishes ``salt | plaintext``, so that anybody checks
sha256("databright/commit/v1" | published bytes) against the chain and recomputes every accuracy
and gain that was measured on it.
"""

from __future__ import annotations

from databright.custody.context import SealContext
from databright.custody.sealing import (
    DEFAULT_MAX_BYTES,
    SALT_BYTES,
    Opened,
    SealedRef,
    commitment,
    open_with_salt,
)
from databright.errors import MalformedDataError, SealBrokenError
from databright.storage.base import Store
from databright.units import Address, Cid, Digest


def retire(
    ref: SealedRef, node: Address, private_key: bytes, context: SealContext, store: Store
) -> tuple[Opened, Cid]:
    """Publish a holdout in plain; it must never measure anything again.

    Args:
        ref: the sealed holdout.
        node: a reader's address.
        private_key: its HPKE private key.
        context: where the holdout belongs.
        store: where it lies and where the plain bytes go.

    Returns:
        (salt and plaintext, address of the published bytes).

    Raises:
        SealBrokenError: the holdout does not open or is not the one committed to.
        StorageError: the store failed.
    """
    opened = open_with_salt(ref, node, private_key, context, store)
    return opened, store.put(opened.salt + opened.plaintext)


def read_retired(
    published: Cid, committed: Digest, store: Store, *, max_bytes: int = DEFAULT_MAX_BYTES
) -> bytes:
    """Read a retired holdout and check it against the chain's commitment.

    Args:
        published: address that `retire` gave.
        committed: the commitment on chain.
        store: where the bytes lie.
        max_bytes: longest plaintext that is taken.

    Returns:
        The plaintext.

    Raises:
        SealBrokenError: the published bytes are not what was committed to.
        MalformedDataError: they are too short to hold a salt.
        StorageError: a blob is missing or corrupt.
    """
    payload = store.get(published, max_bytes=max_bytes + SALT_BYTES)
    if len(payload) < SALT_BYTES:
        raise MalformedDataError(f"a retired holdout starts with a salt of {SALT_BYTES} bytes")
    if commitment(payload[:SALT_BYTES], payload[SALT_BYTES:]) != committed:
        raise SealBrokenError(
            f"the retired holdout {published} is not the one committed to ({committed.hex()}):"
            " trust no figure that was measured on it"
        )
    return payload[SALT_BYTES:]
