"""Projections: rows made from events one by one, each with the version that it replaced.

A fold is a small function for one event; it reads and writes rows through a Book. The same folds
run over a Book that starts empty (a replay from zero) and over one that loads rows from SQL, so
what is stored and what a replay gives come from one piece of code. A Book remembers, for each
block, what every changed row was before it: that is all that taking the block back needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, NamedTuple, TypeVar

from databright.errors import ChainError
from databright.views.batches import IndexedEvent

SEEN, SAFE, FINAL = "seen", "safe", "final"
_MARKS = ("block", "tag")

R = TypeVar("R", bound="Row")
Part = int | str


@dataclass(frozen=True, kw_only=True)
class Row:
    """What every row carries beside its own fields, which are ints, bools and strings.

    Attributes:
        block: height of the block that it last changed in.
        tag: seen, safe or final, by that block; empty in a replay.
    """

    block: int = 0
    tag: str = ""


@dataclass(frozen=True)
class Table(Generic[R]):
    """Rows of one kind.

    Attributes:
        name: what SQL calls it.
        row: their type.
        key: the fields that tell a row from the others; rows that share the first of several
            can be read together.
    """

    name: str
    row: type[R]
    key: tuple[str, ...]

    def place_of(self, row: R) -> Place:
        """Where a row is kept.

        Args:
            row: the row.

        Returns:
            Its place.
        """
        return self.place(*(getattr(row, name) for name in self.key))

    def place(self, *key: Part) -> Place:
        """Where the row of a key is kept.

        Args:
            key: values of the key's fields, in order.

        Returns:
            Its place.
        """
        return Place(self.name, json.dumps(key))

    def read(self, kept: Kept, tag: str = "") -> R:
        """Make a row of what is kept.

        Args:
            kept: body and block.
            tag: seen, safe or final.

        Returns:
            The row.
        """
        return self.row(**json.loads(kept.body), block=kept.block, tag=tag)

    def order(self, row: R) -> tuple[Part, ...]:
        """What rows are sorted by.

        Args:
            row: a row.

        Returns:
            Its key.
        """
        return tuple(getattr(row, name) for name in self.key)


class Place(NamedTuple):
    """Where a row is kept: its table's name, and its key as JSON."""

    table: str
    key: str

    @property
    def scope(self) -> str:
        """First part of the key as JSON, which rows can be chosen by."""
        return json.dumps(json.loads(self.key)[0])


class Kept(NamedTuple):
    """A row as it is kept: canonical JSON, and the block that it last changed in."""

    body: str
    block: int


class Change(NamedTuple):
    """What a block replaced: at `place` was `before`, or nothing."""

    block: int
    place: Place
    before: Kept | None


def _own_fields(kind: type[Row]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name not in _MARKS)


class Book:
    """Rows while events are folded.

    Args:
        load: reads a row that the book does not hold yet; None for a book that starts empty.
        undo_above: versions replaced by blocks up to this height are not remembered.
    """

    def __init__(
        self, load: Callable[[Place], Kept | None] | None = None, undo_above: int = -1
    ) -> None:
        self._load = load or (lambda place: None)
        self._undo_above = undo_above
        self._rows: dict[Place, Kept | None] = {}
        self._changed: set[Place] = set()
        self._in_block: set[Place] = set()
        self._block = -1
        self.undo: list[Change] = []

    def fold(self, event: IndexedEvent, folds: Mapping[str, Sequence[Fold]]) -> None:
        """Fold one event; events come in chain order.

        Args:
            event: its arguments as JSON carries them.
            folds: "Contract.Event" -> its folds; those of "*" come first, for every event.

        Raises:
            ChainError: the event does not fit what was folded before it, or its fold.
        """
        if event.block_number != self._block:
            self._block = event.block_number
            self._in_block.clear()
        chosen = (*folds.get("*", ()), *folds.get(f"{event.contract}.{event.name}", ()))
        for fold in chosen:
            try:
                fold(self, event)
            except (KeyError, TypeError, ValueError) as error:
                raise ChainError(
                    f"event {event.contract}.{event.name} of block {event.block_number} does not "
                    f"have the form that this release reads ({error!r}): this market was deployed "
                    "by another version"
                ) from error

    def find(self, table: Table[R], *key: Part) -> R | None:
        """A row, or None.

        Args:
            table: its table.
            key: its key.

        Returns:
            The row as it is now.
        """
        kept = self._at(table.place(*key))
        return None if kept is None else table.read(kept)

    def get(self, table: Table[R], *key: Part) -> R:
        """A row that an earlier event made.

        Args:
            table: its table.
            key: its key.

        Returns:
            The row as it is now.

        Raises:
            ChainError: there is none: the events are not all there.
        """
        found = self.find(table, *key)
        if found is None:
            raise ChainError(
                f"block {self._block} speaks of {table.name} {key}, which no event before it made: "
                "the index lacks events; run: databright index rebuild"
            )
        return found

    def put(self, table: Table[R], row: R) -> None:
        """Write a row; one that is as it was before does not count as changed.

        Args:
            table: its table.
            row: the row; block and tag are set by the book.
        """
        body = {name: getattr(row, name) for name in _own_fields(type(row))}
        self._set(table.place_of(row), json.dumps(body, sort_keys=True))

    def drop(self, table: Table[R], *key: Part) -> None:
        """Remove a row, if there is one.

        Args:
            table: its table.
            key: its key.
        """
        self._set(table.place(*key), None)

    def rows(self, table: Table[R]) -> tuple[R, ...]:
        """All rows that the book holds of a table.

        Args:
            table: the table.

        Returns:
            Rows by key, without tags.
        """
        found = (
            table.read(kept)
            for place, kept in self._rows.items()
            if place.table == table.name and kept is not None
        )
        return tuple(sorted(found, key=table.order))

    def changes(self) -> Iterator[tuple[Place, Kept | None]]:
        """What is to be written.

        Yields:
            Places with their new rows; None where the row is gone.
        """
        for place in sorted(self._changed):
            yield place, self._rows[place]

    def _at(self, place: Place) -> Kept | None:
        if place not in self._rows:
            self._rows[place] = self._load(place)
        return self._rows[place]

    def _set(self, place: Place, body: str | None) -> None:
        before = self._at(place)
        if (None if before is None else before.body) == body:
            return
        if place not in self._in_block and self._block > self._undo_above:
            self.undo.append(Change(self._block, place, before))
        self._in_block.add(place)
        self._changed.add(place)
        self._rows[place] = None if body is None else Kept(body, self._block)


Fold = Callable[[Book, IndexedEvent], None]
"""Changes the book's rows by one event."""
AnyTable = Table[Any]
"""A table whose kind of row does not matter."""
