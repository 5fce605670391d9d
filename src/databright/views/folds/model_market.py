"""The model market: models, and predictions bought from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databright.units import Address, Amount, BasisPoints
from databright.views.batches import IndexedEvent
from databright.views.book import AnyTable, Book, Fold, Row, Table


@dataclass(frozen=True, kw_only=True)
class ModelRow(Row):
    """A model.

    Attributes:
        id: from 1.
        owner: who sells it.
        dataset: what it was trained on.
        snapshot: which version of it.
        job: the job that made its weights.
        weights: their digest.
        metric_bps: measured accuracy.
        price: of one prediction.
        predictions: fulfilled so far.
        income: its owner's income.
    """

    id: int
    owner: Address
    dataset: int
    snapshot: int
    job: int
    weights: str
    metric_bps: BasisPoints
    price: Amount
    predictions: int = 0
    income: Amount = Amount(0)


@dataclass(frozen=True, kw_only=True)
class PredictionRow(Row):
    """A prediction that somebody paid for.

    Attributes:
        id: from 1.
        model: of which model.
        payer: who asked.
        price: what was paid.
        state: open, fulfilled or refunded.
        worker: who computed it, empty before.
        worker_fee: what the worker got.
        data_amount: what the data got.
        owner_amount: what the model's owner got.
        returned: what went back to the payer.
    """

    id: int
    model: int
    payer: Address
    price: Amount
    state: str = "open"
    worker: str = ""
    worker_fee: Amount = Amount(0)
    data_amount: Amount = Amount(0)
    owner_amount: Amount = Amount(0)
    returned: Amount = Amount(0)


MODELS = Table("models", ModelRow, ("id",))
PREDICTIONS = Table("predictions", PredictionRow, ("id",))
TABLES: Sequence[AnyTable] = (MODELS, PREDICTIONS)


def _model_registered(book: Book, event: IndexedEvent) -> None:
    row = ModelRow(
        id=event.number("model"),
        owner=event.address_of("owner"),
        dataset=event.number("dataset"),
        snapshot=event.number("snapshot"),
        job=event.number("job"),
        weights=event.text("weights"),
        metric_bps=BasisPoints(event.number("metric_bps")),
        price=Amount(event.number("price")),
    )
    book.put(MODELS, row)


def _model_improved(book: Book, event: IndexedEvent) -> None:
    row = book.get(MODELS, event.number("model"))
    better = replace(
        row,
        job=event.number("job"),
        weights=event.text("weights"),
        metric_bps=BasisPoints(event.number("metric_bps")),
    )
    book.put(MODELS, better)


def _price_set(book: Book, event: IndexedEvent) -> None:
    row = book.get(MODELS, event.number("model"))
    book.put(MODELS, replace(row, price=Amount(event.number("price"))))


def _requested(book: Book, event: IndexedEvent) -> None:
    row = PredictionRow(
        id=event.number("prediction"),
        model=event.number("model"),
        payer=event.address_of("payer"),
        price=Amount(event.number("price")),
    )
    book.put(PREDICTIONS, row)


def _fulfilled(book: Book, event: IndexedEvent) -> None:
    row = book.get(PREDICTIONS, event.number("prediction"))
    done = replace(
        row,
        state="fulfilled",
        worker=event.text("worker"),
        worker_fee=Amount(event.number("worker_fee")),
        data_amount=Amount(event.number("data_amount")),
        owner_amount=Amount(event.number("owner_amount")),
        returned=Amount(event.number("returned")),
    )
    book.put(PREDICTIONS, done)
    model = book.get(MODELS, row.model)
    sold = replace(
        model,
        predictions=model.predictions + 1,
        income=Amount(model.income + done.owner_amount),
    )
    book.put(MODELS, sold)


def _refunded(book: Book, event: IndexedEvent) -> None:
    row = book.get(PREDICTIONS, event.number("prediction"))
    back = Amount(event.number("amount"))
    book.put(PREDICTIONS, replace(row, state="refunded", returned=back))


FOLDS: Mapping[str, Fold] = {
    "ModelRegistry.ModelRegistered": _model_registered,
    "ModelRegistry.ModelImproved": _model_improved,
    "ModelRegistry.PriceSet": _price_set,
    "PredictionMarket.PredictionRequested": _requested,
    "PredictionMarket.PredictionFulfilled": _fulfilled,
    "PredictionMarket.PredictionRefunded": _refunded,
}
