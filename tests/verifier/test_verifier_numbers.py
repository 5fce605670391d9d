"""The verifier's own arithmetic against other libraries and worked examples."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from eth_account import Account
from scipy import signal, stats

from tests.verifier import numbers_again
from tests.verifier.assignment_again import Draw, bitmaps, shards_of
from tests.verifier.checks import Checks


@pytest.mark.parametrize("degrees", [29, 60, 396, 10_000])
def test_the_t_quantile(degrees: int) -> None:
    assert math.isclose(numbers_again.t_975(degrees), stats.t.ppf(0.975, degrees), abs_tol=1e-5)


def test_the_gain_is_scipy_s_paired_interval() -> None:
    random = np.random.default_rng(5)
    units = random.integers(0, 2**32, size=(2, 200)).tolist()
    mean, low, high = numbers_again.gain(*units)
    losses = np.array(units) / 2**30
    assert numbers_again.grid(losses[0]) == units[0]
    interval = stats.ttest_rel(*losses).confidence_interval(0.95)
    assert math.isclose(mean, float((losses[0] - losses[1]).mean()), rel_tol=1e-12)
    assert math.isclose(low, interval.low, rel_tol=1e-4)
    assert math.isclose(high, interval.high, rel_tol=1e-4)
    with pytest.raises(ValueError, match="multiple"):
        numbers_again.grid(np.array([0.1]))


def test_mcnemar_is_the_binomial_test() -> None:
    before = np.array([1] * 9 + [0] * 3 + [1] * 20, dtype=np.uint8)
    after = np.array([0] * 9 + [1] * 3 + [1] * 20, dtype=np.uint8)
    only_before, only_after, p = numbers_again.mcnemar(before, after)
    assert (only_before, only_after) == (9, 3)
    assert math.isclose(p, stats.binomtest(3, 12).pvalue)


def test_shards_split_the_rows() -> None:
    shards = numbers_again.shards(1_000, 6, 3)
    assert sorted(row for shard in shards for row in shard) == [*range(1_000)]
    assert {len(shard) for shard in shards} == {166, 167}
    assert shards != numbers_again.shards(1_000, 6, 4)


def test_the_average_is_weighted_by_rows() -> None:
    weights = [{"w": np.array([1.0, 2.0], np.float32)}, {"w": np.array([4.0, 8.0], np.float32)}]
    found = numbers_again.average(weights, [1, 2])
    assert found["w"].dtype == np.float32
    assert found["w"].tolist() == [3.0, 6.0]


def _program(nodes: list[Any], inputs: list[Any], shape: list[int], classes: int) -> bytes:
    graph = {"inputs": [["x", "x", ""], *inputs], "nodes": nodes, "out": nodes[-1][0]}
    return json.dumps({"graph": graph, "input": {"shape": shape}, "num_classes": classes}).encode()


def test_convolution_pooling_and_linear_layers() -> None:
    random = np.random.default_rng(1)
    weights = {
        "k": random.normal(size=(2, 3, 3, 3)).astype(np.float32),
        "c": np.array([0.5, -0.5], np.float32),
        "o": random.normal(size=(5, 8)).astype(np.float32),
        "b": random.normal(size=5).astype(np.float32),
    }
    x = random.normal(size=(7, 3 * 4 * 4)).astype(np.float32)
    ref = [{"ref": name} for name in ("x", "k", "c", "conv", "act", "pool", "flat", "o", "b")]
    nodes = [
        ["conv", "aten.conv2d.default", [ref[0], ref[1], ref[2], [1, 1], [1, 1]], {}],
        ["act", "aten.relu.default", [ref[3]], {}],
        ["pool", "aten.max_pool2d.default", [ref[4], [2, 2], [2, 2]], {}],
        ["flat", "aten.flatten.using_ints", [ref[5], 1], {}],
        ["out", "aten.linear.default", [ref[6], ref[7], ref[8]], {}],
    ]
    inputs = [[name, "w", name] for name in "kcob"]
    found = numbers_again.logits(_program(nodes, inputs, [3, 4, 4], 5), weights, x)
    images = x.reshape(7, 3, 4, 4).astype(np.float64)
    for image, row in zip(images, found, strict=True):
        maps = [
            sum(signal.correlate2d(image[c], kernel[c], "same") for c in range(3)) + bias
            for kernel, bias in zip(weights["k"].astype(np.float64), weights["c"], strict=True)
        ]
        pooled = [
            max(0.0, plane[i : i + 2, j : j + 2].max())
            for plane in maps
            for i in (0, 2)
            for j in (0, 2)
        ]
        expected = weights["o"].astype(np.float64) @ np.array(pooled) + weights["b"]
        np.testing.assert_allclose(row, expected, rtol=1e-12)


def test_an_unknown_operation_is_not_guessed() -> None:
    nodes = [["out", "aten.tanh.default", [{"ref": "x"}], {}]]
    with pytest.raises(ValueError, match="does not compute"):
        numbers_again.logits(_program(nodes, [], [2], 2), {}, np.zeros((1, 2), np.float32))


def test_rows_too_close_to_call_are_counted_apart() -> None:
    logits = np.array([[1.0, 0.0], [1.0, 1.0 + 1e-7], [0.0, 3.0]])
    assert numbers_again.count_right(logits, np.array([0, 1, 0])) == (1, 1)


# -- drawing of owners


def _draw(job_bps: int, dataset_bps: int = 10_000) -> Draw:
    shards = [frozenset(range(10 * k, 10 * k + 10)) for k in range(4)]
    return Draw(b"\x01" * 32, shards, 40, job_bps, dataset_bps)


OWNERS = [Account.from_key(bytes((i,)) * 32).address for i in range(1, 7)]


def test_owners_are_spread_and_kept_under_the_cap() -> None:
    draw = _draw(7_500)
    pairs = [(draw.choose(shard, OWNERS), shard) for shard in range(4) for _ in range(3)]
    assert len(set(pairs)) == 12
    assert {len(shards) for shards in draw.held.values()} == {2}
    found = bitmaps(pairs)
    assert sorted((o, k) for o in found for k in shards_of(found[o])) == sorted(pairs)


def test_a_cap_of_one_shard_gives_nobody_two() -> None:
    draw = _draw(2_500)
    for shard in range(2):
        for _ in range(3):
            draw.choose(shard, OWNERS)
    with pytest.raises(ValueError, match="nobody"):
        draw.choose(2, OWNERS)


def test_who_has_seen_the_rows_comes_first_and_other_jobs_count() -> None:
    draw = _draw(10_000, 5_000)
    draw.seen[OWNERS[4]] = set(range(10))
    draw.seen[OWNERS[2]] = set(range(10, 30))
    assert draw.choose(0, OWNERS) == OWNERS[4]
    assert not draw.may(OWNERS[2], 3)


def test_checks_tell_values_and_types_apart() -> None:
    checks = Checks()
    assert checks.same("a", 1, 1)
    assert not checks.same("b", 1, True)
    assert not checks.same("c", "1", 1)
    with checks.section("d"):
        raise KeyError("gone")
    assert [check.name for check in checks.failed] == ["b", "c", "d can be read"]
