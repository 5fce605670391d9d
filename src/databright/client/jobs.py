"""Jobs as a buyer sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from databright.units import Address, Amount, Digest

STATUSES: Final = ("none", "funded", "running", "finished", "refunded")
DEFAULT_SILENCE_S: Final = 600


@dataclass(frozen=True)
class JobDraft:
    """A job that a buyer wants.

    Attributes:
        dataset: id of the dataset.
        request: the request whose holdout measures the result.
        num_shards: pieces of the rows.
        num_rounds: times that all shards are trained and averaged.
        steps: local steps of a segment.
        replicas: owners that compute each segment.
        cap_bps: share of the data that one owner may see; the dataset's cap when None.
        segment_price: the most for one replica of one segment; by the owners' fees when None.
        node_fee: for the node's operator.
        chain_fee: repays the node's transactions, while it lasts.
        chain_price: repaid for one transaction.
        silence_s: seconds without activity after which another node may take over.
        seed: of shards and batches.
        snapshot: the dataset's version; the newest when None.
        program: digest of the program; the dataset's own when None.
        weights: digest of its initial weights; the dataset's own when None.
    """

    dataset: int
    request: int
    num_shards: int
    num_rounds: int
    steps: int
    replicas: int = 3
    cap_bps: int | None = None
    segment_price: Amount | None = None
    node_fee: Amount = Amount(0)
    chain_fee: Amount = Amount(0)
    chain_price: Amount = Amount(0)
    silence_s: int = DEFAULT_SILENCE_S
    seed: int = 0
    snapshot: int | None = None
    program: Digest | None = None
    weights: Digest | None = None


@dataclass(frozen=True)
class Job:
    """One job as the escrow shows it.

    Attributes:
        id: from 1.
        buyer: who funded it.
        dataset: id of the dataset.
        snapshot: its version.
        program: digest of the program.
        spec: digest of the job spec.
        num_shards: pieces of the rows.
        num_rounds: rounds.
        replicas: owners of a segment.
        cap_bps: exposure cap.
        segment_price: the most for one replica of one segment.
        status: 1 funded, 2 running, 3 finished, 4 refunded.
        accepted: segments accepted so far.
        hub: the node that schedules it; the zero address before.
        compute_left: what is left of the compute line.
        reserve_left: what is left of the reserve.
        chain_left: what is left for transactions.
        weights: digest of the result; zeros before.
        metric_bps: accuracy on the holdout.
    """

    id: int
    buyer: Address
    dataset: int
    snapshot: int
    program: Digest
    spec: Digest
    num_shards: int
    num_rounds: int
    replicas: int
    cap_bps: int
    segment_price: Amount
    status: int
    accepted: int
    hub: Address
    compute_left: Amount
    reserve_left: Amount
    chain_left: Amount
    weights: Digest
    metric_bps: int

    @property
    def status_name(self) -> str:
        """The status as a word."""
        return STATUSES[self.status] if self.status < len(STATUSES) else "unknown"

    @property
    def is_over(self) -> bool:
        """Whether it is finished or refunded."""
        return self.status_name in {"finished", "refunded"}
