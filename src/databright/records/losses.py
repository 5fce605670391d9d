"""Log-loss of single samples, the same to the last bit on every machine.

Losses are rounded to multiples of 2**-30 nats (about 1e-9). Sums of them are then exact in
float64 whatever their order, and the last-bit differences between mathematical libraries vanish
in the rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from databright.errors import MalformedDataError

LOSS_UNIT = 2.0**-30
"""Grid of per-sample losses, in nats."""
MAX_LOSS = 64.0
"""A larger loss of one sample counts as this, in nats; it keeps every sum finite."""


def log_losses(logits_NK: NDArray[np.float32], y_N: NDArray[np.int64]) -> NDArray[np.float64]:
    """Per-sample log-loss of logits.

    loss_i = min(64, log(sum_k exp(z_ik - m_i)) + m_i - z_iy) with m_i the largest logit, in
    float64 with the C library's exp and log and the sum taken in order of k, then rounded to the
    nearest multiple of 2**-30 (ties to even).

    Args:
        logits_NK: finite float32 [N, K].
        y_N: labels, int64 [N], 0 to K - 1.

    Returns:
        float64 [N], 0 to 64 nats.

    Raises:
        MalformedDataError: shapes differ, a logit is not finite, or a label is out of range.
    """
    if logits_NK.ndim != 2 or y_N.shape != logits_NK.shape[:1]:
        raise MalformedDataError(
            f"logits {logits_NK.shape} and labels {y_N.shape} must be [N, K] and [N]"
        )
    if not np.isfinite(logits_NK).all():
        raise MalformedDataError(
            "a logit is not finite: training diverged, use a lower learning rate"
        )
    num_classes = logits_NK.shape[1]
    if y_N.size and (y_N.min() < 0 or y_N.max() >= num_classes):
        raise MalformedDataError(f"labels must be 0 to {num_classes - 1}")
    losses = np.empty(len(y_N), dtype=np.float64)
    rows: list[list[float]] = logits_NK.astype(np.float64).tolist()
    for index, (row, label) in enumerate(zip(rows, y_N.tolist(), strict=True)):
        largest = max(row)
        total = 0.0
        for logit in row:
            total += math.exp(logit - largest)
        loss = min(MAX_LOSS, math.log(total) + largest - row[label])
        losses[index] = round(loss / LOSS_UNIT) * LOSS_UNIT
    return losses
