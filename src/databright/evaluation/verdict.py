"""What the figures mean: the declared rules, with fixed thresholds, in one place.

copy       more than 20 % of the rows are copies            -> the bond is slashed
harmful    the upper 95 % bound of the gain is below -0.01  -> the bond is slashed
suspicion  more than 25 % of the labels are suspect         -> a failed check, never a slash
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from databright.evaluation.evidence import EvidenceFigures
from databright.units import MICRO_NATS

MAX_DUPLICATE_PERCENT = 20
MAX_SUSPECT_PERCENT = 25
HARM_MARGIN_NATS = 0.01
"""A loss that training noise alone can show; a smaller harm is not slashed (decision 0004)."""


@dataclass(frozen=True)
class Check:
    """One rule applied.

    Attributes:
        name: "duplicates", "harm" or "label_suspicion".
        passed: whether the proposal keeps it.
        text: the values, readable.
    """

    name: str
    passed: bool
    text: str


@dataclass(frozen=True)
class Outcome:
    """What follows for the proposal's bond, with every check.

    Attributes:
        code: "ok", "copy" or "harmful".
        copy_of: the copied proposal's id; None if the copy is within the proposal, or no copy.
        reason: the deciding values, readable.
        checks: all rules, in order.
    """

    code: str
    copy_of: int | None
    reason: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.passed for check in self.checks)


def outcome(figures: EvidenceFigures) -> Outcome:
    """Apply the rules.

    Args:
        figures: of one evaluation.

    Returns:
        The outcome; a copy comes before harm.
    """
    checks = (_duplicates(figures), _harm(figures), _suspicion(figures))
    duplicates, harm, suspicion = checks
    if not duplicates.passed:
        return Outcome("copy", figures.duplicates.worst, duplicates.text, checks)
    if not harm.passed:
        return Outcome("harmful", None, harm.text, checks)
    reason = harm.text if suspicion.passed else suspicion.text
    return Outcome("ok", None, reason, checks)


def mintable_micro_nats(figures: EvidenceFigures) -> int:
    """Shares that the gain can mint, in micro-nats per sample.

    Args:
        figures: of one evaluation.

    Returns:
        floor(gain * 10^6) of the gain's exact double if the lower 95 % bound is above zero and
        the outcome is ok, else 0.
    """
    if figures.gain.low <= 0 or outcome(figures).code != "ok":
        return 0
    return math.floor(Fraction(figures.gain.mean) * MICRO_NATS)


def _duplicates(figures: EvidenceFigures) -> Check:
    report = figures.duplicates
    num_copies = report.num_exact + report.num_near
    passed = 100 * num_copies <= MAX_DUPLICATE_PERCENT * report.num_rows
    of = f", most of proposal {report.worst}" if report.worst is not None else ""
    text = (
        f"{num_copies} of {report.num_rows} rows are copies ({report.num_exact} exact, "
        f"{report.num_near} near, {report.num_within} within itself){of}; at most "
        f"{MAX_DUPLICATE_PERCENT} % are allowed"
    )
    return Check("duplicates", passed, text)


def _harm(figures: EvidenceFigures) -> Check:
    gain = figures.gain
    text = (
        f"log-loss gain {gain.mean:+.6f} nats per sample, 95 % interval {gain.low:+.6f} to "
        f"{gain.high:+.6f}"
    )
    return Check("harm", gain.high >= -HARM_MARGIN_NATS, text)


def _suspicion(figures: EvidenceFigures) -> Check:
    report = figures.suspicion
    passed = 100 * report.num_suspect <= MAX_SUSPECT_PERCENT * report.num_rows
    text = (
        f"{report.num_suspect} of {report.num_rows} labels have no support among their nearest "
        f"neighbours; at most {MAX_SUSPECT_PERCENT} % are allowed"
    )
    return Check("label_suspicion", passed, text)
