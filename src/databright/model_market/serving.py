"""Paid predictions: a worker computes, the node checks, the chain pays, the payer gets logits."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from databright.chain.bindings import Signer
from databright.chain.market_contracts import MarketContracts
from databright.chain.structs import fields_of, int_of
from databright.errors import (
    BadInputError,
    BlobMissingError,
    ProtocolError,
    TransactionFailedError,
    UnknownEntityError,
)
from databright.programs.child import ComputeChild
from databright.records.signatures import Domain, check_signer, prediction_message
from databright.storage.base import Store
from databright.units import Address, Amount, Digest

_LOG = logging.getLogger(__name__)
MAX_SAMPLES_BYTES = 8 * 2**20
MAX_OF_ONE_PAYER = 2
"""Predictions of one payer under way at once."""
MAX_COMPUTING = 2
"""Compute children at once."""
COMPUTE_S = 60.0
"""Longest time that a node computes one prediction; a payer waits no longer either."""
_MAX_BLOB_BYTES = 256 * 2**20
_OPEN, _FULFILLED = 1, 2
_PREDICTION = (
    "model",
    "payer",
    "input",
    "price",
    "owner",
    "dataset",
    "snapshot",
    "weights",
    "requested_at",
    "status",
    "output",
)
_MODEL = (
    "owner",
    "job",
    "dataset",
    "snapshot",
    "program",
    "weights",
    "card",
    "weights_ref",
    "metric_bps",
    "price",
)


class AsksWorkers(Protocol):
    """Leases a prediction to workers; wiring provides it."""

    def compute(
        self, prediction: int, program: bytes, weights: bytes, samples: bytes, price: Amount
    ) -> Iterator[tuple[Address, Amount, bytes]]:
        """(worker, its fee when it was asked, output blob) of each worker that answers."""
        ...


@dataclass(frozen=True)
class _Asked:
    payer: Address
    samples: Digest
    price: Amount
    program: Digest
    weights: Digest
    status: int
    output: Digest


class PredictionServer:
    """Answers paid predictions.

    Args:
        contracts: the market.
        store: the content store.
        signer: the node's key.
        workers: leases predictions.
        make_child: starts a compute child, in which the node computes the output itself.
    """

    def __init__(
        self,
        contracts: MarketContracts,
        store: Store,
        signer: Signer,
        workers: AsksWorkers,
        make_child: Callable[[], ComputeChild],
    ) -> None:
        self._contracts = contracts
        self._store = store
        self._signer = signer
        self._workers = workers
        self._make_child = make_child
        self._lock = threading.Lock()
        self._under_way: dict[int, Address] = {}
        self._computing = threading.BoundedSemaphore(MAX_COMPUTING)

    def predict(self, prediction: int, samples: bytes, signature: bytes) -> tuple[bytes, Address]:
        """Answer one paid prediction; asked again, it answers again and nobody is paid twice.

        Args:
            prediction: id on chain.
            samples: tensor blob with `x` float32 [N, F].
            signature: the payer's, EIP-712 `Prediction`.

        Returns:
            Tensor blob of `logits` float32 [N, K], and the worker that was paid.

        Raises:
            UnknownEntityError: there is no such prediction.
            NotAuthorisedError: the signature is not the payer's.
            BadInputError: the input is not the one that was paid for.
            ProtocolError: no worker gave the right output now.
        """
        asked = self._asked(prediction)
        if len(samples) > MAX_SAMPLES_BYTES or hashlib.sha256(samples).digest() != asked.samples:
            raise BadInputError(
                f"the input is not the one that prediction {prediction} was paid for, or is over "
                f"{MAX_SAMPLES_BYTES} bytes: send the blob whose SHA-256 is {asked.samples.hex()}"
            )
        contracts = self._contracts
        domain = Domain(contracts.deployment.chain_id, contracts.predictions.address)
        message = prediction_message(prediction, asked.samples)
        check_signer(signature, asked.payer, domain, message, f"prediction {prediction}")
        with self._turn(prediction, asked.payer):
            return self._answer(prediction, samples)

    @contextmanager
    def _turn(self, prediction: int, payer: Address) -> Iterator[None]:
        """Let one payer, whose model or chosen worker may be slow, hold up few others.

        Raises:
            ProtocolError: it has as many predictions under way as it may have, or this very one.
        """
        with self._lock:
            of_payer = sum(other == payer for other in self._under_way.values())
            if prediction in self._under_way or of_payer >= MAX_OF_ONE_PAYER:
                raise ProtocolError(
                    f"prediction {prediction}, or {MAX_OF_ONE_PAYER} others of {payer}, are under "
                    "way: wait for them, then try again"
                )
            self._under_way[prediction] = payer
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[prediction]

    def _answer(self, prediction: int, samples: bytes) -> tuple[bytes, Address]:
        asked = self._asked(prediction)
        program = self._blob(asked.program)
        weights = self._blob(asked.weights)
        with self._computing, self._make_child() as child:
            own = child.predict(program, weights, samples)
        if asked.status == _FULFILLED:
            return own, self._paid_worker(prediction)
        if asked.status != _OPEN:
            raise BadInputError(f"prediction {prediction} was refunded: ask for a new one")
        for worker, fee, output in self._workers.compute(
            prediction, program, weights, samples, asked.price
        ):
            if output != own:
                _LOG.warning("prediction %d: %s gave another output", prediction, worker)
                continue
            if self._fulfil(prediction, worker, Digest(hashlib.sha256(own).digest()), fee):
                return own, self._paid_worker(prediction)
        raise ProtocolError(
            f"no worker whose fee fits the price of prediction {prediction} gave the right output: "
            "try again, or take the price back an hour after asking"
        )

    def _fulfil(self, prediction: int, worker: Address, output: Digest, fee: Amount) -> bool:
        """Pay; whether the prediction is paid for now."""
        market = self._contracts.predictions
        try:
            market.transact(self._signer, "fulfil", prediction, worker, output, fee)
        except TransactionFailedError as error:
            # Another node, or this one before it was killed, may have been first.
            if self._asked(prediction).status == _FULFILLED:
                return True
            # It has left, was barred or has raised its fee: the next is asked.
            _LOG.warning("prediction %d: %s cannot be paid: %s", prediction, worker, error)
            return False
        return True

    def _paid_worker(self, prediction: int) -> Address:
        contracts = self._contracts
        logs = contracts.chain.logs(
            contracts.deployment.block,
            contracts.chain.head().number,
            [contracts.predictions.address],
        )
        for event in contracts.predictions.events(logs):
            is_this = event.name == "PredictionFulfilled"
            if is_this and int(event.args["prediction"]) == prediction:
                return Address(str(event.args["worker"]))
        raise UnknownEntityError(f"prediction {prediction} was never fulfilled")

    def _asked(self, prediction: int) -> _Asked:
        raw = fields_of(self._contracts.predictions.call("prediction", prediction), _PREDICTION)
        if int_of(raw["status"]) == 0:
            raise UnknownEntityError(f"there is no prediction {prediction}: pay for one first")
        model = fields_of(self._contracts.models.call("model", int_of(raw["model"])), _MODEL)
        return _Asked(
            payer=Address(str(raw["payer"])),
            samples=_digest(raw["input"]),
            price=Amount(int_of(raw["price"])),
            program=_digest(model["program"]),
            weights=_digest(raw["weights"]),
            status=int_of(raw["status"]),
            output=_digest(raw["output"]),
        )

    def _blob(self, digest: Digest) -> bytes:
        cid = self._store.cid_of_sha256(digest)
        if cid is None:
            raise BlobMissingError(f"the store holds no blob with the SHA-256 {digest.hex()}")
        return self._store.get(cid, max_bytes=_MAX_BLOB_BYTES)


def _digest(value: object) -> Digest:
    if not isinstance(value, bytes) or len(value) != 32:
        raise ProtocolError(f"a contract returned {value!r} where a digest was expected")
    return Digest(bytes(value))
