"""Labels that no neighbour shares.

A row is suspect when none of its 3 nearest other rows, among the proposal and the accepted rows,
has its label. This asks for no support at all instead of a majority: near the border of two
classes honest rows lose votes, but rarely every one. Distances are exact (`distances`); of equal
distances the accepted row comes before the proposed one, and then the earlier row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from databright.errors import BadInputError
from databright.evaluation.distances import on_grid, squared_distances
from databright.records.rows import Rows, Schema

NUM_NEIGHBOURS = 3


@dataclass(frozen=True)
class SuspicionReport:
    """How many labels of a proposal look wrong.

    Attributes:
        num_rows: rows of the proposal.
        num_suspect: rows whose label none of their nearest neighbours has.
    """

    num_rows: int
    num_suspect: int

    @property
    def share(self) -> float:
        """Share of suspect rows, 0 to 1."""
        return self.num_suspect / self.num_rows


def find_suspicion(proposed: Rows, accepted: Sequence[Rows], schema: Schema) -> SuspicionReport:
    """Hold each proposed label against the labels of its nearest other rows.

    Args:
        proposed: the proposal's rows, at least one.
        accepted: accepted rows, in any number of sets.
        schema: the dataset's schema.

    Returns:
        The report; with no other row at all, none is suspect.

    Raises:
        BadInputError: no rows, or rows that do not have the schema's features.
    """
    if not len(proposed.y_N):
        raise BadInputError("a proposal without rows cannot be judged: give at least one row")
    own_NF = on_grid(proposed, schema)
    all_MF = np.concatenate([*(on_grid(rows, schema) for rows in accepted), own_NF])
    all_y_M = np.concatenate([*(rows.y_N for rows in accepted), proposed.y_N])
    num_before = len(all_MF) - len(own_NF)
    neighbours = min(NUM_NEIGHBOURS, len(all_MF) - 1)
    if neighbours == 0:
        return SuspicionReport(len(own_NF), 0)
    suspect = 0
    for start, block in squared_distances(own_NF, all_MF):
        index = np.arange(len(block))
        block[index, num_before + start + index] = np.inf
        nearest = _nearest(block, neighbours)
        own_y_n = proposed.y_N[start : start + len(block)]
        suspect += int((all_y_M[nearest] != own_y_n[:, None]).all(axis=1).sum())
    return SuspicionReport(len(own_NF), suspect)


def _nearest(block: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Columns of the smallest values of each row, the first of equals."""
    chosen = np.empty((len(block), count), dtype=np.int64)
    index = np.arange(len(block))
    for place in range(count):
        chosen[:, place] = block.argmin(axis=1)
        block[index, chosen[:, place]] = np.inf
    return chosen
