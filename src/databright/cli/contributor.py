"""Short verbs of contributors and shareholders: propose, claim, balance, deposit, withdraw."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._drafts import (
    DESCRIPTION,
    PAYEE,
    PROVENANCE,
    REQUEST,
    SAMPLE,
    SAMPLE_ROWS,
    TITLE,
    draft_of,
)
from databright.cli._options import (
    AS,
    DRY_RUN,
    HOME,
    JSON,
    PASSPHRASE_FILE,
    acting_name,
    address_of,
    amount,
    client,
    home_of,
    reader,
    show,
    show_written,
    tokens,
)
from databright.client import Written
from databright.errors import BadInputError
from databright.records.rows import read_rows
from databright.units import MICRO_NATS

contributor_app = typer.Typer(help="Contributors.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the verbs.

    Args:
        app: the command line.
    """
    app.command("propose")(propose)
    app.command("claim")(claim)
    app.command("balance")(balance)
    app.command("deposit")(deposit)
    app.command("withdraw")(withdraw)
    app.add_typer(contributor_app, name="contributor")


def propose(
    dataset: int = typer.Argument(help="Id of the dataset."),
    file: Path = typer.Argument(help="Rows: .csv, .npz or .safetensors."),
    request: int = REQUEST,
    title: str = TITLE,
    description: str = DESCRIPTION,
    provenance: str = PROVENANCE,
    payee: str = PAYEE,
    sample: int = SAMPLE,
    sample_rows: str = SAMPLE_ROWS,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Seal rows to the dataset's trusted nodes and propose them; pays the deposit that is short."""
    acting = client(home, actor, passphrase_file)
    acting.initiator.dataset(dataset)  # an unknown dataset is said before a file is read
    rows = read_rows(file)
    draft = draft_of(
        file,
        rows,
        home,
        title=title,
        description=description,
        provenance=provenance,
        payee=payee,
        request=request,
        sample=sample,
        sample_rows=sample_rows,
    )
    written = acting.contributor.propose(dataset, rows, draft, dry_run=dry_run)
    show_written(written, "proposal", as_json=as_json)


@contributor_app.command("show")
def show_contributor(
    who: str = typer.Argument("", help="Name of a key or address; the acting key when left out."),
    actor: str | None = AS,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show what became of everything that an address proposed."""
    acting = reader(home)
    chosen = who or acting_name(home_of(home), actor)
    found = acting.contributor.record(address_of(chosen, home))
    counts = ", ".join(f"{count} {name}" for name, count in found.counts.items())
    lines = [
        f"{found.address}: {len(found.contributions)} proposals ({counts or 'none'})",
        f"  {found.rows_accepted} rows accepted, {found.shares} shares minted "
        f"({found.shares / MICRO_NATS:.6f} nats of measured gain)",
        f"  {found.num_slashed} lost bond, {tokens(found.slashed)} in all",
        *(
            f"  {one.proposal:>8}  {one.num_rows} rows, {one.status}"
            + (f", {one.shares} shares in snapshot {one.snapshot}" if one.snapshot else "")
            + (f", revises {one.revises}" if one.revises else "")
            + (f", slashed {tokens(one.slashed)}" if one.slashed else "")
            for one in found.contributions
        ),
    ]
    show(found, lines, as_json=as_json)


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
    if acting.shareholder.claimable(dataset):
        parts.append(acting.shareholder.claim(dataset, dry_run=dry_run))
    if dataset is None and acting.wallet.balance().credits:
        parts.append(acting.wallet.withdraw(with_deposit=False, dry_run=dry_run))
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
        f"{tokens(sum(item.credits.values()))}, dividends {tokens(item.dividends)}; deposit "
        f"{tokens(item.deposit)}"
        for name, item in found
    ]
    show({"balances": [{"name": name, "balance": item} for name, item in found]}, lines,
         as_json=as_json)  # fmt: skip


def deposit(
    money: str = typer.Argument(help="How much to pay in."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Pay into the deposit that bonds and fees of later proposals are locked from."""
    more = amount(money)
    acting = client(home, actor, passphrase_file)
    show_written(acting.wallet.pay_in(more, dry_run=dry_run), "deposit", as_json=as_json)


def withdraw(
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Take the deposit and every credit that waits."""
    acting = client(home, actor, passphrase_file)
    show_written(acting.wallet.withdraw(dry_run=dry_run), "withdrawal", as_json=as_json)
