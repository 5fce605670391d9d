"""`databright worker`: offer a machine, and compute for pay."""

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
    amount,
    client,
    home_of,
    show,
    show_written,
    tokens,
)
from databright.wiring.worker import run_worker

app = typer.Typer(help="Machines that compute for pay.", no_args_is_help=True)


@app.command("register")
def register_worker(
    serve: list[str] = typer.Option(..., "--serve", help="Node that you trust; again for more."),
    min_fee: str = typer.Option("0.001", "--min-fee", help="For one replica of one segment."),
    stake: str | None = typer.Option(None, "--stake", help="The market's least when left out."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Offer a machine; the stake is lost for a wrong result."""
    least_pay = amount(min_fee)
    locked = None if stake is None else amount(stake)
    acting = client(home, actor, passphrase_file)
    nodes = [address_of(node, home) for node in serve]
    written = acting.worker.register(min_fee=least_pay, stake=locked, serve=nodes, dry_run=dry_run)
    show_written(written, "worker", as_json=as_json)


@app.command("start")
def start_worker(
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Compute for pay until Ctrl-C."""
    acting = client(home, actor, passphrase_file)
    offer = acting.worker.check_ready()
    line = (
        f"{offer.owner} takes work from {tokens(offer.min_fee)} tokens a segment, with "
        f"{tokens(offer.stake)} at stake; Ctrl-C ends it"
    )
    show({"worker": offer}, [line], as_json=as_json)
    run_worker(home_of(home), acting.actor)
