"""Averages the replicas' accepted weights of one round.

The formula, so that anybody can redo it with numpy alone: for every float32 tensor

    total = 0 (float64); for i in order: total = total + float64(w_i) * n_i
    result = float32(total / (n_0 + n_1 + ...))

element by element, with the row counts n_i as doubles and i in the order of the list (shard
number in a job). Integer tensors are counters, not averaged: the first one's are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from databright.errors import MalformedDataError


def average_weights(
    weights: Sequence[Mapping[str, NDArray[Any]]], row_counts: Sequence[int]
) -> dict[str, NDArray[Any]]:
    """Mean of weights, weighted by rows; the order of the list matters to the last bit.

    Args:
        weights: per shard, arrays by name; all of the same names, shapes and types.
        row_counts: per shard, rows it was trained on, each > 0.

    Returns:
        Arrays by name, sorted; types as given.

    Raises:
        MalformedDataError: no weights, counts that do not match, or arrays that differ in form.
    """
    if not weights or len(weights) != len(row_counts) or min(row_counts) <= 0:
        raise MalformedDataError(
            f"{len(weights)} weights with row counts {list(row_counts)[:10]}: give at least one, "
            "and a positive count for each"
        )
    first = weights[0]
    for index, other in enumerate(weights):
        _check_same_form(index, first, other)
    num_rows = float(sum(row_counts))
    averaged: dict[str, NDArray[Any]] = {}
    for name in sorted(first):
        if first[name].dtype.kind != "f":
            averaged[name] = first[name].copy()
            continue
        total = np.zeros(first[name].shape, dtype=np.float64)
        for one, count in zip(weights, row_counts, strict=True):
            total = total + one[name].astype(np.float64) * float(count)
        averaged[name] = (total / num_rows).astype(first[name].dtype)
    return averaged


def _check_same_form(
    index: int, first: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]
) -> None:
    if set(first) != set(other):
        raise MalformedDataError(
            f"weights {index} have the names {sorted(other)[:10]}, not {sorted(first)[:10]}"
        )
    for name, value in other.items():
        if value.shape != first[name].shape or value.dtype != first[name].dtype:
            raise MalformedDataError(
                f"weights {index}: {name!r} is {value.dtype} {list(value.shape)}, not "
                f"{first[name].dtype} {list(first[name].shape)}"
            )
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise MalformedDataError(f"weights {index}: {name!r} holds NaN or infinity")
