"""Secrets of a contributor's points, kept in its home so that it can prove them later."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from databright.errors import BadInputError
from databright.records.point_book import MAX_BOOK_BYTES, parts_of
from databright.records.points import PointTree

FOLDER: Final = "points"
_SUFFIX = ".points"


def keep_points(home: Path, root: bytes, book: bytes) -> Path:
    """Keep the secrets of a proposal; called before it is sent, so that none is lost.

    Args:
        home: the home folder.
        root: root of the proposal's points.
        book: `records.point_book.book_of` its parts.

    Returns:
        The file, readable by its owner only.

    Raises:
        BadInputError: the home cannot be written.
    """
    folder = home / FOLDER
    place = folder / f"{root.hex()}{_SUFFIX}"
    partial = folder / f".{secrets.token_hex(8)}.partial"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(book)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise BadInputError(
            f"the secrets of the proposal's points cannot be kept in {folder}: {error.strerror}; "
            "nothing was sent"
        ) from error
    return place


def kept_points(home: Path, root: bytes) -> PointTree | None:
    """The points of a proposal, if this home keeps their secrets.

    Args:
        home: the home folder.
        root: root of the proposal's points.

    Returns:
        Their tree, or None.

    Raises:
        MalformedDataError: the file is damaged.
        BadInputError: the file cannot be read.
    """
    place = home / FOLDER / f"{root.hex()}{_SUFFIX}"
    try:
        with place.open("rb") as file:
            book = file.read(MAX_BOOK_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInputError(f"{place} cannot be read: {error.strerror}") from error
    return PointTree(parts_of(book))
