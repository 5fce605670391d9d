"""Receipts and verdicts: the blobs that transactions name, so that anybody can check them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from databright.compute_market.trusted.verifier import Reported
from databright.errors import MalformedDataError
from databright.records.strict_json import JsonValue, dumps_canonical, loads_object
from databright.units import Address, Digest

RECEIPT_KIND = "databright/receipt/v1"
VOID_KIND = "databright/void/v1"
FINAL_KIND = "databright/final/v1"
MAX_RECEIPT_BYTES = 2**20


@dataclass(frozen=True)
class Rejected:
    """A replica that was found wrong.

    Attributes:
        report: what it said.
        reason: a code of `disputes`.
        reruns: both re-runs' results.
    """

    report: Reported
    reason: str
    reruns: tuple[Digest, Digest]


@dataclass(frozen=True)
class SegmentReceipt:
    """How one segment came to its result.

    Attributes:
        segment: number.
        shard: number.
        accepted: the result.
        results: the replicas that are paid.
        rejected: replicas voided as wrong.
    """

    segment: int
    shard: int
    accepted: Digest
    results: tuple[Reported, ...]
    rejected: tuple[Rejected, ...] = field(default=())


def round_receipt(
    job: int,
    epoch: int,
    round_number: int,
    weights: tuple[Digest, Digest],
    segments: Sequence[SegmentReceipt],
) -> bytes:
    """The receipt of one round.

    Args:
        job: job id.
        epoch: the hub's epoch.
        round_number: from 0.
        weights: digests before and after the round.
        segments: those accepted by this transaction.

    Returns:
        Canonical JSON.
    """
    return dumps_canonical(
        {
            "kind": RECEIPT_KIND,
            "job": job,
            "epoch": epoch,
            "round": round_number,
            "weights_before": weights[0].hex(),
            "weights_after": weights[1].hex(),
            "segments": [
                {
                    "segment": one.segment,
                    "shard": one.shard,
                    "accepted": one.accepted.hex(),
                    "results": [_report(report) for report in one.results],
                    "rejected": [
                        {
                            **_report(bad.report),
                            "reason": bad.reason,
                            "reruns": [result.hex() for result in bad.reruns],
                        }
                        for bad in one.rejected
                    ],
                }
                for one in segments
            ],
        }
    )


def void_record(
    job: int,
    segment: int,
    report: Reported | None,
    owner: Address,
    attempt: int,
    reason: str,
    reruns: Sequence[Digest] = (),
) -> bytes:
    """Why an owner was taken off a segment.

    Args:
        job: job id.
        segment: number.
        report: what it said; None when it said nothing.
        owner: who.
        attempt: of the lease.
        reason: a code of `disputes`.
        reruns: both re-runs' results, for a wrong one.

    Returns:
        Canonical JSON.
    """
    known = report if report is not None else Reported(owner, attempt, Digest(b""), b"")
    return dumps_canonical(
        {
            "kind": VOID_KIND,
            "job": job,
            "segment": segment,
            "reason": reason,
            "reruns": [result.hex() for result in reruns],
            **_report(known),
        }
    )


def read_void(blob: bytes) -> Rejected:
    """Read back a verdict, e.g. to write it into the round's receipt after a restart.

    Args:
        blob: what `void_record` wrote.

    Returns:
        The rejected replica.

    Raises:
        MalformedDataError: another document.
    """
    fields = loads_object(blob, max_bytes=MAX_RECEIPT_BYTES)
    reruns = fields.get("reruns")
    if fields.get("kind") != VOID_KIND or not isinstance(reruns, list) or len(reruns) != 2:
        raise MalformedDataError("this blob is not the verdict on a wrong result")
    attempt = fields.get("attempt")
    report = Reported(
        owner=Address(_text(fields, "owner")),
        attempt=attempt if isinstance(attempt, int) else 0,
        commitment=Digest(bytes.fromhex(_text(fields, "commitment"))),
        signature=bytes.fromhex(_text(fields, "signature")),
        salt=bytes.fromhex(_text(fields, "salt")),
        result=Digest(bytes.fromhex(_text(fields, "result"))),
    )
    first, second = (Digest(bytes.fromhex(str(item))) for item in reruns)
    return Rejected(report, _text(fields, "reason"), (first, second))


def final_receipt(
    job: int, weights: Digest, accuracy: tuple[int, int], rounds: Sequence[Digest]
) -> bytes:
    """The receipt of a finished job.

    Args:
        job: job id.
        weights: digest of the final weights.
        accuracy: (correct, total) on the holdout.
        rounds: receipts of all rounds, in order.

    Returns:
        Canonical JSON.
    """
    return dumps_canonical(
        {
            "kind": FINAL_KIND,
            "job": job,
            "weights": weights.hex(),
            "holdout_accuracy": list(accuracy),
            "rounds": [digest.hex() for digest in rounds],
        }
    )


def _report(report: Reported) -> dict[str, object]:
    return {
        "owner": report.owner,
        "attempt": report.attempt,
        "commitment": report.commitment.hex(),
        "salt": report.salt.hex(),
        "result": report.result.hex(),
        "signature": report.signature.hex(),
    }


def _text(fields: dict[str, JsonValue], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise MalformedDataError(f"the verdict lacks the text {name!r}")
    return value
