"""Faults in the contracts are caught; the whole table is made by scripts/mutate_contracts.py."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from secrets import randbelow

import pytest

from tests.contracts.mutants.base import Mutant
from tests.contracts.mutants.runner import CONTRACTS, MUTANTS, catch, play_faultless, sample
from tests.contracts.stateful.game import ALL_NAMES, SCENARIOS

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
LEAST = 60
SEED = int(os.environ.get("DATABRIGHT_SEED", randbelow(2**32)))
COUNT = len(MUTANTS) if LONG else 3
"""Drawn and played; a long run plays all of them."""
FILES = sorted({mutant.file for mutant in MUTANTS})
PAGE = Path(__file__).resolve().parents[3] / "docs" / "evidence" / "mutants.md"


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


def rows(heading: str) -> Iterator[list[str]]:
    """Cells of the rows of the page's table under a heading."""
    text = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_tells_of_every_mutant_what_caught_it() -> None:
    told = {name: (why, contract, names) for name, why, contract, names, _ in rows("Mutants")}
    assert {name: told[name][:2] for name in told} == {
        mutant.name: (mutant.why, Path(mutant.file).stem) for mutant in MUTANTS
    }, "play them again: python scripts/mutate_contracts.py"
    caught = {invariant for _, _, names in told.values() for invariant in names.split("; ")}
    assert caught == ALL_NAMES


def test_the_page_tells_of_every_invariant_what_it_catches() -> None:
    counts = {name: int(count) for name, count, _ in rows("Invariants")}
    assert set(counts) == ALL_NAMES, "play them again: python scripts/mutate_contracts.py"
    used = Counter(name for row in rows("Mutants") for name in row[3].split("; "))
    assert counts == used


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
