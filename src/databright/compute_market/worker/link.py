"""A worker's connection with one node: dials, listens, dials again, for ever."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from databright.compute_market.worker.compute import Answer
from databright.errors import (
    BadInputError,
    ChainError,
    DatabrightError,
    NotAuthorisedError,
    ProtocolError,
    StorageError,
)
from databright.transport import hub_pb2
from databright.transport.client import HubSession
from databright.transport.tls import TlsIdentity
from databright.units import Address

_LOG = logging.getLogger(__name__)
_FIRST_BACKOFF_S = 0.2
_LONGEST_BACKOFF_S = 3.0

WorkKey = tuple[int, int, int, int]


@dataclass(frozen=True)
class NodeAddress:
    """Where a node is, as the chain says.

    Attributes:
        node: its operator's address.
        target: host:port.
        certificate: DER bytes that hash to its pin.
    """

    node: Address
    target: str
    certificate: bytes


def key_of(ref: hub_pb2.WorkRef | hub_pb2.Lease) -> WorkKey:
    """Name of a work as a dictionary key.

    Args:
        ref: lease or reference.

    Returns:
        (kind, job, segment, attempt).
    """
    return (ref.kind, ref.job, ref.segment, ref.attempt)


class NodeLink:
    """One node's link, in a thread of its own.

    Args:
        node: the node's address.
        identity: TLS identity of the worker.
        owner: the worker owner.
        find: reads from the chain where the node is now.
        on_lease: takes a lease; the agent's queue.
        on_drop: forgets a lease.
        why: told the link's state, a code of `reasons.WHY`.
    """

    def __init__(
        self,
        node: Address,
        identity: TlsIdentity,
        owner: Address,
        *,
        find: Callable[[Address], NodeAddress],
        on_lease: Callable[[NodeLink, hub_pb2.Lease], None],
        on_drop: Callable[[NodeLink, WorkKey], None],
        why: Callable[[Address, str, str], None],
    ) -> None:
        self.node = node
        self._identity = identity
        self._owner = owner
        self._find = find
        self._on_lease = on_lease
        self._on_drop = on_drop
        self._why = why
        self._answers: dict[WorkKey, Answer] = {}
        self._session: HubSession | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"link-{node[:8]}", daemon=True)

    def start(self) -> None:
        """Begin to dial."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether the link still dials and listens.

        Returns:
            False after `stop`, or when its thread failed.
        """
        return self._thread.is_alive()

    def stop(self) -> None:
        """Hang up for good."""
        self._stopping.set()
        session = self._session
        if session is not None:
            session.close()
        self._thread.join(timeout=5)

    @property
    def session(self) -> HubSession:
        """The session that is open now.

        Raises:
            ProtocolError: none is.
        """
        session = self._session
        if session is None:
            raise ProtocolError(f"the session with {self.node} has ended")
        return session

    def answer(self, lease: hub_pb2.Lease, answer: Answer, message: hub_pb2.FromWorker) -> None:
        """Send what was computed, and keep it for the reveal.

        Args:
            lease: the lease.
            answer: what was computed.
            message: the commitment, or a prediction's reveal.
        """
        self._answers[key_of(lease)] = answer
        self.session.send(message)

    def _loop(self) -> None:
        backoff = _FIRST_BACKOFF_S
        while not self._stopping.is_set():
            try:
                where = self._find(self.node)
                with HubSession(
                    where.target, where.certificate, self._identity, self._owner
                ) as session:
                    self._session = session
                    for message in session.messages():
                        backoff = _FIRST_BACKOFF_S
                        self._hear(session, message)
                self._why(self.node, "no-session", "the node hung up")
            except DatabrightError as error:
                self._why(self.node, _code(error), str(error))
            finally:
                self._session = None
            self._stopping.wait(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF_S)

    def _hear(self, session: HubSession, message: hub_pb2.FromHub) -> None:
        body = message.WhichOneof("body")
        if body == "welcome":
            if message.welcome.node != self.node:
                raise NotAuthorisedError(f"{message.welcome.node} answers in place of {self.node}")
            _LOG.info("connected to node %s", self.node)
            self._why(self.node, "waiting", "")
        elif body == "lease":
            self._on_lease(self, message.lease)
        elif body == "reveal":
            self._reveal(session, message.reveal)
        elif body == "upload":
            self._upload(session, message.upload)
        elif body == "drop":
            self._answers.pop(key_of(message.drop), None)
            self._on_drop(self, key_of(message.drop))

    def _reveal(self, session: HubSession, ref: hub_pb2.WorkRef) -> None:
        answer = self._answers.get(key_of(ref))
        if answer is not None:
            reveal = hub_pb2.Reveal(work=ref, salt=answer.salt, result=answer.result)
            session.send(hub_pb2.FromWorker(reveal=reveal))

    def _upload(self, session: HubSession, ref: hub_pb2.WorkRef) -> None:
        answer = self._answers.get(key_of(ref))
        if answer is None:
            return
        try:
            session.put_blob(answer.blob)
        except (NotAuthorisedError, BadInputError) as error:
            # The lease may have been dropped meanwhile; a hub that still wants it asks again.
            _LOG.warning("handing in segment %d: %s", ref.segment, error)


def _code(error: DatabrightError) -> str:
    if isinstance(error, NotAuthorisedError):
        return "not-admitted"
    if isinstance(error, ChainError):
        return "no-chain"
    if isinstance(error, StorageError):
        return "unknown-node-certificate"
    return "no-session"
