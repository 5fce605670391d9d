"""Short verbs of contributors and shareholders: propose, claim, balance."""

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
    reader,
    show,
    show_written,
    tokens,
)
from databright.client import Written
from databright.data_market.proposals import ProposalDraft
from databright.errors import BadInputError


def register(app: typer.Typer) -> None:
    """Add the verbs.

    Args:
        app: the command line.
    """
    app.command("propose")(propose)
    app.command("claim")(claim)
    app.command("balance")(balance)


def propose(
    dataset: int = typer.Argument(help="Id of the dataset."),
    file: Path = typer.Argument(help="Rows: .csv, .npz or .safetensors."),
    request: int = typer.Option(0, "--request", help="Id of the request that it answers."),
    title: str = typer.Option("", "--title", help="One line; the file's name when left out."),
    description: str = typer.Option("", "--description", help="What the rows are."),
    provenance: str = typer.Option("", "--provenance", help="Where the rows come from."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Seal rows to the dataset's trusted nodes and propose them."""
    acting = client(home, actor, passphrase_file)
    draft = ProposalDraft(
        title=title or file.name,
        description=description,
        provenance=provenance,
        request=request,
    )
    written = acting.contributor.propose(dataset, file, draft, dry_run=dry_run)
    show_written(written, "proposal", as_json=as_json)


def claim(
    dataset: int | None = typer.Option(None, "--dataset", help="Only one dataset's dividends."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Take dividends and credits that wait."""
    acting = client(home, actor, passphrase_file)
    parts: list[Written] = []
    if acting.contributor.claimable(dataset):
        parts.append(acting.contributor.claim(dataset, dry_run=dry_run))
    if dataset is None and acting.wallet.balance().credits:
        parts.append(acting.wallet.withdraw(dry_run=dry_run))
    if not parts:
        raise BadInputError(f"nothing waits for {acting.address}: there is nothing to claim")
    whole = Written(
        id=None,
        calls=tuple(call for part in parts for call in part.calls),
        transactions=tuple(mined for part in parts for mined in part.transactions),
        num_blobs=0,
    )
    show_written(whole, "claim", as_json=as_json)


def balance(
    who: str = typer.Argument("", help="Name of a key or address; all keys when left out."),
    actor: str | None = AS,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show tokens, waiting credits and dividends."""
    if who and actor:
        raise BadInputError(f"say {who[:60]} or --as {actor[:60]}, not both")
    acting = reader(home)
    chosen = who or actor
    names = [chosen] if chosen else acting.keystore_names()
    found = [(name, acting.wallet.balance(address_of(name, home))) for name in names]
    lines = [
        f"{name:<20} {tokens(item.tokens):>22}  waiting: credits "
        f"{tokens(sum(item.credits.values()))}, dividends {tokens(item.dividends)}"
        for name, item in found
    ]
    show({"balances": [{"name": name, "balance": item} for name, item in found]}, lines,
         as_json=as_json)  # fmt: skip
