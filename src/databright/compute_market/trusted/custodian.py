"""The trusted node's access to plaintext, as the hub needs it; wiring provides it."""

from __future__ import annotations

from typing import Protocol

from databright.records.rows import Rows


class Custodian(Protocol):
    """Opens what the dataset's rules let this node open."""

    def training_rows(self, dataset: int, snapshot: int) -> Rows:
        """Rows of a snapshot: its entries in order, concatenated."""

    def holdout_rows(self, request: int) -> Rows:
        """The hidden test rows of a request."""
