"""The evidence policy: thresholds on published figures, declared as JSON and named by its hash.

REJECT where evaluators agree on a copy, harm or unusable rows, or where copies or label
suspicion pass their limits, or the gain's upper bound is below the harm margin; ACCEPT where
its lower bound is above zero and no check failed; else ABSTAIN.

A decision by the gain is as sure as its interval says: the gain's sign under a normal with the
interval's mean and width. One by copies, labels or an agreed outcome has a declared confidence.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from databright.data_market.oracles.base import Decision, Opinion
from databright.errors import BadInputError, MalformedDataError
from databright.records.evidence import OUTCOMES, SignedEvidence
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.units import BPS, BasisPoints, Digest

POLICY_KIND: Final = "databright/evidence-policy/v2"
_MAX_BYTES: Final = 4096
_FIELDS = {
    "kind", "harm_margin_millinats", "max_copy_percent", "max_suspect_percent",
    "check_confidence_bps",
}  # fmt: skip
_INTERVAL_WIDTH = 2 * 1.959963984540054
"""Of a 95 % interval, in standard errors."""
_MILLINATS = 1_000


@dataclass(frozen=True)
class EvidencePolicy:
    """Thresholds.

    Attributes:
        max_copy_percent: copied rows above this share are rejected, 0 to 100.
        max_suspect_percent: suspect labels above this share are rejected, 0 to 100.
        harm_margin_millinats: a gain whose upper bound is further below zero is rejected, >= 0.
        check_confidence_bps: how sure a rejection by copies, labels or an agreed outcome is,
            1/10,000.
    """

    max_copy_percent: int = 20
    max_suspect_percent: int = 25
    harm_margin_millinats: int = 10
    check_confidence_bps: int = 9_900

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense.

        Raises:
            BadInputError: a percentage below 0 or over 100, a negative margin, or a confidence
                out of range.
        """
        if not 0 <= self.check_confidence_bps <= BPS:
            raise BadInputError(f"the confidence is {self.check_confidence_bps}: use 0 to {BPS}")
        if self.harm_margin_millinats < 0:
            raise BadInputError(f"the harm margin is {self.harm_margin_millinats}: use 0 or more")
        for value in (self.max_copy_percent, self.max_suspect_percent):
            if not 0 <= value <= 100:
                raise BadInputError(f"a threshold is {value} %: use 0 to 100")

    def to_json(self) -> bytes:
        """Declare the policy.

        Returns:
            Canonical JSON.
        """
        return dumps_canonical(
            {
                "kind": POLICY_KIND,
                "harm_margin_millinats": self.harm_margin_millinats,
                "max_copy_percent": self.max_copy_percent,
                "max_suspect_percent": self.max_suspect_percent,
                "check_confidence_bps": self.check_confidence_bps,
            }
        )

    @property
    def digest(self) -> Digest:
        """SHA-256 of the declaration."""
        return Digest(hashlib.sha256(self.to_json()).digest())

    def decide(
        self, agreed: Sequence[SignedEvidence], figures: Mapping[str, JsonValue] | None
    ) -> Opinion:
        """Decide on one proposal.

        Args:
            agreed: signed evidence of k evaluators that agree; empty while there are fewer.
            figures: the figures that it names; None if unreadable.

        Returns:
            The opinion.
        """
        if not agreed:
            return self._opinion(Decision.ABSTAIN, "fewer evaluators agree than the rules demand")
        verdict = agreed[0].verdict
        if verdict.outcome:
            return self._opinion(
                Decision.REJECT,
                f"{len(agreed)} evaluators agree on {OUTCOMES[verdict.outcome]}: "
                f"{agreed[0].reason}",
            )
        if figures is None:
            return self._opinion(Decision.ABSTAIN, "the figures cannot be read")
        return self._on_figures(figures)

    def _on_figures(self, figures: Mapping[str, JsonValue]) -> Opinion:
        try:
            copies = _object(figures["duplicates"])
            suspicion = _object(figures["suspicion"])
            gain = _object(figures["gain"])
            num_rows = _number(figures["num_rows"])
            num_copies = _number(copies["num_exact"]) + _number(copies["num_near"])
            num_suspect = _number(suspicion["num_suspect"])
            low, high = _number(gain["low"]), _number(gain["high"])
        except (KeyError, MalformedDataError) as error:
            return self._opinion(Decision.ABSTAIN, f"the figures lack a value: {error}")
        interval = f"95 % interval of the gain {low:+.6f} to {high:+.6f} nats per sample"
        if 100 * num_copies > self.max_copy_percent * num_rows:
            return self._opinion(
                Decision.REJECT,
                f"{num_copies:g} of {num_rows:g} rows are copies, at most "
                f"{self.max_copy_percent} % are allowed",
            )
        if 100 * num_suspect > self.max_suspect_percent * num_rows:
            return self._opinion(
                Decision.REJECT,
                f"{num_suspect:g} of {num_rows:g} labels are suspect, at most "
                f"{self.max_suspect_percent} % are allowed",
            )
        if high < -self.harm_margin_millinats / _MILLINATS:
            sure = _confidence_of_gain(-high, -low)
            return self._opinion(Decision.REJECT, f"the data harms: {interval}", sure)
        if low > 0:
            sure = _confidence_of_gain(low, high)
            return self._opinion(Decision.ACCEPT, f"the data helps: {interval}", sure)
        return self._opinion(Decision.ABSTAIN, f"no clear gain or harm: {interval}")

    def _opinion(self, decision: Decision, reason: str, sure: int | None = None) -> Opinion:
        if decision is Decision.ABSTAIN:
            return Opinion(decision, BasisPoints(0), reason, self.digest)
        confidence = self.check_confidence_bps if sure is None else sure
        return Opinion(decision, BasisPoints(confidence), reason, self.digest)


def _confidence_of_gain(low: float, high: float) -> int:
    """How probable a gain above zero is, 1/10,000, rounded down."""
    error = (high - low) / _INTERVAL_WIDTH
    mean = (low + high) / 2
    if error <= 0:
        return BPS if mean > 0 else 0
    return math.floor(BPS * (1 + math.erf(mean / error / math.sqrt(2))) / 2)


def open_policy(settings: bytes | None) -> EvidencePolicy:
    """Read a declared policy.

    Args:
        settings: its JSON; the default thresholds when None.

    Returns:
        The policy.

    Raises:
        MalformedDataError: another document.
        BadInputError: a threshold out of range.
    """
    if settings is None:
        return EvidencePolicy()
    fields = loads_object(settings, max_bytes=_MAX_BYTES, max_depth=1)
    if set(fields) != _FIELDS or fields["kind"] != POLICY_KIND:
        raise MalformedDataError(
            f"a policy of kind {POLICY_KIND} has exactly the fields {', '.join(sorted(_FIELDS))}"
        )
    copies, suspects = fields["max_copy_percent"], fields["max_suspect_percent"]
    margin, sure = fields["harm_margin_millinats"], fields["check_confidence_bps"]
    if type(copies) is not int or type(suspects) is not int:
        raise MalformedDataError("the thresholds of a policy are whole numbers")
    if type(margin) is not int or type(sure) is not int:
        raise MalformedDataError("margin and confidence of a policy are whole numbers")
    return EvidencePolicy(copies, suspects, margin, sure)


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise MalformedDataError(f"{str(value)[:40]!r} is no object")
    return value


def _number(value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedDataError(f"{str(value)[:40]!r} is no number")
    return value
