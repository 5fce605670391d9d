"""The hub's server: sessions and blobs on one port, predictions for payers on another."""

from __future__ import annotations

import logging
import queue
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn, Protocol

import grpc

from databright.errors import (
    BadInputError,
    BlobMissingError,
    ConfigError,
    DatabrightError,
    NotAuthorisedError,
    ProtocolError,
)
from databright.transport import hub_pb2, hub_pb2_grpc
from databright.transport.blobs import assemble, chunks, first_chunk
from databright.transport.tls import SERVER_OPTIONS, TlsIdentity, peer_pin, pin_of
from databright.transport.tls import server_credentials as mutual_credentials
from databright.units import Address, Digest

_LOG = logging.getLogger(__name__)
MAX_SESSIONS = 96
"""Sessions at once; each takes a thread."""
_BLOB_CALLS = 32
_MAX_OUTBOX = 10_000
_MAX_CALLS = 6
"""Calls at once of one certificate: no peer may take all threads."""
_HELLO_S = 10.0
_BLOB_S = 120.0
_TARGET = re.compile(r"(?:[A-Za-z0-9.-]{1,100}|\[[0-9A-Fa-f:.]{2,45}\]):(?P<port>[0-9]{1,5})")
"""A name or address of a machine and a port; no scheme, so that no other kind is dialled."""

Send = Callable[[hub_pb2.FromHub], None]


class SessionHandler(Protocol):
    """What the hub's owner does with sessions; called from several threads."""

    def opened(self, owner: Address, send: Send) -> object:
        """A worker is there; returns a token that names this session."""

    def closed(self, owner: Address, token: object) -> None:
        """That session has ended."""

    def received(self, owner: Address, message: hub_pb2.FromWorker) -> None:
        """The worker said something; a ProtocolError ends its session."""

    def blob(self, owner: Address, digest: Digest) -> bytes:
        """A blob of one of the owner's leases, else NotAuthorisedError."""

    def expects(self, owner: Address, digest: Digest) -> None:
        """Raise NotAuthorisedError unless the owner has committed to such a result."""

    def uploaded(self, owner: Address, digest: Digest, blob: bytes) -> None:
        """The result's blob has arrived; its hash is checked."""


class Directory(Protocol):
    """Who may come in: certificates of registered workers."""

    def certificates(self) -> Mapping[Address, bytes]:
        """Owner -> certificate in DER; called at each handshake and session."""


PredictCall = Callable[[int, bytes, bytes], tuple[bytes, Address]]
"""(prediction, samples blob, signature) -> (output blob, worker)."""

_CODES: tuple[tuple[type[DatabrightError], grpc.StatusCode], ...] = (
    (NotAuthorisedError, grpc.StatusCode.PERMISSION_DENIED),
    (BlobMissingError, grpc.StatusCode.NOT_FOUND),
    (BadInputError, grpc.StatusCode.INVALID_ARGUMENT),
    (ProtocolError, grpc.StatusCode.INVALID_ARGUMENT),
    (DatabrightError, grpc.StatusCode.UNAVAILABLE),
)


def _abort(context: grpc.ServicerContext, error: DatabrightError) -> NoReturn:
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    context.abort(code, str(error)[:2000])
    raise error  # abort has raised; the stubs do not say so


class _BusyError(DatabrightError):
    """The peer has as many calls under way as it may have."""


class _Calls:
    """Counts the calls of each certificate, and ends those that take too long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_pin: Counter[Digest] = Counter()

    def enter(self, context: grpc.ServicerContext, limit_s: float) -> threading.Timer:
        """Begin a call; it counts until it ends.

        Args:
            context: of the call.
            limit_s: seconds after which it is cut off, unless the timer is cancelled before.

        Returns:
            The timer.

        Raises:
            _BusyError: the peer has too many calls under way.
        """
        pin = peer_pin(context)
        with self._lock:
            if self._of_pin[pin] >= _MAX_CALLS:
                raise _BusyError(f"more than {_MAX_CALLS} calls at once: end one, then try again")
            self._of_pin[pin] += 1
        timer = threading.Timer(limit_s, context.cancel)
        timer.daemon = True
        timer.start()

        def leave() -> None:
            timer.cancel()
            with self._lock:
                self._of_pin[pin] -= 1

        if not context.add_callback(leave):
            leave()
        return timer


class _Hub(hub_pb2_grpc.HubServicer):
    def __init__(self, node: Address, directory: Directory, handler: SessionHandler) -> None:
        self._node = node
        self._directory = directory
        self._handler = handler
        self._calls = _Calls()

    def Session(
        self, request_iterator: Iterator[hub_pb2.FromWorker], context: grpc.ServicerContext
    ) -> Iterator[hub_pb2.FromHub]:
        try:
            timer = self._calls.enter(context, _HELLO_S)
            owner = self._admit(request_iterator, context)
            timer.cancel()
        except DatabrightError as error:
            _abort(context, error)
        outbox: queue.Queue[hub_pb2.FromHub | None] = queue.Queue(_MAX_OUTBOX)
        failure: list[DatabrightError] = []
        end: Callable[[], object] = context.cancel

        def send(message: hub_pb2.FromHub | None) -> None:
            # Never waits: whoever sends holds the lock that all sessions share.
            try:
                outbox.put_nowait(message)
            except queue.Full:
                end()

        context.add_callback(lambda: send(None))
        send(hub_pb2.FromHub(welcome=hub_pb2.Welcome(node=self._node)))
        token = self._handler.opened(owner, send)
        threading.Thread(
            target=self._listen,
            args=(owner, request_iterator, outbox, failure),
            name=f"session-{owner[:8]}",
            daemon=True,
        ).start()
        try:
            while (message := outbox.get()) is not None:
                yield message
        finally:
            self._handler.closed(owner, token)
        if failure:
            _abort(context, failure[0])

    def GetBlob(
        self, request: hub_pb2.BlobRequest, context: grpc.ServicerContext
    ) -> Iterator[hub_pb2.Chunk]:
        try:
            self._calls.enter(context, _BLOB_S)
            blob = self._blob_for(peer_pin(context), Digest(request.digest))
        except DatabrightError as error:
            _abort(context, error)
        yield from chunks(blob)

    def PutBlob(
        self, request_iterator: Iterator[hub_pb2.Chunk], context: grpc.ServicerContext
    ) -> hub_pb2.Stored:
        try:
            self._calls.enter(context, _BLOB_S)
            head = first_chunk(request_iterator)
            digest = Digest(head.digest)
            owner = self._expecting(peer_pin(context), digest)
            self._handler.uploaded(owner, digest, assemble(head, request_iterator))
        except DatabrightError as error:
            _abort(context, error)
        return hub_pb2.Stored(digest=head.digest)

    def _admit(
        self, messages: Iterator[hub_pb2.FromWorker], context: grpc.ServicerContext
    ) -> Address:
        first = next(messages, None)
        if first is None or first.WhichOneof("body") != "hello":
            raise ProtocolError("a session starts with hello")
        owner = Address(first.hello.owner)
        cert = self._directory.certificates().get(owner)
        if cert is None or pin_of(cert) != peer_pin(context):
            raise NotAuthorisedError(
                f"{owner[:64]} is not registered with the certificate of this connection: "
                "register it, or set its pin"
            )
        return owner

    def _owners_with(self, pin: Digest) -> list[Address]:
        certificates = self._directory.certificates()
        return [owner for owner, cert in certificates.items() if pin_of(cert) == pin]

    def _blob_for(self, pin: Digest, digest: Digest) -> bytes:
        # Several owners may run on one machine with one certificate.
        for owner in self._owners_with(pin):
            try:
                return self._handler.blob(owner, digest)
            except NotAuthorisedError:
                continue
        raise NotAuthorisedError(f"no lease of the caller names the blob {digest.hex()}")

    def _expecting(self, pin: Digest, digest: Digest) -> Address:
        for owner in self._owners_with(pin):
            try:
                self._handler.expects(owner, digest)
            except NotAuthorisedError:
                continue
            return owner
        raise NotAuthorisedError(f"the caller owes no result {digest.hex()}")

    def _listen(
        self,
        owner: Address,
        messages: Iterator[hub_pb2.FromWorker],
        outbox: queue.Queue[hub_pb2.FromHub | None],
        failure: list[DatabrightError],
    ) -> None:
        try:
            for message in messages:
                self._handler.received(owner, message)
        except DatabrightError as error:
            _LOG.warning("%s broke the protocol: %s", owner, error)
            failure.append(error)
        except grpc.RpcError:
            _LOG.debug("session of %s ended", owner)
        outbox.put(None)


class _Predictions(hub_pb2_grpc.PredictionsServicer):
    def __init__(self, predict: PredictCall) -> None:
        self._predict = predict

    def Predict(
        self, request: hub_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> hub_pb2.PredictReply:
        try:
            output, worker = self._predict(request.prediction, request.samples, request.signature)
        except DatabrightError as error:
            _abort(context, error)
        return hub_pb2.PredictReply(output=output, worker=worker)


class HubServer:
    """Both servers of a node, on the ports they had before where those are free.

    Args:
        node: the operator's address.
        identity: its TLS identity.
        directory: who may open a session.
        handler: what to do with sessions.
        predict: answers paid predictions.
        host: address to listen on and to announce.
        ports: (session, prediction) ports to try first; 0 takes a free one.
    """

    def __init__(
        self,
        node: Address,
        identity: TlsIdentity,
        directory: Directory,
        handler: SessionHandler,
        predict: PredictCall,
        *,
        host: str = "127.0.0.1",
        ports: tuple[int, int] = (0, 0),
    ) -> None:
        self._identity = identity
        self._pools = [
            ThreadPoolExecutor(MAX_SESSIONS + _BLOB_CALLS, thread_name_prefix="hub"),
            ThreadPoolExecutor(8, thread_name_prefix="predict"),
        ]
        self._sessions = grpc.server(self._pools[0], options=SERVER_OPTIONS)
        hub_pb2_grpc.add_HubServicer_to_server(_Hub(node, directory, handler), self._sessions)
        self._payers = grpc.server(self._pools[1], options=SERVER_OPTIONS)
        hub_pb2_grpc.add_PredictionsServicer_to_server(_Predictions(predict), self._payers)
        mutual = mutual_credentials(identity, lambda: directory.certificates().values())
        plain = grpc.ssl_server_credentials([(identity.key_pem, identity.cert_pem)])
        first = _bind(self._sessions, host, ports[0], mutual)
        second = _bind(self._payers, host, ports[1], plain)
        self.ports = (first, second)
        self.endpoint = f"{host}:{first},{host}:{second}"

    def start(self) -> None:
        """Begin to listen."""
        self._sessions.start()
        self._payers.start()

    def stop(self, grace_s: float = 0.5) -> None:
        """End all sessions.

        Args:
            grace_s: seconds that calls in progress may take.
        """
        for server in (self._sessions, self._payers):
            server.stop(grace_s).wait()
        for pool in self._pools:
            pool.shutdown(wait=False)


def _bind(server: grpc.Server, host: str, port: int, credentials: grpc.ServerCredentials) -> int:
    for candidate in dict.fromkeys((port, 0)):
        try:
            bound = server.add_secure_port(f"{host}:{candidate}", credentials)
        except RuntimeError:  # how gRPC says that the port is taken
            bound = 0
        if bound:
            return bound
    raise ConfigError(f"no port of {host} can be listened on: is the address this machine's?")


def split_endpoint(endpoint: str) -> tuple[str, str]:
    """Read a node's endpoint.

    Args:
        endpoint: "host:port,host:port" as registered: sessions first, predictions second.

    Returns:
        Both targets.

    Raises:
        ProtocolError: another form.
    """
    parts = endpoint.split(",")
    if len(parts) != 2 or not all(_is_target(part) for part in parts):
        raise ProtocolError(
            f"{endpoint[:140]!r} is no endpoint: a node registers 'host:port,host:port'"
        )
    return parts[0], parts[1]


def _is_target(text: str) -> bool:
    found = _TARGET.fullmatch(text)
    return found is not None and 0 < int(found["port"]) < 65_536
