"""`databright request`: ask for data, with money and a hidden holdout."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
from databright.data_market.entities import Step
from databright.data_market.registry import Request
from databright.data_market.requests import RequestDraft
from databright.errors import BadInputError
from databright.records.rows import read_rows
from databright.units import Seconds, Shares

app = typer.Typer(help="Requests for data.", no_args_is_help=True)


_STEP = re.compile(r"([1-9][0-9]{0,15})=(.+)\Z")


def curve_text(curve: Sequence[Step]) -> str:
    """An award curve for people.

    Args:
        curve: its steps.

    Returns:
        Rates for 1,000 shares.
    """
    if not curve:
        return "none"
    parts = [f"{tokens(step.rate)} until {step.until} shares" for step in curve[:-1]]
    return ", ".join([*parts, f"{tokens(curve[-1].rate)}"]) + " for 1,000 shares"


def read_curve(text: str) -> tuple[Step, ...]:
    """Read an award curve.

    Args:
        text: steps SHARES=RATE, joined by commas, and a last RATE without an end; empty for none.

    Returns:
        Its steps.

    Raises:
        BadInputError: anything else.
    """
    if not text:
        return ()
    *steps, last = text.split(",")
    found = []
    for step in steps:
        matched = _STEP.match(step)
        if not matched:
            raise BadInputError(
                f"{step[:60]!r} is no step of an award curve: write SHARES=RATE steps and a last "
                "RATE, e.g. 500000=2,2000000=1,0.5"
            )
        found.append(Step(Shares(int(matched[1])), amount(matched[2])))
    return (*found, Step(Shares(2**52 - 1), amount(last)))


def _line(request: Request) -> str:
    state = "retired" if request.retired else "closed" if request.closed else "open"
    return (
        f"{request.id:>4}  dataset {request.dataset}, {state}, escrow {tokens(request.escrow)}, "
        f"award {curve_text(request.curve)}, until {request.deadline}"
    )


@app.command("open")
def open_request(
    dataset: int = typer.Option(..., "--dataset", help="Id of the dataset."),
    holdout: Path = typer.Option(..., "--holdout", help="File of hidden rows that measure."),
    deadline: str = typer.Option("30d", "--deadline", help="How long proposals are taken."),
    escrow: str = typer.Option("0", "--escrow", help="Money for awards and fees."),
    award_rate: str = typer.Option(
        "", "--award-rate", help="Award for 1,000 shares: RATE, or falling: 500000=2,2000000=1,0.5."
    ),
    title: str = typer.Option("", "--title", help="One line; the dataset's when left out."),
    description: str = typer.Option("", "--description", help="What data is wanted."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Open a request; the holdout is sealed to the dataset's trusted nodes."""
    money, curve, lasts = amount(escrow), read_curve(award_rate), period(deadline)
    acting = client(home, actor, passphrase_file)
    acting.initiator.dataset(dataset)
    rows = read_rows(holdout)
    now = acting.market.contracts.chain.head().timestamp
    draft = RequestDraft(
        deadline=Seconds(now + lasts),
        escrow=money,
        curve=curve,
        title=title,
        description=description,
    )
    written = acting.initiator.open_request(dataset, rows, draft, dry_run=dry_run)
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
    """Show one request: what is asked for and paid."""
    view = reader(home).initiator
    found = view.request(request)
    card = view.request_card(request)
    lines = [
        _line(found),
        f"      {card.title}; licence {card.licence}, measured in {card.metric}",
        f"      {found.awarded_shares} shares brought; holdout {found.holdout.hex()}",
    ]
    show({"request": found, "card": card}, lines, as_json=as_json)
