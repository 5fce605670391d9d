"""Leases and the sessions they travel on.

The job's thread hands leases in and reads what came back; the sessions' threads deliver. A lease
stays until it is dropped: a worker that comes back after an absence is sent all of its leases
again, and answers those that it has computed already from its own memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from databright.errors import NotAuthorisedError, ProtocolError
from databright.transport import hub_pb2
from databright.transport.hub import Send
from databright.units import Address, Digest

_LOG = logging.getLogger(__name__)
TRAIN = hub_pb2.LEASE_KIND_TRAIN
PREDICT = hub_pb2.LEASE_KIND_PREDICT


@dataclass(frozen=True)
class Work:
    """Names one piece of work of one owner.

    Attributes:
        kind: TRAIN or PREDICT.
        job: job id, or prediction id.
        segment: number; 0 for a prediction.
        owner: who computes it.
    """

    kind: int
    job: int
    segment: int
    owner: Address


@dataclass
class Tracked:
    """One lease and what came back.

    Attributes:
        lease: as it is sent.
        blobs: everything that the lease names, by hash.
        asked_at: when the worker last owed us something new (monotonic, s).
        commitment: (commitment, signature) once there.
        wants_reveal: whether the worker was asked to reveal.
        revealed: (salt, result) once there.
        wants_blob: whether the worker was asked for the result's blob.
        blob: the result's blob once there.
        refusal: why the worker does not do it, if it said so.
    """

    lease: hub_pb2.Lease
    blobs: Mapping[Digest, bytes]
    asked_at: float = field(default_factory=time.monotonic)
    commitment: tuple[Digest, bytes] | None = None
    wants_reveal: bool = False
    revealed: tuple[bytes, Digest] | None = None
    wants_blob: bool = False
    blob: bytes | None = None
    refusal: str = ""


class Dispatcher:
    """Delivers leases to workers and collects their answers; safe from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sessions: dict[Address, tuple[object, Send]] = {}
        self._absent_since: dict[Address, float] = {}
        self._works: dict[Work, Tracked] = {}
        self._started = time.monotonic()
        self._version = 0

    # -- the job's side

    def put(self, work: Work, lease: hub_pb2.Lease, blobs: Mapping[Digest, bytes]) -> None:
        """Hand in a lease; one that is there already with the same content stays as it is.

        Args:
            work: its name.
            lease: as sent.
            blobs: everything it names.
        """
        with self._changed:
            known = self._works.get(work)
            if known is not None and known.lease == lease:
                return
            self._works[work] = Tracked(lease, dict(blobs))
            self._send(work.owner, hub_pb2.FromHub(lease=lease))

    def drop(self, work: Work) -> None:
        """Take a lease back.

        Args:
            work: its name.
        """
        with self._changed:
            tracked = self._works.pop(work, None)
            if tracked is not None:
                self._send(work.owner, hub_pb2.FromHub(drop=_ref(tracked.lease)))

    def drop_job(self, kind: int, job: int) -> None:
        """Take all leases of a job back.

        Args:
            kind: TRAIN or PREDICT.
            job: its id.
        """
        with self._changed:
            works = [work for work in self._works if (work.kind, work.job) == (kind, job)]
        for work in works:
            self.drop(work)

    def want_reveal(self, work: Work) -> None:
        """All replicas have committed: ask for the reveal.

        Args:
            work: the lease's name.
        """
        with self._changed:
            tracked = self._works.get(work)
            if tracked is not None and not tracked.wants_reveal:
                tracked.wants_reveal, tracked.asked_at = True, time.monotonic()
                self._send(work.owner, hub_pb2.FromHub(reveal=_ref(tracked.lease)))

    def want_blob(self, work: Work) -> None:
        """Ask for the blob of a revealed result.

        Args:
            work: the lease's name.
        """
        with self._changed:
            tracked = self._works.get(work)
            if tracked is not None and not tracked.wants_blob:
                tracked.wants_blob, tracked.asked_at = True, time.monotonic()
                self._send(work.owner, hub_pb2.FromHub(upload=_ref(tracked.lease)))

    def answer(self, work: Work) -> Tracked | None:
        """What came back so far.

        Args:
            work: the lease's name.

        Returns:
            The lease's state; None when there is no such lease.
        """
        with self._changed:
            return self._works.get(work)

    def absence_s(self, owner: Address) -> float:
        """How long an owner has been without a session.

        Args:
            owner: its address.

        Returns:
            Seconds; 0 while it is connected.
        """
        with self._changed:
            if owner in self._sessions:
                return 0.0
            return time.monotonic() - self._absent_since.get(owner, self._started)

    def connected(self) -> list[Address]:
        """Owners that are there now.

        Returns:
            Their addresses, in order.
        """
        with self._changed:
            return sorted(self._sessions)

    def version(self) -> int:
        """Number of changes so far, for `wait`.

        Returns:
            A count that only grows.
        """
        with self._changed:
            return self._version

    def wait(self, seen: int, timeout_s: float) -> None:
        """Sleep until something changes.

        Args:
            seen: the version that the caller has looked at.
            timeout_s: longest wait.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen, timeout_s)

    def wake(self) -> None:
        """Wake whoever waits, e.g. to stop."""
        with self._changed:
            self._notify()

    # -- the sessions' side

    def opened(self, owner: Address, send: Send) -> object:
        """A worker is there: it is sent all of its leases.

        Args:
            owner: its address.
            send: delivers to its session.

        Returns:
            Token of the session.
        """
        token = object()
        with self._changed:
            self._sessions[owner] = (token, send)
            self._absent_since.pop(owner, None)
            for work, tracked in self._works.items():
                if work.owner == owner:
                    # It may have restarted and forgotten: everything is asked anew.
                    tracked.asked_at = time.monotonic()
                    send(hub_pb2.FromHub(lease=tracked.lease))
                    _remind(tracked, send)
            self._notify()
        _LOG.info("worker %s is connected", owner)
        return token

    def closed(self, owner: Address, token: object) -> None:
        """A session has ended.

        Args:
            owner: whose.
            token: of that session; a newer one of the same owner stays.
        """
        with self._changed:
            current = self._sessions.get(owner)
            if current is not None and current[0] is token:
                del self._sessions[owner]
                self._absent_since[owner] = time.monotonic()
                self._notify()
                _LOG.info("worker %s has left", owner)

    def received(self, owner: Address, message: hub_pb2.FromWorker) -> None:
        """Take a message of a worker; what no lease asks for is ignored, as it may be late.

        Args:
            owner: who said it.
            message: what.

        Raises:
            ProtocolError: a message that no honest worker sends.
        """
        with self._changed:
            body = message.WhichOneof("body")
            if body == "commit":
                self._on_commit(owner, message.commit)
            elif body == "reveal":
                self._on_reveal(owner, message.reveal)
            elif body == "refusal":
                found = self._find(owner, message.refusal.work)
                if found is not None:
                    found.refusal = message.refusal.reason[:64]
                    detail = message.refusal.detail[:300]
                    _LOG.warning("%s refuses work: %s %s", owner, found.refusal, detail)
            else:
                raise ProtocolError(f"a worker does not send {body} within a session")
            self._notify()

    def blob(self, owner: Address, digest: Digest) -> bytes:
        """A blob of one of an owner's leases.

        Args:
            owner: who asks.
            digest: the blob's hash.

        Returns:
            The blob.

        Raises:
            NotAuthorisedError: no lease of it names this blob.
        """
        with self._changed:
            for work, tracked in self._works.items():
                if work.owner == owner and digest in tracked.blobs:
                    return tracked.blobs[digest]
        raise NotAuthorisedError(f"no lease of {owner} names the blob {digest.hex()}")

    def expects(self, owner: Address, digest: Digest) -> None:
        """Check that an owner was asked for a result's blob.

        Args:
            owner: who offers it.
            digest: its hash.

        Raises:
            NotAuthorisedError: it was not.
        """
        with self._changed:
            self._awaiting(owner, digest)

    def uploaded(self, owner: Address, digest: Digest, blob: bytes) -> None:
        """Take the blob of a result.

        Args:
            owner: who computed it.
            digest: its hash, checked.
            blob: the bytes.
        """
        with self._changed:
            for tracked in self._awaiting(owner, digest):
                tracked.blob = blob
            self._notify()

    def _awaiting(self, owner: Address, digest: Digest) -> list[Tracked]:
        found = [
            tracked
            for work, tracked in self._works.items()
            if work.owner == owner
            and tracked.wants_blob
            and tracked.revealed is not None
            and tracked.revealed[1] == digest
        ]
        if not found:
            raise NotAuthorisedError(f"{owner} was not asked for a result {digest.hex()}")
        return found

    def _on_commit(self, owner: Address, commit: hub_pb2.Commit) -> None:
        tracked = self._find(owner, commit.work)
        if tracked is None:
            return
        if tracked.commitment is not None:
            # A worker that has restarted could not answer before it computed its result again.
            self._remind(owner, tracked)
            return
        if len(commit.commitment) != 32 or len(commit.signature) != 65:
            raise ProtocolError("a commitment takes 32 bytes and a signature of 65")
        tracked.commitment = (Digest(commit.commitment), commit.signature)
        tracked.refusal = ""

    def _on_reveal(self, owner: Address, reveal: hub_pb2.Reveal) -> None:
        tracked = self._find(owner, reveal.work)
        if tracked is None:
            return
        if tracked.revealed is not None:
            self._remind(owner, tracked)
            return
        if tracked.lease.kind == TRAIN and not tracked.wants_reveal:
            raise ProtocolError("a reveal came before all replicas have committed")
        if len(reveal.salt) != 32 or len(reveal.result) != 32:
            raise ProtocolError("a reveal takes a salt and a result of 32 bytes each")
        tracked.revealed = (reveal.salt, Digest(reveal.result))

    def _remind(self, owner: Address, tracked: Tracked) -> None:
        session = self._sessions.get(owner)
        if session is not None:
            _remind(tracked, session[1])

    def _find(self, owner: Address, ref: hub_pb2.WorkRef) -> Tracked | None:
        tracked = self._works.get(Work(ref.kind, ref.job, ref.segment, owner))
        if tracked is None or tracked.lease.attempt != ref.attempt:
            return None
        return tracked

    def _send(self, owner: Address, message: hub_pb2.FromHub) -> None:
        session = self._sessions.get(owner)
        if session is not None:
            session[1](message)
        self._notify()

    def _notify(self) -> None:
        self._version += 1
        self._changed.notify_all()


def _remind(tracked: Tracked, send: Send) -> None:
    if tracked.wants_reveal and tracked.revealed is None:
        send(hub_pb2.FromHub(reveal=_ref(tracked.lease)))
    if tracked.wants_blob and tracked.blob is None:
        send(hub_pb2.FromHub(upload=_ref(tracked.lease)))


def _ref(lease: hub_pb2.Lease) -> hub_pb2.WorkRef:
    return hub_pb2.WorkRef(
        kind=lease.kind, job=lease.job, segment=lease.segment, attempt=lease.attempt
    )
