"""Faults in the contracts are caught; the whole table is made by scripts/mutate_contracts.py."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from secrets import randbelow

import pytest

from tests.contracts.mutants.base import Mutant
from tests.contracts.mutants.evidence import PAGE, Row, counts, page, rows, unused
from tests.contracts.mutants.runner import CONTRACTS, MUTANTS, catch, play_faultless, sample
from tests.contracts.stateful.game import ALL_NAMES, SCENARIOS

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
LEAST = 60
SEED = int(os.environ.get("DATABRIGHT_SEED", randbelow(2**32)))
COUNT = len(MUTANTS) if LONG else 3
"""Drawn and played; a long run plays all of them."""
FILES = sorted({mutant.file for mutant in MUTANTS})


def test_there_are_many_mutants_each_with_a_reason() -> None:
    assert len(MUTANTS) >= LEAST
    assert all(mutant.why for mutant in MUTANTS)
    assert {mutant.by for mutant in MUTANTS} <= {"", *SCENARIOS}
    assert max(Counter(mutant.name for mutant in MUTANTS).values()) == 1


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_changes_one_place_of_its_source(mutant: Mutant) -> None:
    text = (CONTRACTS / mutant.file).read_text()
    assert text.count(mutant.old) == 1
    assert mutant.old != mutant.new


def test_the_page_tells_of_every_mutant_what_catches_it() -> None:
    told = rows(PAGE.read_text())
    assert sorted((row.mutant, row.why, row.contract) for row in told) == sorted(
        (mutant.name, mutant.why, Path(mutant.file).stem) for mutant in MUTANTS
    ), "play the others: python scripts/mutate_contracts.py --add"
    assert [row.mutant for row in told if not row.where] == []
    assert {name for row in told for name in row.invariants} == ALL_NAMES


def test_the_page_tells_of_every_invariant_what_it_catches() -> None:
    text = PAGE.read_text()
    used = Counter(name for row in rows(text) for name in row.invariants)
    assert counts(text) == {name: used[name] for name in ALL_NAMES}


def test_a_page_is_read_as_it_was_written() -> None:
    found = [
        Row("no review", "too early", "Database", ("a status is given once",), "a loan ends"),
        Row("a late ballot", "too late", "Verdicts", (), ""),
    ]
    assert rows(page(found)) == found
    assert [name for name, count in counts(page(found)).items() if count] == [
        "a status is given once"
    ]
    assert set(unused(found)) == ALL_NAMES - {"a status is given once"}


@pytest.mark.parametrize("place", range(COUNT))
def test_a_drawn_mutant_is_caught(place: int) -> None:
    mutant = sample(COUNT, SEED)[place]
    print(f"DATABRIGHT_SEED={SEED}: {mutant.name}")  # noqa: T201 (shown when the test fails)
    caught = catch(mutant)
    assert caught, f"{mutant.name!r} survives"
    assert set(caught.names) <= ALL_NAMES


@pytest.mark.parametrize("place", range(len(FILES) if LONG else 1))
def test_a_contract_without_a_fault_breaks_nothing(place: int) -> None:
    """Mutants are not caught by how they are compiled."""
    file = FILES[(SEED + place) % len(FILES)]
    print(f"DATABRIGHT_SEED={SEED}: {file}")  # noqa: T201 (shown when the test fails)
    assert play_faultless(file) is None
