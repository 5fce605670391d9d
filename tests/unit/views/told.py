"""Events told in a few words, for tests of folds."""

from __future__ import annotations

from databright.views.batches import IndexedEvent
from databright.views.book import Book
from databright.views.folds import replay
from databright.views.folds.data_market import UNIT

Told = tuple[str, str, dict[str, object]]

A, B, C = ("0x" + letter * 40 for letter in "abc")
ZERO = "0x" + "0" * 40


def events_of(*told: Told) -> list[IndexedEvent]:
    """The told events, one a block."""
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
    """The rows that the told events make."""
    return replay(events_of(*all_told))


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
