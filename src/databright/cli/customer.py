"""Short verb of customers: predict."""

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
    show,
    show_written,
)
from databright.records.row_files import read_arrays


def register(app: typer.Typer) -> None:
    """Add the verb.

    Args:
        app: the command line.
    """
    app.command("predict")(predict)


def predict(
    model: int = typer.Argument(help="Id of the model."),
    file: Path = typer.Argument(help="Samples: .csv, .npz or .safetensors; labels are ignored."),
    max_price: str = typer.Option(..., "--max-price", help="The most to pay."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Pay for a prediction and print the classes."""
    most = amount(max_price)
    acting = client(home, actor, passphrase_file)
    acting.models.show(model)
    x_NF, _ = read_arrays(file)
    written, logits_NK = acting.buyer.predict(model, x_NF, max_price=most, dry_run=dry_run)
    if logits_NK is None:
        show_written(written, "prediction", as_json=as_json)
        return
    classes = [int(label) for label in logits_NK.argmax(axis=1)]
    record = {"id": written.id, "classes": classes, "transactions": written.transactions}
    lines = [f"prediction {written.id}: {' '.join(str(label) for label in classes)}"]
    show(record, lines, as_json=as_json)
