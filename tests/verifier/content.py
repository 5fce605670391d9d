"""Blobs of the content store, read by address with every hash checked; JSON and tensors in them."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RAW, DAG_PB = 0x55, 0x70
_SHA256 = b"\x12\x20"
_CHUNK = 1 << 20
_DTYPES = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "u1"}
Tensors = dict[str, NDArray[Any]]


class MissingBlobError(ValueError):
    """The store does not hold a blob, or holds other bytes under its name."""


def cid(codec: int, digest: bytes) -> str:
    """CIDv1 in base32 of a block."""
    binary = bytes((1, codec)) + _SHA256 + digest
    return "b" + base64.b32encode(binary).decode().lower().rstrip("=")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: bytes) -> list[tuple[int, Any]]:
    """Protobuf fields: (number, bytes or whole number)."""
    found: list[tuple[int, Any]] = []
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value, at = _varint(data, at)
        if key & 7 == 2:
            if at + value > len(data):
                raise MissingBlobError("a dag-pb block ends early")
            found.append((key >> 3, data[at : at + value]))
            at += value
        elif key & 7 == 0:
            found.append((key >> 3, value))
        else:
            raise MissingBlobError(f"wire type {key & 7} in a dag-pb block")
    return found


class Content:
    """The local store's folder, read only.

    Args:
        folder: holds blocks/ab/cd/CID and index/ab/cd/SHA256.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _block(self, codec: int, digest: bytes) -> bytes:
        name, places = cid(codec, digest), digest.hex()
        path = self.folder / "blocks" / places[:2] / places[2:4] / name
        if not path.is_file():
            raise MissingBlobError(f"no block {name} in the store")
        block = path.read_bytes()
        if hashlib.sha256(block).digest() != digest:
            raise MissingBlobError(f"block {name} has other bytes than its address says")
        return block

    def _file(self, binary: bytes) -> bytes:
        block = self._block(binary[1], binary[4:])
        if binary[1] == RAW:
            return block
        fields = _fields(block)
        links = [_fields(value) for key, value in fields if key == 2]
        record = _fields(next(value for key, value in fields if key == 1))
        parts = [self._file(dict(link)[1]) for link in links]
        if [value for key, value in record if key == 4] != [len(part) for part in parts]:
            raise MissingBlobError("a dag-pb block states other lengths than its children have")
        return b"".join(parts)

    def has(self, digest: bytes) -> bool:
        """Whether the blob of a SHA-256 is there."""
        try:
            self.blob(digest)
        except MissingBlobError:
            return False
        return True

    def has_cid(self, text: str) -> bool:
        """Whether the block of a content address is there, whatever its bytes."""
        places = self.digest_of(text).hex()
        return (self.folder / "blocks" / places[:2] / places[2:4] / text).exists()

    @staticmethod
    def digest_of(text: str) -> bytes:
        """The SHA-256 in a content address (CIDv1, base32)."""
        upper = text[1:].upper()
        return base64.b32decode(upper + "=" * (-len(upper) % 8))[4:]

    def blob(self, digest: bytes) -> bytes:
        """The bytes whose SHA-256 this is."""
        places = digest.hex()
        index = self.folder / "index" / places[:2] / places[2:4] / places
        if (self.folder / "blocks" / places[:2] / places[2:4] / cid(RAW, digest)).is_file():
            return self._block(RAW, digest)
        if not index.is_file():
            raise MissingBlobError(f"no blob of SHA-256 {places} in the store")
        text = index.read_text()[1:].strip().upper()
        found = self._file(base64.b32decode(text + "=" * (-len(text) % 8)))
        if hashlib.sha256(found).digest() != digest:
            raise MissingBlobError(f"the store's index names other bytes for {places}")
        return found

    def json(self, digest: bytes, kind: str | None = None) -> dict[str, Any]:
        """A canonical JSON blob, of a kind where one is given."""
        blob = self.blob(digest)
        fields = json.loads(blob)
        if not isinstance(fields, dict) or (kind is not None and fields.get("kind") != kind):
            raise MissingBlobError(f"blob {digest.hex()} is not of kind {kind}")
        if canonical(fields) != blob:
            raise MissingBlobError(f"blob {digest.hex()} is not canonical JSON")
        return fields

    def tensors(self, digest: bytes) -> Tensors:
        """A tensor blob."""
        return load_tensors(self.blob(digest))


def canonical(document: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def load_tensors(blob: bytes) -> Tensors:
    """Arrays of a safetensors blob in canonical form, by name."""
    (length,) = struct.unpack_from("<Q", blob)
    header, body = json.loads(blob[8 : 8 + length]), blob[8 + length :]
    found: Tensors = {}
    for name in sorted(header):
        begin, end = header[name]["data_offsets"]
        flat = np.frombuffer(body[begin:end], dtype=_DTYPES[header[name]["dtype"]])
        if flat.size != math.prod(header[name]["shape"]):
            raise MissingBlobError(f"tensor {name!r} has another size than its shape")
        found[name] = flat.reshape(header[name]["shape"])
    if dump_tensors(found) != blob:
        raise MissingBlobError("the tensors are not in canonical form")
    return found


def dump_tensors(tensors: Tensors) -> bytes:
    """Canonical safetensors: names sorted, header padded with spaces to 8 bytes, no gaps."""
    codes = {np.dtype(kind): code for code, kind in _DTYPES.items()}
    header: dict[str, Any] = {}
    body: list[bytes] = []
    at = 0
    for name in sorted(tensors):
        array = tensors[name]
        end = at + array.nbytes
        header[name] = {
            "data_offsets": [at, end],
            "dtype": codes[array.dtype],
            "shape": list(array.shape),
        }
        body.append(array.tobytes())
        at = end
    text = canonical(header)
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(body)
