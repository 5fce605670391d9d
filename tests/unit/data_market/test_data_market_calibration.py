from __future__ import annotations

import pytest

from databright.data_market.calibration import Forecast, score
from databright.units import Address, BasisPoints

WHO = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")


def forecast(support: bool, confidence: int, came_true: bool) -> Forecast:
    return Forecast(1_000_001, support, BasisPoints(confidence), came_true)


@pytest.mark.parametrize(
    ("said", "penalty"),
    [
        (forecast(True, 10_000, True), 0.0),
        (forecast(True, 10_000, False), 1.0),
        (forecast(False, 10_000, False), 0.0),
        (forecast(False, 8_000, True), 0.64),
        (forecast(True, 5_000, True), 0.25),
        (forecast(False, 5_000, True), 0.25),
    ],
)
def test_a_ballot_stands_for_a_probability(said: Forecast, penalty: float) -> None:
    assert said.penalty == pytest.approx(penalty)


def test_the_score_is_compared_with_the_average() -> None:
    found = score(WHO, [forecast(True, 9_000, True), forecast(False, 9_000, False)], 3)
    assert found.brier == pytest.approx(0.01)
    assert (found.brier_of_rate, found.num_open) == (0.25, 3)


def test_without_a_decided_ballot_there_is_no_score() -> None:
    found = score(WHO, [], 2)
    assert (found.brier, found.brier_of_rate, found.num_open) == (None, None, 2)
