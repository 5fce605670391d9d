"""What the hub writes on chain for one job, each step safe to repeat.

Every step first reads the chain and does nothing that is done already; a step that fails because a
twin of it was mined meanwhile (this process died between sending and hearing) counts as done.
Blobs go to the store before the transaction that names them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence

from databright.chain.bindings import Signer
from databright.chain.market_contracts import MarketContracts
from databright.compute_market.projections import JobHistory, job_of
from databright.compute_market.trusted.ledger import MarketLedger
from databright.errors import (
    BlobCorruptError,
    BlobMissingError,
    NotAuthorisedError,
    TransactionFailedError,
)
from databright.storage.base import Store
from databright.units import Address, Digest

_LOG = logging.getLogger(__name__)
MAX_BLOB_BYTES = 256 * 2**20
_FENCED = ("escrow: stale epoch", "escrow: not the hub", "escrow: job is not running")
_MAX_OWNERS = 64


def read_blob(store: Store, digest: Digest, max_bytes: int = MAX_BLOB_BYTES) -> bytes:
    """Read a blob by its SHA-256.

    Args:
        store: the content store.
        digest: the blob's hash.
        max_bytes: largest blob that is read.

    Returns:
        Its bytes.

    Raises:
        BlobMissingError: the store has no such blob.
        BlobCorruptError: its bytes do not have the hash.
    """
    cid = store.cid_of_sha256(digest)
    if cid is None:
        raise BlobMissingError(
            f"the store holds no blob with the SHA-256 {digest.hex()}: fetch it from one that does"
        )
    blob = store.get(cid, max_bytes=max_bytes)
    if hashlib.sha256(blob).digest() != digest:
        raise BlobCorruptError(f"the blob {cid} does not have the SHA-256 {digest.hex()}")
    return blob


def put_blob(store: Store, blob: bytes) -> Digest:
    """Store a blob.

    Args:
        store: the content store.
        blob: the bytes.

    Returns:
        Their SHA-256.
    """
    store.put(blob)
    return Digest(hashlib.sha256(blob).digest())


class Settlement:
    """The transactions of one job.

    Args:
        contracts: the market.
        ledger: reads its events.
        store: the content store.
        signer: the node's key.
        job: job id.
    """

    def __init__(
        self,
        contracts: MarketContracts,
        ledger: MarketLedger,
        store: Store,
        signer: Signer,
        job: int,
    ) -> None:
        self._contracts = contracts
        self._ledger = ledger
        self._store = store
        self._signer = signer
        self.job = job
        self.epoch = 0

    def history(self) -> JobHistory:
        """The job as the chain has it now.

        Returns:
            Its history.
        """
        return job_of(self._ledger.jobs(), self.job)

    def claim(self) -> int:
        """Become the job's hub; every earlier claim, ours included, loses its rights.

        Returns:
            The new epoch.

        Raises:
            TransactionFailedError: the chain does not allow it now.
            NotAuthorisedError: another node was faster.
        """
        self._contracts.escrow.transact(self._signer, "claim_hub", self.job)
        hub = self.history().hub
        if hub is None or hub[0] != self._signer.address:
            raise NotAuthorisedError(f"another node has taken job {self.job}")
        self.epoch = hub[1]
        return self.epoch

    def reserve(self, wanted: Mapping[Address, Sequence[int]]) -> None:
        """Reserve shards for owners.

        Args:
            wanted: owner -> shards.
        """
        history = self.history()
        todo = {
            owner: [s for s in shards if owner not in history.ever_on(s)]
            for owner, shards in wanted.items()
        }
        rows = [(o, sum(1 << s for s in shards)) for o, shards in todo.items() if shards]
        for start in range(0, len(rows), _MAX_OWNERS):
            part = dict(rows[start : start + _MAX_OWNERS])

            def is_done(now: JobHistory, owners: tuple[Address, ...] = tuple(part)) -> bool:
                return all(owner in now.ever_on(s) for owner in owners for s in wanted[owner])

            self._step("reserve", (list(part), list(part.values())), is_done)

    def void(self, segment: int, owner: Address, kind: int, evidence: bytes) -> None:
        """Take an owner off a segment's shard.

        Args:
            segment: the shard's segment under way.
            owner: who.
            kind: 1 wrong, 2 lost.
            evidence: the verdict's blob.
        """
        shard = segment % self.history().opened.num_shards

        def is_done(now: JobHistory) -> bool:
            return owner not in now.active.get(shard, [])

        if not is_done(self.history()):
            digest = put_blob(self._store, evidence)
            self._step("void", (segment, owner, kind, digest), is_done)

    def accept(
        self, receipt: bytes, segments: Sequence[tuple[int, Digest, Sequence[Address]]]
    ) -> None:
        """Accept segments of a round.

        Args:
            receipt: the round's receipt.
            segments: (segment, result, owners) of each; all or none are accepted already.
        """

        def is_done(now: JobHistory) -> bool:
            return all(segment in now.accepted for segment, _, _ in segments)

        if not is_done(self.history()):
            digest = put_blob(self._store, receipt)
            rows = [(segment, result, list(owners)) for segment, result, owners in segments]
            self._step("accept", (digest, rows), is_done)

    def finish(self, weights: Digest, metric_bps: int, receipt: bytes) -> None:
        """End the job.

        Args:
            weights: digest of the final weights.
            metric_bps: holdout accuracy.
            receipt: the final receipt.
        """
        if self.history().closed:
            return
        digest = put_blob(self._store, receipt)
        self._step("finish", (weights, metric_bps, digest), lambda now: now.closed)

    def _step(
        self, function: str, arguments: tuple[object, ...], is_done: Callable[[JobHistory], bool]
    ) -> None:
        try:
            self._contracts.escrow.transact(
                self._signer, function, self.job, self.epoch, *arguments
            )
        except TransactionFailedError as error:
            if is_done(self.history()):
                _LOG.info("job %d: %s was done already", self.job, function)
                return
            if any(text in f"{error.reason} {error}" for text in _FENCED):
                raise NotAuthorisedError(
                    f"this node is no longer the hub of job {self.job}: {error.reason or error}"
                ) from error
            raise
