from __future__ import annotations

from dataclasses import fields

import pytest

from databright.chain.bindings import Artifact
from databright.errors import ChainError
from databright.records.deployment import CONTRACTS as MARKET
from databright.units import Amount
from databright.views.batches import IndexedEvent
from databright.views.book import Book, Row, Table
from databright.views.folds import FOLDS, TABLES
from databright.views.folds.compute_market import JOBS, WAGES, WORKERS
from databright.views.folds.model_market import MODELS, PREDICTIONS
from databright.views.folds.money import (
    ACCOUNTS,
    CONTRACTS,
    FLOWS,
    HOLDINGS,
    SUPPLIES,
    WITHDRAWALS,
)
from tests.unit.views.told import (
    DATASET,
    ZERO,
    A,
    B,
    C,
    Told,
    curators,
    escrow,
    proposal,
    proposed,
    settled,
    told,
)


def test_every_fold_is_of_an_event_that_its_contract_has() -> None:
    for name in FOLDS:
        if name == "*":
            continue
        contract, event = name.split(".")
        known = {entry["name"] for entry in Artifact.load(contract).abi if entry["type"] == "event"}
        assert event in known, name


def test_every_withdrawal_is_folded() -> None:
    contracts = [*(name for name in MARKET if name != "DatabaseBlueprint"), "Database"]
    paying = {
        f"{contract}.Withdrawn"
        for contract in contracts
        for entry in Artifact.load(contract).abi
        if (entry["type"], entry.get("name")) == ("event", "Withdrawn")
    }
    assert paying == {name for name in FOLDS if name.endswith(".Withdrawn")}


def test_tables_have_names_of_their_own_and_keys_of_their_rows() -> None:
    assert len({table.name for table in TABLES}) == len(TABLES)
    for table in TABLES:
        assert set(table.key) <= {field.name for field in fields(table.row)}


def test_jobs_count_segments_wages_and_what_else_was_paid() -> None:
    rows = told(
        escrow("JobOpened", buyer=A, dataset=1, snapshot=2, num_shards=6, num_rounds=4),
        escrow("HubClaimed", node=B, epoch=1),
        escrow("Reserved", owner=B, shards=1, price=3),
        escrow("DataFeePaid", snapshot=2, amount=6),
        escrow("SegmentAccepted", segment=0, result="0x1", receipt="0x2"),
        escrow("SegmentPaid", segment=0, owner=B, amount=3, source=0),
        escrow("ChainRepaid", node=B, amount=1),
        escrow("Voided", segment=1, owner=C, kind=1, slashed=8),
        escrow("Compensated", segment=1, owner=B, amount=4),
        escrow("JobFinished", weights="0x12", metric_bps=9_412),
        escrow("NodePaid", node=B, amount=7),
        escrow("BuyerRefunded", buyer=A, amount=20),
        escrow("PotBurnt", amount=2),
    )
    (row,) = rows.rows(JOBS)
    assert (row.segments, row.accepted, row.voided, row.paid) == (24, 1, 1, 7)
    assert (row.state, row.hub, row.weights, row.metric_bps) == ("finished", B, "0x12", 9_412)
    assert (row.data_fee, row.node_paid, row.refunded, row.burnt) == (6, 8, 20, 2)
    wages = [(w.owner, w.shards, w.paid, w.compensated, w.voided) for w in rows.rows(WAGES)]
    assert wages == [(B, 1, 3, 4, 0), (C, 0, 0, 0, 1)]


@pytest.mark.parametrize(
    ("names", "state", "stake", "slashed"),
    [
        ((), "offering", 15, 0),
        (("Leaving",), "leaving", 15, 0),
        (("Leaving", "StakeReturned"), "left", 0, 0),
        (("Slashed",), "barred", 0, 15),
        (("Leaving", "Slashed", "StakeReturned"), "barred", 0, 15),
        (("Slashed", "Leaving"), "barred", 0, 15),
    ],
)
def test_workers_have_a_state_and_a_stake(
    names: tuple[str, ...], state: str, stake: int, slashed: int
) -> None:
    args: dict[str, object] = {"owner": A, "amount": 15, "leaving_at": 4, "job": 1}
    (row,) = told(
        ("WorkerRegistry", "WorkerRegistered", {**args, "min_fee": 2, "tls_pin": "0x", "stake": 5}),
        ("WorkerRegistry", "StakeAdded", {**args, "amount": 10}),
        *(("WorkerRegistry", name, args) for name in names),
    ).rows(WORKERS)
    assert (row.state, row.stake, row.slashed) == (state, stake, slashed)


def test_models_count_predictions_and_income() -> None:
    asked: dict[str, object] = {"model": 1, "payer": B, "price": 50}
    rows = told(
        (
            "ModelRegistry",
            "ModelRegistered",
            {
                "model": 1,
                "owner": A,
                "job": 1,
                "dataset": 1,
                "snapshot": 2,
                "weights": "0x1",
                "metric_bps": 9_000,
                "price": 50,
            },
        ),
        ("PredictionMarket", "PredictionRequested", asked | {"prediction": 4}),
        ("PredictionMarket", "PredictionRequested", asked | {"prediction": 5}),
        (
            "PredictionMarket",
            "PredictionFulfilled",
            {
                "prediction": 4,
                "worker": C,
                "worker_fee": 8,
                "data_amount": 7,
                "owner_amount": 30,
                "returned": 5,
            },
        ),
        ("PredictionMarket", "PredictionRefunded", {"prediction": 5, "amount": 50}),
        (
            "ModelRegistry",
            "ModelImproved",
            {"model": 1, "job": 2, "weights": "0x2", "metric_bps": 9_500},
        ),
        ("ModelRegistry", "PriceSet", {"model": 1, "price": 60}),
    )
    (row,) = rows.rows(MODELS)
    assert (row.job, row.weights, row.metric_bps, row.price) == (2, "0x2", 9_500, 60)
    assert (row.predictions, row.income) == (1, 30)
    done, back = rows.rows(PREDICTIONS)
    assert (done.state, done.worker, done.price) == ("fulfilled", C, 50)
    assert done.worker_fee + done.data_amount + done.owner_amount + done.returned == done.price
    assert (back.state, back.returned) == ("refunded", 50)


def test_balances_keep_money_and_shares_apart_and_forget_the_burnt() -> None:
    rows = told(
        ("MarketToken", "Transfer", {"sender": ZERO, "receiver": A, "value": 10}),
        ("MarketToken", "Transfer", {"sender": A, "receiver": B, "value": 4}),
        ("MarketToken", "Transfer", {"sender": B, "receiver": ZERO, "value": 4}),
        (
            "Database",
            "Transfer",
            {"caller": C, "sender": ZERO, "receiver": B, "id": 1, "amount": 8},
        ),
        (
            "Database",
            "Transfer",
            {"caller": C, "sender": B, "receiver": C, "id": 1, "amount": 8},
        ),
        ("JobEscrow", "Withdrawn", {"account": A, "amount": 3}),
        ("JobEscrow", "Withdrawn", {"account": A, "amount": 2}),
    )
    assert [(r.account, r.amount, r.shares) for r in rows.rows(ACCOUNTS)] == [(A, 6, 0), (C, 0, 8)]
    assert [(h.tranche, h.holder, h.shares) for h in rows.rows(HOLDINGS)] == [(1, C, 8)]
    assert [(s.contract, s.id, s.amount) for s in rows.rows(SUPPLIES)] == [
        ("Database", 1, 8),
        ("MarketToken", 0, 6),
    ]
    assert [(f.sender, f.receiver, f.amount, f.transfers) for f in rows.rows(FLOWS)] == [
        (ZERO, A, 10, 1),
        (A, B, 4, 1),
        (B, ZERO, 4, 1),
    ]
    assert [(w.account, w.amount) for w in rows.rows(WITHDRAWALS)] == [(A, 5)]
    assert [(row.address, row.name) for row in rows.rows(CONTRACTS)] == [(C, "MarketToken")]


def test_a_row_that_stays_the_same_keeps_its_block() -> None:
    price: Told = ("ModelRegistry", "PriceSet", {"model": 1, "price": 60})
    made: Told = (
        "ModelRegistry",
        "ModelRegistered",
        {
            "model": 1,
            "owner": A,
            "job": 1,
            "dataset": 1,
            "snapshot": 2,
            "weights": "0x1",
            "metric_bps": 9_000,
            "price": 50,
        },
    )
    assert [row.block for row in told(made, price, price).rows(MODELS)] == [1]


def test_an_event_of_another_form_says_which_and_where() -> None:
    with pytest.raises(ChainError, match=r"CuratorToken\.Voted of block 2 .*another version"):
        told(DATASET, proposed(1), curators("Voted", proposal=proposal(1), weight=3))
    with pytest.raises(ChainError, match=r"speaks of proposals \(1000009,\)"):
        told(settled(9, 4))


def test_a_book_remembers_each_row_once_a_block_as_it_was_before() -> None:
    table = Table("accounts", ACCOUNTS.row, ("account",))
    book = Book(undo_above=0)

    def fold(book: Book, event: IndexedEvent) -> None:
        amount = event.number("amount")
        if amount:
            book.put(table, ACCOUNTS.row(account=event.address_of("who"), amount=Amount(amount)))
        else:
            book.drop(table, event.text("who"))

    amounts = [(0, 1), (1, 2), (1, 3), (2, 0), (2, 0), (3, 5), (4, 5)]
    for block, amount in amounts:
        event = IndexedEvent("E", "C", C, {"who": A, "amount": amount}, block, "0x", 0, "0x")
        book.fold(event, {"C.E": (fold,)})
    remembered = [(c.block, c.before and table.read(c.before)) for c in book.undo]
    assert [(n, row and (row.amount, row.block)) for n, row in remembered] == [
        (1, (1, 0)),
        (2, (3, 1)),
        (3, None),
    ]
    assert [(row.amount, row.block) for row in book.rows(table)] == [(5, 3)]
    assert isinstance(book.rows(table)[0], Row)
