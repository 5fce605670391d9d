"""The evidence on one proposal: every figure that voters and oracles see, and what it means.

Figures are counts and floats that were rounded once from exact sums, so evaluators that were
handed the same rows and logits write byte-equal JSON.
Shapes: N holdout rows, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from databright.errors import BadInputError
from databright.evaluation.duplicates import DuplicateReport, find_duplicates
from databright.evaluation.suspicion import SuspicionReport, find_suspicion
from databright.evaluation.utility import (
    Gain,
    McNemar,
    mcnemar,
    mean_loss,
    paired_gain,
    prior_logits,
)
from databright.records.losses import log_losses
from databright.records.rows import Rows, Schema
from databright.records.strict_json import dumps_canonical

SCHEMA_VERSION = 1

Train = Callable[[Rows], NDArray[np.float32]]
"""Trains the dataset's program on rows from its fixed start; gives logits [N, K] of the holdout."""


@dataclass(frozen=True)
class EvidenceFigures:
    """All figures of one evaluation.

    Attributes:
        num_rows: rows proposed.
        num_rows_before: accepted rows that it was measured on top of.
        num_holdout: N.
        log_loss_before: mean log-loss without the proposal, nats.
        log_loss_after: mean log-loss with it.
        num_right_before: holdout rows predicted right without it.
        num_right_after: the same with it.
        gain: paired gain in log-loss.
        mcnemar: exact test of the predictions.
        duplicates: copies.
        suspicion: labels that look wrong.
        classes_before: accepted rows of each class.
        classes_after: the same with the proposal.
        schema_version: version of this record.
    """

    num_rows: int
    num_rows_before: int
    num_holdout: int
    log_loss_before: float
    log_loss_after: float
    num_right_before: int
    num_right_after: int
    gain: Gain
    mcnemar: McNemar
    duplicates: DuplicateReport
    suspicion: SuspicionReport
    classes_before: tuple[int, ...]
    classes_after: tuple[int, ...]
    schema_version: int = SCHEMA_VERSION

    @property
    def accuracy_before(self) -> float:
        """Share of the holdout predicted right without the proposal."""
        return self.num_right_before / self.num_holdout

    @property
    def accuracy_after(self) -> float:
        """Share of the holdout predicted right with the proposal."""
        return self.num_right_after / self.num_holdout

    def to_json(self) -> bytes:
        """Write the figures canonically; equal figures give equal bytes."""
        fields = asdict(self)
        by_id = self.duplicates.by_id
        fields["duplicates"]["by_id"] = [[key, *by_id[key]] for key in sorted(by_id)]
        return dumps_canonical(fields)


@dataclass(frozen=True)
class Evaluation:
    """Figures with the per-sample losses that they follow from.

    Attributes:
        figures: the figures.
        losses_before_N: nats, float64 multiples of 2**-30.
        losses_after_N: the same with the proposal.
    """

    figures: EvidenceFigures
    losses_before_N: NDArray[np.float64]
    losses_after_N: NDArray[np.float64]


def evaluate(
    proposed: Rows,
    accepted: Mapping[int, Rows],
    pending: Mapping[int, Rows],
    holdout: Rows,
    schema: Schema,
    train: Train,
    exempt: Collection[int] = (),
) -> Evaluation:
    """Measure a proposal on top of the accepted rows.

    Training rows are the accepted sets in order of id, the proposal after them. With no accepted
    rows, "before" is the uniform prior (loss log(K), class 0 predicted) and is not trained.

    Args:
        proposed: the proposal's rows.
        accepted: accepted rows by proposal id.
        pending: rows of earlier commitments that are not decided; named for copies only.
        holdout: rows kept apart, at least 30.
        schema: the dataset's schema.
        train: see `Train`.
        exempt: ids among them that cannot have been copied, see `find_duplicates`.

    Returns:
        Figures and per-sample losses.

    Raises:
        BadInputError: an id both accepted and pending, too few holdout rows, or malformed rows.
        MalformedDataError: logits that do not fit the holdout.
    """
    both = sorted(set(accepted) & set(pending))
    if both:
        raise BadInputError(f"proposals {both[:10]} are both accepted and pending: name each once")
    before = [accepted[key] for key in sorted(accepted)]
    logits_before = (
        train(join_rows(before)) if before else prior_logits(len(holdout.y_N), schema.num_classes)
    )
    logits_after = train(join_rows([*before, proposed]))
    losses_before_N = log_losses(logits_before, holdout.y_N)
    losses_after_N = log_losses(logits_after, holdout.y_N)
    right_before_N = logits_before.argmax(axis=1) == holdout.y_N
    right_after_N = logits_after.argmax(axis=1) == holdout.y_N
    classes_before = sum(
        (np.bincount(rows.y_N, minlength=schema.num_classes) for rows in before),
        start=np.zeros(schema.num_classes, dtype=np.int64),
    )
    classes_after = classes_before + np.bincount(proposed.y_N, minlength=schema.num_classes)
    figures = EvidenceFigures(
        num_rows=len(proposed.y_N),
        num_rows_before=sum(len(rows.y_N) for rows in before),
        num_holdout=len(holdout.y_N),
        log_loss_before=mean_loss(losses_before_N),
        log_loss_after=mean_loss(losses_after_N),
        num_right_before=int(right_before_N.sum()),
        num_right_after=int(right_after_N.sum()),
        gain=paired_gain(losses_before_N, losses_after_N),
        mcnemar=mcnemar(right_before_N, right_after_N),
        duplicates=find_duplicates(proposed, {**accepted, **pending}, schema, exempt),
        suspicion=find_suspicion(proposed, before, schema),
        classes_before=tuple(int(count) for count in classes_before),
        classes_after=tuple(int(count) for count in classes_after),
    )
    return Evaluation(figures, losses_before_N, losses_after_N)


def join_rows(sets: list[Rows]) -> Rows:
    """Rows of several sets, one after the other.

    Args:
        sets: at least one.

    Returns:
        All rows.
    """
    return Rows(
        x_NF=np.concatenate([rows.x_NF for rows in sets]),
        y_N=np.concatenate([rows.y_N for rows in sets]),
    )
