from __future__ import annotations

from databright.views.index import IndexedEvent
from databright.views.projections import balances, datasets, jobs, models, proposals

Told = tuple[str, str, dict[str, object]]

A, B, C = ("0x" + letter * 40 for letter in "abc")
ZERO = "0x" + "0" * 40


def events(*told: Told) -> list[IndexedEvent]:
    return [
        IndexedEvent(
            name=name,
            contract=contract,
            address=C,
            args=args,
            block_number=place,
            block_hash=f"0x{place}",
            log_index=0,
            tx="0x",
        )
        for place, (contract, name, args) in enumerate(told)
    ]


def proposed(number: int) -> Told:
    return (
        "DataAssociation",
        "Proposed",
        {
            "proposal": number,
            "dataset": 1,
            "request": 0,
            "proposer": A,
            "num_rows": 9,
            "deadline": 5,
        },
    )


def executed(number: int, status: int, outcome: int, copy_of: int, shares: int) -> Told:
    return (
        "DataAssociation",
        "Executed",
        {
            "proposal": number,
            "dataset": 1,
            "status": status,
            "outcome": outcome,
            "copy_of": copy_of,
            "shares": shares,
            "snapshot": 1,
        },
    )


def test_proposals_carry_votes_verdicts_and_reasons() -> None:
    rows = proposals(
        events(
            *(proposed(n) for n in (1, 2, 3, 4, 5)),
            ("DataAssociation", "EvidencePublished", {"proposal": 1}),
            ("DataAssociation", "Voted", {"proposal": 1, "support": True, "weight": 40}),
            ("DataAssociation", "Voted", {"proposal": 1, "support": False, "weight": 2}),
            executed(1, 2, 0, 0, 77),
            executed(2, 3, 1, 1, 0),
            executed(3, 3, 0, 0, 0),
            ("DataAssociation", "Expired", {"proposal": 4}),
        )
    )
    told = [(r.verdict, r.reason, r.copy_of, r.shares) for r in rows]
    assert told == [
        ("accepted", "", 0, 77),
        ("rejected", "copy", 1, 0),
        ("rejected", "voted down", 0, 0),
        ("expired", "not executed in time", 0, 0),
        ("open", "", 0, 0),
    ]
    assert (rows[0].evidence, rows[0].yes, rows[0].no) == (1, 40, 2)


def test_datasets_sum_rows_shares_and_income() -> None:
    registered: dict[str, object] = {"dataset": 1, "proposal": 1, "num_rows": 10, "shares": 3}
    (row,) = datasets(
        events(
            (
                "DataAssociation",
                "DatasetCreated",
                {
                    "dataset": 1,
                    "creator": A,
                    "database": B,
                    "max_exposure_bps": 500,
                    "price_per_use": 6,
                },
            ),
            ("Database", "Registered", registered | {"snapshot": 1}),
            ("Database", "Registered", registered | {"snapshot": 2}),
            ("Database", "Funded", {"dataset": 1, "snapshot": 1, "payer": A, "amount": 5}),
            ("Database", "TrancheFunded", {"dataset": 1, "tranche": 1, "payer": A, "amount": 2}),
        )
    )
    assert (row.snapshot, row.num_rows, row.shares, row.income) == (2, 20, 6, 7)


def test_jobs_count_segments_and_wages() -> None:
    job: dict[str, object] = {"job": 1}
    (row,) = jobs(
        events(
            (
                "JobEscrow",
                "JobOpened",
                job | {"buyer": A, "dataset": 1, "snapshot": 2, "num_shards": 6, "num_rounds": 4},
            ),
            ("JobEscrow", "HubClaimed", job | {"node": B, "epoch": 1}),
            ("JobEscrow", "Reserved", job | {"owner": B, "shards": 1, "price": 3}),
            ("JobEscrow", "SegmentAccepted", job | {"segment": 0}),
            ("JobEscrow", "SegmentPaid", job | {"segment": 0, "owner": B, "amount": 3}),
            ("JobEscrow", "Voided", job | {"segment": 1, "owner": C, "kind": 1}),
            ("JobEscrow", "Compensated", job | {"segment": 1, "owner": B, "amount": 4}),
            ("JobEscrow", "JobFinished", job | {"weights": "0x12", "metric_bps": 9_412}),
        )
    )
    assert (row.segments, row.accepted, row.voided, row.paid) == (24, 1, 1, 7)
    assert (row.state, row.hub, row.weights, row.metric_bps) == ("finished", B, "0x12", 9_412)


def test_models_count_predictions_and_income() -> None:
    (row,) = models(
        events(
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
            ("PredictionMarket", "PredictionRequested", {"prediction": 4, "model": 1}),
            ("PredictionMarket", "PredictionFulfilled", {"prediction": 4, "owner_amount": 30}),
            (
                "ModelRegistry",
                "ModelImproved",
                {"model": 1, "job": 2, "weights": "0x2", "metric_bps": 9_500},
            ),
            ("ModelRegistry", "PriceSet", {"model": 1, "price": 60}),
        )
    )
    assert (row.job, row.weights, row.metric_bps, row.price) == (2, "0x2", 9_500, 60)
    assert (row.predictions, row.income) == (1, 30)


def test_balances_keep_money_and_shares_apart_and_forget_the_burnt() -> None:
    rows = balances(
        events(
            ("MarketToken", "Transfer", {"sender": ZERO, "receiver": A, "value": 10}),
            ("MarketToken", "Transfer", {"sender": A, "receiver": B, "value": 4}),
            ("MarketToken", "Transfer", {"sender": B, "receiver": ZERO, "value": 4}),
            (
                "CuratorToken",
                "Transfer",
                {"caller": C, "sender": ZERO, "receiver": B, "id": 1, "amount": 8},
            ),
        )
    )
    assert [(r.account, r.amount, r.shares) for r in rows] == [(A, 6, 0), (B, 0, 8)]
