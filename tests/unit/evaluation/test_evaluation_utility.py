"""Paired statistics against scipy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import log_loss

from databright.errors import BadInputError, MalformedDataError
from databright.evaluation.utility import (
    mcnemar,
    mean_loss,
    paired_gain,
    prior_logits,
    student_t_975,
)
from databright.records.losses import LOSS_UNIT, MAX_LOSS, log_losses


@pytest.mark.parametrize("degrees", [29, 30, 35, 50, 99, 389, 1000, 10**6])
def test_quantile_is_students(degrees: int) -> None:
    assert student_t_975(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=1e-5)


def test_quantile_refuses_what_it_cannot_give() -> None:
    with pytest.raises(BadInputError, match="28 degrees"):
        student_t_975(28)


@settings(max_examples=50, deadline=None)
@given(st.integers(30, 300), st.integers(0, 2**32 - 1))
def test_gain_is_the_paired_t_interval(num_rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    before = np.rint(random.exponential(size=num_rows) / LOSS_UNIT) * LOSS_UNIT
    after = np.rint(random.exponential(size=num_rows) / LOSS_UNIT) * LOSS_UNIT
    gain = paired_gain(before, after)
    expected = stats.ttest_rel(before, after).confidence_interval(0.95)
    assert gain.mean == pytest.approx((before - after).mean(), abs=1e-12)
    assert gain.low == pytest.approx(expected.low, abs=1e-5)
    assert gain.high == pytest.approx(expected.high, abs=1e-5)
    order = random.permutation(num_rows)
    assert paired_gain(before[order], after[order]) == gain
    opposite = paired_gain(after, before)
    assert (opposite.mean, opposite.low, opposite.high) == (-gain.mean, -gain.high, -gain.low)


def test_equal_losses_gain_nothing_with_certainty() -> None:
    losses = np.full(40, 0.25)
    gain = paired_gain(losses + 0.5, losses)
    assert (gain.mean, gain.low, gain.high) == (0.5, 0.5, 0.5)


def test_gain_refuses_what_is_not_paired() -> None:
    losses = np.full(40, 0.25)
    for before, after in ((losses, losses[:-1]), (losses[:29], losses[:29])):
        with pytest.raises(BadInputError, match="same samples"):
            paired_gain(before, after)
    for bad in (0.1, math.nan, math.inf):
        with pytest.raises(BadInputError, match="multiples"):
            paired_gain(losses, np.full(40, bad))


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (3, 3), (2, 9), (9, 2), (40, 70), (0, 12)])
def test_mcnemar_is_the_exact_binomial_test(b: int, c: int) -> None:
    before = np.array([True] * b + [False] * c + [True] * 20 + [False] * 5)
    after = np.array([False] * b + [True] * c + [True] * 20 + [False] * 5)
    result = mcnemar(before, after)
    expected = stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert (result.only_before, result.only_after) == (b, c)
    assert result.p_value == pytest.approx(expected, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_log_losses_are_those_of_sklearn(num_rows: int, num_classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(scale=3, size=(num_rows, num_classes)).astype(np.float32)
    labels = random.integers(0, num_classes, num_rows)
    losses = log_losses(logits, labels)
    exponent = np.exp(logits.astype(np.float64))
    shares = exponent / exponent.sum(axis=1, keepdims=True)
    expected = log_loss(labels, shares, labels=np.arange(num_classes))
    assert mean_loss(losses) == pytest.approx(expected, abs=1e-8)
    assert (losses / LOSS_UNIT == np.rint(losses / LOSS_UNIT)).all()


def test_log_losses_of_extreme_logits_stay_finite() -> None:
    logits = np.array([[3e38, -3e38], [-3e38, 3e38]], np.float32)
    assert log_losses(logits, np.array([0, 0])).tolist() == [0.0, MAX_LOSS]
    with pytest.raises(MalformedDataError, match="not finite"):
        log_losses(np.array([[np.nan, 0]], np.float32), np.array([0]))
    with pytest.raises(MalformedDataError, match="labels"):
        log_losses(np.zeros((1, 2), np.float32), np.array([2]))
    with pytest.raises(MalformedDataError, match=r"\[N, K\]"):
        log_losses(np.zeros((2, 2), np.float32), np.array([1]))


def test_knowing_nothing_costs_the_logarithm_of_the_classes() -> None:
    losses = log_losses(prior_logits(30, 10), np.arange(30) % 10)
    assert mean_loss(losses) == pytest.approx(math.log(10), abs=LOSS_UNIT)
