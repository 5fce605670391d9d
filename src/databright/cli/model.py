"""`databright model`: the model registry."""

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
    reader,
    show,
    show_written,
    tokens,
)
from databright.model_market.registry import Model

app = typer.Typer(help="Registered models.", no_args_is_help=True)


def _line(item: Model, tainted: list[int]) -> str:
    return (
        f"{item.id:>4}  job {item.job}, dataset {item.dataset}@{item.snapshot}, accuracy "
        f"{item.metric_bps / 100:.2f} %, {tokens(item.price)} a prediction, of {item.owner}"
        + "".join(f"; trained on taken-down tranche {tranche}" for tranche in tainted)
    )


@app.command("register")
def register_model(
    job: int = typer.Option(..., "--job", help="Id of the finished job."),
    title: str = typer.Option(..., "--title", help="One line."),
    price: str = typer.Option(..., "--price", help="Of one prediction."),
    description: str = typer.Option("", "--description", help="What the model is for."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """List a finished job's model."""
    cost = amount(price)
    acting = client(home, actor, passphrase_file)
    written = acting.models.register(
        job, title=title, price=cost, description=description, dry_run=dry_run
    )
    show_written(written, "model", as_json=as_json)


@app.command("list")
def list_models(home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show all models."""
    acting = reader(home)
    found = acting.models.list()
    stones = acting.governance.tombstones()
    tainted = {
        item.id: [
            stone.tranche
            for stone in stones
            if stone.dataset == item.dataset and stone.is_in(item.snapshot)
        ]
        for item in found
    }
    lines = [_line(item, tainted[item.id]) for item in found]
    record = {"models": found, "taken_down": {str(key): tainted[key] for key in tainted}}
    show(record, lines or ["no models yet"], as_json=as_json)


@app.command("show")
def show_model(model: int, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show one model with its lineage."""
    acting = reader(home)
    view = acting.models
    found, card = view.show(model), view.card(model)
    tainted = acting.governance.taints(found.dataset, found.snapshot)
    lines = [
        f"model {found.id}: {card.title}",
        _line(found, tainted),
        f"      program {found.program.hex()}",
        f"      weights {found.weights.hex()}",
    ]
    show({"model": found, "card": card, "taken_down": tainted}, lines, as_json=as_json)
