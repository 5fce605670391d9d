"""The page of evidence: which invariant catches which fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.contracts.mutants.base import Mutant
from tests.contracts.mutants.runner import Catch
from tests.contracts.stateful.game import ALL_NAMES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "evidence" / "mutants.md"
EXAMPLES = 3
"""Mutants that the page names for an invariant; the table of mutants has all."""
MUTANTS_HEAD = "## Mutants\n"
INVARIANTS_HEAD = "## Invariants\n"
BETWEEN = "; "


@dataclass(frozen=True)
class Row:
    """How a mutant was caught.

    Attributes:
        mutant: its name.
        why: what goes wrong with it.
        contract: the source that has the fault, without folder and ending.
        invariants: those that did not hold after the first call that went wrong.
        where: the scenario, or the seed of a random run; empty where it survives.
    """

    mutant: str
    why: str
    contract: str
    invariants: tuple[str, ...]
    where: str


def row_of(mutant: Mutant, caught: Catch | None) -> Row:
    """The row of a mutant.

    Args:
        mutant: which.
        caught: how; None where it survives.

    Returns:
        Its row.
    """
    names, where = (caught.names, caught.where) if caught else ((), "")
    return Row(mutant.name, mutant.why, Path(mutant.file).stem, names, where.replace("_", " "))


def unused(found: Sequence[Row]) -> list[str]:
    """Invariants that catch none of these mutants."""
    return sorted(ALL_NAMES - {name for row in found for name in row.invariants})


def page(found: Sequence[Row]) -> str:
    """The page.

    Args:
        found: a row of each mutant.

    Returns:
        Markdown.
    """
    caught = sum(bool(row.where) for row in found)
    text = (
        "# Faults in the data market's contracts, and what catches them\n\n"
        "Made by `python scripts/mutate_contracts.py`. Each row is a contract with one fault, "
        "compiled afresh; the scenarios and, where none catches it, seeded random runs are played "
        "on it beside the plain-Python rules (`tests/contracts/stateful`). The run ends at the "
        "first call that goes wrong; the invariants are those that do not hold after it.\n\n"
        f"{caught} of {len(found)} mutants are caught. {len(ALL_NAMES) - len(unused(found))} of "
        f"{len(ALL_NAMES)} invariants catch at least one.\n\n"
        f"{MUTANTS_HEAD}\n"
        "| Mutant | What goes wrong | Contract | Invariants that fail | Played |\n"
        "|---|---|---|---|---|\n"
    )
    for row in found:
        names = BETWEEN.join(row.invariants) if row.where else "**it survives**"
        text += f"| {row.mutant} | {row.why} | {row.contract} | {names} | {row.where} |\n"
    text += f"\n{INVARIANTS_HEAD}\n| Invariant | Catches | Such as |\n|---|---|---|\n"
    for name in sorted(ALL_NAMES):
        named = [row.mutant for row in found if name in row.invariants]
        text += f"| {name} | {len(named)} | {BETWEEN.join(named[:EXAMPLES])} |\n"
    return text


def rows(text: str) -> list[Row]:
    """What a page tells of mutants.

    Args:
        text: the page.

    Returns:
        A row of each that it names.
    """
    found = []
    for mutant, why, contract, names, where in _cells(text, MUTANTS_HEAD):
        invariants = tuple(names.split(BETWEEN)) if where else ()
        found.append(Row(mutant, why, contract, invariants, where))
    return found


def counts(text: str) -> dict[str, int]:
    """What a page tells of invariants.

    Args:
        text: the page.

    Returns:
        Invariant's name -> mutants that it catches.
    """
    return {name: int(count) for name, count, _ in _cells(text, INVARIANTS_HEAD)}


def _cells(text: str, heading: str) -> list[list[str]]:
    """Cells of the table under a heading, without its own head."""
    part = text.split(heading, 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]
