"""`databright proposal`: proposals with their evidence and votes."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import HOME, JSON, reader, show, tokens
from databright.data_market.registry import Proposal
from databright.records.evidence import OUTCOMES

app = typer.Typer(help="Data proposals.", no_args_is_help=True)


def _line(item: Proposal) -> str:
    return (
        f"{item.id:>4}  dataset {item.dataset}, {item.num_rows} rows of {item.proposer}, "
        f"{item.status_name}, {item.yes} yes, {item.no} no"
    )


@app.command("list")
def list_proposals(
    dataset: int | None = typer.Option(None, "--dataset", help="Only those of one dataset."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show proposals with their state and votes."""
    found = reader(home).contributor.proposals(dataset)
    lines = [_line(item) for item in found]
    show({"proposals": found}, lines or ["no proposals yet"], as_json=as_json)


@app.command("show")
def show_proposal(proposal: int, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show one proposal: evidence, votes, verdict."""
    view = reader(home).contributor
    found = view.proposal(proposal)
    evidence = view.evidence(proposal)
    lines = [
        _line(found),
        f"      deadline {found.deadline}, bond {tokens(found.bond)}, fee {tokens(found.fee)}",
        *(
            f"      {item.evaluator} on snapshot {item.verdict.base}: "
            f"{OUTCOMES[item.verdict.outcome]}, {item.verdict.amount} shares; {item.reason}"
            for item in evidence
        ),
    ]
    show({"proposal": found, "evidence": evidence}, lines, as_json=as_json)
