"""`databright evaluator`: what an evaluator has at stake."""

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
    reader,
    show,
    show_written,
    tokens,
)

app = typer.Typer(help="Evaluators and their stakes.", no_args_is_help=True)


@app.command("stake")
def stake(
    dataset: int = typer.Argument(help="Id of the dataset."),
    more: str | None = typer.Option(None, "--amount", help="Tokens; what is missing by default."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Put money at stake, so that your signatures on verdicts count."""
    put = None if more is None else amount(more)
    acting = client(home, actor, passphrase_file)
    show_written(acting.evaluator.stake(dataset, put, dry_run=dry_run), "stake", as_json=as_json)


@app.command("unstake")
def unstake(
    dataset: int = typer.Argument(help="Id of the dataset."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Leave; called again 180 days later, take the stake out."""
    acting = client(home, actor, passphrase_file)
    show_written(acting.evaluator.unstake(dataset, dry_run=dry_run), "stake", as_json=as_json)


@app.command("show")
def show_stakes(
    dataset: int = typer.Argument(help="Id of the dataset."),
    evaluator: str | None = typer.Option(None, "--evaluator", help="Only one: address or name."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show a dataset's evaluators and what they have at stake."""
    acting = reader(home)
    if evaluator is not None:
        named = [address_of(evaluator, home)]
    else:
        named = list(acting.initiator.dataset(dataset).rules.evaluators)
    found = [acting.evaluator.stake_of(dataset, who) for who in named]
    lines = [
        f"{item.evaluator}: {tokens(item.amount)} of {tokens(item.required)} at stake, signatures "
        + ("count" if item.counts else "do not count")
        + (f", leaves since chain time {item.leaving_at}" if item.leaving_at else "")
        for item in found
    ]
    show({"stakes": found}, lines, as_json=as_json)
