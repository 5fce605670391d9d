"""Folds of the market's events, one file for each part of the market.

A file has rows (frozen dataclasses), their tables, and one small function for each event. To
change what an event does, change its function; to add one, write it and name it in the file's
FOLDS. Nothing else needs to know: stored rows are made anew when a file here has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources

from databright.views.batches import IndexedEvent
from databright.views.book import AnyTable, Book, Fold
from databright.views.folds import (
    compute_market,
    data_market,
    model_market,
    money,
    shares,
    votes,
)

_PARTS = (money, data_market, votes, shares, compute_market, model_market)
TABLES: Sequence[AnyTable] = tuple(table for part in _PARTS for table in part.TABLES)
"""All tables."""
FOLDS: Mapping[str, Sequence[Fold]] = {
    name: tuple(part.FOLDS[name] for part in _PARTS if name in part.FOLDS)
    for name in {name for part in _PARTS for name in part.FOLDS}
}
"""What each event does: "Contract.Event" -> its folds, in the order of the parts."""


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """What tells these folds from those of another release.

    Returns:
        SHA-256 over the files of this folder, hex.
    """
    digest = hashlib.sha256()
    for file in sorted(resources.files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def replay(events: Iterable[IndexedEvent]) -> Book:
    """Fold events from zero: what every stored row is measured against.

    Args:
        events: of the whole market, in chain order, arguments as JSON carries them.

    Returns:
        The rows.
    """
    book = Book()
    for event in events:
        book.fold(event, FOLDS)
    return book
