"""`databright proposal`: proposals with their evidence and votes."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import HOME, JSON, reader, show, tokens
from databright.cli._watching import follow
from databright.data_market.registry import Proposal
from databright.errors import BadInputError
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
    manifest = view.manifest(proposal)
    evidence = view.evidence(proposal)
    lines = [
        _line(found),
        f"      {manifest.title}",
        f"      deadline {found.deadline}, bond {tokens(found.bond)}, fee {tokens(found.fee)}",
        *(
            f"      {item.evaluator} on snapshot {item.verdict.base}: "
            f"{OUTCOMES[item.verdict.outcome]}, {item.verdict.amount} shares; {item.reason}"
            for item in evidence
        ),
    ]
    record = {"proposal": found, "manifest": manifest, "evidence": evidence}
    show(record, lines, as_json=as_json)


@app.command("watch")
def watch_proposal(
    proposal: int,
    until: str = typer.Option("verdict", "--until", help="evidence or verdict."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Follow one proposal to its evidence or its verdict."""
    if until not in {"evidence", "verdict"}:
        raise BadInputError(f"--until {until[:40]!r}: say evidence or verdict")
    acting = reader(home)
    view = acting.contributor
    threshold = acting.initiator.dataset(view.proposal(proposal).dataset).rules.threshold

    def look() -> tuple[Proposal, int]:
        return view.proposal(proposal), len(view.evidence(proposal))

    def is_done(seen: tuple[Proposal, int]) -> bool:
        return seen[0].status_name != "open" or (until == "evidence" and seen[1] >= threshold)

    def line(seen: tuple[Proposal, int]) -> str:
        return f"{_line(seen[0])}, evidence of {seen[1]} evaluators ({threshold} needed)"

    found, count = follow(look, is_done, line, as_json=as_json)
    if as_json:
        show({"proposal": found, "num_evidence": count}, [], as_json=True)
