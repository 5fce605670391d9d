"""Keccak-256 of many messages of one length at once.

The hash that Ethereum calls keccak256 (the padding of before FIPS 202). One message after the
other costs about 9 microseconds in the package that the chain's layer uses; a tree over 100,000
points needs 200,000 of them. Here the 25 lanes of the permutation are arrays over the messages,
which is three to five times as fast; few messages go to the package, which is faster for them.

Shapes: N messages, L bytes each, B messages permuted together.

Source: G. Bertoni et al., The Keccak reference, version 3.0, sections 1.2 and 2.3.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from eth_utils.crypto import keccak

from databright.errors import BadInputError

DIGEST_BYTES: Final = 32

_RATE = 136
"""Bytes that one permutation absorbs, for a digest of 32 bytes."""
_LANES, _SIDE, _ROUNDS = 25, 5, 24
_TOGETHER = 8192
"""Messages permuted together: their lanes, twice, stay inside a processor's caches."""
_FEW = 512
"""Below this many messages the package is faster."""

_ROTATIONS = (
    (0, 1, 62, 28, 27),
    (36, 44, 6, 55, 20),
    (3, 10, 43, 25, 39),
    (41, 45, 15, 21, 8),
    (18, 2, 61, 56, 14),
)
"""Bits by which lane (x, y) is rotated, at [y][x]."""
_ROUND_CONSTANTS = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000,
    0x000000000000808B, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
    0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip

ByteRows = npt.NDArray[np.uint8]
_Words = npt.NDArray[np.uint64]


def keccak_rows(messages_NL: ByteRows) -> ByteRows:
    """Hash each row.

    Args:
        messages_NL: uint8 [N, L], N messages of L bytes; N and L may be 0.

    Returns:
        uint8 [N, 32], keccak256 of each.

    Raises:
        BadInputError: no array of bytes in rows.
    """
    if messages_NL.dtype != np.uint8 or messages_NL.ndim != 2:
        raise BadInputError(
            f"messages are {messages_NL.dtype} of shape {messages_NL.shape}:"
            " give uint8, messages x bytes"
        )
    digests_N32 = np.empty((len(messages_NL), DIGEST_BYTES), dtype=np.uint8)
    if len(messages_NL) < _FEW:
        for digest_32, message_L in zip(digests_N32, messages_NL, strict=True):
            digest_32[:] = np.frombuffer(keccak(message_L.tobytes()), dtype=np.uint8)
        return digests_N32
    for start in range(0, len(messages_NL), _TOGETHER):
        part_BL = messages_NL[start : start + _TOGETHER]
        digests_N32[start : start + len(part_BL)] = _sponge(part_BL)
    return digests_N32


def _sponge(messages_BL: ByteRows) -> ByteRows:
    count, length = messages_BL.shape
    num_blocks = length // _RATE + 1
    padded = np.zeros((count, num_blocks * _RATE), dtype=np.uint8)
    padded[:, :length] = messages_BL
    padded[:, length] = 0x01
    padded[:, -1] |= 0x80
    words = padded.view("<u8").astype(np.uint64, copy=False).reshape(count, num_blocks, -1)
    lanes = np.zeros((_LANES, count), dtype=np.uint64)
    for block in range(num_blocks):
        lanes[: _RATE // 8] ^= words[:, block].T
        _permute(lanes)
    return np.ascontiguousarray(lanes[: DIGEST_BYTES // 8].T).astype("<u8").view(np.uint8)


def _permute(lanes: _Words) -> None:
    """Keccak-f[1600] in place; lane (x, y) is row 5 y + x of [25, B]."""
    count = lanes.shape[1]
    moved, spare = np.empty_like(lanes), np.empty((_SIDE, count), dtype=np.uint64)
    for constant in _ROUND_CONSTANTS:
        _theta(lanes, spare)
        for x in range(_SIDE):
            for y in range(_SIDE):
                to = moved[_SIDE * ((2 * x + 3 * y) % _SIDE) + y]
                _rotate(lanes[_SIDE * y + x], _ROTATIONS[y][x], to, spare[0])
        _chi(lanes.reshape(_SIDE, _SIDE, count), moved.reshape(_SIDE, _SIDE, count), spare)
        lanes[0] ^= np.uint64(constant)


def _theta(lanes: _Words, columns: _Words) -> None:
    planes = lanes.reshape(_SIDE, _SIDE, -1)
    np.bitwise_xor(planes[0], planes[1], out=columns)
    for y in range(2, _SIDE):
        np.bitwise_xor(columns, planes[y], out=columns)
    turned, spare = np.empty_like(columns[0]), np.empty_like(columns[0])
    for x in range(_SIDE):
        _rotate(columns[(x + 1) % _SIDE], 1, turned, spare)
        np.bitwise_xor(turned, columns[x - 1], out=turned)
        planes[:, x] ^= turned


def _rotate(lane: _Words, bits: int, to: _Words, spare: _Words) -> None:
    # A shift by 64, for no rotation, gives 0 in numpy, so every lane takes the same path.
    np.left_shift(lane, np.uint64(bits), out=to)
    np.right_shift(lane, np.uint64(64 - bits), out=spare)
    np.bitwise_or(to, spare, out=to)


def _chi(planes: _Words, moved: _Words, spare: _Words) -> None:
    for x in range(_SIDE):
        np.invert(moved[:, (x + 1) % _SIDE], out=spare)
        np.bitwise_and(spare, moved[:, (x + 2) % _SIDE], out=spare)
        np.bitwise_xor(spare, moved[:, x], out=planes[:, x])
