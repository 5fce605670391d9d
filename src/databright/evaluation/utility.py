"""What rows are worth: paired differences of log-loss on the holdout, with their uncertainty.

All sums are of whole numbers (per-sample losses are multiples of 2**-30 nats), so mean, variance
and p-value do not depend on the order of addition or on a mathematical library.
Shapes: N holdout rows, K classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from databright.errors import BadInputError
from databright.records.losses import LOSS_UNIT

MIN_HOLDOUT_ROWS = 30
"""Fewer rows carry no usable interval, and the quantile below is exact to 1e-4 only from here."""
MAX_LOGITS = 2**26
"""Most logits of one evaluation: 256 MiB."""
NORMAL_975 = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Gain:
    """How much the loss fell, in nats per sample; positive is better.

    Attributes:
        mean: mean of before - after.
        low: lower end of the 95 % interval of the mean.
        high: upper end.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """Exact McNemar test of two sets of predictions on the same samples.

    Attributes:
        only_before: samples that only the first set has right.
        only_after: samples that only the second set has right.
        p_value: two-sided, 0 to 1.
    """

    only_before: int
    only_after: int
    p_value: float


def paired_gain(before_N: NDArray[np.float64], after_N: NDArray[np.float64]) -> Gain:
    """Mean gain with its two-sided 95 % Student-t interval.

    d_i = before_i - after_i; mean = sum(d) / N; s^2 = (N * sum(d^2) - sum(d)^2) / (N * (N - 1));
    the interval is mean -+ t(N - 1) * sqrt(s^2 / N), with `student_t_975`. The sums are exact, the
    quotients are rounded once.

    Args:
        before_N: per-sample losses before, nats, multiples of 2**-30.
        after_N: per-sample losses of the same samples after.

    Returns:
        The gain in nats per sample.

    Raises:
        BadInputError: fewer than 30 samples, lengths that differ, or losses off the grid.
    """
    num_rows = len(before_N)
    if before_N.shape != after_N.shape or before_N.ndim != 1 or num_rows < MIN_HOLDOUT_ROWS:
        raise BadInputError(
            f"paired losses {before_N.shape} and {after_N.shape}: give the same samples twice, at "
            f"least {MIN_HOLDOUT_ROWS} of them"
        )
    units = [a - b for a, b in zip(_units(before_N), _units(after_N), strict=True)]
    total = sum(units)
    squares = sum(unit * unit for unit in units)
    scale = Fraction(LOSS_UNIT)
    mean = Fraction(total, num_rows) * scale
    variance_of_mean = (
        Fraction(num_rows * squares - total * total, num_rows**2 * (num_rows - 1)) * scale * scale
    )
    margin = Fraction(student_t_975(num_rows - 1) * math.sqrt(variance_of_mean))
    return Gain(float(mean), float(mean - margin), float(mean + margin))


def student_t_975(degrees: int) -> float:
    """97.5 % quantile of Student's t by its expansion in 1 / degrees; error below 1e-5 from 29.

    Args:
        degrees: degrees of freedom, >= 29.

    Returns:
        The quantile; only sums, products and quotients are used, so it is the same everywhere.

    Raises:
        BadInputError: fewer degrees of freedom.

    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5.
    """
    if degrees < MIN_HOLDOUT_ROWS - 1:
        raise BadInputError(
            f"{degrees} degrees of freedom: at least {MIN_HOLDOUT_ROWS - 1} are needed"
        )
    z, n = NORMAL_975, float(degrees)
    z2 = z * z
    g1 = z * (z2 + 1.0) / 4.0
    g2 = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0
    g3 = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0
    g4 = z * ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0
    return z + (g1 + (g2 + (g3 + g4 / n) / n) / n) / n


def mcnemar(right_before_N: NDArray[np.bool_], right_after_N: NDArray[np.bool_]) -> McNemar:
    """Exact test of whether two sets of predictions are equally often right.

    With b and c the discordant counts and n = b + c:
    p = min(1, 2 * sum_{i <= min(b, c)} C(n, i) / 2**n).

    Args:
        right_before_N: whether each sample was predicted right before.
        right_after_N: the same after.

    Returns:
        Discordant counts and p-value.
    """
    only_before = int(np.count_nonzero(right_before_N & ~right_after_N))
    only_after = int(np.count_nonzero(~right_before_N & right_after_N))
    discordant = only_before + only_after
    term, tail = 1, 0
    for index in range(min(only_before, only_after) + 1):
        tail += term
        term = term * (discordant - index) // (index + 1)
    p_value = min(Fraction(1), Fraction(2 * tail, 2**discordant))
    return McNemar(only_before, only_after, float(p_value))


def prior_logits(num_rows: int, num_classes: int) -> NDArray[np.float32]:
    """Logits of knowing nothing: every class alike, so a loss of log(K) for each sample.

    Args:
        num_rows: N.
        num_classes: K.

    Returns:
        float32 zeros [N, K]; its predicted class is 0 throughout.

    Raises:
        BadInputError: more logits than are held.
    """
    if num_rows * num_classes > MAX_LOGITS:
        raise BadInputError(
            f"{num_rows} holdout rows of {num_classes} classes are more than {MAX_LOGITS} logits: "
            "use a smaller holdout"
        )
    return np.zeros((num_rows, num_classes), dtype=np.float32)


def mean_loss(losses_N: NDArray[np.float64]) -> float:
    """Mean of per-sample losses, rounded once.

    Args:
        losses_N: nats, multiples of 2**-30, N >= 1.

    Returns:
        Nats per sample.
    """
    return float(Fraction(sum(_units(losses_N)), len(losses_N)) * Fraction(LOSS_UNIT))


def _units(losses_N: NDArray[np.float64]) -> list[int]:
    scaled = losses_N / LOSS_UNIT
    if not np.isfinite(scaled).all() or (scaled != np.rint(scaled)).any():
        raise BadInputError(
            "losses must be finite multiples of 2**-30 nats: take them from records.losses"
        )
    return [int(value) for value in scaled.tolist()]
