"""Content addresses: CIDv1 of UnixFS files, profile ``unixfs-v1-2025``.

A content is cut into chunks of 1 MiB, each a raw block; a content of one chunk is that block.
Longer ones get a balanced tree of dag-pb nodes with up to 1,024 links. The same bytes have the
same address in every IPFS implementation that follows the profile.

Source: IPIP-0499 (UnixFS CID profiles), https://specs.ipfs.tech/unixfs/ and the dag-pb codec
https://ipld.io/specs/codecs/dag-pb/spec/
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from databright.errors import BadInputError, BlobCorruptError, MalformedDataError
from databright.units import Cid, Digest

CHUNK_BYTES = 1 << 20
"""Length of every chunk but the last."""
MAX_LINKS = 1024
"""Links of one dag-pb node."""
MAX_LEVELS = 4
"""Deepest tree that is read: 1,024^3 chunks, one pebibyte."""
MAX_BLOCK_BYTES = CHUNK_BYTES
"""Largest block of the profile; inner nodes stay far below it."""

RAW = 0x55
DAG_PB = 0x70
_CID_BYTES = 36
_HASH_PREFIX = b"\x12\x20"  # multihash: sha2-256, 32 bytes


class Link(NamedTuple):
    """A child of a node.

    Attributes:
        cid: binary CID of the child's block.
        tree_bytes: bytes of all blocks below and including the child (Tsize).
        file_bytes: bytes of content below the child.
    """

    cid: bytes
    tree_bytes: int
    file_bytes: int


class Imported(NamedTuple):
    """What an import gave.

    Attributes:
        cid: the content's address.
        size: length of the content in bytes.
        sha256: digest of the whole content.
    """

    cid: Cid
    size: int
    sha256: Digest


def binary_cid(codec: int, digest: bytes) -> bytes:
    """Build a binary CID.

    Args:
        codec: RAW or DAG_PB.
        digest: sha256 of the block, 32 bytes.

    Returns:
        36 bytes: version, codec, hash code, hash length, digest.
    """
    return bytes((1, codec)) + _HASH_PREFIX + digest


def cid_text(cid: bytes) -> Cid:
    """Write a binary CID as text.

    Args:
        cid: 36 bytes.

    Returns:
        The CID in lower-case base32, 59 characters.
    """
    return Cid("b" + base64.b32encode(cid).decode("ascii").lower().rstrip("="))


def parse_cid(text: str) -> bytes:
    """Read a CID of this profile.

    Args:
        text: 59 characters, lower-case base32.

    Returns:
        The binary CID, 36 bytes, of a raw or dag-pb block.

    Raises:
        MalformedDataError: any other text.
    """
    try:
        cid = base64.b32decode(text[1:].upper() + "=" * (-(len(text) - 1) % 8))
    except (binascii.Error, ValueError):
        cid = b""
    valid = len(cid) == _CID_BYTES and cid[1] in {RAW, DAG_PB}
    if not valid or cid != binary_cid(cid[1], cid[4:]) or cid_text(cid) != text:
        raise MalformedDataError(
            f"{text[:80]!r} is not a CID of this store: it takes CIDv1, base32, sha2-256,"
            " raw or dag-pb (59 characters that start with bafkrei or bafybei)"
        )
    return cid


def raw_cid(digest: bytes) -> Cid:
    """Address of a content of at most one chunk.

    Args:
        digest: sha256 of the content, 32 bytes.

    Returns:
        Its CID.

    Raises:
        BadInputError: the digest has another length.
    """
    if len(digest) != 32:
        raise BadInputError(f"a sha256 digest has 32 bytes, got {len(digest)}")
    return cid_text(binary_cid(RAW, digest))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(key: int, value: bytes) -> bytes:
    return bytes((key,)) + _varint(len(value)) + value


def encode_node(links: Iterable[Link]) -> bytes:
    """Write the dag-pb node of a file.

    Args:
        links: its children in order.

    Returns:
        The block: links first, then the UnixFS file record, as dag-pb asks.
    """
    children = list(links)
    block = b"".join(
        _field(0x12, _field(0x0A, c.cid) + b"\x12\x00\x18" + _varint(c.tree_bytes))
        for c in children
    )
    record = b"\x08\x02\x18" + _varint(sum(c.file_bytes for c in children))
    record += b"".join(b"\x20" + _varint(c.file_bytes) for c in children)
    return block + _field(0x0A, record)


class _Reader:
    """A cursor over protobuf bytes that never runs past their end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, length: int) -> bytes:
        part = self.data[self.at : self.at + length]
        if len(part) != length:
            raise ValueError("ends early")
        self.at += length
        return part

    def expect(self, literal: bytes) -> None:
        if self.take(len(literal)) != literal:
            raise ValueError("another field")

    def varint(self) -> int:
        number = shift = 0
        while shift < 63:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
        raise ValueError("varint too long")

    def more(self, key: int) -> bool:
        return self.at < len(self.data) and self.data[self.at] == key


def decode_node(block: bytes) -> tuple[Link, ...]:
    """Read the dag-pb node of a file.

    Args:
        block: bytes whose hash was already checked.

    Returns:
        Its children, 1 to 1,024.

    Raises:
        BlobCorruptError: the block is not the one encoding of a file's inner node.
    """
    try:
        reader = _Reader(block)
        heads: list[tuple[bytes, int]] = []
        while reader.more(0x12):
            reader.expect(b"\x12")
            link = _Reader(reader.take(reader.varint()))
            link.expect(b"\x0a\x24")
            cid = link.take(_CID_BYTES)
            link.expect(b"\x12\x00\x18")
            heads.append((cid, link.varint()))
        reader.expect(b"\x0a")
        record = _Reader(reader.take(reader.varint()))
        record.expect(b"\x08\x02\x18")
        record.varint()
        sizes: list[int] = []
        while record.more(0x20):
            record.expect(b"\x20")
            sizes.append(record.varint())
        links = tuple(Link(c, t, s) for (c, t), s in zip(heads, sizes, strict=True))
    except ValueError as exc:
        raise BlobCorruptError(f"a block is not a file node of this profile: {exc}") from exc
    if not 1 <= len(links) <= MAX_LINKS or encode_node(links) != block:
        raise BlobCorruptError(f"a block of {len(links)} links is not a file node of this profile")
    return links


def check_block(cid: bytes, block: bytes) -> None:
    """Hold a block against its address.

    Args:
        cid: binary CID.
        block: the bytes found under it.

    Raises:
        BlobCorruptError: they do not have the hash.
    """
    if hashlib.sha256(block).digest() != cid[4:]:
        raise BlobCorruptError(
            f"the bytes stored for {cid_text(cid)} do not have its hash: restore the block from"
            " another copy; nothing of it was used"
        )


def _rechunk(parts: Iterable[bytes]) -> Iterator[bytes]:
    pending = bytearray()
    for part in parts:
        pending += part
        while len(pending) > CHUNK_BYTES:  # the last chunk stays back: it may be the only one
            yield bytes(pending[:CHUNK_BYTES])
            del pending[:CHUNK_BYTES]
    yield bytes(pending)


def import_parts(parts: Iterable[bytes], put_block: Callable[[bytes, bytes], None]) -> Imported:
    """Cut a content into blocks, leaves first and the root last.

    Args:
        parts: the content in pieces of any length.
        put_block: takes (binary CID, block); a root is put only after all that it links to.

    Returns:
        Address, length and digest of the content.
    """
    whole, size, level = hashlib.sha256(), 0, []
    for chunk in _rechunk(parts):
        digest = hashlib.sha256(chunk).digest()
        cid = binary_cid(RAW, digest)
        put_block(cid, chunk)
        whole.update(chunk)
        size += len(chunk)
        level.append(Link(cid, len(chunk), len(chunk)))
    while len(level) > 1:
        level = [
            _put_parent(level[at : at + MAX_LINKS], put_block)
            for at in range(0, len(level), MAX_LINKS)
        ]
    return Imported(cid_text(level[0].cid), size, Digest(whole.digest()))


def _put_parent(children: list[Link], put_block: Callable[[bytes, bytes], None]) -> Link:
    block = encode_node(children)
    cid = binary_cid(DAG_PB, hashlib.sha256(block).digest())
    put_block(cid, block)
    return Link(
        cid,
        len(block) + sum(c.tree_bytes for c in children),
        sum(c.file_bytes for c in children),
    )


def content_size(cid: bytes, get_block: Callable[[bytes], bytes]) -> int:
    """Length of a content by its root block alone.

    Args:
        cid: binary CID of the root.
        get_block: gives the checked block of a binary CID.

    Returns:
        The length in bytes.
    """
    block = get_block(cid)
    return len(block) if cid[1] == RAW else sum(c.file_bytes for c in decode_node(block))


def read_parts(
    cid: bytes,
    size: int,
    start: int,
    stop: int,
    get_block: Callable[[bytes], bytes],
    *,
    levels: int = MAX_LEVELS,
) -> Iterator[bytes]:
    """Read a range of a content, fetching only the blocks that it touches.

    Args:
        cid: binary CID.
        size: length of its content as its parent states it.
        start: first byte, >= 0.
        stop: byte after the last, <= size.
        get_block: gives the checked block of a binary CID.
        levels: levels of nodes that may still follow.

    Yields:
        The range's bytes in order.

    Raises:
        BlobCorruptError: a block states another length than its parent, or the tree is too deep.
    """
    block = get_block(cid)
    if cid[1] == RAW:
        if len(block) != size:
            raise BlobCorruptError(
                f"{cid_text(cid)} has {len(block)} bytes, its parent states {size}"
            )
        yield block[start:stop]
        return
    links = decode_node(block)
    if levels == 0 or sum(c.file_bytes for c in links) != size:
        raise BlobCorruptError(f"{cid_text(cid)} is too deep or states another length: {size}")
    begin = 0
    for child in links:
        end = begin + child.file_bytes
        if begin < stop and end > start:
            low, high = max(start - begin, 0), min(stop - begin, child.file_bytes)
            yield from read_parts(
                child.cid, child.file_bytes, low, high, get_block, levels=levels - 1
            )
        begin = end
