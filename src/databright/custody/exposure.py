"""The exposure ledger: which points of a dataset were ever reserved for which owner.

Reservations are permanent: a lost lease, an audit and a replica count, the same point again does
not. The ledger is a pure function of the set of reservations, so any second operator rebuilds it
by replaying what the chain recorded, in any order, and compares `snapshot_digest`.
"""

from __future__ import annotations

import hashlib
import operator
import struct
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from databright.custody.context import address_bytes
from databright.errors import BadInputError, ExposureExceededError
from databright.units import Address, BasisPoints, ceil_bps

MAX_POINT = 1 << 26
"""Points of a dataset are numbered below this."""

Points = Iterable[int] | npt.NDArray[Any]
"""Numbers of points, e.g. a shard's row numbers."""


def _bitmap(points: Points) -> int:
    if isinstance(points, np.ndarray) and points.dtype.kind in "iu":
        numbers = points.ravel()
    else:
        try:
            wanted = [operator.index(point) for point in points]
        except TypeError as exc:
            raise BadInputError(f"points are whole numbers: {exc}") from exc
        if any(not 0 <= point < MAX_POINT for point in wanted):
            raise BadInputError(f"a point is outside 0 to {MAX_POINT - 1}")
        numbers = np.array(wanted, dtype=np.int64)
    if numbers.size == 0:
        return 0
    if int(numbers.min()) < 0 or int(numbers.max()) >= MAX_POINT:
        raise BadInputError(
            f"points {numbers.min()} to {numbers.max()} are outside 0 to {MAX_POINT - 1}"
        )
    bits = np.zeros(int(numbers.max()) + 1, dtype=np.bool_)
    bits[numbers] = True
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def _check_dataset(dataset: int) -> int:
    if not 0 <= dataset < 2**64:
        raise BadInputError(f"{dataset} is no dataset id")
    return dataset


class ExposureLedger:
    """Points reserved for owners, over all datasets. Threads may share one."""

    def __init__(self) -> None:
        """Start with nothing reserved."""
        self._bitmaps: dict[tuple[int, bytes], int] = {}
        self._owners: dict[bytes, Address] = {}
        self._lock = threading.Lock()

    @classmethod
    def replay(cls, reservations: Iterable[tuple[int, Address, Points]]) -> ExposureLedger:
        """Rebuild a ledger.

        Args:
            reservations: (dataset, owner, points) of each, in any order, repeats allowed.

        Returns:
            The ledger.

        Raises:
            BadInputError: a malformed reservation.
        """
        ledger = cls()
        for dataset, owner, points in reservations:
            ledger.reserve(dataset, owner, points)
        return ledger

    def reserve(self, dataset: int, owner: Address, points: Points) -> None:
        """Record, for ever, that an owner may see points; all of them or, on an error, none.

        Args:
            dataset: the dataset's id.
            owner: the worker owner's registered address, EIP-55.
            points: their numbers, 0 to 2**26 - 1.

        Raises:
            BadInputError: a malformed dataset, owner or point.
        """
        key, bitmap = (_check_dataset(dataset), address_bytes(owner)), _bitmap(points)
        with self._lock:
            self._owners[key[1]] = owner
            self._bitmaps[key] = self._bitmaps.get(key, 0) | bitmap

    def exposure_bps(self, dataset: int, owner: Address, total_points: int) -> BasisPoints:
        """How much of a dataset an owner may have seen.

        Args:
            dataset: the dataset's id.
            owner: the owner's address.
            total_points: points of the snapshot that is trained on, > 0.

        Returns:
            Distinct points ever reserved / total_points, in basis points, rounded up.

        Raises:
            BadInputError: total_points is not positive, or a malformed id or owner.
        """
        bitmap = self._bitmaps.get((_check_dataset(dataset), address_bytes(owner)), 0)
        return ceil_bps(bitmap.bit_count(), total_points)

    def exposures(self, dataset: int, total_points: int) -> dict[Address, BasisPoints]:
        """Exposure of every owner that has any.

        Args:
            dataset: the dataset's id.
            total_points: points of the snapshot that is trained on, > 0.

        Returns:
            Owner -> exposure, in the order of addresses.

        Raises:
            BadInputError: total_points is not positive, or a malformed id.
        """
        _check_dataset(dataset)
        with self._lock:
            held = sorted((o, b) for (d, o), b in self._bitmaps.items() if d == dataset and b)
        return {self._owners[o]: ceil_bps(b.bit_count(), total_points) for o, b in held}

    def check(
        self,
        dataset: int,
        owner: Address,
        new_points: Points,
        total_points: int,
        cap_bps: BasisPoints,
    ) -> None:
        """Refuse a reservation that would pass an owner's cap; nothing is recorded.

        Args:
            dataset: the dataset's id.
            owner: the owner's address.
            new_points: what would be reserved.
            total_points: points of the snapshot that is trained on, > 0.
            cap_bps: the dataset's cap, or a job's lower one.

        Raises:
            ExposureExceededError: exposure afterwards would be above the cap.
            BadInputError: a malformed value.
        """
        key = (_check_dataset(dataset), address_bytes(owner))
        self._check(key, owner, _bitmap(new_points), total_points, cap_bps)

    def reserve_within(
        self,
        dataset: int,
        owner: Address,
        points: Points,
        total_points: int,
        cap_bps: BasisPoints,
    ) -> None:
        """Check and reserve as one step, so that two leases at once cannot pass the cap together.

        Args:
            dataset: the dataset's id.
            owner: the owner's address.
            points: their numbers.
            total_points: points of the snapshot that is trained on, > 0.
            cap_bps: the dataset's cap, or a job's lower one.

        Raises:
            ExposureExceededError: exposure afterwards would be above the cap; nothing recorded.
            BadInputError: a malformed value; nothing recorded.
        """
        key, bitmap = (_check_dataset(dataset), address_bytes(owner)), _bitmap(points)
        with self._lock:
            self._check(key, owner, bitmap, total_points, cap_bps)
            self._owners[key[1]] = owner
            self._bitmaps[key] = self._bitmaps.get(key, 0) | bitmap

    def _check(
        self, key: tuple[int, bytes], owner: Address, bitmap: int, total: int, cap_bps: int
    ) -> None:
        held = self._bitmaps.get(key, 0)
        after = ceil_bps((held | bitmap).bit_count(), total)
        if after > cap_bps:
            raise ExposureExceededError(
                f"{owner} has {held.bit_count()} of {total} points of dataset {key[0]} and would"
                f" reach {after} bps, over the cap of {cap_bps}: lease this shard to another owner"
            )

    def snapshot_digest(self) -> bytes:
        """Digest of the whole ledger: equal ledgers have equal digests.

        Returns:
            sha256 over, for each (dataset, owner) in order, dataset (u64) | owner (20 bytes) |
            length (u32) | bitmap (little-endian, bit i is point i); integers big-endian.
        """
        digest = hashlib.sha256(b"databright/exposure/v1")
        with self._lock:
            held = sorted(item for item in self._bitmaps.items() if item[1])
        for (dataset, owner), bitmap in held:
            content = bitmap.to_bytes((bitmap.bit_length() + 7) // 8, "little")
            digest.update(struct.pack(">Q20sI", dataset, owner, len(content)) + content)
        return digest.digest()
