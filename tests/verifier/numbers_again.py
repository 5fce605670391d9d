"""The market's arithmetic done again: gains, permutations, averages, logits.

Shapes: N rows, K classes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNIT = Fraction(1, 2**30)
Z_975 = 1.959963984540054
BPS = 10_000
FLOAT32_SLACK = 1e-4
"""How far float32 logits may be from ours, relative to the largest of the row (at least 1)."""


def grid(losses_N: NDArray[Any]) -> list[int]:
    """Losses as whole multiples of 2^-30 nats."""
    units = [Fraction(float(loss)) / UNIT for loss in losses_N]
    if any(unit.denominator != 1 or not 0 <= unit <= 64 / UNIT for unit in units):
        raise ValueError("a loss is no multiple of 2^-30 from 0 to 64")
    return [int(unit) for unit in units]


def prior_loss(num_classes: int) -> float:
    """Loss of a sample when all classes are alike, on the grid."""
    return round(math.log(num_classes) * 2**30) / 2**30


def t_975(degrees: int) -> float:
    """97.5 % quantile of Student's t. Source: Abramowitz and Stegun 26.7.5."""
    z, n = Z_975, float(degrees)
    z2 = z * z
    g1 = z * (z2 + 1.0) / 4.0
    g2 = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0
    g3 = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0
    g4 = z * ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0
    return z + (g1 + (g2 + (g3 + g4 / n) / n) / n) / n


def gain(before: Sequence[int], after: Sequence[int]) -> tuple[float, float, float]:
    """Mean of paired differences with its 95 % interval, nats: (mean, low, high)."""
    size = len(before)
    d = [a - b for a, b in zip(before, after, strict=True)]
    total, squares = sum(d), sum(x * x for x in d)
    mean = Fraction(total, size) * UNIT
    spread = Fraction(size * squares - total * total, size * size * (size - 1)) * UNIT * UNIT
    margin = Fraction(t_975(size - 1) * math.sqrt(spread))
    return float(mean), float(mean - margin), float(mean + margin)


def mcnemar(before: NDArray[Any], after: NDArray[Any]) -> tuple[int, int, float]:
    """(right only before, right only after, exact two-sided p)."""
    b = int(((before == 1) & (after == 0)).sum())
    c = int(((before == 0) & (after == 1)).sum())
    tail = sum(math.comb(b + c, i) for i in range(min(b, c) + 1))
    return b, c, float(min(Fraction(1), Fraction(2 * tail, 2 ** (b + c))))


def permutation(tag: str, numbers: Sequence[int], size: int) -> list[int]:
    """0 .. size - 1 in the order of SHAKE-256 keys."""
    message = tag.encode() + b"\0" + b"".join(n.to_bytes(32, "big") for n in numbers)
    stream = hashlib.shake_256(message).digest(8 * size)
    keys = [int.from_bytes(stream[8 * i : 8 * i + 8], "little") for i in range(size)]
    return sorted(range(size), key=lambda i: (keys[i], i))


def shards(num_rows: int, num_shards: int, seed: int) -> list[frozenset[int]]:
    """Row numbers of each shard."""
    order = permutation("databright/shards/v1", (seed,), num_rows)
    return [frozenset(order[k::num_shards]) for k in range(num_shards)]


def ceil_bps(part: int, whole: int) -> int:
    """part / whole in basis points, rounded up."""
    return -(-part * BPS // whole)


def average(weights: Sequence[dict[str, NDArray[Any]]], counts: Sequence[int]) -> dict[str, Any]:
    """Row-weighted float64 mean in the order of shards, cast to float32."""
    found: dict[str, NDArray[Any]] = {}
    for name, first in weights[0].items():
        if first.dtype != np.float32:
            found[name] = first
            continue
        total = np.zeros(first.shape, dtype=np.float64)
        for one, count in zip(weights, counts, strict=True):
            total = total + one[name].astype(np.float64) * float(count)
        found[name] = (total / float(sum(counts))).astype(np.float32)
    return found


def logits(program: bytes, weights: dict[str, NDArray[Any]], x_NF: NDArray[Any]) -> NDArray[Any]:
    """Forward pass of an op-list in float64 [N, K]: the operations that the builders use."""
    document = json.loads(program)
    graph = document["graph"]
    values: dict[str, Any] = {}
    for name, kind, parameter in graph["inputs"]:
        shaped = x_NF.reshape(len(x_NF), *document["input"]["shape"])
        values[name] = (shaped if kind == "x" else weights[parameter]).astype(np.float64)
    for name, op, arguments, keywords in graph["nodes"]:
        if op not in _OPERATIONS or keywords:
            raise ValueError(f"this verifier does not compute {op} {keywords}")
        values[name] = _OPERATIONS[op](*[_argument(item, values) for item in arguments])
    out: NDArray[Any] = values[graph["out"]]
    if out.shape != (len(x_NF), document["num_classes"]):
        raise ValueError(f"the program gives {out.shape}")
    return out


def _argument(item: Any, values: dict[str, Any]) -> Any:
    if isinstance(item, dict):
        return values[item["ref"]] if "ref" in item else float(item["float"])
    return [_argument(one, values) for one in item] if isinstance(item, list) else item


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    return x @ weight.T + (0.0 if bias is None else bias)


def _flatten(x: Any, start: int = 0, end: int = -1) -> Any:
    if (start, end) != (1, -1):
        raise ValueError("only flattening from dimension 1 to the last is computed here")
    return x.reshape(len(x), -1)


def _conv2d(x: Any, weight: Any, bias: Any, stride: list[int], padding: list[int]) -> Any:
    up, side = padding
    padded = np.pad(x, ((0, 0), (0, 0), (up, up), (side, side)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(2, 3))
    picked = windows[:, :, :: stride[0], :: stride[1]]
    return np.einsum("nchwij,kcij->nkhw", picked, weight) + bias[None, :, None, None]


def _max_pool2d(x: Any, size: list[int], stride: list[int]) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(2, 3))
    return windows[:, :, :: stride[0], :: stride[1]].max(axis=(4, 5))


_OPERATIONS: dict[str, Any] = {
    "aten.conv2d.default": _conv2d,
    "aten.flatten.using_ints": _flatten,
    "aten.linear.default": _linear,
    "aten.max_pool2d.default": _max_pool2d,
    "aten.relu.default": lambda x: np.maximum(x, 0.0),
}


def count_right(logits_NK: NDArray[Any], y_N: NDArray[Any]) -> tuple[int, int]:
    """(rows certainly right, rows too close to call).

    The market predicts in float32, we in float64. A row whose two best logits are nearer to each
    other than the slack of float32 could go either way, so it is counted apart.
    """
    best = np.sort(logits_NK, axis=1)[:, -2:]
    slack_N = FLOAT32_SLACK * np.maximum(1.0, np.abs(logits_NK).max(axis=1))
    sure_N = best[:, 1] - best[:, 0] > 2 * slack_N
    right_N = logits_NK.argmax(axis=1) == y_N
    return int((right_N & sure_N).sum()), int((~sure_N).sum())
