"""`databright proposal`: proposals with their evidence and votes; batches, revisions."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import typer

from databright.cli._batch_file import read_batch_file
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
    client,
    reader,
    show,
    show_written,
    tokens,
)
from databright.cli._tombstones import tombstone_lines
from databright.cli._watching import follow
from databright.data_market.closing import quorum
from databright.data_market.registry import Proposal
from databright.errors import BadInputError
from databright.records.evidence import OUTCOMES
from databright.records.rows import read_rows

app = typer.Typer(help="Data proposals.", no_args_is_help=True)


def _line(item: Proposal) -> str:
    return (
        f"{item.id:>8}  dataset {item.dataset}, {item.num_rows} rows of {item.proposer}, "
        f"{item.status_name}, {item.yes} yes, {item.no} no"
    )


def told(item: Proposal) -> dict[str, object]:
    """A proposal as --json prints it: its terms and its state side by side.

    Args:
        item: the proposal.

    Returns:
        Name -> value.
    """
    terms = {one.name: getattr(item.terms, one.name) for one in fields(item.terms)}
    state = {one.name: getattr(item, one.name) for one in fields(item) if one.name != "terms"}
    del terms["proposal"]
    return {
        "id": item.id,
        "dataset": item.dataset,
        "number": item.number,
        **terms,
        **state,
        "status_name": item.status_name,
    }


@app.command("list")
def list_proposals(
    dataset: int | None = typer.Option(None, "--dataset", help="Only those of one dataset."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show proposals with their state and votes."""
    found = reader(home).contributor.proposals(dataset)
    lines = [_line(item) for item in found]
    show(
        {"proposals": [told(item) for item in found]},
        lines or ["no proposals yet"],
        as_json=as_json,
    )


@app.command("show")
def show_proposal(proposal: int, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show one proposal: what it offers, its thread, evidence, votes, verdict."""
    acting = reader(home)
    view = acting.contributor
    found = view.proposal(proposal)
    manifest = view.manifest(proposal)
    evidence = view.evidence(proposal)
    stones = [one for one in acting.governance.tombstones(found.dataset) if one.tranche == proposal]
    # What was taken down is erased, shown rows too.
    samples = None if stones else view.samples(proposal)
    rules = acting.market.registry.rules_at(found.dataset, found.version)
    earlier = [one.id for one in view.thread(proposal)[:-1]]
    lines = [
        _line(found),
        f"      {manifest.title}; licence {manifest.licence}; "
        f"{len(samples.indices) if samples else 0} sample rows shown",
        f"      votes from {found.votes_from} to {found.deadline}, bond {tokens(found.bond)}, fee "
        f"{tokens(found.fee)}" + (", held up by a challenge" if found.is_challenged else ""),
        f"      {quorum(rules, found.electorate)} votes needed of {found.electorate} that may be "
        f"cast; {found.lent_yes} for and {found.lent_no} against are lent",
        *([f"      revises {', '.join(str(one) for one in earlier)}"] if earlier else []),
        *(
            f"      {item.evaluator} on snapshot {item.verdict.base}: "
            f"{OUTCOMES[item.verdict.outcome]}, {item.verdict.amount} shares; {item.reason}"
            for item in evidence
        ),
        *(f"      {line}" for line in tombstone_lines(stones)),
    ]
    record = {
        "taken_down": stones,
        "quorum": quorum(rules, found.electorate),
        "proposal": told(found),
        "manifest": manifest,
        "evidence": evidence,
        "thread": earlier,
        "samples": [] if samples is None else samples.indices,
    }
    show(record, lines, as_json=as_json)


@app.command("batch")
def batch(
    dataset: int = typer.Argument(help="Id of the dataset."),
    file: Path = typer.Argument(help='JSON file {"parts": [{"owner": WHO, "file": CSV}, ...]}.'),
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
    """Propose the rows of several owners at once: one root, one bond, one vote."""
    acting = client(home, actor, passphrase_file)
    acting.initiator.dataset(dataset)
    parts = read_batch_file(file, home)
    draft = draft_of(
        file,
        parts,
        home,
        title=title,
        description=description,
        provenance=provenance,
        payee=payee,
        request=request,
        sample=sample,
        sample_rows=sample_rows,
    )
    written = acting.contributor.propose(dataset, parts, draft, dry_run=dry_run)
    show_written(written, "proposal", as_json=as_json)


@app.command("revise")
def revise(
    proposal: int = typer.Argument(help="Id of the open proposal."),
    file: Path = typer.Argument(help="The new rows: .csv, .npz, .safetensors, or .json parts."),
    title: str = TITLE,
    description: str = DESCRIPTION,
    provenance: str = PROVENANCE,
    sample: int = SAMPLE,
    sample_rows: str = SAMPLE_ROWS,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Replace the rows of an open proposal: a new id, votes begin anew, the bond stays."""
    acting = client(home, actor, passphrase_file)
    acting.contributor.proposal(proposal)
    data = read_batch_file(file, home) if file.suffix == ".json" else read_rows(file)
    draft = draft_of(
        file,
        data,
        home,
        title=title,
        description=description,
        provenance=provenance,
        sample=sample,
        sample_rows=sample_rows,
    )
    written = acting.contributor.revise(proposal, data, draft, dry_run=dry_run)
    show_written(written, "proposal", as_json=as_json)


@app.command("withdraw")
def withdraw(
    proposal: int = typer.Argument(help="Id of the proposal."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Take a proposal off before its vote begins; bond and fee go back to the deposit."""
    acting = client(home, actor, passphrase_file)
    written = acting.contributor.withdraw(proposal, dry_run=dry_run)
    show_written(written, "withdrawal", as_json=as_json)


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
        show({"proposal": told(found), "num_evidence": count}, [], as_json=True)
