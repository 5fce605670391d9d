"""Averaging against its published formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from databright.errors import MalformedDataError
from databright.programs.average import average_weights


def _weights(seed: int) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(seed)
    return {
        "w": random.normal(size=(3, 4)).astype(np.float32),
        "b": random.normal(size=3).astype(np.float32),
        "count": np.array([seed], dtype=np.int64),
    }


def test_average_is_the_formula_to_the_last_bit() -> None:
    parts, counts = [_weights(i) for i in range(3)], [5, 6, 7]
    averaged = average_weights(parts, counts)
    for name in ("w", "b"):
        flat = [part[name].ravel().tolist() for part in parts]
        for index, value in enumerate(averaged[name].ravel()):
            total = 0.0
            for part, count in zip(flat, counts, strict=True):
                total += part[index] * count
            assert value == np.float32(total / 18)
    assert averaged["w"].dtype == np.float32
    assert averaged["count"].tolist() == [0]


def test_equal_weights_average_to_themselves() -> None:
    one = _weights(1)
    averaged = average_weights([one, one, one], [195, 194, 194])
    assert all((averaged[name] == one[name]).all() for name in one)


def test_inputs_are_not_changed() -> None:
    parts = [_weights(0), _weights(1)]
    average_weights(parts, [1, 2])
    assert (parts[0]["w"] == _weights(0)["w"]).all()


@pytest.mark.parametrize("counts", [[1], [1, 0], [1, -1], [1, 2, 3]])
def test_counts_that_do_not_fit_are_refused(counts: list[int]) -> None:
    with pytest.raises(MalformedDataError):
        average_weights([_weights(0), _weights(1)], counts)


def test_weights_of_another_form_are_refused() -> None:
    good = _weights(0)
    with pytest.raises(MalformedDataError, match="names"):
        average_weights([good, {"w": good["w"]}], [1, 1])
    with pytest.raises(MalformedDataError, match="'b' is float64"):
        average_weights([good, {**good, "b": good["b"].astype(np.float64)}], [1, 1])
    with pytest.raises(MalformedDataError, match="NaN"):
        average_weights([good, {**good, "b": np.full(3, np.nan, np.float32)}], [1, 1])
    with pytest.raises(MalformedDataError):
        average_weights([], [])
