"""What a mutant is: a contract with one fault, which an invariant must catch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A small fault in a contract.

    Attributes:
        name: its name.
        file: the source, under src/databright/contracts.
        old: text that occurs there exactly once.
        new: what the fault writes in its place.
        why: what would go wrong with it.
        by: the scenario to begin with.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    by: str = ""


def faults(file: str, *rows: tuple[str, str, str, str, str]) -> list[Mutant]:
    """Mutants of one source, each (name, old, new, why, scenario)."""
    return [Mutant(name, file, old, new, why, by) for name, old, new, why, by in rows]
