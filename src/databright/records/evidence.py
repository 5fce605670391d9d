"""What evaluators sign about a proposal, and the documents that surround it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import (
    MAX_TEXT,
    check_text,
    digest_field,
    int_field,
    read_document,
    text_field,
)
from databright.records.strict_json import JsonValue, dumps_canonical
from databright.units import Address, Digest

EVIDENCE_KIND: Final = "databright/evidence/v1"
REVEAL_KIND: Final = "databright/holdout-reveal/v1"
OUTCOME_OK: Final = 0
OUTCOME_COPY: Final = 1
OUTCOME_HARMFUL: Final = 2
OUTCOME_FRAUD: Final = 3
OUTCOMES: Final = ("ok", "copy", "harmful", "fraud")
"""Names of the outcome codes of contract and signature."""
_MAX_UINT256 = 2**256 - 1
_SIGNATURE_BYTES = 65
_VERDICT_FIELDS = {
    "proposal", "commitment", "base", "holdout_epoch", "outcome", "copy_of", "amount",
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What k evaluators must sign alike.

    Attributes:
        proposal: the proposal's id.
        commitment: to its terms, 32 bytes: in a reorganised chain another one may get the id.
        base: number of the snapshot that it was measured on; 0 = empty dataset.
        holdout_epoch: 1 until holdouts rotate.
        outcome: 0 ok, 1 copy, 2 harmful, 3 fraud or licence breach.
        copy_of: id of the copied proposal; 0 = none.
        amount: shares to mint, micro-nats of gain.
        evidence: digest of the figures.
    """

    proposal: int
    commitment: Digest
    base: int
    holdout_epoch: int
    outcome: int
    copy_of: int
    amount: int
    evidence: Digest

    def __post_init__(self) -> None:
        """Refuse a verdict that the contract could not hold.

        Raises:
            BadInputError: a number out of range, or a digest of another length.
        """
        numbers = (self.proposal, self.base, self.holdout_epoch, self.copy_of, self.amount)
        if any(not 0 <= number <= _MAX_UINT256 for number in numbers):
            raise BadInputError(f"a verdict's numbers are unsigned 256-bit integers, got {numbers}")
        if not 0 <= self.outcome < len(OUTCOMES):
            raise BadInputError(f"outcome {self.outcome} is unknown: use 0 to {len(OUTCOMES) - 1}")
        if len(self.evidence) != 32 or len(self.commitment) != 32:
            raise BadInputError("a verdict names its figures and terms by digests of 32 bytes")

    def to_struct(self) -> tuple[object, ...]:
        """The verdict as `execute` takes it.

        Returns:
            Values in the order of the contract's struct, without the proposal and its commitment.
        """
        return (
            self.base,
            self.holdout_epoch,
            self.outcome,
            self.copy_of,
            self.amount,
            self.evidence,
        )


@dataclass(frozen=True)
class SignedEvidence:
    """One evaluator's signed verdict, as published.

    Attributes:
        verdict: what it signs.
        reason: why, a sentence with the values; not part of the signature.
        evaluator: address of the signer.
        signature: EIP-712 signature of the verdict, 65 bytes.
    """

    verdict: Verdict
    reason: str
    evaluator: Address
    signature: bytes

    def to_json(self) -> bytes:
        """Write the evidence.

        Returns:
            Canonical JSON.
        """
        verdict = self.verdict
        return dumps_canonical(
            {
                "kind": EVIDENCE_KIND,
                "figures": verdict.evidence.hex(),
                "verdict": {
                    "proposal": verdict.proposal,
                    "commitment": verdict.commitment.hex(),
                    "base": verdict.base,
                    "holdout_epoch": verdict.holdout_epoch,
                    "outcome": verdict.outcome,
                    "copy_of": verdict.copy_of,
                    "amount": str(verdict.amount),
                },
                "reason": self.reason,
                "evaluator": self.evaluator,
                "signature": self.signature.hex(),
            }
        )

    @classmethod
    def from_json(cls, blob: bytes) -> SignedEvidence:
        """Read evidence that a stranger may have written; the signature is not checked here.

        Args:
            blob: canonical JSON, at most 64 KiB.

        Returns:
            The evidence.

        Raises:
            MalformedDataError: another document.
            BadInputError: a value out of range.
        """
        fields = read_document(
            blob, EVIDENCE_KIND, {"figures", "verdict", "reason", "evaluator", "signature"}
        )
        inner = fields["verdict"]
        if not isinstance(inner, dict) or set(inner) != _VERDICT_FIELDS:
            raise MalformedDataError(f"a verdict has the fields {', '.join(_VERDICT_FIELDS)}")
        amount = text_field(inner, "amount")
        signature = text_field(fields, "signature")
        if not amount.isascii() or not amount.isdigit() or len(amount) > 78:
            raise MalformedDataError(f"amount is {amount[:80]!r}, not a decimal number")
        if len(signature) != 2 * _SIGNATURE_BYTES or any(
            letter not in "0123456789abcdef" for letter in signature
        ):
            raise MalformedDataError("a signature is 65 bytes in lower-case hex")
        check_text("reason", text_field(fields, "reason"), MAX_TEXT, empty=True)
        return cls(
            verdict=Verdict(
                proposal=int_field(inner, "proposal"),
                commitment=digest_field(inner, "commitment"),
                base=int_field(inner, "base"),
                holdout_epoch=int_field(inner, "holdout_epoch"),
                outcome=int_field(inner, "outcome"),
                copy_of=int_field(inner, "copy_of"),
                amount=int(amount),
                evidence=digest_field(fields, "figures"),
            ),
            reason=text_field(fields, "reason"),
            evaluator=Address(text_field(fields, "evaluator")),
            signature=bytes.fromhex(signature),
        )


@dataclass(frozen=True)
class Evaluation:
    """One measurement, named by the blobs that make it redoable.

    Attributes:
        proposal: the proposal's id.
        figures: digest of the figures' JSON.
        losses_before: digest of the per-sample losses before.
        losses_after: digest of the per-sample losses after.
    """

    proposal: int
    figures: Digest
    losses_before: Digest
    losses_after: Digest


@dataclass(frozen=True)
class HoldoutReveal:
    """A retired holdout: everything that was secret about it.

    Attributes:
        request: the request's id.
        salt: salt of the commitment on chain, 32 bytes.
        rows: digest of the plain rows blob.
        evaluations: every measurement made with it.
    """

    request: int
    salt: bytes
    rows: Digest
    evaluations: Sequence[Evaluation]

    def to_json(self) -> bytes:
        """Write the reveal.

        Returns:
            Canonical JSON.
        """
        evaluations: list[JsonValue] = [
            {
                "proposal": item.proposal,
                "figures": item.figures.hex(),
                "losses_before": item.losses_before.hex(),
                "losses_after": item.losses_after.hex(),
            }
            for item in self.evaluations
        ]
        return dumps_canonical(
            {
                "kind": REVEAL_KIND,
                "request": self.request,
                "salt": self.salt.hex(),
                "rows": self.rows.hex(),
                "evaluations": evaluations,
            }
        )
