"""The dialling side: a worker's session with a node, and a payer's call."""

from __future__ import annotations

import queue
import secrets
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NoReturn, TypeVar

import grpc

from databright.errors import BadInputError, NotAuthorisedError, ProtocolError
from databright.transport import hub_pb2, hub_pb2_grpc
from databright.transport.blobs import assemble, check_digest, chunks, first_chunk
from databright.transport.tls import TlsIdentity, open_channel
from databright.units import Address, Digest

_BLOB_TIMEOUT_S = 120.0
T = TypeVar("T")


def _begin(call: Callable[[], T]) -> T:
    """Make a call on a channel that another thread may have closed meanwhile.

    Args:
        call: makes it.

    Returns:
        What it gives.

    Raises:
        ProtocolError: the channel is closed.
    """
    try:
        return call()
    except ValueError as error:  # grpc's word for a closed channel
        raise ProtocolError(f"the session was closed ({error}); try again in the next") from error


def _fail(error: grpc.RpcError, what: str) -> NoReturn:
    code = error.code() if isinstance(error, grpc.Call) else None
    details = (error.details() or "") if isinstance(error, grpc.Call) else str(error)
    if code is grpc.StatusCode.PERMISSION_DENIED:
        raise NotAuthorisedError(f"{what}: {details}") from error
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        raise BadInputError(f"{what}: {details}") from error
    raise ProtocolError(f"{what}: {details or code}; try again") from error


class HubSession:
    """One worker's session with one node.

    Args:
        target: host:port of the node's sessions.
        node_cert_der: the node's pinned certificate.
        identity: the worker's TLS identity.
        owner: the worker owner's address.
    """

    def __init__(
        self, target: str, node_cert_der: bytes, identity: TlsIdentity, owner: Address
    ) -> None:
        self._channel = open_channel(target, node_cert_der, identity)
        self._stub = hub_pb2_grpc.HubStub(self._channel)
        self._outbox: queue.Queue[hub_pb2.FromWorker | None] = queue.Queue()
        hello = hub_pb2.Hello(owner=owner, nonce=secrets.token_bytes(16))
        self._outbox.put(hub_pb2.FromWorker(hello=hello))

    def __enter__(self) -> HubSession:
        """Use the session in a with statement."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        self.close()

    def messages(self) -> Iterator[hub_pb2.FromHub]:
        """Open the session and hear the node.

        Yields:
            Messages until the session ends.

        Raises:
            ProtocolError: the node cannot be reached, or ended the session.
            NotAuthorisedError: the node does not know this worker.
        """
        try:
            yield from _begin(lambda: self._stub.Session(iter(self._outbox.get, None)))
        except grpc.RpcError as error:
            _fail(error, "the session ended")

    def send(self, message: hub_pb2.FromWorker) -> None:
        """Say something to the node.

        Args:
            message: what.
        """
        self._outbox.put(message)

    def get_blob(self, digest: Digest) -> bytes:
        """Fetch a blob of one of this worker's leases.

        Args:
            digest: its SHA-256.

        Returns:
            The blob, checked.

        Raises:
            ProtocolError: the node does not give it.
            BlobCorruptError: it gave other bytes.
        """
        request = hub_pb2.BlobRequest(digest=digest)
        try:
            stream = iter(_begin(lambda: self._stub.GetBlob(request, timeout=_BLOB_TIMEOUT_S)))
            head = first_chunk(stream)
            return check_digest(assemble(head, stream), digest)
        except grpc.RpcError as error:
            _fail(error, f"blob {digest.hex()}")

    def put_blob(self, blob: bytes) -> None:
        """Hand in the blob of a result.

        Args:
            blob: the bytes.

        Raises:
            ProtocolError: the node does not take it.
        """
        try:
            _begin(lambda: self._stub.PutBlob(chunks(blob), timeout=_BLOB_TIMEOUT_S))
        except grpc.RpcError as error:
            _fail(error, "handing in a result")

    def close(self) -> None:
        """Hang up."""
        self._outbox.put(None)
        self._channel.close()


def predict(
    target: str,
    node_cert_der: bytes,
    *,
    prediction: int,
    samples: bytes,
    signature: bytes,
    timeout_s: float = 60.0,
) -> tuple[bytes, Address]:
    """Hand in the input of a paid prediction and wait for its output.

    Args:
        target: host:port of the node's predictions, the second part of its endpoint.
        node_cert_der: the node's pinned certificate.
        prediction: id on chain.
        samples: tensor blob with `x` float32 [N, F], whose SHA-256 was named on chain.
        signature: `records.signatures.prediction_message`, signed by the payer.
        timeout_s: longest wait.

    Returns:
        Tensor blob of `logits` float32 [N, K], and the worker that was paid.

    Raises:
        NotAuthorisedError: the signature is not the payer's.
        BadInputError: the input is not the one that was paid for.
        ProtocolError: the node cannot answer now.
    """
    request = hub_pb2.PredictRequest(prediction=prediction, samples=samples, signature=signature)
    with open_channel(target, node_cert_der) as channel:
        try:
            reply = hub_pb2_grpc.PredictionsStub(channel).Predict(request, timeout=timeout_s)
        except grpc.RpcError as error:
            _fail(error, f"prediction {prediction}")
    return reply.output, Address(reply.worker)
