"""Whole-set training against its definition by hand."""

from __future__ import annotations

import numpy as np
import pytest

from databright.errors import BadInputError
from databright.programs.average import average_weights
from databright.programs.builders import builder
from databright.programs.run import train_steps
from databright.programs.schedule import batch_indices
from databright.programs.whole import WholePlan, train_whole


def test_whole_training_is_segments_in_a_row_and_the_mean_of_the_last() -> None:
    program, weights = builder("mlp")((4,), 3, 0, hidden=8, batch_size=4)
    random = np.random.default_rng(0)
    x_NF = random.random((10, 4), dtype=np.float32)
    y_N = random.integers(0, 3, 10)
    trained = train_whole(program, weights, x_NF, y_N, seed=6, plan=WholePlan(3, 5, 2))
    first = train_steps(program, weights, x_NF, y_N, batch_indices(10, 5, 4, 6, 0, 0))
    second = train_steps(program, first, x_NF, y_N, batch_indices(10, 5, 4, 6, 0, 1))
    third = train_steps(program, second, x_NF, y_N, batch_indices(10, 5, 4, 6, 0, 2))
    expected = average_weights([second, third], [1, 1])
    assert all((trained[name] == expected[name]).all() for name in weights)
    assert (trained["out.weight"] != third["out.weight"]).any()


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (2, 1, 3)])
def test_plans_that_train_nothing_are_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(BadInputError):
        WholePlan(*numbers)
