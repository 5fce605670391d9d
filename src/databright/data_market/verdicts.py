"""Signing verdicts (EIP-712) and finding the set of signatures that settles a proposal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eth_account import Account

from databright.errors import BadInputError, NotAuthorisedError
from databright.records.evidence import SignedEvidence, Verdict
from databright.records.signatures import Domain, Message, check_signer, sign
from databright.units import Address

_FIELDS = (
    ("proposal", "uint256"),
    ("base", "uint256"),
    ("holdout_epoch", "uint256"),
    ("outcome", "uint256"),
    ("copy_of", "uint256"),
    ("amount", "uint256"),
    ("evidence", "bytes32"),
)


@dataclass(frozen=True)
class VerdictDomain:
    """Where a signed verdict counts: on one chain, at one contract.

    Attributes:
        chain_id: EIP-155 chain id.
        association: address of the DataAssociation.
    """

    chain_id: int
    association: Address

    def sign(self, verdict: Verdict, reason: str, private_key: bytes) -> SignedEvidence:
        """Sign a verdict.

        Args:
            verdict: what is signed.
            reason: why, a sentence with the values.
            private_key: secp256k1 key of the evaluator, 32 bytes.

        Returns:
            The evidence to publish.
        """
        key = Account.from_key(private_key)
        signature = sign(key, self._domain, _message(verdict))
        return SignedEvidence(verdict, reason, Address(str(key.address)), signature)

    def is_signed(self, evidence: SignedEvidence) -> bool:
        """Whether the named evaluator signed this very verdict for this very contract.

        Args:
            evidence: published evidence.

        Returns:
            True when the signature recovers to the evaluator's address.
        """
        try:
            check_signer(
                evidence.signature,
                evidence.evaluator,
                self._domain,
                _message(evidence.verdict),
                f"evidence on proposal {evidence.verdict.proposal}",
            )
        except NotAuthorisedError:
            return False
        return True

    @property
    def _domain(self) -> Domain:
        return Domain(self.chain_id, self.association)


def _message(verdict: Verdict) -> Message:
    values = {name: getattr(verdict, name) for name, _ in _FIELDS}
    return Message("Verdict", _FIELDS, values)


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
