"""The agent: holds the owner's key, dials every trusted node, runs leases one at a time."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from databright.chain.market_contracts import MarketContracts
from databright.chain.structs import fields_of
from databright.compute_market.worker.checks import LeaseChecks, LeaseRefusedError
from databright.compute_market.worker.compute import Identity, Results, ref_of
from databright.compute_market.worker.link import NodeAddress, NodeLink, WorkKey, key_of
from databright.compute_market.worker.reasons import WHY
from databright.errors import (
    BadInputError,
    BlobCorruptError,
    BlobMissingError,
    ChainError,
    ComputeError,
    DatabrightError,
    ProtocolError,
)
from databright.programs.child import ComputeChild
from databright.records.strict_json import dumps_canonical
from databright.storage.base import Store
from databright.transport import hub_pb2
from databright.transport.hub import split_endpoint
from databright.transport.tls import MAX_CERTIFICATE_BYTES, TlsIdentity
from databright.units import Address, Digest

_LOG = logging.getLogger(__name__)
_NODE = ("tls_pin", "hpke_key", "endpoint")
_MAX_CACHED_BLOBS = 32


class Agent:
    """One worker.

    Args:
        contracts: the market; only read.
        store: where certificates of nodes lie under their pins.
        identity: who the worker is.
        tls: its TLS identity.
        child: where programs run.
        tamper: what is done to each result; the identity for an honest worker.
        status: file that says what the worker does now.
        poll_s: time between two looks for new nodes.
    """

    def __init__(
        self,
        contracts: MarketContracts,
        store: Store,
        identity: Identity,
        tls: TlsIdentity,
        child: ComputeChild,
        *,
        tamper: Callable[[bytes], bytes],
        status: Path,
        poll_s: float = 1.0,
    ) -> None:
        self._contracts = contracts
        self._store = store
        self._identity = identity
        self._tls = tls
        self._child = child
        self._results = Results(identity, child, tamper)
        self._checks = LeaseChecks(contracts, identity.owner)
        self._status = status
        self._poll_s = poll_s
        self._nodes: list[Address] = []
        self._links: dict[Address, NodeLink] = {}
        self._queue: OrderedDict[tuple[Address, WorkKey], hub_pb2.Lease] = OrderedDict()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._blobs: OrderedDict[Digest, bytes] = OrderedDict()
        self._said: dict[str, tuple[str, str]] = {}
        self._say("agent", "starting", "")

    def run(self) -> None:
        """Work until `stop` is called.

        Raises:
            ComputeError: one of the threads failed in a way nobody foresaw; a worker that seems
                to be there and does nothing would hold up its jobs, so its process has to end.
        """
        self._child.start()
        worker = threading.Thread(target=self._work, name="work", daemon=True)
        worker.start()
        try:
            while not self._stopping.is_set():
                try:
                    self._look_for_nodes()
                except ChainError as error:
                    self._say("agent", "no-chain", str(error))
                self._stopping.wait(self._poll_s)
                links_alive = all(link.is_alive() for link in self._links.values())
                if not self._stopping.is_set() and not (worker.is_alive() and links_alive):
                    raise ComputeError("a thread of the worker has failed, so the worker stops")
        finally:
            self.stop()
            for link in self._links.values():
                link.stop()
            worker.join(timeout=5)
            self._child.close()

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    # -- nodes

    def _look_for_nodes(self) -> None:
        workers = self._contracts.workers
        for index in range(len(self._nodes), int(workers.call("num_nodes"))):
            self._nodes.append(Address(str(workers.call("node_at", index))))
        for node in self._nodes:
            # Anybody can register a node: only those that the owner chose are dialled.
            if (
                node not in self._links
                and workers.call("answers_to", self._identity.owner, node)
                and self._entry(node)["endpoint"]
            ):
                link = NodeLink(
                    node,
                    self._tls,
                    self._identity.owner,
                    find=self._find,
                    on_lease=self._on_lease,
                    on_drop=self._on_drop,
                    why=self._say,
                )
                self._links[node] = link
                link.start()
        self._say("agent", "waiting" if self._links else "no-nodes", "")

    def _entry(self, node: Address) -> dict[str, object]:
        return fields_of(self._contracts.workers.call("node", node), _NODE)

    def _find(self, node: Address) -> NodeAddress:
        entry = self._entry(node)
        pin = entry["tls_pin"]
        cid = self._store.cid_of_sha256(Digest(pin)) if isinstance(pin, bytes) else None
        if cid is None:
            raise BlobMissingError(f"the store lacks the certificate that node {node} has pinned")
        certificate = self._store.get(cid, max_bytes=MAX_CERTIFICATE_BYTES)
        if hashlib.sha256(certificate).digest() != pin:
            raise BlobCorruptError(f"the certificate of node {node} is not the one it has pinned")
        return NodeAddress(node, split_endpoint(str(entry["endpoint"]))[0], certificate)

    # -- leases

    def _on_lease(self, link: NodeLink, lease: hub_pb2.Lease) -> None:
        with self._changed:
            self._queue[(link.node, key_of(lease))] = lease
            self._changed.notify_all()

    def _on_drop(self, link: NodeLink, key: WorkKey) -> None:
        with self._changed:
            self._queue.pop((link.node, key), None)

    def _work(self) -> None:
        while not self._stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stopping.is_set())
                if self._stopping.is_set():
                    return
                (node, _), lease = self._queue.popitem(last=False)
            self._do(self._links[node], lease)

    def _do(self, link: NodeLink, lease: hub_pb2.Lease) -> None:
        self._say("work", "computing", f"job {lease.job} segment {lease.segment}")
        try:
            self._checks.check(lease, link.node)
            answer = self._results.compute(lease, lambda digest: self._blob(link, digest))
            if lease.kind == hub_pb2.LEASE_KIND_PREDICT:
                reveal = hub_pb2.Reveal(work=ref_of(lease), salt=answer.salt, result=answer.result)
                message = hub_pb2.FromWorker(reveal=reveal)
            else:
                message = hub_pb2.FromWorker(commit=self._identity.commit(lease, answer))
            link.answer(lease, answer, message)
            self._say("work", "waiting", "")
        except DatabrightError as error:
            self._refuse(link, lease, error)

    def _refuse(self, link: NodeLink, lease: hub_pb2.Lease, error: DatabrightError) -> None:
        reason = _reason(error)
        self._say("work", reason, str(error))
        refusal = hub_pb2.Refusal(work=ref_of(lease), reason=reason, detail=str(error)[:500])
        try:
            link.session.send(hub_pb2.FromWorker(refusal=refusal))
        except ProtocolError:
            return  # the hub sends the lease again in its next session
        if reason in ("no-chain", "compute-failed", "blob-missing"):
            self._stopping.wait(self._poll_s)
            self._on_lease(link, lease)

    def _blob(self, link: NodeLink, digest: Digest) -> bytes:
        blob = self._blobs.get(digest)
        if blob is None:
            blob = self._blobs[digest] = link.session.get_blob(digest)
            if len(self._blobs) > _MAX_CACHED_BLOBS:
                self._blobs.popitem(last=False)
        return blob

    # -- status

    def _say(self, part: str, why: str, detail: str) -> None:
        if self._said.get(part) == (why, detail):
            return
        self._said[part] = (why, detail)
        level = logging.DEBUG if why in ("waiting", "computing") else logging.INFO
        _LOG.log(level, "%s: %s (%s) %s", part, why, WHY[why], detail)
        record = {
            name: {"why": code, "meaning": WHY[code], "detail": text[:500]}
            for name, (code, text) in sorted(self._said.items())
        }
        temporary = self._status.with_name(f".{self._status.name}.{threading.get_ident()}")
        temporary.write_bytes(
            dumps_canonical({"owner": self._identity.owner, "pid": os.getpid(), "parts": record})
        )
        temporary.replace(self._status)


def _reason(error: DatabrightError) -> str:
    if isinstance(error, LeaseRefusedError):
        return error.reason
    if isinstance(error, BadInputError):
        return "bad-program"
    if isinstance(error, ComputeError):
        return "compute-failed"
    if isinstance(error, ChainError):
        return "no-chain"
    return "blob-missing"
