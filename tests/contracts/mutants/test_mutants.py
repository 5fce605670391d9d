"""Faults in the contracts are caught; the whole table is made by scripts/mutate_contracts.py."""

from __future__ import annotations

import os
from collections import Counter
from secrets import randbelow

import pytest

from tests.contracts.mutants.base import Mutant
from tests.contracts.mutants.runner import CONTRACTS, MUTANTS, ROOT, catch, sample
from tests.contracts.stateful.game import ALL_NAMES, SCENARIOS

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
LEAST = 60
SEED = int(os.environ.get("DATABRIGHT_SEED", randbelow(2**32)))
COUNT = 40 if LONG else 3


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


@pytest.mark.parametrize("place", range(COUNT))
def test_a_drawn_mutant_is_caught(place: int) -> None:
    mutant = sample(COUNT, SEED)[place]
    caught = catch(mutant)
    assert caught, f"{mutant.name!r} of seed {SEED} survives"
    assert set(caught.names) <= ALL_NAMES


def test_the_table_names_every_mutant_and_every_invariant() -> None:
    """Made anew by `python scripts/mutate_contracts.py` where this fails."""
    page = (ROOT / "docs" / "evidence" / "mutants.md").read_text()
    missing = [mutant.name for mutant in MUTANTS if f"| {mutant.name}: " not in page]
    assert not missing, missing
    assert not [name for name in ALL_NAMES if f"| {name} | " not in page]
    assert "it survives" not in page
