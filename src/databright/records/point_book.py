"""What a contributor keeps of a proposal so that it can prove its points: secrets, not rows.

Shapes: P parts, N points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from databright.errors import BadInputError, MalformedDataError
from databright.records.merkle import MAX_LEAVES
from databright.records.points import Part
from databright.records.tensors import dump_tensors, load_tensors
from databright.records.words import ADDRESS_BYTES, WORD_BYTES, address_bytes, address_of
from databright.units import Digest

MAX_BOOK_BYTES: Final = 64 << 20
"""Largest book that is read."""
_COLUMNS: Final = {
    "cids": WORD_BYTES,
    "digests": WORD_BYTES,
    "owners": ADDRESS_BYTES,
    "secrets": WORD_BYTES,
}


def book_of(parts: Sequence[Part]) -> bytes:
    """Write the parts of a proposal.

    Args:
        parts: in the order of the proposal.

    Returns:
        A tensor container: owners (uint8 [P, 20]), cids and secrets (uint8 [P, 32]), sizes
        (int64 [P]), digests of the rows (uint8 [N, 32]). It holds secrets: keep it private.
    """
    columns: dict[str, list[bytes]] = {
        "cids": [bytes(part.cid_digest) for part in parts],
        "digests": [bytes(digest) for part in parts for digest in part.row_digests],
        "owners": [address_bytes("owner", part.owner) for part in parts],
        "secrets": [part.secret for part in parts],
    }
    tensors = {
        name: np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), -1)
        for name, rows in columns.items()
    }
    sizes_P = np.asarray([len(part.row_digests) for part in parts], dtype=np.int64)
    return dump_tensors({**tensors, "sizes": sizes_P})


def parts_of(book: bytes) -> list[Part]:
    """Read what `book_of` wrote.

    Args:
        book: the container.

    Returns:
        The parts.

    Raises:
        MalformedDataError: another container.
    """
    tensors = load_tensors(book, max_bytes=MAX_BOOK_BYTES, max_tensors=5, canonical=True)
    if set(tensors) != {*_COLUMNS, "sizes"}:
        raise MalformedDataError(f"a book of points has other tensors: {sorted(tensors)}")
    sizes_P = tensors["sizes"]
    if sizes_P.ndim != 1 or sizes_P.dtype != np.int64 or not len(sizes_P):
        raise MalformedDataError("a book of points counts the rows of its parts")
    if (sizes_P < 1).any() or (sizes_P > MAX_LEAVES).any():
        raise MalformedDataError("a part has no rows or too many")
    rows: dict[str, list[bytes]] = {}
    for name, width in _COLUMNS.items():
        found, count = tensors[name], int(sizes_P.sum()) if name == "digests" else len(sizes_P)
        if found.dtype != np.uint8 or found.shape != (count, width):
            raise MalformedDataError(f"{name} of a book of points has the shape {found.shape}")
        rows[name] = [row.tobytes() for row in found]
    parts, start = [], 0
    try:
        for at, size in enumerate(int(size) for size in sizes_P):
            parts.append(
                Part(
                    owner=address_of(rows["owners"][at]),
                    cid_digest=Digest(rows["cids"][at]),
                    secret=rows["secrets"][at],
                    row_digests=rows["digests"][start : start + size],
                )
            )
            start += size
    except BadInputError as error:
        raise MalformedDataError(str(error)) from error
    return parts
