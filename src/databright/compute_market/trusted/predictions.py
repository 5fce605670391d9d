"""Leases of paid predictions: one worker computes, the next is asked when it does not answer."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator

from databright.compute_market.jobs import NUMERIC_CLASS
from databright.compute_market.trusted.dispatch import PREDICT, Work
from databright.compute_market.trusted.scheduler import HubParts
from databright.transport import hub_pb2
from databright.units import Address, Amount, Digest

_LOG = logging.getLogger(__name__)


class PredictionLeases:
    """Asks connected workers for logits.

    Args:
        parts: what the hub works with.
        timeout_s: longest wait for one worker.
    """

    def __init__(self, parts: HubParts, timeout_s: float = 20.0) -> None:
        self._parts = parts
        self._timeout_s = timeout_s

    def compute(
        self, prediction: int, program: bytes, weights: bytes, samples: bytes, price: Amount
    ) -> Iterator[tuple[Address, Amount, bytes]]:
        """Ask workers one after the other: by fee, then in the order of sha256(prediction | owner).

        Args:
            prediction: id on chain.
            program: program JSON.
            weights: weights blob.
            samples: tensor blob with x.
            price: what was paid: the most that the worker's fee may be.

        Yields:
            (worker, its fee when it was asked, output blob) of each that answers; the caller stops
            at the first right one.
        """
        for owner, fee in self._candidates(prediction, price):
            work = Work(PREDICT, prediction, 0, owner)
            named = {Digest(hashlib.sha256(b).digest()): b for b in (program, weights, samples)}
            digests = list(named)
            lease = hub_pb2.Lease(
                kind=PREDICT,
                job=prediction,
                program=digests[0],
                weights=digests[1],
                rows=digests[2],
            )
            self._parts.dispatcher.put(work, lease, named)
            try:
                output = self._await(work)
            finally:
                self._parts.dispatcher.drop(work)
            if output is None:
                _LOG.warning("prediction %d: %s did not answer", prediction, owner)
            else:
                yield owner, fee, output

    def _await(self, work: Work) -> bytes | None:
        dispatcher = self._parts.dispatcher
        limit = time.monotonic() + self._timeout_s
        while (left := limit - time.monotonic()) > 0:
            seen = dispatcher.version()
            tracked = dispatcher.answer(work)
            if tracked is None or tracked.refusal or dispatcher.absence_s(work.owner) > 0:
                return None
            if tracked.blob is not None:
                return tracked.blob
            if tracked.revealed is not None:
                dispatcher.want_blob(work)
            dispatcher.wait(seen, left)
        return None

    def _candidates(self, prediction: int, price: Amount) -> list[tuple[Address, Amount]]:
        node, workers = self._parts.node, self._parts.ledger.workers()
        found = [
            (owner, workers[owner].min_fee)
            for owner in self._parts.dispatcher.connected()
            if owner in workers and workers[owner].takes_work(node, price, NUMERIC_CLASS)
        ]
        return sorted(found, key=lambda each: (each[1], _lot(prediction, each[0])))


def _lot(prediction: int, owner: Address) -> bytes:
    return hashlib.sha256(prediction.to_bytes(32, "big") + bytes.fromhex(owner[2:])).digest()
