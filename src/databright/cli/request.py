"""`databright request`: ask for data, with money and a hidden holdout."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import (
    AS,
    DRY_RUN,
    HOME,
    JSON,
    PASSPHRASE_FILE,
    amount,
    client,
    period,
    reader,
    show,
    show_written,
    tokens,
)
from databright.data_market.registry import Request
from databright.records.rows import read_rows
from databright.units import Seconds

app = typer.Typer(help="Requests for data.", no_args_is_help=True)


def _line(request: Request) -> str:
    state = "retired" if request.retired else "closed" if request.closed else "open"
    return (
        f"{request.id:>4}  dataset {request.dataset}, {state}, escrow {tokens(request.escrow)}, "
        f"{tokens(request.award_rate)} for 1,000 shares, until {request.deadline}"
    )


@app.command("open")
def open_request(
    dataset: int = typer.Option(..., "--dataset", help="Id of the dataset."),
    holdout: Path = typer.Option(..., "--holdout", help="File of hidden rows that measure."),
    deadline: str = typer.Option("30d", "--deadline", help="How long proposals are taken."),
    escrow: str = typer.Option("0", "--escrow", help="Money for awards and fees."),
    award_rate: str = typer.Option("0", "--award-rate", help="Award for 1,000 shares."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Open a request; the holdout is sealed to the dataset's trusted nodes."""
    money, rate, lasts = amount(escrow), amount(award_rate), period(deadline)
    acting = client(home, actor, passphrase_file)
    acting.initiator.dataset(dataset)
    rows = read_rows(holdout)
    now = acting.market.contracts.chain.head().timestamp
    written = acting.initiator.open_request(
        dataset,
        rows,
        deadline=Seconds(now + lasts),
        escrow=money,
        award_rate=rate,
        dry_run=dry_run,
    )
    show_written(written, "request", as_json=as_json)


@app.command("top-up")
def top_up(
    request: int,
    money: str = typer.Option(..., "--amount", help="How much to add."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Add money to a request's escrow."""
    more = amount(money)
    acting = client(home, actor, passphrase_file)
    written = acting.initiator.top_up(request, more, dry_run=dry_run)
    show_written(written, "request", as_json=as_json)


@app.command("close")
def close(
    request: int,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Take back what is left of the escrow after the deadline."""
    acting = client(home, actor, passphrase_file)
    written = acting.initiator.close_request(request, dry_run=dry_run)
    show_written(written, "request", as_json=as_json)


@app.command("list")
def list_requests(home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show all requests."""
    found = reader(home).initiator.requests()
    lines = [_line(item) for item in found]
    show({"requests": found}, lines or ["no requests yet"], as_json=as_json)


@app.command("show")
def show_request(request: int, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show one request."""
    found = reader(home).initiator.request(request)
    show(found, [_line(found), f"      holdout {found.holdout.hex()}"], as_json=as_json)
