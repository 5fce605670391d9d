"""`databright holdout`: retire hidden rows, so that every figure can be redone."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import AS, DRY_RUN, HOME, JSON, PASSPHRASE_FILE, client, show_written

app = typer.Typer(help="Hidden test rows.", no_args_is_help=True)


@app.command("retire")
def retire(
    request: int = typer.Option(..., "--request", help="Id of the request."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Publish a request's hidden rows and all losses measured on them."""
    acting = client(home, actor, passphrase_file)
    written = acting.evaluator.retire_holdout(request, dry_run=dry_run)
    show_written(written, "request", as_json=as_json)
