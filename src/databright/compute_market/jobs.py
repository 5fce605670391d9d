"""What a job is, which ways it and its segments may go, and how a result is committed to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from databright.errors import BadInputError
from databright.programs.numeric_profile import PROFILE
from databright.programs.schedule import MAX_DRAWS
from databright.records.datasets import digest_field, int_field, read_document
from databright.records.signatures import Domain, Message, SignsMessages, check_signer, sign
from databright.records.strict_json import dumps_canonical
from databright.units import BPS, Address, BasisPoints, Digest

KIND: Final = "databright/job/v1"
RESULT_TAG: Final = b"databright/result/v1"
NUMERIC_CLASS: Final = Digest(hashlib.sha256(PROFILE.name.encode()).digest())
"""The one numeric class of this version, as workers register it."""
MAX_SHARDS: Final = 64
MAX_ROUNDS: Final = 1_024
MAX_REPLICAS: Final = 5
MAX_STEPS: Final = 100_000
MAX_SEED: Final = 2**64 - 1
JOB_FIELDS: Final = (
    "buyer",
    "spec",
    "data_fee",
    "compute_left",
    "reserve_left",
    "chain_left",
    "pot",
    "pot_held",
    "reserve_held",
    "buyer_due",
    "hub",
    "epoch",
    "claimed_at",
    "last_active",
    "accepted",
    "status",
    "weights",
    "metric_bps",
    "funded_at",
)
"""Fields of the escrow's Job struct, in order."""
SPEC_FIELDS: Final = (
    "dataset",
    "snapshot",
    "program",
    "spec",
    "num_shards",
    "num_rounds",
    "replicas",
    "cap_bps",
    "segment_price",
    "reserve",
    "node_fee",
    "chain_fee",
    "chain_price",
    "silence",
)
"""Fields of the escrow's JobSpec struct, in order."""
_FIELDS = (
    "dataset",
    "snapshot",
    "program",
    "weights",
    "seed",
    "num_shards",
    "num_rounds",
    "steps",
    "replicas",
    "cap_bps",
    "request",
)


class JobState(StrEnum):
    """Where a job stands on chain: status 1 to 4 in this order."""

    FUNDED = "funded"
    RUNNING = "running"
    FINISHED = "finished"
    CLOSED = "closed"  # refunded or cancelled


JOB_TRANSITIONS: Final[Mapping[JobState, frozenset[JobState]]] = MappingProxyType(
    {
        JobState.FUNDED: frozenset({JobState.RUNNING, JobState.CLOSED}),
        JobState.RUNNING: frozenset({JobState.FINISHED, JobState.CLOSED}),
        JobState.FINISHED: frozenset(),
        JobState.CLOSED: frozenset(),
    }
)
"""The first reservation starts a job; a buyer closes one that nobody works on."""


class SegmentState(StrEnum):
    """Where a segment of a round stands at the hub."""

    PLANNED = "planned"
    LEASED = "leased"
    COMMITTED = "committed"
    REVEALED = "revealed"
    DISPUTED = "disputed"
    ACCEPTED = "accepted"


SEGMENT_TRANSITIONS: Final[Mapping[SegmentState, frozenset[SegmentState]]] = MappingProxyType(
    {
        SegmentState.PLANNED: frozenset({SegmentState.LEASED}),
        # An owner that is lost or barred leaves a gap: the segment is planned again.
        SegmentState.LEASED: frozenset({SegmentState.COMMITTED, SegmentState.PLANNED}),
        SegmentState.COMMITTED: frozenset({SegmentState.REVEALED, SegmentState.PLANNED}),
        SegmentState.REVEALED: frozenset(
            {SegmentState.ACCEPTED, SegmentState.DISPUTED, SegmentState.PLANNED}
        ),
        SegmentState.DISPUTED: frozenset({SegmentState.PLANNED, SegmentState.ACCEPTED}),
        SegmentState.ACCEPTED: frozenset(),
    }
)
"""An accepted segment never moves again; everything before may fall back to planned."""


@dataclass(frozen=True)
class JobSpec:
    """What is trained on what, as the job spec blob says it.

    Attributes:
        dataset: dataset id.
        snapshot: its version, from 1.
        program: digest of the op-list JSON.
        weights: digest of the blob of initial weights.
        seed: of shards and batches, 0 to 2**64 - 1.
        num_shards: pieces of the rows, 1 to 64.
        num_rounds: times that all shards are trained and averaged, 1 to 1,024.
        steps: local steps of a segment, 1 to 100,000.
        replicas: owners that compute each segment, 1 to 5.
        cap_bps: share of the snapshot that one owner may see through this job.
        request: the request whose holdout measures the result.
    """

    dataset: int
    snapshot: int
    program: Digest
    weights: Digest
    seed: int
    num_shards: int
    num_rounds: int
    steps: int
    replicas: int
    cap_bps: BasisPoints
    request: int

    def __post_init__(self) -> None:
        """Refuse a job that nobody could run.

        Raises:
            BadInputError: a number is out of range.
        """
        for name, low, high in (
            ("dataset", 1, 2**256 - 1),
            ("snapshot", 1, 2**256 - 1),
            ("seed", 0, MAX_SEED),
            ("num_shards", 1, MAX_SHARDS),
            ("num_rounds", 1, MAX_ROUNDS),
            ("steps", 1, MAX_STEPS),
            ("replicas", 1, MAX_REPLICAS),
            ("cap_bps", 1, BPS),
            ("request", 1, 2**256 - 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInputError(f"the job's {name} is {value}: use {low} to {high}")

    @property
    def num_segments(self) -> int:
        """Segments of the whole job."""
        return self.num_shards * self.num_rounds

    def to_json(self) -> bytes:
        """Write the spec.

        Returns:
            Canonical JSON.
        """
        fields: dict[str, object] = {"kind": KIND}
        for name in _FIELDS:
            value = getattr(self, name)
            fields[name] = value.hex() if isinstance(value, bytes) else value
        return dumps_canonical(fields)

    @classmethod
    def from_json(cls, blob: bytes) -> JobSpec:
        """Read a spec that a stranger wrote.

        Args:
            blob: canonical JSON.

        Returns:
            The spec.

        Raises:
            MalformedDataError: another document.
            BadInputError: a number out of range.
        """
        fields = read_document(blob, KIND, set(_FIELDS))
        values: dict[str, Any] = {
            name: digest_field(fields, name)
            if name in ("program", "weights")
            else int_field(fields, name)
            for name in _FIELDS
        }
        return cls(**values)


def check_draws(spec: JobSpec, batch_size: int) -> None:
    """Refuse segments so long that a hub could not hold the batches of a round.

    Args:
        spec: the job.
        batch_size: rows of a batch, as its program says.

    Raises:
        BadInputError: more rows are drawn in a round than one blob of batches may hold.
    """
    draws = spec.steps * batch_size * spec.num_shards
    if draws > MAX_DRAWS:
        raise BadInputError(
            f"{spec.num_shards} shards of {spec.steps} steps of {batch_size} rows draw {draws} "
            f"rows a round: at most {MAX_DRAWS}, make segments shorter and rounds more"
        )


def segment_number(spec: JobSpec, round_number: int, shard: int) -> int:
    """Number of a segment within its job.

    Args:
        spec: the job.
        round_number: from 0.
        shard: from 0.

    Returns:
        round * num_shards + shard.
    """
    return round_number * spec.num_shards + shard


def result_commitment(result: Digest, salt: bytes, owner: Address) -> Digest:
    """What an owner commits to before any replica is revealed, so that none can be copied.

    Args:
        result: SHA-256 of the weights blob.
        salt: 32 random bytes.
        owner: whose result it is.

    Returns:
        The commitment.

    Raises:
        BadInputError: a part of the wrong length.
    """
    if len(result) != 32 or len(salt) != 32:
        raise BadInputError(f"result and salt take 32 bytes, got {len(result)} and {len(salt)}")
    return Digest(hashlib.sha256(RESULT_TAG + result + salt + bytes.fromhex(owner[2:])).digest())


def sign_commit(
    key: SignsMessages, domain: Domain, job: int, segment: int, attempt: int, commitment: Digest
) -> bytes:
    """Sign a commitment as EIP-712 `Commit`.

    Args:
        key: the owner's key.
        domain: chain and JobEscrow.
        job: job id.
        segment: segment number.
        attempt: from 0.
        commitment: `result_commitment`.

    Returns:
        65 bytes, r | s | v.
    """
    return sign(key, domain, _commit_message((job, segment, attempt), commitment))


def check_commit(
    signature: bytes,
    owner: Address,
    domain: Domain,
    numbers: tuple[int, int, int],
    commitment: Digest,
) -> None:
    """Check who signed a commitment.

    Args:
        signature: 65 bytes.
        owner: who should have.
        domain: chain and JobEscrow.
        numbers: job, segment, attempt.
        commitment: what was signed.

    Raises:
        NotAuthorisedError: somebody else, or no signature at all.
    """
    what = f"the commitment to segment {numbers[1]}"
    check_signer(signature, owner, domain, _commit_message(numbers, commitment), what)


def _commit_message(numbers: tuple[int, int, int], commitment: Digest) -> Message:
    names = ("job", "segment", "attempt")
    fields = (*((name, "uint256") for name in names), ("commitment", "bytes32"))
    values: dict[str, object] = dict(zip(names, numbers, strict=True))
    return Message("Commit", fields, {**values, "commitment": bytes(commitment)})
