"""Signing verdicts (EIP-712) and finding the set of signatures that settles a proposal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eth_account import Account

from databright.errors import BadInputError, NotAuthorisedError
from databright.records.evidence import SignedEvidence, Verdict
from databright.records.signatures import Domain, Message, check_signer, sign
from databright.units import Address, Seconds

_M20 = 2**20 - 1
_M40 = 2**40 - 1
_POSTED = 104
_FIELDS = (
    ("proposal", "uint256"),
    ("commitment", "bytes32"),
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
        contract: address of the Verdicts.
    """

    chain_id: int
    contract: Address

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
        return Domain(self.chain_id, self.contract)


@dataclass(frozen=True)
class Mark:
    """What the Verdicts keep of a proposal.

    Attributes:
        is_pending: whether it is challenged now, so that nothing is executed.
        was_challenged: whether it was challenged, now or earlier: it cannot be again.
        is_measured: whether evidence is published on it.
        decided_at: chain time at which its challenge was decided; 0 = never.
        posted_at: chain time at which a verdict was posted; 0 = none is.
        posted_base: snapshot that the posted verdict is about; another one on it cannot be posted.
        posted: the high 152 bits of the posted verdict's digest.
    """

    is_pending: bool = False
    was_challenged: bool = False
    is_measured: bool = False
    decided_at: Seconds = Seconds(0)
    posted_at: Seconds = Seconds(0)
    posted_base: int = 0
    posted: int = 0

    @classmethod
    def from_word(cls, word: int) -> Mark:
        """Read the contract's word.

        Args:
            word: `Verdicts.marks` of the proposal.

        Returns:
            The mark.
        """
        return cls(
            is_pending=bool(word & 1),
            was_challenged=bool(word & 2),
            is_measured=bool(word & 4),
            decided_at=Seconds((word >> 3) & _M40),
            posted_at=Seconds((word >> 43) & _M40),
            posted_base=(word >> 83) & _M20,
            posted=word >> _POSTED,
        )


def shown(digest: bytes) -> int:
    """What a mark keeps of a posted verdict.

    Args:
        digest: `Verdicts.verdict_digest`, 32 bytes.

    Returns:
        Its high 152 bits.
    """
    return int.from_bytes(digest, "big") >> _POSTED


def _message(verdict: Verdict) -> Message:
    values = {name: getattr(verdict, name) for name, _ in _FIELDS}
    return Message("Verdict", _FIELDS, values)


def agreeing(
    published: Iterable[SignedEvidence], evaluators: Sequence[Address], threshold: int, base: int
) -> list[list[SignedEvidence]]:
    """The evidence that settles a proposal: k evaluators with the same verdict on one base.

    Args:
        published: evidence with valid signatures, in order of publication.
        evaluators: those whose signatures count.
        threshold: k, >= 1.
        base: the snapshot number that the verdict must be measured on.

    Returns:
        For each verdict that k evaluators signed, in the order in which they were completed:
        exactly k pieces by k evaluators, ascending by address as the contract wants them.

    Raises:
        BadInputError: the threshold is not positive.
    """
    if threshold < 1:
        raise BadInputError(f"the threshold is {threshold}: it must be at least 1")
    groups: dict[Verdict, dict[Address, SignedEvidence]] = {}
    found: list[list[SignedEvidence]] = []
    for evidence in published:
        if evidence.verdict.base != base or evidence.evaluator not in evaluators:
            continue
        group = groups.setdefault(evidence.verdict, {})
        if len(group) < threshold and evidence.evaluator not in group:
            group[evidence.evaluator] = evidence
            if len(group) == threshold:
                found.append(sorted(group.values(), key=lambda item: int(item.evaluator, 16)))
    return found
