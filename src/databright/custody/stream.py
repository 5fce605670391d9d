"""One content under one fresh key: STREAM over ChaCha20-Poly1305 in chunks of 1 MiB.

::

    header, 52 bytes   "DBSL" | version 1 (u8) | prefix (7, random) | length (u64) | context (32)
    chunk i            ChaCha20-Poly1305(key, nonce_i, chunk, aad = sha256(header)), tag of 16 bytes
    nonce_i, 12 bytes  prefix | i (u32) | 1 if the chunk is the last one, else 0

Integers are big-endian. All chunks but the last hold 1 MiB; an empty content is one empty chunk.
The header is authenticated by every chunk, so each chunk alone proves the content's length and
context: bits flipped, chunks cut off, swapped or added, and another context are all refused.

Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance" (CRYPTO 2015), section 7, STREAM.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from databright.custody.context import SealContext
from databright.errors import BadInputError, SealBrokenError

CHUNK_BYTES = 1 << 20
"""Plaintext of every chunk but the last."""
TAG_BYTES = 16
KEY_BYTES = 32
MAX_PLAINTEXT_BYTES = 1 << 40
"""Longest content of one seal; far below the counter's end."""

_HEADER = struct.Struct(">4sB7sQ32s")
_MAGIC = b"DBSL"
_VERSION = 1
HEADER_BYTES = _HEADER.size


def _num_chunks(length: int) -> int:
    return max(1, -(-length // CHUNK_BYTES))


def sealed_size(length: int) -> int:
    """Size of a sealed content.

    Args:
        length: bytes of plaintext.

    Returns:
        Bytes of header, chunks and tags.
    """
    return HEADER_BYTES + length + TAG_BYTES * _num_chunks(length)


def _nonce(prefix: bytes, index: int, length: int) -> bytes:
    return prefix + struct.pack(">IB", index, index == _num_chunks(length) - 1)


def seal(plaintext: bytes, context: SealContext) -> tuple[bytes, bytes]:
    """Seal a content under a new random key.

    Args:
        plaintext: the content, at most 2**40 bytes.
        context: where it belongs.

    Returns:
        (the sealed bytes, the key of 32 bytes). The key is for this content alone.

    Raises:
        BadInputError: the content is too long.
    """
    key = secrets.token_bytes(KEY_BYTES)
    return seal_with(plaintext, context, key, secrets.token_bytes(7)), key


def seal_with(plaintext: bytes, context: SealContext, key: bytes, prefix: bytes) -> bytes:
    """Seal under a given key and nonce prefix: for test vectors; `seal` draws both.

    Args:
        plaintext: the content.
        context: where it belongs.
        key: 32 bytes that never seal another content.
        prefix: 7 bytes.

    Returns:
        The sealed bytes.

    Raises:
        BadInputError: the content is too long.
    """
    length = len(plaintext)
    if length > MAX_PLAINTEXT_BYTES:
        raise BadInputError(f"{length} bytes are too long to seal: at most {MAX_PLAINTEXT_BYTES}")
    header = _HEADER.pack(_MAGIC, _VERSION, prefix, length, context.seal_digest())
    aad, cipher = hashlib.sha256(header).digest(), ChaCha20Poly1305(key)
    view = memoryview(plaintext)
    parts = [header]
    for index in range(_num_chunks(length)):
        chunk = view[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
        parts.append(cipher.encrypt(_nonce(prefix, index, length), chunk, aad))
    return b"".join(parts)


def _read_header(header: bytes, size: int, context: SealContext) -> tuple[bytes, int]:
    if len(header) != HEADER_BYTES:
        raise SealBrokenError(f"{size} bytes are too short for a sealed content: it was cut off")
    magic, version, prefix, length, digest = _HEADER.unpack(header)
    if magic != _MAGIC or version != _VERSION:
        raise SealBrokenError(
            f"not a sealed content of version {_VERSION}: it starts with {header[:5].hex()}"
        )
    if length > MAX_PLAINTEXT_BYTES or size != sealed_size(length):
        raise SealBrokenError(
            f"a sealed content of {length} bytes does not fit its {size} bytes: it was cut off,"
            " lengthened or altered"
        )
    if digest != context.seal_digest():
        raise SealBrokenError(
            f"sealed for another place than chain {context.chain_id}, dataset {context.dataset},"
            f" {context.version!r}: check which content was asked for"
        )
    return prefix, length


def open_range(
    read: Callable[[int, int], bytes],
    size: int,
    key: bytes,
    context: SealContext,
    span: tuple[int, int],
) -> bytes:
    """Open a range of a sealed content, reading only the chunks that it touches.

    Args:
        read: gives (offset, length) of the sealed bytes.
        size: length of the sealed bytes.
        key: the content's key, 32 bytes.
        context: where the content must belong.
        span: (offset, length) of the plaintext wanted, both >= 0.

    Returns:
        That plaintext; shorter where the content ends before.

    Raises:
        SealBrokenError: the bytes, key or context are not those of the seal.
        BadInputError: a negative span, or a key of another length.
    """
    if len(key) != KEY_BYTES or min(span) < 0:
        raise BadInputError(
            f"a key has {KEY_BYTES} bytes and a span starts at 0, got {len(key)} and {span}"
        )
    header = read(0, HEADER_BYTES)
    prefix, length = _read_header(header, size, context)
    aad, cipher = hashlib.sha256(header).digest(), ChaCha20Poly1305(key)
    start, stop = min(span[0], length), min(sum(span), length)
    first = min(start // CHUNK_BYTES, _num_chunks(length) - 1)
    last = max(first, (stop - 1) // CHUNK_BYTES)
    parts: list[bytes] = []
    for index in range(first, last + 1):
        at = HEADER_BYTES + index * (CHUNK_BYTES + TAG_BYTES)
        chunk = read(at, min(CHUNK_BYTES + TAG_BYTES, size - at))
        try:
            parts.append(cipher.decrypt(_nonce(prefix, index, length), chunk, aad))
        except InvalidTag as exc:
            raise SealBrokenError(
                f"chunk {index} of the sealed content does not open: its bytes were altered or"
                " the key is another content's"
            ) from exc
    opened = b"".join(parts)
    return opened[start - first * CHUNK_BYTES : stop - first * CHUNK_BYTES]


def open_sealed(sealed: bytes, key: bytes, context: SealContext) -> bytes:
    """Open a sealed content.

    Args:
        sealed: what `seal` gave.
        key: the content's key, 32 bytes.
        context: where the content must belong.

    Returns:
        The plaintext, all of it or none.

    Raises:
        SealBrokenError: the bytes, key or context are not those of the seal.
        BadInputError: a key of another length.
    """
    view = memoryview(sealed)
    return open_range(
        lambda at, length: bytes(view[at : at + length]),
        len(sealed),
        key,
        context,
        (0, MAX_PLAINTEXT_BYTES),
    )
