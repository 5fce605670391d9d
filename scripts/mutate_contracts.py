"""Play the data market on contracts with one fault each, and tell which invariant catches which.

No mutant may survive, and each invariant must catch at least one. The table goes to
docs/evidence/mutants.md, after each mutant, so that a stopped run goes on with --add.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.contracts.mutants.base import Mutant  # noqa: E402 - found by the line above
from tests.contracts.mutants.evidence import PAGE, Row, page, row_of, rows, unused  # noqa: E402
from tests.contracts.mutants.runner import MUTANTS, catch  # noqa: E402


def _played(mutant: Mutant) -> Row:
    return row_of(mutant, catch(mutant))


def play(known: Mapping[str, Row], jobs: int) -> list[Row]:
    """Play mutants one after the other; tell of each, and write the page, as soon as it is known.

    Args:
        known: mutant's name -> its row, of those that are not played again.
        jobs: processes.

    Returns:
        A row of every mutant.
    """
    found = dict(known)
    fresh = [mutant for mutant in MUTANTS if mutant.name not in known]
    with Pool(jobs) as pool:
        for place, row in enumerate(pool.imap(_played, fresh), start=1):
            found[row.mutant] = row
            PAGE.write_text(page([found[one.name] for one in MUTANTS if one.name in found]))
            told = f"{'; '.join(row.invariants)} ({row.where})" if row.where else "SURVIVES"
            sys.stdout.write(f"{place}/{len(fresh)} {row.mutant}: {told}\n")
            sys.stdout.flush()
    return [found[mutant.name] for mutant in MUTANTS]


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: command line without the program's name; sys.argv when None.

    Returns:
        Exit status: 1 where a mutant survives or an invariant catches none.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--add", action="store_true", help="only those that the page lacks")
    parser.add_argument("--only", default="", help="and those whose name contains this, again")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    known: dict[str, Row] = {}
    if options.add or options.only:
        # A row without how it was caught, to tell whether it is the same mutant.
        plain = {row_of(mutant, None) for mutant in MUTANTS}
        told = [row for row in rows(PAGE.read_text()) if row.where]
        known = {row.mutant: row for row in told if replace(row, invariants=(), where="") in plain}
    if options.only:
        known = {name: row for name, row in known.items() if options.only not in name}
    found = play(known, options.jobs)
    PAGE.write_text(page(found))
    survivors = [row.mutant for row in found if not row.where]
    sys.stdout.write(f"{len(survivors)} survive: {survivors}\n")
    idle = unused(found)
    sys.stdout.write(f"{len(idle)} invariants catch nothing: {idle}\n")
    return 1 if survivors or idle else 0


if __name__ == "__main__":
    raise SystemExit(main())
