"""`databright index`: the tables that the page reads, checked against the chain or made anew."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import DRY_RUN, HOME, JSON, home_of, show
from databright.wiring.index_feed import audit_index, rebuild_index

app = typer.Typer(help="The index of the chain that the page reads.", no_args_is_help=True)


@app.command("audit")
def audit(home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Compare balances, tallies, supplies and states with the contracts at the same block."""
    report = audit_index(home_of(home))
    lines = [
        f"{one.table} {one.id}: {one.field} is {one.index!r} in the index, {one.chain!r} on chain"
        for one in report.differences
    ]
    verdict = (
        f"{len(lines)} differences; run: databright index rebuild" if lines else "no difference"
    )
    lines.append(
        f"{report.rows} rows, {report.values} values compared at block {report.block}: {verdict}"
    )
    show(report, lines, as_json=as_json)
    if report.differences:
        raise typer.Exit(1)


@app.command("rebuild")
def rebuild(home: Path | None = HOME, as_json: bool = JSON, dry_run: bool = DRY_RUN) -> None:
    """Forget the index and read the chain again from its first block."""
    done = rebuild_index(home_of(home), dry_run=dry_run)
    verb = "would be read again" if dry_run else "were read again"
    show(done, [f"{done.blocks} blocks with {done.events} events {verb}"], as_json=as_json)
