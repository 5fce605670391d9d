"""Play a long random life of the data market against the plain-Python rules.

Many markets, one after the other, on revm: every call is made by the contracts and by the rules,
and the invariants are checked in turn after each. The summary goes to
docs/evidence/contracts-long-run.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from secrets import randbelow

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.contracts.stateful.game import (  # noqa: E402 - found by the line above
    ALL_NAMES,
    INVARIANTS,
    random_calls,
    random_market,
)
from tests.contracts.stateful.invariants import check_some, watch  # noqa: E402
from tests.contracts.stateful.player import Player  # noqa: E402
from tests.contracts.stateful.world import Stage  # noqa: E402

EVIDENCE = ROOT / "docs" / "evidence" / "contracts-long-run.md"
CALLS = 100_000
LIVES = (250, 250, 250, 250, 1_000)
"""Calls of a market's life, in turn: most are short, some go where many snapshots are."""
STRIDE = 8
"""Looks in which each invariant is checked once; all are at a life's end."""


def run(num_calls: int, seed: int) -> tuple[Counter[tuple[str, bool]], int, int]:
    """Play.

    Args:
        num_calls: calls in all.
        seed: of the generator.

    Returns:
        (action, whether it went through) -> calls; markets; snapshots.
    """
    stage, draw = Stage.build(), Random(seed)  # noqa: S311 - a run that can be repeated
    counts: Counter[tuple[str, bool]] = Counter()
    lives = snapshots = 0
    while counts.total() < num_calls:
        player = Player(stage.clear())
        view = watch(player, STRIDE)
        random_market(player, draw)
        random_calls(player, draw, LIVES[lives % len(LIVES)])
        view.seen.clear()
        check_some(view, INVARIANTS)
        counts += player.counts
        lives += 1
        snapshots += sum(dataset.newest for dataset in player.model.datasets)
        if lives % 20 == 0:
            sys.stdout.write(f"{counts.total()} calls\n")
            sys.stdout.flush()
    return counts, lives, snapshots


def page(
    counts: Counter[tuple[str, bool]], lives: int, snapshots: int, seed: int, seconds: float
) -> str:
    """The page of evidence.

    Args:
        counts: (action, whether it went through) -> calls.
        lives: markets.
        snapshots: of all of them.
        seed: of the generator.
        seconds: it took.

    Returns:
        Markdown.
    """
    through = sum(count for (_, ok), count in counts.items() if ok)
    text = (
        "# A long run of the data market's contracts beside the plain-Python rules\n\n"
        f"Made by `python scripts/long_contract_run.py --seed {seed}`: {counts.total()} calls on "
        f"revm in {lives} markets with {snapshots} snapshots, {through} of them went through, the "
        f"others were refused by both sides with the same reason. {len(INVARIANTS)} invariants of "
        f"the state (each after every {STRIDE}th call and at each market's end) and "
        f"{len(ALL_NAMES) - len(INVARIANTS)} of single calls held. {seconds:.0f} s.\n\n"
        "| Action | went through | refused |\n|---|---|---|\n"
    )
    for name in sorted({name for name, _ in counts}):
        text += f"| {name.replace('_', ' ')} | {counts[name, True]} | {counts[name, False]} |\n"
    return text


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: command line without the program's name; sys.argv when None.

    Returns:
        Exit status, 0; a difference ends the run with an exception that names it.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--seed", type=int, default=randbelow(2**32))
    options = parser.parse_args(arguments)
    sys.stdout.write(f"seed {options.seed}\n")
    sys.stdout.flush()
    began = time.perf_counter()
    counts, lives, snapshots = run(options.calls, options.seed)
    text = page(counts, lives, snapshots, options.seed, time.perf_counter() - began)
    if options.calls >= CALLS:
        EVIDENCE.write_text(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
