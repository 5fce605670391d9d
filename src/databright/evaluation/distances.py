"""Exact squared distances between rows, the same on every machine.

Features are laid on a grid of whole numbers over the schema's range, fine enough for the
format (2**23 steps at 64 features) and coarse enough that all sums stay below 2**53. Products
and sums of float64 are then exact, whatever order a matrix library takes them in.
Shapes: N and M rows, F features.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from databright.errors import BadInputError
from databright.records.rows import Rows, Schema

CHUNK_CELLS = 2**22
"""Distances held at once."""


def on_grid(rows: Rows, schema: Schema) -> NDArray[np.float64]:
    """Lay features on the grid: rint((x - low) / (high - low) * steps).

    steps = 2**((52 - bits) // 2) where bits is the number of bits of F.

    Args:
        rows: rows that keep the schema.
        schema: range and number of features.

    Returns:
        float64 [N, F] of whole numbers from 0 to steps.

    Raises:
        BadInputError: rows of another number of features.
    """
    if rows.x_NF.shape[1] != schema.num_features:
        raise BadInputError(
            f"rows have {rows.x_NF.shape[1]} features, the schema {schema.num_features}"
        )
    steps = 2.0 ** ((52 - schema.num_features.bit_length()) // 2)
    unit_NF = (rows.x_NF.astype(np.float64) - schema.low) / (schema.high - schema.low)
    grid_NF: NDArray[np.float64] = np.rint(np.clip(unit_NF, 0.0, 1.0) * steps)
    return grid_NF


def squared_distances(
    left_NF: NDArray[np.float64], right_MF: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Squared distances, some rows of the left side at a time.

    Args:
        left_NF: grid rows.
        right_MF: grid rows.

    Yields:
        (number of the first left row, float64 [n, M] of whole numbers).
    """
    right_M = (right_MF * right_MF).sum(axis=1)
    step = max(1, CHUNK_CELLS // max(1, len(right_MF)))
    for start in range(0, len(left_NF), step):
        part_nF = left_NF[start : start + step]
        part_n = (part_nF * part_nF).sum(axis=1)
        yield start, part_n[:, None] + right_M[None, :] - 2.0 * (part_nF @ right_MF.T)


def typical_squared_distance(grid_NF: NDArray[np.float64]) -> float | None:
    """Lower median of the squared distance from each row to its nearest other row.

    Args:
        grid_NF: grid rows.

    Returns:
        A whole number, or None with fewer than two rows.
    """
    if len(grid_NF) < 2:
        return None
    nearest_N = np.empty(len(grid_NF))
    for start, block in squared_distances(grid_NF, grid_NF):
        index = np.arange(len(block))
        block[index, start + index] = np.inf
        nearest_N[start : start + len(block)] = block.min(axis=1)
    return float(np.sort(nearest_N)[(len(nearest_N) - 1) // 2])
