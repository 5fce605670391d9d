"""`databright shares`: tranches held, what they earned, handing them over, taking them out."""

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
    show,
    show_written,
    tokens,
)
from databright.data_market.shares import Holding
from databright.errors import BadInputError
from databright.records.value_tree import MAX_VALUES_BYTES, ValueList

app = typer.Typer(help="Shares and their income.", no_args_is_help=True)


def _line(item: Holding) -> str:
    state = f", out since snapshot {item.ended}" if item.ended else ""
    if item.redirected_to:
        state += f", income goes to {item.redirected_to}"
    return (
        f"dataset {item.dataset}, tranche {item.tranche}: {item.shares} of {item.total} shares, "
        f"{tokens(item.claimable)} to claim{state}"
    )


@app.command("list")
def list_shares(
    actor: str | None = AS,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show a key's shares and the dividends that wait."""
    found = client(home, actor).shareholder.shares()
    lines = [_line(item) for item in found]
    show({"shares": found}, lines or ["no shares yet"], as_json=as_json)


@app.command("transfer")
def transfer(
    tranche: int = typer.Option(..., "--tranche", help="Id of the accepted proposal."),
    to: str = typer.Option(..., "--to", help="Name of a key or address."),
    amount: int = typer.Option(..., "--amount", help="Shares."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Hand shares over; what they earned until now stays, votes too."""
    receiver = address_of(to, home)
    acting = client(home, actor, passphrase_file)
    written = acting.shareholder.transfer(tranche, receiver, amount, dry_run=dry_run)
    show_written(written, "transfer", as_json=as_json)


@app.command("remove")
def remove(
    tranche: int = typer.Argument(help="Id of the accepted proposal; all its shares are yours."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Take a tranche out of the snapshots to come; earlier ones keep paying."""
    acting = client(home, actor, passphrase_file)
    show_written(acting.shareholder.remove(tranche, dry_run=dry_run), "removal", as_json=as_json)


@app.command("claim-value")
def claim_value(
    values: Path = typer.Argument(help="List of values whose root the evaluators signed."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Take what one's measured values earned in a snapshot."""
    try:
        with values.open("rb") as file:
            blob = file.read(MAX_VALUES_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"{values} cannot be read: {error.strerror}") from error
    listed = ValueList.from_json(blob)
    acting = client(home, actor, passphrase_file)
    written = acting.shareholder.claim_value(listed, dry_run=dry_run)
    show_written(written, "claim", as_json=as_json)
