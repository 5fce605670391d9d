"""Short verb of curators: vote."""

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
from databright.errors import BadInputError


def register(app: typer.Typer) -> None:
    """Add the verb.

    Args:
        app: the command line.
    """
    app.command("vote")(vote)


def vote(
    proposal: int = typer.Argument(help="Id of the proposal."),
    yes: bool = typer.Option(False, "--yes", help="For it."),
    no: bool = typer.Option(False, "--no", help="Against it."),
    lent: bool = typer.Option(False, "--lent", help="With the weight that others lent."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Vote on a proposal; a vote is final."""
    if yes == no:
        raise BadInputError("say either --yes or --no")
    curator = client(home, actor, passphrase_file).curator
    cast = curator.vote_lent if lent else curator.vote
    show_written(cast(proposal, support=yes, dry_run=dry_run), "vote", as_json=as_json)
