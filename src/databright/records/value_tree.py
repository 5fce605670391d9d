"""Measured values of a snapshot's owners, and the tree by which each proves its own.

Leaves are keccak256(0x00 | owner (20) | value (32)), inner nodes keccak256(0x01 | lower | higher)
over the sorted pair; the last node of a level of odd length moves up unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak

from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import int_field
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.records.words import WORD_BYTES, address_bytes
from databright.units import Address

VALUES_KIND: Final = "databright/values/v1"
MAX_VALUES_BYTES: Final = 8 << 20
MAX_OWNERS: Final = 1 << 16
MAX_TOTAL: Final = 2**128 - 1
"""Largest sum of values."""


@dataclass(frozen=True)
class ValueList:
    """What each owner's data was worth in one snapshot.

    Attributes:
        dataset: id of the dataset.
        snapshot: number of the snapshot.
        values: owner -> value, > 0.
    """

    dataset: int
    snapshot: int
    values: Mapping[Address, int]

    def __post_init__(self) -> None:
        """Refuse what no tree can hold.

        Raises:
            BadInputError: no owners or too many, or a value out of range.
        """
        if not 1 <= len(self.values) <= MAX_OWNERS:
            raise BadInputError(f"values of {len(self.values)} owners: use 1 to {MAX_OWNERS}")
        for owner, value in self.values.items():
            address_bytes("an owner of values", owner)
            if not 0 < value <= MAX_TOTAL:
                raise BadInputError(f"the value {value} of {owner}: use 1 to 2**128 - 1")
        if self.total > MAX_TOTAL:
            raise BadInputError(f"the values are {self.total} in all: at most 2**128 - 1")

    @property
    def total(self) -> int:
        """Sum of the values."""
        return sum(self.values.values())

    def to_json(self) -> bytes:
        """Write the list.

        Returns:
            Canonical JSON.
        """
        return dumps_canonical(
            {
                "kind": VALUES_KIND,
                "dataset": self.dataset,
                "snapshot": self.snapshot,
                "values": {owner: str(value) for owner, value in self.values.items()},
            }
        )

    @classmethod
    def from_json(cls, blob: bytes) -> ValueList:
        """Read a list that a stranger wrote.

        Args:
            blob: what `to_json` writes.

        Returns:
            The list.

        Raises:
            MalformedDataError: another document, or a value out of range.
        """
        fields = loads_object(blob, max_bytes=MAX_VALUES_BYTES, max_depth=2)
        if set(fields) != {"kind", "dataset", "snapshot", "values"} or (
            fields["kind"] != VALUES_KIND
        ):
            raise MalformedDataError(f"expected a {VALUES_KIND} document")
        listed = fields["values"]
        if not isinstance(listed, dict):
            raise MalformedDataError("values is no object of owner and value")
        try:
            return cls(
                dataset=int_field(fields, "dataset"),
                snapshot=int_field(fields, "snapshot"),
                values={Address(owner): _number(value) for owner, value in listed.items()},
            )
        except MalformedDataError:
            raise
        except BadInputError as error:
            raise MalformedDataError(str(error)) from error

    @property
    def root(self) -> bytes:
        """Root of the tree, 32 bytes."""
        return self._levels()[-1][0]

    def path(self, owner: Address) -> list[bytes]:
        """The way from an owner's leaf to the root.

        Args:
            owner: whose.

        Returns:
            Siblings from its leaf up.

        Raises:
            BadInputError: the list does not name the owner.
        """
        if owner not in self.values:
            raise BadInputError(f"the values of snapshot {self.snapshot} do not name {owner}")
        levels = self._levels()
        place = levels[0].index(_leaf(owner, self.values[owner]))
        found = []
        for level in levels[:-1]:
            if place ^ 1 < len(level):
                found.append(level[place ^ 1])
            place //= 2
        return found

    def _levels(self) -> list[list[bytes]]:
        levels = [sorted(_leaf(owner, value) for owner, value in self.values.items())]
        while len(levels[-1]) > 1:
            below = levels[-1]
            pairs = [below[at : at + 2] for at in range(0, len(below), 2)]
            levels.append(
                [keccak(b"\x01" + b"".join(sorted(p))) if len(p) == 2 else p[0] for p in pairs]
            )
        return levels


def _leaf(owner: Address, value: int) -> bytes:
    return keccak(b"\x00" + address_bytes("owner", owner) + value.to_bytes(WORD_BYTES, "big"))


def _number(value: JsonValue) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 40:
        raise MalformedDataError(f"{str(value)[:60]!r} is no value in decimal digits")
    return int(value)
