"""Play the data market on contracts with one fault each, and tell which invariant catches which.

No mutant may survive, and each invariant must catch at least one. The table goes to
docs/evidence/mutants.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.contracts.mutants.base import Mutant  # noqa: E402 - found by the line above
from tests.contracts.mutants.runner import MUTANTS, Catch, catch  # noqa: E402
from tests.contracts.stateful.game import ALL_NAMES  # noqa: E402

EVIDENCE = ROOT / "docs" / "evidence" / "mutants.md"


Found = Sequence[tuple[Mutant, Catch | None]]


def _catch(mutant: Mutant) -> tuple[Mutant, Catch | None]:
    return mutant, catch(mutant)


def table(found: Found) -> str:
    """The table of mutants.

    Args:
        found: each mutant and how it was caught.

    Returns:
        Markdown.
    """
    lines = ["| Mutant | Contract | First invariant that fails | in | s |", "|---|---|---|---|---|"]
    for mutant, caught in found:
        contract = Path(mutant.file).stem
        if caught:
            cells = (caught.names[0], caught.where.replace("_", " "), f"{caught.seconds:.1f}")
        else:
            cells = ("**it survives**", "", "")
        lines.append(f"| {mutant.name}: {mutant.why} | {contract} | {' | '.join(cells)} |")
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


def page(found: Found, seconds: float) -> str:
    """The page of evidence.

    Args:
        found: each mutant and how it was caught.
        seconds: of the whole run.

    Returns:
        Markdown.
    """
    used = by_invariant(found)
    killed = sum(caught is not None for _, caught in found)
    useful = sum(bool(names) for names in used.values())
    text = (
        "# Faults in the data market's contracts, and what catches them\n\n"
        "Made by `python scripts/mutate_contracts.py`. Each row is a contract with one fault, "
        "compiled afresh; the scenarios and, where none catches it, seeded random runs are played "
        "on it beside the plain-Python rules (`tests/contracts/stateful`).\n\n"
        f"{killed} of {len(found)} mutants are caught; {useful} of {len(used)} invariants do not "
        f"hold after the first wrong call of at least one; {seconds:.0f} s.\n\n"
    )
    text += table(found) + "\n| Invariant | catches |\n|---|---|\n"
    for name, mutants in used.items():
        example = f", e.g. {mutants[0]}" if mutants else ""
        text += f"| {name} | {len(mutants)}{example} |\n"
    return text


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
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    began = time.perf_counter()
    found = []
    with Pool(options.jobs) as pool:
        for mutant, caught in pool.imap(_catch, chosen):
            found.append((mutant, caught))
            names = f"{', '.join(caught.names)} ({caught.where})" if caught else "SURVIVES"
            sys.stdout.write(f"{mutant.name}: {names}\n")
            sys.stdout.flush()
    unused = [name for name, mutants in by_invariant(found).items() if not mutants]
    survivors = [mutant.name for mutant, caught in found if caught is None]
    if not options.only:
        EVIDENCE.write_text(page(found, time.perf_counter() - began))
    sys.stdout.write(f"{len(survivors)} survive: {survivors}\n")
    if not options.only:
        sys.stdout.write(f"{len(unused)} invariants catch nothing: {unused}\n")
    return 1 if survivors or (unused and not options.only) else 0


if __name__ == "__main__":
    raise SystemExit(main())
