"""Rows that are copies of earlier rows, exact or slightly disturbed.

Exact: the features are equal as float32, whatever the label says.
Near: the distance to an earlier row is at most 0.4 times the typical distance between
neighbouring rows, 25 * d^2 <= 4 * S, where S is the lower median, over the named sets of at least
10 rows, of each set's typical squared nearest-neighbour distance (`distances`). One set can
therefore not move the scale; without any such set the proposal's own scale is taken.

A row is attributed to the earliest named set that it matches in either way; ids are numbered in
order of commitment. Rows attributed to an exempt set are no copies: an earlier version of the
proposal keeps its date against whoever copied it. A row that matches no other set but an earlier
row of its own proposal counts as a duplicate within itself.

What it does not see: copies disturbed beyond the threshold, or moved by a rotation or shift.
Measured false and true positives: docs/design/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from databright.errors import BadInputError
from databright.evaluation.distances import on_grid, squared_distances, typical_squared_distance
from databright.records.rows import Rows, Schema

NEAR_NUMERATOR, NEAR_DENOMINATOR = 4, 25
"""Square of 0.4, the near distance in units of the typical distance."""
MIN_SCALE_ROWS = 10
"""Smaller sets do not define the scale."""

_NONE, _NEAR, _EXACT = 0, 1, 2


@dataclass(frozen=True)
class DuplicateReport:
    """How many of a proposal's rows are copies, and of whom.

    Attributes:
        num_rows: rows of the proposal.
        num_exact: rows equal to an earlier row.
        num_near: rows near an earlier row, not counted in num_exact.
        num_within: of these two, rows that match only the proposal itself.
        by_id: per named id with any match, (exact, near) rows attributed to it.
        worst: the id with the most attributed rows, the earliest of equals; None without any.
    """

    num_rows: int
    num_exact: int
    num_near: int
    num_within: int
    by_id: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    worst: int | None = None

    @property
    def exact_share(self) -> float:
        """Share of exact copies, 0 to 1."""
        return self.num_exact / self.num_rows

    @property
    def near_share(self) -> float:
        """Share of near copies, 0 to 1."""
        return self.num_near / self.num_rows

    @property
    def share(self) -> float:
        """Share of copies of either kind, 0 to 1."""
        return (self.num_exact + self.num_near) / self.num_rows


def find_duplicates(
    proposed: Rows, named: Mapping[int, Rows], schema: Schema, exempt: Collection[int] = ()
) -> DuplicateReport:
    """Compare a proposal with the sets committed before it, and with itself.

    Args:
        proposed: the proposal's rows, at least one.
        named: rows of earlier commitments by id; the lower id was committed earlier.
        schema: the dataset's schema.
        exempt: ids among them that cannot have been copied: earlier versions of the proposal, and
            what was committed after it.

    Returns:
        The report.

    Raises:
        BadInputError: no rows, or rows that do not have the schema's features.
    """
    if not len(proposed.y_N):
        raise BadInputError("a proposal without rows cannot be compared: give at least one row")
    ids = sorted(named)
    grids = {key: on_grid(named[key], schema) for key in ids}
    own_NF = on_grid(proposed, schema)
    limit = _near_limit([grids[key] for key in ids if key not in exempt], own_NF)
    own_keys = _keys(proposed)
    kind_N = np.zeros(len(own_keys), dtype=np.int64)
    is_exempt_N = np.zeros(len(own_keys), dtype=np.bool_)
    by_id: dict[int, tuple[int, int]] = {}
    for key in ids:
        matches_N = _matches(own_NF, own_keys, grids[key], _keys(named[key]), limit)
        new_N = np.where((kind_N == _NONE) & ~is_exempt_N, matches_N, _NONE)
        if key in exempt:
            is_exempt_N |= new_N != _NONE
            continue
        counts = (int((new_N == _EXACT).sum()), int((new_N == _NEAR).sum()))
        if sum(counts):
            by_id[key] = counts
        kind_N += new_N
    within_N = np.where(kind_N == _NONE, _matches_within(own_NF, own_keys, limit), _NONE)
    kind_N += within_N
    worst = max(by_id, key=lambda key: (sum(by_id[key]), -key)) if by_id else None
    return DuplicateReport(
        num_rows=len(own_keys),
        num_exact=int((kind_N == _EXACT).sum()),
        num_near=int((kind_N == _NEAR).sum()),
        num_within=int((within_N != _NONE).sum()),
        by_id=by_id,
        worst=worst,
    )


def _near_limit(grids: list[NDArray[np.float64]], own_NF: NDArray[np.float64]) -> float:
    scales = [
        scale
        for grid_NF in grids
        if len(grid_NF) >= MIN_SCALE_ROWS
        and (scale := typical_squared_distance(grid_NF)) is not None
    ]
    if not scales:
        scales = [typical_squared_distance(own_NF) or 0.0]
    return sorted(scales)[(len(scales) - 1) // 2] * NEAR_NUMERATOR


def _keys(rows: Rows) -> list[bytes]:
    """Bytes of each row's features; minus zero equals zero."""
    x_NF = (rows.x_NF + np.float32(0.0)).astype("<f4", copy=False)
    return [row.tobytes() for row in x_NF]


def _matches(
    own_NF: NDArray[np.float64],
    own_keys: list[bytes],
    other_MF: NDArray[np.float64],
    other_keys: list[bytes],
    limit: float,
) -> NDArray[np.int64]:
    kind_N = np.zeros(len(own_keys), dtype=np.int64)
    if len(other_keys):
        for start, block in squared_distances(own_NF, other_MF):
            near = block.min(axis=1) * NEAR_DENOMINATOR <= limit
            kind_N[start : start + len(block)] = np.where(near & (limit > 0), _NEAR, _NONE)
    known = set(other_keys)
    exact_N = np.array([key in known for key in own_keys], dtype=np.bool_)
    kind_N[exact_N] = _EXACT
    return kind_N


def _matches_within(
    own_NF: NDArray[np.float64], own_keys: list[bytes], limit: float
) -> NDArray[np.int64]:
    kind_N = np.zeros(len(own_keys), dtype=np.int64)
    columns = np.arange(len(own_keys))
    for start, block in squared_distances(own_NF, own_NF):
        rows = np.arange(start, start + len(block))
        block[columns[None, :] >= rows[:, None]] = np.inf
        near = block.min(axis=1) * NEAR_DENOMINATOR <= limit
        kind_N[rows] = np.where(near & (limit > 0), _NEAR, _NONE)
    seen: set[bytes] = set()
    for index, key in enumerate(own_keys):
        if key in seen:
            kind_N[index] = _EXACT
        seen.add(key)
    return kind_N
