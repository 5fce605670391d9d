"""`databright delegation`: lend weight to an oracle, and take it back."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import (
    AS,
    DRY_RUN,
    HOME,
    JSON,
    PASSPHRASE_FILE,
    address_of,
    client,
    period,
    reader,
    show,
    show_written,
)
from databright.units import BasisPoints, Seconds

app = typer.Typer(help="Lent voting weight.", no_args_is_help=True)


@app.command("lend")
def lend(
    dataset: int = typer.Option(..., "--dataset", help="Where the weight counts."),
    oracle: str = typer.Option(..., "--oracle", help="Who may cast it: address or key's name."),
    cap: int = typer.Option(..., "--cap", help="Most weight that it casts."),
    until: str = typer.Option("30d", "--until", help="How long the loan lasts."),
    least_confidence: int = typer.Option(
        0, "--least-confidence", help="Of a ballot that may use the weight, 1/10,000."
    ),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Lend weight; your own vote always overrides it."""
    lasts = period(until)
    acting = client(home, actor, passphrase_file)
    now = acting.market.contracts.chain.next_timestamp()
    written = acting.curator.lend(
        dataset,
        address_of(oracle, home),
        cap=cap,
        expiry=Seconds(now + lasts),
        least_confidence=BasisPoints(least_confidence),
        dry_run=dry_run,
    )
    show_written(written, "loan", as_json=as_json)


@app.command("take-back")
def take_back(
    dataset: int = typer.Option(..., "--dataset", help="Where it was lent."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """End a loan; ballots already cast stand until you vote yourself."""
    acting = client(home, actor, passphrase_file)
    written = acting.curator.take_back(dataset, dry_run=dry_run)
    show_written(written, "loan", as_json=as_json)


@app.command("list")
def list_loans(
    dataset: int | None = typer.Option(None, "--dataset", help="Only those in one dataset."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show who lends weight to whom."""
    found = reader(home).curator.loans(dataset)
    lines = [
        f"dataset {item.dataset}: {item.lender} lends up to {item.cap} to {item.oracle} until "
        f"chain time {item.expiry}, for ballots at least {item.least_confidence / 100:g} % sure"
        for item in found
    ]
    show({"loans": found}, lines or ["nobody lends weight"], as_json=as_json)
