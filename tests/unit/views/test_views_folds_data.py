from __future__ import annotations

from dataclasses import replace

import pytest

from databright.views.folds import replay
from databright.views.folds.data_market import (
    DATABASES,
    DATASETS,
    EVIDENCE,
    PROPOSALS,
    REQUESTS,
    UNIT,
)
from databright.views.folds.shares import DIVIDENDS, EVALUATORS, POOLS, TRANCHES
from databright.views.folds.votes import FIRST_MOTION, LOANS, MOTIONS, VOTERS, VOTES
from tests.unit.views.told import (
    DATASET,
    ZERO,
    A,
    B,
    C,
    Told,
    curators,
    events_of,
    executed,
    proposal,
    proposed,
    settled,
    told,
)


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
            *events_of(*accepted(1)),
            *(
                replace(event, block_number=10 + place, address=A)
                for place, event in enumerate(
                    events_of(
                        ("ValuePools", "PoolFunded", pool | {"amount": 4}),
                        ("ValuePools", "ValuesPosted", pool | {"root": "0x5", "total": 9}),
                        ("ValuePools", "ValueClaimed", pool | {"owner": B, "amount": 1}),
                    )
                )
            ),
            *(
                replace(event, block_number=20)
                for event in events_of(
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
        (
            "Charter",
            "RulesChanged",
            {"dataset": 1, "version": 2, "max_exposure_bps": 700, "price_per_use": 8},
        ),
        ("Verdicts", "EvaluatorSet", who | {"first": 1, "last": 9, "counts": True}),
        ("Challenges", "Staked", who | {"amount": 4}),
        ("Challenges", "Staked", who | {"amount": 5}),
        ("Challenges", "EvaluatorSlashed", who | {"proposal": 1, "amount": 9}),
        ("Challenges", "Staked", who | {"evaluator": A, "amount": 6}),
        ("Challenges", "StakeReturned", who | {"evaluator": A, "amount": 6}),
    )
    (changed,) = rows.rows(DATASETS)
    assert (changed.version, changed.max_exposure_bps, changed.price_per_use) == (2, 700, 8)
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
