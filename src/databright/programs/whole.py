"""Training on a whole set by one worker, as evaluation needs it.

The set is trained for some segments in a row; the result is the plain mean of the weights after
each of the last few. A single end point jumps with the order of the batches, which would drown
the gain of a proposal; the mean of several does so much less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from databright.errors import BadInputError
from databright.programs.average import average_weights
from databright.programs.oplist import Program
from databright.programs.run import train_steps
from databright.programs.schedule import batch_indices


@dataclass(frozen=True)
class WholePlan:
    """How long a whole set is trained.

    Attributes:
        segments: segments in a row, each with fresh momentum.
        steps: steps of each.
        tail: how many of the last segments' weights are averaged, 1 to segments.
    """

    segments: int = 16
    steps: int = 50
    tail: int = 12

    def __post_init__(self) -> None:
        """Refuse a plan that trains nothing.

        Raises:
            BadInputError: a number is out of range.
        """
        if min(self.segments, self.steps, self.tail) < 1 or self.tail > self.segments:
            raise BadInputError(
                f"segments {self.segments}, steps {self.steps} and tail {self.tail} must be at "
                "least 1, and tail at most segments"
            )


def train_whole(
    program: Program,
    weights: Mapping[str, NDArray[Any]],
    x_NF: NDArray[np.float32],
    y_N: NDArray[np.int64],
    *,
    seed: int,
    plan: WholePlan,
) -> dict[str, NDArray[Any]]:
    """Train on all rows and average the tail.

    Segment r takes `batch_indices(N, steps, batch_size, seed, shard=0, round=r)` and starts from
    the weights of segment r - 1; the result is `average_weights` of the last `tail` segments'
    weights in order, each with count 1.

    Args:
        program: the program.
        weights: first weights, float32 by name.
        x_NF: float32 [N, F].
        y_N: int64 [N].
        seed: of the batches, 0 to 2**256 - 1.
        plan: how long.

    Returns:
        float32 weights by name.
    """
    current = dict(weights)
    tail: list[dict[str, NDArray[Any]]] = []
    for segment in range(plan.segments):
        batches_HB = batch_indices(len(x_NF), plan.steps, program.batch_size, seed, 0, segment)
        current = train_steps(program, current, x_NF, y_N, batches_HB)
        if segment >= plan.segments - plan.tail:
            tail.append(current)
    return average_weights(tail, [1] * len(tail))
