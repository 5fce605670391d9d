"""Blobs by the SHA-256 that names them on chain."""

from __future__ import annotations

import hashlib

from databright.errors import BlobCorruptError, BlobMissingError
from databright.storage.base import Store
from databright.units import Digest


def sha256(blob: bytes) -> Digest:
    """The digest that names a blob on chain.

    Args:
        blob: the bytes.

    Returns:
        32 bytes.
    """
    return Digest(hashlib.sha256(blob).digest())


def read_blob(store: Store, digest: Digest, max_bytes: int) -> bytes:
    """Read a blob by its SHA-256.

    Args:
        store: the content store.
        digest: the blob's hash.
        max_bytes: largest blob that is read.

    Returns:
        Its bytes.

    Raises:
        BlobMissingError: the store has no such blob.
        BlobCorruptError: its bytes do not have the hash.
    """
    cid = store.cid_of_sha256(digest)
    if cid is None:
        raise BlobMissingError(
            f"the store holds no blob with the SHA-256 {digest.hex()}: fetch it from a store that "
            "does, e.g. the market's home on the machine that wrote it"
        )
    blob = store.get(cid, max_bytes=max_bytes)
    if sha256(blob) != digest:
        raise BlobCorruptError(
            f"the blob {cid} does not have the SHA-256 {digest.hex()} that names it: restore it "
            "from another store"
        )
    return blob
