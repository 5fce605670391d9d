"""Read models: datasets, proposals, jobs, models and balances as the chain's events tell them.

Every function is pure: the same events give the same rows, so an index that went through reorgs
shows what an index built from zero shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar, cast

from databright.database.connection import reading
from databright.units import Address, Amount, BasisPoints, Shares
from databright.views.index import Index, IndexedEvent, read_events, read_head
from databright.views.rows import (
    BalanceRow,
    Dashboard,
    DatasetRow,
    JobRow,
    ModelRow,
    ProposalRow,
)

Row = TypeVar("Row")
Fold = Callable[[dict[int, Row], IndexedEvent], None]

ZERO_ADDRESS = Address("0x" + "0" * 40)
_OUTCOMES = ("voted down", "copy", "harmful", "fraud or licence breach")
_STATUS = {2: "accepted", 3: "rejected", 4: "expired"}


def read_dashboard(index: Index) -> Dashboard:
    """Read everything at one block.

    Args:
        index: the index.

    Returns:
        Rows that agree with one another.
    """
    with reading(index.engine) as connection:
        head = read_head(connection)
        events = read_events(connection, None)
    return Dashboard(
        head=head,
        datasets=datasets(events),
        proposals=proposals(events),
        jobs=jobs(events),
        models=models(events),
        balances=balances(events),
    )


def datasets(events: Iterable[IndexedEvent]) -> tuple[DatasetRow, ...]:
    """All datasets.

    Args:
        events: of the whole market, in chain order.

    Returns:
        Rows by id.
    """
    return _fold(events, _DATASETS)


def proposals(events: Iterable[IndexedEvent]) -> tuple[ProposalRow, ...]:
    """All proposals with their verdicts.

    Args:
        events: of the whole market, in chain order.

    Returns:
        Rows by id.
    """
    return _fold(events, _PROPOSALS)


def jobs(events: Iterable[IndexedEvent]) -> tuple[JobRow, ...]:
    """All jobs.

    Args:
        events: of the whole market, in chain order.

    Returns:
        Rows by id.
    """
    return _fold(events, _JOBS)


def models(events: Iterable[IndexedEvent]) -> tuple[ModelRow, ...]:
    """All models with what their predictions earned.

    Args:
        events: of the whole market, in chain order.

    Returns:
        Rows by id.
    """
    listed = list(events)
    rows = {row.id: row for row in _fold(listed, _MODELS)}
    model_of = {
        _number(event, "prediction"): _number(event, "model")
        for event in listed
        if event.name == "PredictionRequested"
    }
    for event in listed:
        if event.name == "PredictionFulfilled":
            row = rows[model_of[_number(event, "prediction")]]
            rows[row.id] = replace(
                row,
                predictions=row.predictions + 1,
                income=Amount(row.income + _number(event, "owner_amount")),
            )
    return tuple(rows[number] for number in sorted(rows))


def balances(events: Iterable[IndexedEvent]) -> tuple[BalanceRow, ...]:
    """What every account holds, by the tokens' own transfers.

    Args:
        events: of the whole market, in chain order.

    Returns:
        Accounts that hold money or shares; the market's contracts first, then by address.
    """
    money: Counter[str] = Counter()
    shares: Counter[str] = Counter()
    contracts: dict[str, str] = {}
    for event in events:
        contracts[event.address] = event.contract
        if event.name != "Transfer":
            continue
        book, unit = (money, "value") if event.contract == "MarketToken" else (shares, "amount")
        amount = _number(event, unit)
        book[_text(event, "sender")] -= amount
        book[_text(event, "receiver")] += amount
    accounts = {account for book in (money, shares) for account, held in book.items() if held}
    rows = [
        BalanceRow(
            account=Address(account),
            contract=contracts.get(account, ""),
            amount=Amount(money[account]),
            shares=Shares(shares[account]),
        )
        for account in accounts - {ZERO_ADDRESS}
    ]
    return tuple(sorted(rows, key=lambda row: (row.contract == "", row.contract, row.account)))


def _number(event: IndexedEvent, name: str) -> int:
    return int(cast("int", event.args[name]))


def _text(event: IndexedEvent, name: str) -> str:
    return str(event.args[name])


def _fold(events: Iterable[IndexedEvent], folds: Mapping[str, Fold[Row]]) -> tuple[Row, ...]:
    rows: dict[int, Row] = {}
    for event in events:
        fold = folds.get(event.name)
        if fold is not None:
            fold(rows, event)
    return tuple(rows[number] for number in sorted(rows))


# ------------------------------------------------------------------ datasets


def _dataset_created(rows: dict[int, DatasetRow], event: IndexedEvent) -> None:
    number = _number(event, "dataset")
    rows[number] = DatasetRow(
        id=number,
        creator=Address(_text(event, "creator")),
        database=Address(_text(event, "database")),
        max_exposure_bps=BasisPoints(_number(event, "max_exposure_bps")),
        price_per_use=Amount(_number(event, "price_per_use")),
    )


def _registered(rows: dict[int, DatasetRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "dataset")]
    rows[row.id] = replace(
        row,
        snapshot=_number(event, "snapshot"),
        num_rows=row.num_rows + _number(event, "num_rows"),
        shares=Shares(row.shares + _number(event, "shares")),
    )


def _funded(rows: dict[int, DatasetRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "dataset")]
    rows[row.id] = replace(row, income=Amount(row.income + _number(event, "amount")))


_DATASETS: Mapping[str, Fold[DatasetRow]] = {
    "DatasetCreated": _dataset_created,
    "Registered": _registered,
    "Funded": _funded,
    "TrancheFunded": _funded,
}

# ------------------------------------------------------------------ proposals


def _proposed(rows: dict[int, ProposalRow], event: IndexedEvent) -> None:
    number = _number(event, "proposal")
    rows[number] = ProposalRow(
        id=number,
        dataset=_number(event, "dataset"),
        request=_number(event, "request"),
        proposer=Address(_text(event, "proposer")),
        num_rows=_number(event, "num_rows"),
        deadline=_number(event, "deadline"),
    )


def _evidence(rows: dict[int, ProposalRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "proposal")]
    rows[row.id] = replace(row, evidence=row.evidence + 1)


def _voted(rows: dict[int, ProposalRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "proposal")]
    weight = _number(event, "weight")
    if event.args["support"]:
        rows[row.id] = replace(row, yes=row.yes + weight)
    else:
        rows[row.id] = replace(row, no=row.no + weight)


def _executed(rows: dict[int, ProposalRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "proposal")]
    status, outcome = _number(event, "status"), _number(event, "outcome")
    rows[row.id] = replace(
        row,
        verdict=_STATUS.get(status, f"status {status}"),
        reason="" if status == 2 else _OUTCOMES[min(outcome, len(_OUTCOMES) - 1)],
        copy_of=_number(event, "copy_of"),
        shares=Shares(_number(event, "shares")),
    )


def _expired(rows: dict[int, ProposalRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "proposal")]
    rows[row.id] = replace(row, verdict="expired", reason="not executed in time")


_PROPOSALS: Mapping[str, Fold[ProposalRow]] = {
    "Proposed": _proposed,
    "EvidencePublished": _evidence,
    "Voted": _voted,
    "Executed": _executed,
    "Expired": _expired,
}

# ------------------------------------------------------------------ jobs


def _job_opened(rows: dict[int, JobRow], event: IndexedEvent) -> None:
    number = _number(event, "job")
    rows[number] = JobRow(
        id=number,
        buyer=Address(_text(event, "buyer")),
        dataset=_number(event, "dataset"),
        snapshot=_number(event, "snapshot"),
        segments=_number(event, "num_shards") * _number(event, "num_rounds"),
    )


def _hub_claimed(rows: dict[int, JobRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "job")]
    rows[row.id] = replace(row, hub=_text(event, "node"))


def _reserved(rows: dict[int, JobRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "job")]
    rows[row.id] = replace(row, state="running")


def _accepted(rows: dict[int, JobRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "job")]
    rows[row.id] = replace(row, accepted=row.accepted + 1)


def _voided(rows: dict[int, JobRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "job")]
    rows[row.id] = replace(row, voided=row.voided + 1)


def _paid(rows: dict[int, JobRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "job")]
    rows[row.id] = replace(row, paid=Amount(row.paid + _number(event, "amount")))


def _job_finished(rows: dict[int, JobRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "job")]
    rows[row.id] = replace(
        row,
        state="finished",
        weights=_text(event, "weights"),
        metric_bps=BasisPoints(_number(event, "metric_bps")),
    )


def _job_refunded(rows: dict[int, JobRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "job")]
    rows[row.id] = replace(row, state="refunded")


_JOBS: Mapping[str, Fold[JobRow]] = {
    "JobOpened": _job_opened,
    "HubClaimed": _hub_claimed,
    "Reserved": _reserved,
    "SegmentAccepted": _accepted,
    "Voided": _voided,
    "SegmentPaid": _paid,
    "Compensated": _paid,
    "JobFinished": _job_finished,
    "JobRefunded": _job_refunded,
}

# ------------------------------------------------------------------ models


def _model_registered(rows: dict[int, ModelRow], event: IndexedEvent) -> None:
    number = _number(event, "model")
    rows[number] = ModelRow(
        id=number,
        owner=Address(_text(event, "owner")),
        dataset=_number(event, "dataset"),
        snapshot=_number(event, "snapshot"),
        job=_number(event, "job"),
        weights=_text(event, "weights"),
        metric_bps=BasisPoints(_number(event, "metric_bps")),
        price=Amount(_number(event, "price")),
    )


def _model_improved(rows: dict[int, ModelRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "model")]
    rows[row.id] = replace(
        row,
        job=_number(event, "job"),
        weights=_text(event, "weights"),
        metric_bps=BasisPoints(_number(event, "metric_bps")),
    )


def _price_set(rows: dict[int, ModelRow], event: IndexedEvent) -> None:
    row = rows[_number(event, "model")]
    rows[row.id] = replace(row, price=Amount(_number(event, "price")))


_MODELS: Mapping[str, Fold[ModelRow]] = {
    "ModelRegistered": _model_registered,
    "ModelImproved": _model_improved,
    "PriceSet": _price_set,
}
