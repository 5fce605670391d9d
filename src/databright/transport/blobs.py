"""Blobs on the wire: by SHA-256, in chunks of 1 MiB, checked where they arrive."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from databright.errors import BlobCorruptError, ProtocolError
from databright.transport import hub_pb2
from databright.units import Digest

CHUNK_BYTES = 2**20
MAX_BLOB_BYTES = 256 * 2**20


def chunks(blob: bytes) -> Iterator[hub_pb2.Chunk]:
    """Cut a blob.

    Args:
        blob: the bytes.

    Yields:
        Chunks; the first names the blob's hash and size.
    """
    digest = hashlib.sha256(blob).digest()
    yield hub_pb2.Chunk(digest=digest, size=len(blob), data=blob[:CHUNK_BYTES])
    for start in range(CHUNK_BYTES, len(blob), CHUNK_BYTES):
        yield hub_pb2.Chunk(data=blob[start : start + CHUNK_BYTES])


def first_chunk(stream: Iterator[hub_pb2.Chunk]) -> hub_pb2.Chunk:
    """The chunk that says what follows.

    Args:
        stream: chunks from the wire.

    Returns:
        The first chunk.

    Raises:
        ProtocolError: no chunk, or a size over the cap.
    """
    head = next(stream, None)
    if head is None or len(head.digest) != 32:
        raise ProtocolError("a blob's first chunk must carry its SHA-256")
    if head.size > MAX_BLOB_BYTES:
        raise ProtocolError(f"a blob of {head.size} bytes; at most {MAX_BLOB_BYTES} are taken")
    return head


def assemble(head: hub_pb2.Chunk, rest: Iterable[hub_pb2.Chunk]) -> bytes:
    """Put a blob together and check it.

    Args:
        head: its first chunk, checked by `first_chunk`.
        rest: the others.

    Returns:
        The blob.

    Raises:
        ProtocolError: a chunk over 1 MiB, or more bytes than announced.
        BlobCorruptError: the bytes are not those that the hash names.
    """
    data = bytearray(head.data)
    for chunk in rest:
        data += chunk.data
        if len(chunk.data) > CHUNK_BYTES or len(data) > head.size:
            raise ProtocolError(f"a blob is longer than the {head.size} bytes it announced")
    blob = bytes(data)
    if len(blob) != head.size or hashlib.sha256(blob).digest() != head.digest:
        raise BlobCorruptError(
            f"a blob of {len(blob)} of {head.size} bytes does not have the hash "
            f"{head.digest.hex()}: send it again"
        )
    return blob


def check_digest(blob: bytes, digest: Digest) -> bytes:
    """Check a blob against the hash it was asked by.

    Args:
        blob: the bytes.
        digest: SHA-256 that they must have.

    Returns:
        The blob.

    Raises:
        BlobCorruptError: they have another.
    """
    if hashlib.sha256(blob).digest() != digest:
        raise BlobCorruptError(f"the peer sent a blob that does not have the hash {digest.hex()}")
    return blob
