"""The node's compute side: hands the hub its market, its keys and its access to plaintext."""

from __future__ import annotations

import threading

from databright.compute_market.trusted.dispatch import Dispatcher
from databright.compute_market.trusted.ledger import MarketLedger
from databright.compute_market.trusted.predictions import PredictionLeases
from databright.compute_market.trusted.rounds import Patience
from databright.compute_market.trusted.runtime import HubRuntime
from databright.compute_market.trusted.scheduler import HubParts
from databright.custody.references import LABEL_HOLDOUT
from databright.data_market.registry import DataRegistry, Reader, snapshot_rows
from databright.errors import DatabrightError, ProtocolError
from databright.model_market.serving import COMPUTE_S, PredictionServer
from databright.programs.child import ComputeChild
from databright.records.rows import Rows
from databright.transport.tls import TlsIdentity
from databright.wiring.processes import until_ready
from databright.wiring.session import Actor, OpenMarket

_LOOK_S = 1.0


class MarketCustodian:
    """Opens what a dataset's rules let one node open.

    Args:
        registry: the data market.
        reader: the node's address and HPKE key.
    """

    def __init__(self, registry: DataRegistry, reader: Reader) -> None:
        self._registry = registry
        self._reader = reader

    def training_rows(self, dataset: int, snapshot: int) -> Rows:
        """Rows of a snapshot: its entries in order, concatenated.

        Args:
            dataset: id of the dataset.
            snapshot: its version, from 1.

        Returns:
            The rows.
        """
        rows, _ = snapshot_rows(self._registry, dataset, snapshot, self._reader)
        return rows

    def holdout_rows(self, request: int) -> Rows:
        """The hidden test rows of a request.

        Args:
            request: its id.

        Returns:
            The rows.
        """
        found = self._registry.request(request)
        return self._registry.open_rows(
            found.dataset, found.holdout_ref, LABEL_HOLDOUT, self._reader
        )


def make_hub(
    market: OpenMarket, actor: Actor, *, host: str = "127.0.0.1", patience: Patience | None = None
) -> HubRuntime:
    """Put a node's hub together.

    Args:
        market: the market.
        actor: the node's operator, registered as a node.
        host: address to listen on and to announce.
        patience: how long workers are waited for.

    Returns:
        The hub, not yet started.
    """
    parts = HubParts(
        contracts=market.contracts,
        ledger=MarketLedger(market.contracts),
        store=market.store,
        signer=actor.signer,
        node=actor.address,
        custodian=MarketCustodian(market.registry, actor.reader),
        dispatcher=Dispatcher(),
        make_child=ComputeChild,
        patience=patience or Patience(),
    )
    server = PredictionServer(
        market.contracts,
        market.store,
        actor.signer,
        PredictionLeases(parts),
        lambda: ComputeChild(timeout_s=COMPUTE_S),
    )
    identity = TlsIdentity(actor.keys.tls_key_pem, actor.keys.tls_certificate_pem)
    return HubRuntime(parts, identity, server.predict, host=host)


def run_hub(market: OpenMarket, actor: Actor, stop: threading.Event) -> None:
    """Serve workers and payers until asked to stop; a chain that is away is waited for.

    Args:
        market: the market.
        actor: the node's operator.
        stop: ends it.

    Raises:
        ProtocolError: the hub failed in a way nobody foresaw; its process has to start again.
    """

    def started() -> HubRuntime:
        hub = make_hub(market, actor)
        try:
            hub.start()
        except DatabrightError:
            hub.stop()
            raise
        return hub

    hub = until_ready(started, stop, "the chain")
    if hub is None:
        return
    try:
        while not stop.wait(_LOOK_S):
            if not hub.is_alive():
                raise ProtocolError("the hub's thread has failed, so the node stops")
    finally:
        hub.stop()
