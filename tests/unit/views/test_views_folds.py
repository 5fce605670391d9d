from __future__ import annotations

from dataclasses import fields, replace

import pytest

from databright.chain.bindings import Artifact
from databright.errors import ChainError
from databright.records.deployment import CONTRACTS as MARKET
from databright.units import Amount
from databright.views.batches import IndexedEvent
from databright.views.book import Book, Row, Table
from databright.views.folds import FOLDS, TABLES, replay
from databright.views.folds.compute_market import JOBS, WAGES, WORKERS
from databright.views.folds.data_market import (
    DATABASES,
    DATASETS,
    EVIDENCE,
    PROPOSALS,
    REQUESTS,
    UNIT,
)
from databright.views.folds.model_market import MODELS, PREDICTIONS
from databright.views.folds.money import (
    ACCOUNTS,
    CONTRACTS,
    FLOWS,
    HOLDINGS,
    SUPPLIES,
    WITHDRAWALS,
)
from databright.views.folds.shares import DIVIDENDS, EVALUATORS, POOLS, TRANCHES
from databright.views.folds.votes import FIRST_MOTION, LOANS, MOTIONS, VOTERS, VOTES

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


def told(*all_told: Told) -> Book:
    return replay(events(*all_told))


def curators(name: str, **args: object) -> Told:
    return ("CuratorToken", name, args)


def escrow(name: str, **args: object) -> Told:
    return ("JobEscrow", name, {"job": 1, **args})


def proposal(number: int) -> int:
    return UNIT + number


DATASET: Told = (
    "Charter",
    "DatasetCreated",
    {"dataset": 1, "creator": A, "database": C, "max_exposure_bps": 500, "price_per_use": 6},
)


def proposed(number: int, request: int = 0, revises: int = 0) -> Told:
    args = {
        "proposal": proposal(number),
        "request": request,
        "proposer": A,
        "payee": B,
        "root": f"0x{number}",
        "num_rows": 9,
        "revises": revises,
        "bond": 5,
        "fee": 7,
        "electorate": 100,
    }
    return ("DataAssociation", "Proposed", args)


def executed(number: int, status: int, outcome: int, copy_of: int) -> Told:
    args = {"status": status, "outcome": outcome, "copy_of": copy_of, "evidence": "0x"}
    return ("Verdicts", "Executed", {"proposal": proposal(number), **args})


def settled(number: int, status: int, shares: int = 0, snapshot: int = 0) -> Told:
    args = {"status": status, "shares": shares, "snapshot": snapshot}
    return ("DataAssociation", "Settled", {"proposal": proposal(number), **args})


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


def test_proposals_carry_evidence_verdicts_and_reasons() -> None:
    evidence: dict[str, object] = {"proposal": proposal(1), "evaluator": B}
    decided: dict[str, object] = {"proposal": proposal(3), "status": 2}
    rows = told(
        DATASET,
        *(proposed(n) for n in (1, 2, 3, 4, 5)),
        proposed(6, revises=proposal(4)),
        settled(4, 6),
        ("Verdicts", "EvidencePublished", evidence | {"base": 0, "evidence": "0x1"}),
        ("Verdicts", "EvidencePublished", evidence | {"base": 1, "evidence": "0x2"}),
        ("Verdicts", "VerdictPosted", evidence | {"base": 1, "amount": 7, "evidence": "0x2"}),
        executed(1, 2, 0, 0),
        settled(1, 2, shares=77, snapshot=1),
        executed(2, 3, 1, proposal(1)),
        settled(2, 3),
        ("Challenges", "Challenged", {"proposal": proposal(3), "challenger": A}),
        ("Challenges", "ChallengeDecided", decided),
        executed(3, 3, 0, 0),
        settled(3, 3),
        settled(5, 5),
    )
    found = rows.rows(PROPOSALS)
    assert [(r.verdict, r.reason, r.copy_of, r.shares, r.challenge) for r in found] == [
        ("accepted", "", 0, 77, ""),
        ("rejected", "copy", proposal(1), 0, ""),
        ("rejected", "voted down", 0, 0, "upheld"),
        ("revised", "replaced by a revision", 0, 0, ""),
        ("withdrawn", "taken back", 0, 0, ""),
        ("open", "", 0, 0, ""),
    ]
    assert (found[0].dataset, found[0].evidence, found[0].posted) == (1, 2, 1)
    assert found[5].revises == proposal(4)
    assert [(e.evaluator, e.base, e.evidence) for e in rows.rows(EVIDENCE)] == [(B, 1, "0x2")]
    (row,) = rows.rows(DATASETS)
    assert (row.snapshot, row.num_rows, row.shares) == (1, 9, 77)


def test_ballots_own_and_lent_on_proposals_and_motions() -> None:
    motion = UNIT + FIRST_MOTION + 1
    moved = {
        "motion": motion,
        "mover": A,
        "kind": 2,
        "payload": "0x",
        "text": "0x9",
        "bond": 3,
        "electorate": 50,
    }
    lent: dict[str, object] = {"proposal": proposal(1), "oracle": C, "confidence": 800}
    rows = told(
        DATASET,
        proposed(1),
        ("Motions", "Moved", moved),
        curators("VotedLent", **lent, lender=B, support=True, weight=30),
        curators("VotedLent", **lent, lender=A, support=True, weight=5),
        curators("Overridden", proposal=proposal(1), lender=B, support=True, weight=30),
        curators("Voted", proposal=proposal(1), voter=B, support=False, weight=40),
        curators("Voted", proposal=motion, voter=B, support=True, weight=40),
        curators("Extended", proposal=proposal(1), deadline=99),
        curators("Extended", proposal=motion, deadline=88),
        ("Motions", "MotionSettled", {"motion": motion, "is_carried": True, "ready_at": 500}),
    )
    (row,) = rows.rows(PROPOSALS)
    assert (row.yes, row.no, row.deadline) == (5, 40, 99)
    assert [(v.proposal, v.voter, v.by, v.support, v.weight) for v in rows.rows(VOTES)] == [
        (proposal(1), A, C, True, 5),
        (proposal(1), B, B, False, 40),
        (motion, B, B, True, 40),
    ]
    (found,) = rows.rows(MOTIONS)
    assert (found.kind, found.state, found.yes, found.no) == ("takedown", "carried", 40, 0)
    assert (found.deadline, found.ready_at, found.text) == (88, 500, "0x9")
    enacted = told(
        ("Motions", "Moved", moved),
        ("Motions", "Enacted", {"motion": motion, "kind": 2, "version": 0}),
        ("Motions", "Moved", moved | {"motion": motion + 1, "kind": 1}),
        ("Motions", "MotionSettled", {"motion": motion + 1, "is_carried": False, "ready_at": 0}),
    )
    assert [(m.kind, m.state) for m in enacted.rows(MOTIONS)] == [
        ("takedown", "enacted"),
        ("rules", "lost"),
    ]


def test_requests_count_their_escrow_down() -> None:
    opened: Told = (
        "DataRequests",
        "RequestOpened",
        {
            "request": 1,
            "dataset": 1,
            "initiator": A,
            "escrow": 100,
            "curve": [[10, 3], [20, 1]],
            "deadline": 9,
        },
    )
    award = {"request": 1, "to": A, "proposer": B, "award": 30, "fee_back": 5}
    more: tuple[Told, ...] = (
        ("DataRequests", "RequestToppedUp", {"request": 1, "payer": B, "amount": 20}),
        ("DataRequests", "AwardPaid", award),
    )
    (row,) = told(opened, *more).rows(REQUESTS)
    assert (row.escrow, row.awarded, row.state, row.reveal) == (85, 35, "open", "")
    assert row.curve == "[[10, 3], [20, 1]]"
    ended: tuple[Told, ...] = (
        ("DataRequests", "HoldoutRetired", {"request": 1, "evaluator": B, "reveal": "0x7"}),
        ("DataRequests", "RequestClosed", {"request": 1, "refund": 85}),
    )
    (row,) = told(opened, *more, *ended).rows(REQUESTS)
    assert (row.escrow, row.awarded, row.state, row.reveal) == (0, 35, "closed", "0x7")


def accepted(*numbers: int) -> tuple[Told, ...]:
    return (
        DATASET,
        *(proposed(number) for number in numbers),
        *(settled(number, 2, 10 * number, place) for place, number in enumerate(numbers, start=1)),
    )


def test_tranches_sum_their_income_and_what_was_taken() -> None:
    taken: dict[str, object] = {"tranche": proposal(1), "holder": B}
    rows = told(
        *accepted(1, 4),
        ("Database", "Funded", {"snapshot": 1, "payer": A, "amount": 5, "to_pool": 2}),
        ("Database", "TrancheFunded", {"tranche": proposal(1), "payer": A, "amount": 2}),
        ("Database", "Claimed", taken | {"amount": 3}),
        ("Database", "Claimed", taken | {"amount": 1}),
        ("Database", "Credited", taken | {"amount": 9}),
        ("Database", "Redirected", taken | {"to": A, "amount": 8}),
    )
    (dataset,) = rows.rows(DATASETS)
    assert (dataset.snapshot, dataset.num_rows, dataset.shares, dataset.income) == (2, 18, 50, 7)
    assert [(d.address, d.dataset) for d in rows.rows(DATABASES)] == [(C, 1)]
    found = [
        (t.id, t.snapshot, t.root, t.income, t.claimed, t.redirected) for t in rows.rows(TRANCHES)
    ]
    assert found == [(proposal(1), 1, "0x1", 2, 13, 8), (proposal(4), 2, "0x4", 0, 0, 0)]
    dividends = [(d.tranche, d.holder, d.claimed, d.credited) for d in rows.rows(DIVIDENDS)]
    assert dividends == [(proposal(1), B, 4, 9)]


@pytest.mark.parametrize(
    ("endings", "state", "ended", "shares"),
    [
        ([(3, ZERO)], "removed", 3, 40),
        ([(3, A)], "taken down", 3, 40),
        ([(3, ZERO), (3, A)], "taken down", 3, 40),
    ],
)
def test_a_tranche_ends_once(
    endings: list[tuple[int, str]], state: str, ended: int, shares: int
) -> None:
    rows = told(
        *accepted(1, 4),
        *(
            ("Database", "Ended", {"tranche": proposal(1), "snapshot": n, "redirected_to": to})
            for n, to in endings
        ),
        ("Charter", "Erased", {"dataset": 1, "tranche": proposal(1), "node": B}),
    )
    tranche = rows.rows(TRANCHES)[0]
    assert (tranche.state, tranche.ended, tranche.erasures) == (state, ended, 1)
    assert tranche.redirected_to == ("" if endings[-1][1] == ZERO else endings[-1][1])
    (dataset,) = rows.rows(DATASETS)
    assert (dataset.snapshot, dataset.num_rows, dataset.shares) == (3, 9, shares)


def test_income_that_falls_from_a_pool_to_the_shares_counts_once() -> None:
    pool: dict[str, object] = {"dataset": 1, "snapshot": 1}
    rows = replay(
        [
            *events(*accepted(1)),
            *(
                replace(event, block_number=10 + place, address=A)
                for place, event in enumerate(
                    events(
                        ("ValuePools", "PoolFunded", pool | {"amount": 4}),
                        ("ValuePools", "ValuesPosted", pool | {"root": "0x5", "total": 9}),
                        ("ValuePools", "ValueClaimed", pool | {"owner": B, "amount": 1}),
                    )
                )
            ),
            *(
                replace(event, block_number=20)
                for event in events(
                    ("Database", "Funded", {"payer": B, "amount": 10, "to_pool": 4}),
                    ("Database", "Funded", {"payer": A, "amount": 4, "to_pool": 0}),
                )
            ),
        ]
    )
    assert [row.income for row in rows.rows(DATASETS)] == [10]
    (found,) = rows.rows(POOLS)
    assert (found.amount, found.paid, found.root, found.state) == (4, 1, "0x5", "posted")
    (released,) = told(
        ("ValuePools", "PoolFunded", pool | {"amount": 4}),
        ("ValuePools", "PoolReleased", pool | {"amount": 4}),
    ).rows(POOLS)
    assert (released.amount, released.state) == (0, "released")


def test_rules_change_their_version_and_evaluators_their_stake() -> None:
    who: dict[str, object] = {"dataset": 1, "evaluator": B}
    rows = told(
        DATASET,
        ("Charter", "RulesChanged", {"dataset": 1, "version": 2}),
        ("Verdicts", "EvaluatorSet", who | {"first": 1, "last": 9, "counts": True}),
        ("Challenges", "Staked", who | {"amount": 4}),
        ("Challenges", "Staked", who | {"amount": 5}),
        ("Challenges", "EvaluatorSlashed", who | {"proposal": 1, "amount": 9}),
        ("Challenges", "Staked", who | {"evaluator": A, "amount": 6}),
        ("Challenges", "StakeReturned", who | {"evaluator": A, "amount": 6}),
    )
    assert [row.version for row in rows.rows(DATASETS)] == [2]
    found = [(e.evaluator, e.counts, e.stake, e.slashed) for e in rows.rows(EVALUATORS)]
    assert found == [(A, False, 0, 0), (B, True, 0, 9)]


def test_earned_given_and_lent_weight() -> None:
    loan: dict[str, object] = {
        "dataset": 1,
        "oracle": C,
        "cap": 9,
        "expiry": 100,
        "least_confidence": 5_000,
    }
    rows = told(
        curators("GenesisSet", dataset=1, curator=A, weight=50),
        curators("Minted", dataset=1, to=A, amount=3),
        curators("Minted", dataset=1, to=A, amount=4),
        curators("Lent", **loan, lender=A),
        curators("Lent", **loan, lender=B),
        curators("TakenBack", dataset=1, lender=A),
    )
    assert [(v.account, v.earned, v.genesis) for v in rows.rows(VOTERS)] == [(A, 7, 50)]
    assert [(loan.lender, loan.oracle, loan.cap) for loan in rows.rows(LOANS)] == [(B, C, 9)]


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
