"""The hub of a trusted node: serves sessions, picks up jobs, carries them through."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from databright.chain.structs import fields_of, int_of
from databright.compute_market.jobs import JOB_FIELDS, SPEC_FIELDS
from databright.compute_market.projections import JobHistory
from databright.compute_market.trusted.ledger import MarketLedger
from databright.compute_market.trusted.scheduler import HubParts, JobRunner
from databright.compute_market.trusted.settlement import read_blob
from databright.custody.tls import is_identity_of
from databright.errors import (
    BadInputError,
    ChainError,
    DatabrightError,
    NotAuthorisedError,
    ProtocolError,
    StorageError,
)
from databright.storage.base import Store
from databright.transport.hub import HubServer, PredictCall, split_endpoint
from databright.transport.tls import MAX_CERTIFICATE_BYTES, TlsIdentity
from databright.units import Address, Digest

_LOG = logging.getLogger(__name__)
_NODE = ("tls_pin", "hpke_key", "endpoint")
_LONGEST_RETRY_S = 300.0


class HubStoppedError(DatabrightError):
    """The hub was asked to stop."""


class WorkerDirectory:
    """Certificates of registered workers, from the registry's pins and the store.

    Args:
        ledger: reads the registry's events.
        store: the content store, which holds each certificate under its pin.
    """

    def __init__(self, ledger: MarketLedger, store: Store) -> None:
        self._ledger = ledger
        self._store = store
        self._known: dict[Address, tuple[Digest, bytes]] = {}
        self.is_complete = False

    def certificates(self) -> Mapping[Address, bytes]:
        """Owner -> certificate in DER.

        Returns:
            Those of owners that are not barred and whose certificate, made for them as
            `custody.tls` does, is in the store.
        """
        return {owner: der for owner, (_, der) in self._known.items()}

    def refresh(self) -> None:
        """Read the registry again; `is_complete` tells whether the store had all certificates."""
        found: dict[Address, tuple[Digest, bytes]] = {}
        is_complete = True
        for owner, entry in self._ledger.workers().items():
            before = self._known.get(owner)
            if entry.barred:
                continue
            if before is not None and before[0] == entry.tls_pin:
                found[owner] = before
                continue
            try:
                der = read_blob(self._store, entry.tls_pin, MAX_CERTIFICATE_BYTES)
            except StorageError as error:
                _LOG.debug("certificate of %s: %s", owner, error)
                is_complete = False
                continue
            except BadInputError as error:
                _LOG.debug("what %s has pinned is no certificate: %s", owner, error)
                continue
            if not is_identity_of(der, owner):
                _LOG.debug("what %s has pinned is not a certificate of its own", owner)
                continue
            found[owner] = (entry.tls_pin, der)
        self._known, self.is_complete = found, is_complete


@dataclass
class _Running:
    runner: JobRunner
    thread: threading.Thread
    retry_at: float = 0.0
    failures: int = 0


class HubRuntime:
    """Runs a node's hub in threads of this process.

    Args:
        parts: what the hub works with.
        identity: the node's TLS identity.
        predict: answers paid predictions.
        host: address to listen on and to announce.
        poll_s: longest time between two looks at the chain.
        retry_s: pause before a job that failed is tried again.
    """

    def __init__(
        self,
        parts: HubParts,
        identity: TlsIdentity,
        predict: PredictCall,
        *,
        host: str = "127.0.0.1",
        poll_s: float = 0.5,
        retry_s: float = 3.0,
    ) -> None:
        self._parts = parts
        self._poll_s = poll_s
        self._retry_s = retry_s
        self._stopping = threading.Event()
        self._running: dict[int, _Running] = {}
        self._refused: set[int] = set()
        self._directory = WorkerDirectory(parts.ledger, parts.store)
        self._directory.refresh()
        self._server = HubServer(
            parts.node,
            identity,
            self._directory,
            parts.dispatcher,
            predict,
            host=host,
            ports=self._last_ports(),
        )
        self._thread = threading.Thread(target=self._loop, name="hub", daemon=True)

    @property
    def endpoint(self) -> str:
        """Where workers and payers dial this node."""
        return self._server.endpoint

    def connected(self) -> list[Address]:
        """Workers that are there now.

        Returns:
            Owners' addresses.
        """
        return self._parts.dispatcher.connected()

    def is_alive(self) -> bool:
        """Whether the hub still looks for jobs.

        Returns:
            False before `start`, after `stop`, or when its thread failed.
        """
        return self._thread.is_alive()

    def start(self) -> None:
        """Serve, register the endpoint, and begin to look for jobs.

        Raises:
            ChainError: the node is not registered, or the chain cannot be reached.
        """
        self._server.start()
        workers = self._parts.contracts.workers
        if self._registered()["endpoint"] != self.endpoint:
            workers.transact(self._parts.signer, "set_endpoint", self.endpoint)
        _LOG.info("the hub listens at %s", self.endpoint)
        self._thread.start()

    def stop(self) -> None:
        """End sessions and threads; jobs go on at the next start."""
        self._stopping.set()
        self._parts.dispatcher.wake()
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        for running in self._running.values():
            running.thread.join(timeout=10)

    # -- looking for jobs

    def _loop(self) -> None:
        seen = ""
        while not self._stopping.is_set():
            try:
                head = self._parts.contracts.chain.head()
                if head.hash != seen or not self._directory.is_complete:
                    self._directory.refresh()
                    seen = head.hash
                self._look()
            except DatabrightError as error:
                # The chain or the store may be away for a while: the hub outlives that.
                _LOG.warning("the hub waits: %s", error)
            self._stopping.wait(self._poll_s)

    def _look(self) -> None:
        for job, history in self._parts.ledger.jobs().items():
            running = self._running.get(job)
            if history.closed or job in self._refused:
                continue
            if running is not None and running.thread.is_alive():
                continue
            if running is not None and time.monotonic() < running.retry_at:
                continue
            if self._is_ours(job, history):
                self._start(job)

    def _start(self, job: int) -> None:
        before = self._running.get(job)
        # A runner that failed keeps its epoch, so that trying again costs no transaction.
        runner = before.runner if before else JobRunner(self._parts, job, self._check)
        thread = threading.Thread(
            target=self._run, args=(job, runner), name=f"job-{job}", daemon=True
        )
        failures = before.failures if before else 0
        self._running[job] = _Running(runner, thread, failures=failures)
        thread.start()

    def _run(self, job: int, runner: JobRunner) -> None:
        running = self._running[job]
        wait_s = self._retry_s
        try:
            runner.run()
            running.failures = 0
        except HubStoppedError:
            _LOG.info("job %d pauses: the hub stops", job)
        except NotAuthorisedError as error:
            _LOG.warning("job %d: %s", job, error)
        except (ChainError, StorageError, ProtocolError) as error:
            _LOG.warning("job %d is tried again soon: %s", job, error)
        except BadInputError as error:
            # The buyer's blobs are at fault: looked at again, but ever more rarely.
            _LOG.error("job %d cannot go on as it was ordered: %s", job, error)
            wait_s = min(self._retry_s * 2**running.failures, _LONGEST_RETRY_S)
            running.failures = min(running.failures + 1, 30)
        except DatabrightError as error:
            _LOG.error("job %d cannot go on now: %s", job, error)
        except Exception:  # one job must not end the others': logged whole, tried again rarely
            _LOG.exception("job %d failed in a way that nobody foresaw", job)
            wait_s = min(self._retry_s * 2**running.failures, _LONGEST_RETRY_S)
            running.failures = min(running.failures + 1, 30)
        finally:
            running.retry_at = time.monotonic() + wait_s

    def _check(self) -> None:
        if self._stopping.is_set():
            raise HubStoppedError("the hub stops")

    def _is_ours(self, job: int, history: JobHistory) -> bool:
        """Ours already; or new and we come first; or its hub has been silent for too long."""
        parts, dataset = self._parts, history.opened.dataset
        if not parts.contracts.charter.call("is_node", dataset, parts.node):
            self._refused.add(job)
            return False
        if history.hub is not None and history.hub[0] == parts.node:
            return True
        if history.hub is None and self._first_node(dataset) == parts.node:
            return True
        view = fields_of(parts.contracts.escrow.call("job", job), JOB_FIELDS)
        silence = int_of(fields_of(view["spec"], SPEC_FIELDS)["silence"])
        since = max(int_of(view["last_active"]), int_of(view["claimed_at"]))
        return parts.contracts.chain.next_timestamp() > since + silence

    def _first_node(self, dataset: int) -> Address | None:
        """The first registered node with an endpoint that the dataset admits."""
        workers, charter = self._parts.contracts.workers, self._parts.contracts.charter
        for index in range(int(workers.call("num_nodes"))):
            operator = Address(str(workers.call("node_at", index)))
            entry = fields_of(workers.call("node", operator), _NODE)
            if entry["endpoint"] and charter.call("is_node", dataset, operator):
                return operator
        return None

    # -- this node's entry

    def _registered(self) -> dict[str, object]:
        entry = fields_of(self._parts.contracts.workers.call("node", self._parts.node), _NODE)
        if entry["tls_pin"] == bytes(32):
            raise ChainError(
                f"{self._parts.node} is not registered as a node: register it before the hub starts"
            )
        return entry

    def _last_ports(self) -> tuple[int, int]:
        try:
            first, second = split_endpoint(str(self._registered()["endpoint"]))
        except (ProtocolError, ChainError):
            return (0, 0)
        return int(first.rpartition(":")[2]), int(second.rpartition(":")[2])
