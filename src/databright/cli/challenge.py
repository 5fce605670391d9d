"""Short verb of anybody who doubts a verdict: challenge."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import (
    AS,
    DRY_RUN,
    HOME,
    JSON,
    PASSPHRASE_FILE,
    client,
    show_written,
)


def register(app: typer.Typer) -> None:
    """Add the verb.

    Args:
        app: the command line.
    """
    app.command("challenge")(challenge)


def challenge(
    proposal: int = typer.Argument(help="Id of the proposal."),
    base: int | None = typer.Option(
        None, "--base", help="Snapshot that the verdict is about; the newest that has one."
    ),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Challenge the published verdict with a bond: evaluators who did not sign measure again."""
    acting = client(home, actor, passphrase_file)
    written = acting.governance.challenge(proposal, base=base, dry_run=dry_run)
    show_written(written, "challenge", as_json=as_json)
