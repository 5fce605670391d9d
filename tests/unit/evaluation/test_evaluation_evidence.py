"""The whole evidence on real digits, and the rules at their borders."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from databright.errors import BadInputError, MalformedDataError
from databright.evaluation.duplicates import DuplicateReport
from databright.evaluation.evidence import Evaluation, EvidenceFigures, Train, evaluate, join_rows
from databright.evaluation.suspicion import SuspicionReport
from databright.evaluation.utility import Gain, McNemar
from databright.evaluation.verdict import mintable_micro_nats, outcome
from databright.records.rows import Rows, Schema

SCHEMA = Schema(num_features=64, num_classes=10, low=0.0, high=1.0)


def _digits() -> list[Rows]:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(11).permutation(len(labels))
    x = (pixels / 16).astype(np.float32)
    parts = [order[:400], *(order[400 + 200 * i : 600 + 200 * i] for i in range(4))]
    return [Rows(x[part], labels[part].astype(np.int64)) for part in parts]


def _trainer(holdout: Rows) -> Train:
    def train(rows: Rows) -> NDArray[np.float32]:
        model = LogisticRegression(C=1.0, max_iter=300).fit(rows.x_NF, rows.y_N)
        logits: NDArray[np.float32] = model.decision_function(holdout.x_NF).astype(np.float32)
        return logits

    return train


@pytest.fixture(scope="module")
def digits() -> list[Rows]:
    return _digits()


def _evaluate(digits: list[Rows], proposed: Rows, *, accepted: int) -> Evaluation:
    holdout, *sets = digits
    known = {index + 1: sets[index] for index in range(accepted)}
    return evaluate(proposed, known, {}, holdout, SCHEMA, _trainer(holdout))


def test_the_first_honest_proposal_gains_over_knowing_nothing(digits: list[Rows]) -> None:
    evaluation = _evaluate(digits, digits[1], accepted=0)
    figures = evaluation.figures
    assert figures.log_loss_before == pytest.approx(math.log(10), abs=1e-8)
    assert figures.gain.low > 1.0
    assert figures.num_rows_before == 0
    assert figures.accuracy_before == (digits[0].y_N == 0).mean()
    assert figures.accuracy_after > 0.85
    assert sum(figures.classes_after) == 200
    assert outcome(figures).passed
    assert mintable_micro_nats(figures) == math.floor(figures.gain.mean * 1e6)
    difference = evaluation.losses_before_N - evaluation.losses_after_N
    assert figures.gain.mean == pytest.approx(difference.mean(), abs=1e-12)


def test_flipped_labels_are_harmful_and_suspicious(digits: list[Rows]) -> None:
    random = np.random.default_rng(0)
    labels = digits[3].y_N.copy()
    labels[:120] = (labels[:120] + random.integers(1, 10, 120)) % 10
    figures = _evaluate(digits, Rows(digits[3].x_NF, labels), accepted=2).figures
    verdict = outcome(figures)
    assert verdict.code == "harmful"
    assert {check.name for check in verdict.checks if not check.passed} == {
        "harm",
        "label_suspicion",
    }
    assert f"{figures.gain.high:+.6f}" in verdict.reason
    assert mintable_micro_nats(figures) == 0


def test_a_disturbed_copy_of_a_pending_proposal_is_a_copy(digits: list[Rows]) -> None:
    holdout, first, second, *_ = digits
    noise = np.random.default_rng(1).normal(0, 0.03, second.x_NF.shape)
    copy = Rows(np.clip(second.x_NF + noise, 0, 1).astype(np.float32), second.y_N)
    evaluation = evaluate(copy, {1: first}, {2: second}, holdout, SCHEMA, _trainer(holdout))
    verdict = outcome(evaluation.figures)
    assert (verdict.code, verdict.copy_of) == ("copy", 2)
    assert "proposal 2" in verdict.reason
    assert evaluation.figures.num_rows_before == 200
    assert mintable_micro_nats(evaluation.figures) == 0


def test_training_sees_accepted_rows_by_id_then_the_proposal(digits: list[Rows]) -> None:
    holdout, first, second, third, _ = digits
    seen: list[Rows] = []

    def train(rows: Rows) -> NDArray[np.float32]:
        seen.append(rows)
        return np.zeros((len(holdout.y_N), 10), np.float32)

    evaluate(third, {5: second, 2: first}, {}, holdout, SCHEMA, train)
    assert [len(rows.y_N) for rows in seen] == [400, 600]
    assert (seen[1].x_NF == join_rows([first, second, third]).x_NF).all()


def test_evidence_is_the_same_bytes_again(digits: list[Rows]) -> None:
    one = _evaluate(digits, digits[3], accepted=2).figures.to_json()
    assert one == _evaluate(_digits(), _digits()[3], accepted=2).figures.to_json()
    document = json.loads(one)
    assert set(document["gain"]) == {"mean", "low", "high"}
    assert document["duplicates"]["by_id"] == [
        [key, *counts]
        for key, counts in sorted(
            _evaluate(digits, digits[3], accepted=2).figures.duplicates.by_id.items()
        )
    ]


def test_what_does_not_fit_is_refused(digits: list[Rows]) -> None:
    holdout, first, second, *_ = digits
    train = _trainer(holdout)
    with pytest.raises(BadInputError, match="both accepted and pending"):
        evaluate(second, {1: first}, {1: first}, holdout, SCHEMA, train)
    small = Rows(holdout.x_NF[:29], holdout.y_N[:29])
    with pytest.raises(BadInputError, match="at least 30"):
        evaluate(second, {1: first}, {}, small, SCHEMA, _trainer(small))
    with pytest.raises(MalformedDataError, match="logits"):
        evaluate(second, {}, {}, holdout, SCHEMA, lambda _: np.zeros((3, 10), np.float32))


def _figures(*, copies: int = 0, suspect: int = 0, gain: Gain | None = None) -> EvidenceFigures:
    return EvidenceFigures(
        num_rows=100,
        num_rows_before=0,
        num_holdout=100,
        log_loss_before=1.0,
        log_loss_after=0.5,
        num_right_before=10,
        num_right_after=90,
        gain=gain or Gain(0.5, 0.25, 0.75),
        mcnemar=McNemar(0, 80, 0.0),
        duplicates=DuplicateReport(100, 0, copies, 0, {3: (0, copies)} if copies else {}, 3),
        suspicion=SuspicionReport(100, suspect),
        classes_before=(0, 0),
        classes_after=(50, 50),
    )


def test_thresholds_are_where_they_are_declared() -> None:
    assert outcome(_figures(copies=20)).code == "ok"
    assert outcome(_figures(copies=21)).code == "copy"
    assert outcome(_figures(copies=21)).copy_of == 3
    assert outcome(_figures(suspect=25)).passed
    suspicious = outcome(_figures(suspect=26))
    assert (suspicious.code, suspicious.passed) == ("ok", False)
    assert "26 of 100" in suspicious.reason
    assert outcome(_figures(gain=Gain(-0.5, -1.0, -0.01))).code == "ok"
    assert outcome(_figures(gain=Gain(-0.5, -1.0, -0.0101))).code == "harmful"
    assert outcome(_figures(copies=50, gain=Gain(-0.5, -1.0, -0.1))).code == "copy"


def test_minting_floors_and_needs_a_certain_gain() -> None:
    assert mintable_micro_nats(_figures()) == 500_000
    assert mintable_micro_nats(_figures(gain=Gain(0.0000019, 1e-7, 1.0))) == 1
    assert mintable_micro_nats(_figures(gain=Gain(0.5, 0.0, 1.0))) == 0
    assert mintable_micro_nats(_figures(copies=30)) == 0
    assert mintable_micro_nats(replace(_figures(), suspicion=SuspicionReport(100, 90))) == 500_000


def test_the_room_imports_neither_torch_nor_scipy() -> None:
    code = (
        "import sys, databright.evaluation.verdict, databright.evaluation.evidence\n"
        "print([m for m in ('torch', 'scipy', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
