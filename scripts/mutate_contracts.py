"""Play the data market on contracts with one fault each, and tell which invariant catches which.

No mutant may survive, and each invariant must catch at least one. The table goes to
docs/evidence/mutants.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from multiprocessing import Pool
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.contracts.mutants.base import Mutant  # noqa: E402 - found by the line above
from tests.contracts.mutants.runner import CONTRACTS, MUTANTS, Catch, catch  # noqa: E402
from tests.contracts.stateful.game import ALL_NAMES  # noqa: E402

EVIDENCE = ROOT / "docs" / "evidence" / "mutants.md"
RULES = ROOT / "tests" / "contracts" / "stateful"
EXAMPLES = 3
"""Mutants that the page names for an invariant; the table of mutants has all."""

Found = Sequence[tuple[Mutant, Catch | None]]


def _catch(mutant: Mutant) -> tuple[Mutant, Catch | None]:
    return mutant, catch(mutant)


class Log:
    """What was found before, one line of JSON a mutant, so that a run goes on where it was stopped.

    Args:
        path: the file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        played = hashlib.sha256()
        for file in sorted(chain(CONTRACTS.rglob("*.vy"), RULES.glob("*.py"))):
            played.update(file.read_bytes())
        self._played = played.hexdigest()
        self._known: dict[str, dict[str, Any]] = {}
        if path and path.exists():
            rows = (json.loads(line) for line in path.read_text().splitlines())
            self._known = {row["key"]: row for row in rows}

    def _key(self, mutant: Mutant) -> str:
        """Of the fault, the sources and the rules: what changes is played again."""
        parts = (self._played, mutant.name, mutant.file, mutant.old, mutant.new)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def read(self, mutant: Mutant) -> Catch | None:
        """How a mutant was caught before; None where it is to be played."""
        row = self._known.get(self._key(mutant))
        if row is None:
            return None
        return Catch(mutant, tuple(row["names"]), row["where"], row["seconds"])

    def write(self, caught: Catch) -> None:
        """Keep how a mutant was caught."""
        if self._path is None:
            return
        row = {
            "key": self._key(caught.mutant),
            "mutant": caught.mutant.name,
            "names": caught.names,
            "where": caught.where,
            "seconds": round(caught.seconds, 2),
        }
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def table(found: Found) -> str:
    """The table of mutants.

    Args:
        found: each mutant and how it was caught.

    Returns:
        Markdown.
    """
    lines = [
        "| Mutant | What goes wrong | Contract | Invariants that fail | Played |",
        "|---|---|---|---|---|",
    ]
    for mutant, caught in found:
        cells = [mutant.name, mutant.why, Path(mutant.file).stem]
        if caught:
            cells += ["; ".join(caught.names), caught.where.replace("_", " ")]
        else:
            cells += ["**it survives**", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def by_invariant(found: Found) -> dict[str, list[str]]:
    """What each invariant catches.

    Args:
        found: each mutant and how it was caught.

    Returns:
        Invariant's name -> mutants after whose first wrong call it does not hold.
    """
    used: dict[str, list[str]] = {name: [] for name in sorted(ALL_NAMES)}
    for mutant, caught in found:
        for name in caught.names if caught else ():
            used[name].append(mutant.name)
    return used


def page(found: Found) -> str:
    """The page of evidence.

    Args:
        found: each mutant and how it was caught.

    Returns:
        Markdown.
    """
    used = by_invariant(found)
    killed = sum(caught is not None for _, caught in found)
    useful = sum(bool(names) for names in used.values())
    seconds = sum(caught.seconds for _, caught in found if caught)
    text = (
        "# Faults in the data market's contracts, and what catches them\n\n"
        "Made by `python scripts/mutate_contracts.py`. Each row is a contract with one fault, "
        "compiled afresh; the scenarios and, where none catches it, seeded random runs are played "
        "on it beside the plain-Python rules (`tests/contracts/stateful`). The invariants are "
        "those that do not hold after the first call that goes wrong; there the run ends.\n\n"
        f"{killed} of {len(found)} mutants are caught; {useful} of {len(used)} invariants catch at "
        f"least one; {seconds:.0f} s.\n\n"
    )
    text += f"## Mutants\n\n{table(found)}\n## Invariants\n\n"
    text += "| Invariant | Catches | Such as |\n|---|---|---|\n"
    for name, mutants in used.items():
        text += f"| {name} | {len(mutants)} | {'; '.join(mutants[:EXAMPLES])} |\n"
    return text


def play(chosen: Sequence[Mutant], jobs: int, log: Log) -> Iterator[tuple[Mutant, Catch | None]]:
    """Each mutant in turn, told as soon as it is known.

    Args:
        chosen: which.
        jobs: processes.
        log: what was found before, and where it is kept.

    Yields:
        Each mutant and how it was caught.
    """
    known = {mutant.name: log.read(mutant) for mutant in chosen}
    with Pool(jobs) as pool:
        fresh = pool.imap(_catch, [mutant for mutant in chosen if known[mutant.name] is None])
        for place, mutant in enumerate(chosen, start=1):
            caught = known[mutant.name]
            if caught is None:
                _, caught = next(fresh)
                if caught:
                    log.write(caught)
            told = f"{', '.join(caught.names)} ({caught.where})" if caught else "SURVIVES"
            sys.stdout.write(f"{place}/{len(chosen)} {mutant.name}: {told}\n")
            sys.stdout.flush()
            yield mutant, caught


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: command line without the program's name; sys.argv when None.

    Returns:
        Exit status: 1 where a mutant survives or an invariant catches none.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="mutants whose name contains this; no page")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--log", type=Path, help="file of what is found; a stopped run goes on")
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    found = list(play(chosen, options.jobs, Log(options.log)))
    survivors = [mutant.name for mutant, caught in found if caught is None]
    sys.stdout.write(f"{len(survivors)} survive: {survivors}\n")
    if options.only:
        return 1 if survivors else 0
    EVIDENCE.write_text(page(found))
    unused = [name for name, mutants in by_invariant(found).items() if not mutants]
    sys.stdout.write(f"{len(unused)} invariants catch nothing: {unused}\n")
    return 1 if survivors or unused else 0


if __name__ == "__main__":
    raise SystemExit(main())
