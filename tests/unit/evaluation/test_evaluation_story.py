"""Seven contributors of digits, one with flipped labels and one a copier, judged end to end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from databright.evaluation.evidence import Train, evaluate
from databright.evaluation.verdict import Outcome, outcome
from databright.programs.builders import builder
from databright.programs.run import predict_logits
from databright.programs.whole import WholePlan, train_whole
from databright.records.rows import Rows, Schema

SCHEMA = Schema(num_features=64, num_classes=10, low=0.0, high=1.0)
SETTINGS = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.005, "batch_size": 64}
# Rules and settings were fixed on seeds 0 to 139; these are others.
SEEDS = range(300, 340) if os.environ.get("DATABRIGHT_LONG") else range(300, 302)


@dataclass
class Contributor:
    """One contributor with what she proposes."""

    kind: str
    rows: Rows
    victim: int | None = None


def _story(seed: int) -> tuple[Rows, list[Contributor]]:
    """The holdout and seven contributors of 230 rows; the first is honest."""
    random = np.random.default_rng(seed)
    pixels, labels = load_digits(return_X_y=True)
    order = random.permutation(len(labels))
    x, y = (pixels[order] / 16).astype(np.float32), labels[order].astype(np.int64)
    people: list[Contributor] = []
    kinds = ["honest", *random.permutation(["honest"] * 4 + ["flipped", "copy"]).tolist()]
    start = 390
    for kind in kinds:
        rows = Rows(x[start : start + 230], y[start : start + 230])
        if kind == "copy":
            honest = [index for index, one in enumerate(people) if one.kind == "honest"]
            victim = int(random.choice(honest))
            people.append(Contributor(kind, _disturb(people[victim].rows, random), victim))
            continue
        start += 230
        people.append(Contributor(kind, _flip(rows, random) if kind == "flipped" else rows))
    return Rows(x[:390], y[:390]), people


def _disturb(rows: Rows, random: np.random.Generator) -> Rows:
    x = np.clip(rows.x_NF + random.normal(0, 0.03, rows.x_NF.shape), 0, 1)
    return Rows(x.astype(np.float32), rows.y_N)


def _flip(rows: Rows, random: np.random.Generator) -> Rows:
    chosen = random.permutation(230)[:138]
    y = rows.y_N.copy()
    y[chosen] = (y[chosen] + random.integers(1, 10, 138)) % 10
    return Rows(rows.x_NF, y)


def _trainer(holdout: Rows, seed: int) -> Train:
    program, weights = builder("mlp")((64,), 10, seed, **SETTINGS)

    def train(rows: Rows) -> NDArray[np.float32]:
        trained = train_whole(program, weights, rows.x_NF, rows.y_N, seed=seed, plan=WholePlan())
        return predict_logits(program, trained, holdout.x_NF)

    return train


def _verdicts(holdout: Rows, people: list[Contributor], train: Train) -> list[Outcome]:
    accepted: dict[int, Rows] = {}
    pending: dict[int, Rows] = {}
    verdicts = []
    for index, one in enumerate(people):
        evaluation = evaluate(one.rows, accepted, pending, holdout, SCHEMA, train)
        verdicts.append(outcome(evaluation.figures))
        (accepted if one.kind == "honest" else pending)[index] = one.rows
    return verdicts


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of such small sums only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_honest_proposals_pass_and_the_others_fail_for_the_right_reason() -> None:
    num_honest = 0
    failed: list[str] = []
    for seed in SEEDS:
        holdout, people = _story(seed)
        verdicts = _verdicts(holdout, people, _trainer(holdout, seed))
        for one, verdict in zip(people, verdicts, strict=True):
            if one.kind == "honest":
                num_honest += 1
                failed += [] if verdict.passed else [f"seed {seed}: {verdict.reason}"]
            elif one.kind == "copy":
                assert (verdict.code, verdict.copy_of) == ("copy", one.victim)
            else:
                assert verdict.code != "copy"
                assert not verdict.passed, verdict
    # A 95 % interval lies below a gain of zero by chance in 2.5 % of cases.
    assert len(failed) <= 0.025 * num_honest, failed
