"""Signing verdicts (EIP-712) and finding the set of signatures that settles a proposal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.exceptions import BadSignature, ValidationError

from databright.errors import BadInputError
from databright.records.evidence import SignedEvidence, Verdict
from databright.units import Address

_TYPES = {
    "Verdict": [
        {"name": "proposal", "type": "uint256"},
        {"name": "base", "type": "uint256"},
        {"name": "holdout_epoch", "type": "uint256"},
        {"name": "outcome", "type": "uint256"},
        {"name": "copy_of", "type": "uint256"},
        {"name": "amount", "type": "uint256"},
        {"name": "evidence", "type": "bytes32"},
    ]
}


@dataclass(frozen=True)
class VerdictDomain:
    """Where a signed verdict counts: on one chain, at one contract.

    Attributes:
        chain_id: EIP-155 chain id.
        association: address of the DataAssociation.
    """

    chain_id: int
    association: Address

    def message(self, verdict: Verdict) -> Any:  # noqa: ANN401 - eth-account's own message type
        """The EIP-712 message of a verdict.

        Args:
            verdict: what is signed.

        Returns:
            A signable message.
        """
        return encode_typed_data(
            domain_data={
                "name": "DataBright",
                "version": "1",
                "chainId": self.chain_id,
                "verifyingContract": self.association,
            },
            message_types=_TYPES,
            message_data={
                "proposal": verdict.proposal,
                "base": verdict.base,
                "holdout_epoch": verdict.holdout_epoch,
                "outcome": verdict.outcome,
                "copy_of": verdict.copy_of,
                "amount": verdict.amount,
                "evidence": verdict.evidence,
            },
        )

    def sign(self, verdict: Verdict, reason: str, private_key: bytes) -> SignedEvidence:
        """Sign a verdict.

        Args:
            verdict: what is signed.
            reason: why, a sentence with the values.
            private_key: secp256k1 key of the evaluator, 32 bytes.

        Returns:
            The evidence to publish.
        """
        signed = Account.sign_message(self.message(verdict), private_key)
        evaluator = Address(str(Account.from_key(private_key).address))
        return SignedEvidence(verdict, reason, evaluator, bytes(signed.signature))

    def is_signed(self, evidence: SignedEvidence) -> bool:
        """Whether the named evaluator signed this very verdict for this very contract.

        Args:
            evidence: published evidence.

        Returns:
            True when the signature recovers to the evaluator's address.
        """
        try:
            signer = Account.recover_message(
                self.message(evidence.verdict), signature=evidence.signature
            )
        except (BadSignature, ValidationError, ValueError):
            return False
        return str(signer) == evidence.evaluator


def agreeing(
    published: Iterable[SignedEvidence], evaluators: Sequence[Address], threshold: int, base: int
) -> list[SignedEvidence]:
    """The evidence that settles a proposal: k evaluators with the same verdict on one base.

    Args:
        published: evidence with valid signatures, in order of publication.
        evaluators: the dataset's evaluators.
        threshold: k, >= 1.
        base: the snapshot number that the verdict must be measured on.

    Returns:
        Exactly k pieces by k evaluators, ascending by address as the contract wants them; empty
        when no verdict has k yet. Of several verdicts the first to be completed counts.

    Raises:
        BadInputError: the threshold is not positive.
    """
    if threshold < 1:
        raise BadInputError(f"the threshold is {threshold}: it must be at least 1")
    groups: dict[Verdict, dict[Address, SignedEvidence]] = {}
    for evidence in published:
        if evidence.verdict.base != base or evidence.evaluator not in evaluators:
            continue
        group = groups.setdefault(evidence.verdict, {})
        group.setdefault(evidence.evaluator, evidence)
        if len(group) == threshold:
            return sorted(group.values(), key=lambda item: int(item.evaluator, 16))
    return []
