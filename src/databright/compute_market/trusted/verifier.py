"""The book of one segment: who committed to what, who revealed what, and whether all agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from databright.compute_market.jobs import (
    SEGMENT_TRANSITIONS,
    SegmentState,
    check_commit,
    result_commitment,
)
from databright.errors import NotAuthorisedError, ProtocolError
from databright.records.signatures import Domain
from databright.units import Address, Digest

NO_RESULT = Digest(b"")
"""What stands for a result that is not revealed yet."""


@dataclass(frozen=True)
class Reported:
    """One replica's result, as it goes into a receipt.

    Attributes:
        owner: who computed it.
        attempt: number of the attempt.
        commitment: what it committed to before any replica was revealed.
        signature: EIP-712 `Commit`.
        salt: of the commitment; empty until revealed.
        result: SHA-256 of the weights blob; empty until revealed.
    """

    owner: Address
    attempt: int
    commitment: Digest
    signature: bytes
    salt: bytes = b""
    result: Digest = NO_RESULT


@dataclass
class SegmentBook:
    """Commitments and reveals of one segment.

    Attributes:
        job: job id.
        segment: segment number.
        domain: where signatures hold.
        state: where the segment stands.
        owners: its owners now.
        reports: what each has said so far.
    """

    job: int
    segment: int
    domain: Domain
    state: SegmentState = SegmentState.PLANNED
    owners: tuple[Address, ...] = ()
    reports: dict[Address, Reported] = field(default_factory=dict)

    def move(self, state: SegmentState) -> None:
        """Go to another state.

        Args:
            state: the next one.

        Raises:
            ProtocolError: the transition table has no such way.
        """
        if state == self.state:
            return
        if state not in SEGMENT_TRANSITIONS[self.state]:
            raise ProtocolError(
                f"segment {self.segment} of job {self.job} cannot go from {self.state} to {state}"
            )
        self.state = state

    def lease(self, owners: Iterable[Address]) -> None:
        """Set who computes the segment; reports of those who no longer do are dropped.

        Args:
            owners: all owners of its shard now.
        """
        self.owners = tuple(owners)
        self.reports = {o: r for o, r in self.reports.items() if o in self.owners}
        if self.state != SegmentState.PLANNED:
            self.move(SegmentState.PLANNED)
        self.move(SegmentState.LEASED)
        self._advance()

    def commit(self, owner: Address, attempt: int, commitment: Digest, signature: bytes) -> None:
        """Take a commitment.

        Args:
            owner: whose.
            attempt: of its lease.
            commitment: `jobs.result_commitment`.
            signature: EIP-712 `Commit`.

        Raises:
            NotAuthorisedError: no owner of the segment, or another's signature.
            ProtocolError: it has committed to something else before.
        """
        if owner not in self.owners:
            raise NotAuthorisedError(f"{owner} has no lease of segment {self.segment}")
        before = self.reports.get(owner)
        differs = before is not None and before.commitment != commitment
        if differs and self.state != SegmentState.LEASED:
            raise ProtocolError(f"{owner} commits twice to segment {self.segment}")
        check_commit(signature, owner, self.domain, (self.job, self.segment, attempt), commitment)
        if before is None or before.commitment != commitment:
            self.reports[owner] = Reported(owner, attempt, commitment, signature)
        self._advance()

    def reveal(self, owner: Address, salt: bytes, result: Digest) -> None:
        """Take a reveal.

        Args:
            owner: whose.
            salt: 32 bytes.
            result: SHA-256 of the weights blob.

        Raises:
            ProtocolError: not all replicas have committed yet, or the reveal is not what was
                committed to.
        """
        report = self.reports.get(owner)
        if report is None or self.state in (SegmentState.PLANNED, SegmentState.LEASED):
            raise ProtocolError(f"{owner} reveals segment {self.segment} too early")
        if len(salt) != 32 or len(result) != 32:
            raise ProtocolError("a reveal takes a salt and a result of 32 bytes each")
        if result_commitment(result, salt, owner) != report.commitment:
            raise ProtocolError(
                f"{owner} reveals another result of segment {self.segment} than it committed to"
            )
        self.reports[owner] = Reported(
            owner, report.attempt, report.commitment, report.signature, salt, result
        )
        self._advance()

    def results(self) -> Mapping[Address, Digest]:
        """Revealed results.

        Returns:
            Owner -> result, in the order of owners.
        """
        return {
            owner: self.reports[owner].result
            for owner in self.owners
            if owner in self.reports and self.reports[owner].result
        }

    @property
    def is_committed(self) -> bool:
        """Whether all owners have committed."""
        return bool(self.owners) and all(owner in self.reports for owner in self.owners)

    @property
    def is_revealed(self) -> bool:
        """Whether all owners have revealed."""
        return bool(self.owners) and len(self.results()) == len(self.owners)

    def _advance(self) -> None:
        if self.state == SegmentState.LEASED and self.is_committed:
            self.move(SegmentState.COMMITTED)
        if self.state == SegmentState.COMMITTED and self.is_revealed:
            self.move(SegmentState.REVEALED)
