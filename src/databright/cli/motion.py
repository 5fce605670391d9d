"""`databright motion`: how curators change a dataset's rules or take a tranche down."""

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
from databright.cli._rules_file import read_rules_file
from databright.data_market.motions import Motion
from databright.errors import BadInputError
from databright.records.rules import FIELDS, Rules

app = typer.Typer(help="Motions of a dataset's curators.", no_args_is_help=True)


@app.command("rules")
def move_rules(
    file: Path = typer.Argument(help="JSON file with the fields that change."),
    dataset: int = typer.Option(..., "--dataset", help="Id of the dataset."),
    reason: str = typer.Option(..., "--reason", help="Why."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Move that a dataset change its rules; what began before keeps the old ones."""
    changes = read_rules_file(file, home)
    acting = client(home, actor, passphrase_file)
    written = acting.governance.move_rules(dataset, changes, reason=reason, dry_run=dry_run)
    show_written(written, "motion", as_json=as_json)


@app.command("takedown")
def move_takedown(
    tranche: int = typer.Argument(help="Id of the accepted proposal."),
    to: str = typer.Option(..., "--to", help="Who gets its income: address or key's name."),
    reason: str = typer.Option(..., "--reason", help="Why."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Move that a tranche be taken down: trusted nodes erase its rows."""
    acting = client(home, actor, passphrase_file)
    written = acting.governance.move_takedown(
        tranche, address_of(to, home), reason=reason, dry_run=dry_run
    )
    show_written(written, "motion", as_json=as_json)


@app.command("vote")
def vote(
    motion: int = typer.Argument(help="Id of the motion."),
    yes: bool = typer.Option(False, "--yes", help="For it."),
    no: bool = typer.Option(False, "--no", help="Against it."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Vote on a motion; a vote is final."""
    if yes == no:
        raise BadInputError("say either --yes or --no")
    acting = client(home, actor, passphrase_file)
    acting.governance.motion(motion)
    show_written(acting.curator.vote(motion, support=yes, dry_run=dry_run), "vote", as_json=as_json)


@app.command("enact")
def enact(
    motion: int = typer.Argument(help="Id of the motion."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Enact a carried motion after its delay; the trusted nodes do so too."""
    acting = client(home, actor, passphrase_file)
    show_written(acting.governance.enact(motion, dry_run=dry_run), "motion", as_json=as_json)


@app.command("list")
def list_motions(
    dataset: int | None = typer.Option(None, "--dataset", help="Only those of one dataset."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show motions with their state and votes."""
    found = reader(home).governance.motions(dataset)
    lines = [_line(item) for item in found]
    show({"motions": found}, lines or ["no motions yet"], as_json=as_json)


@app.command("show")
def show_motion(
    motion: int = typer.Argument(help="Id of the motion."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show one motion: what it would enact, its votes, its dates."""
    acting = reader(home)
    found, text = acting.governance.motion(motion), acting.governance.text(motion)
    lines = [
        _line(found),
        f"      moved by {found.mover} with a bond of {tokens(found.bond)}; weight that may vote: "
        f"{found.electorate}",
        f"      votes from chain time {found.tally.votes_from} to {found.tally.deadline}"
        + (f", ready from {found.ready_at}" if found.ready_at else ""),
    ]
    if text is None:
        lines.append("      its text is not in the store, or is not what is voted on")
    else:
        lines.append(f"      {text.reason}")
    if text is not None and text.takedown is not None:
        lines.append(f"      tranche {text.takedown.tranche}, income to {text.takedown.to}")
    if text is not None and text.rules is not None:
        now = acting.initiator.dataset(found.dataset).rules
        lines += [f"      {change}" for change in _changes(now, text.rules)]
    show({"motion": found, "text": text}, lines, as_json=as_json)


def _changes(before: Rules, after: Rules) -> list[str]:
    fixed = {"curators", "weights"}
    return [
        f"{name}: {getattr(before, name)} -> {getattr(after, name)}"
        for name in FIELDS
        if name not in fixed and getattr(before, name) != getattr(after, name)
    ] or ["the rules are these already"]


def _line(item: Motion) -> str:
    return (
        f"{item.id:>7}  dataset {item.dataset}, {item.kind_name}, {item.status_name}, "
        f"{item.tally.yes} yes, {item.tally.no} no"
    )
