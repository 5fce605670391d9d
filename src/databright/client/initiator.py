"""What an initiator does: open datasets and requests."""

from __future__ import annotations

from databright.client.writing import Desk, Made, Written
from databright.custody.blobs import read_blob
from databright.data_market.registry import Dataset, Request
from databright.data_market.requests import (
    DatasetDraft,
    RequestDraft,
    plan_close,
    plan_dataset,
    plan_request,
    plan_top_up,
)
from databright.records.datasets import MAX_CARD_BYTES, RequestCard
from databright.records.rows import Rows
from databright.units import Amount


class InitiatorView:
    """Datasets and requests.

    Args:
        desk: actor and market.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._registry = desk.market.registry

    def create_dataset(self, draft: DatasetDraft, *, dry_run: bool = False) -> Written:
        """Open a dataset.

        Args:
            draft: what to open.
            dry_run: show only.

        Returns:
            What was done, with the dataset's id.
        """
        plan = plan_dataset(self._registry, draft)
        charter = self._desk.market.contracts.charter
        return self._desk.write(plan, Made(charter, "DatasetCreated", "dataset"), dry_run=dry_run)

    def datasets(self) -> list[Dataset]:
        """All datasets.

        Returns:
            In order of id.
        """
        return [self._registry.dataset(n) for n in range(1, self._registry.num_datasets() + 1)]

    def dataset(self, dataset: int) -> Dataset:
        """One dataset.

        Args:
            dataset: its id.

        Returns:
            Rules and state.
        """
        return self._registry.dataset(dataset)

    def open_request(
        self, dataset: int, holdout: Rows, draft: RequestDraft, *, dry_run: bool = False
    ) -> Written:
        """Open a request for data with a sealed holdout.

        Args:
            dataset: id of the dataset.
            holdout: hidden rows.
            draft: what is asked for and paid.
            dry_run: show only.

        Returns:
            What was done, with the request's id.
        """
        plan = plan_request(self._registry, self._desk.actor.address, dataset, holdout, draft)
        requests = self._desk.market.contracts.requests
        return self._desk.write(plan, Made(requests, "RequestOpened", "request"), dry_run=dry_run)

    def requests(self) -> list[Request]:
        """All requests.

        Returns:
            In order of id.
        """
        return [self._registry.request(n) for n in range(1, self._registry.num_requests() + 1)]

    def request(self, request: int) -> Request:
        """One request.

        Args:
            request: its id.

        Returns:
            Its state.
        """
        return self._registry.request(request)

    def request_card(self, request: int) -> RequestCard:
        """What a request asks for.

        Args:
            request: its id.

        Returns:
            Its card.

        Raises:
            StorageError: it is not in the store, or its bytes are corrupt.
        """
        digest = self._registry.request(request).card
        return RequestCard.from_json(read_blob(self._registry.store, digest, MAX_CARD_BYTES))

    def top_up(self, request: int, amount: Amount, *, dry_run: bool = False) -> Written:
        """Pay more into a request.

        Args:
            request: its id.
            amount: base units.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_top_up(self._registry, self._desk.actor.address, request, amount)
        return self._desk.write(plan, dry_run=dry_run)

    def close_request(self, request: int, *, dry_run: bool = False) -> Written:
        """End a request; its rest becomes the initiator's credit.

        Args:
            request: its id.
            dry_run: show only.

        Returns:
            What was done.
        """
        plan = plan_close(self._registry, self._desk.actor.address, request)
        return self._desk.write(plan, dry_run=dry_run)
