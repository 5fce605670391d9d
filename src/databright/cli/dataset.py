"""`databright dataset`: open datasets and look at them."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._dataset_file import read_dataset_file
from databright.cli._options import (
    AS,
    DRY_RUN,
    HOME,
    JSON,
    PASSPHRASE_FILE,
    client,
    reader,
    show,
    show_written,
    tokens,
)
from databright.cli._tombstones import tombstone_lines

app = typer.Typer(help="Datasets.", no_args_is_help=True)


@app.command("create")
def create(
    rules: Path = typer.Option(..., "--rules", help="JSON file that describes the dataset."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Open a dataset; from then on its curators alone can change its rules."""
    draft = read_dataset_file(rules, home)
    acting = client(home, actor, passphrase_file)
    written = acting.initiator.create_dataset(draft, dry_run=dry_run)
    show_written(written, "dataset", as_json=as_json)


@app.command("list")
def list_datasets(home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show all datasets."""
    acting = reader(home)
    found = acting.initiator.datasets()
    registry = acting.market.registry
    lines = [
        f"{item.id:>4}  {registry.card(item.rules).title}  ({item.num_snapshots} snapshots, "
        f"{tokens(item.rules.price_per_use)} a use)"
        for item in found
    ]
    show({"datasets": found}, lines or ["no datasets yet"], as_json=as_json)


@app.command("show")
def show_dataset(dataset: int, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show one dataset: rules, snapshot, tranches."""
    acting = reader(home)
    found = acting.initiator.dataset(dataset)
    registry = acting.market.registry
    card, schema = registry.card(found.rules), registry.schema(found.rules)
    entries = registry.entries(dataset)
    stones = acting.governance.tombstones(dataset)
    rules = found.rules
    lines = [
        f"dataset {found.id}: {card.title} ({card.licence})",
        f"  {card.description}",
        f"  rows of {schema.num_features} features in {schema.low:g} to {schema.high:g}, "
        f"{schema.num_classes} classes",
        f"  bond {tokens(rules.bond)}, evaluation fee {tokens(rules.evaluation_fee)}, use "
        f"{tokens(rules.price_per_use)}, exposure at most {rules.max_exposure_bps} bps per owner",
        f"  rules of version {found.version}: {rules.threshold} of {len(rules.evaluators)} "
        f"evaluators sign, review {rules.review_minutes} min, votes last {rules.voting_period} s",
        f"  snapshot {found.num_snapshots} of {sum(entry.num_rows for entry in entries)} rows:",
        *(
            f"    proposal {entry.proposal}: {entry.num_rows} rows, {entry.shares} shares of "
            f"{entry.contributor}"
            for entry in entries
        ),
        *(f"  {line}" for line in tombstone_lines(stones)),
    ]
    record = {
        "taken_down": stones,
        "dataset": found,
        "card": card,
        "schema": schema,
        "entries": [
            {
                "proposal": entry.proposal,
                "contributor": entry.contributor,
                "ref": entry.ref,
                "manifest": entry.manifest,
                "num_rows": entry.num_rows,
                "shares": entry.shares,
                "born": entry.born,
            }
            for entry in entries
        ],
    }
    show(record, lines, as_json=as_json)
