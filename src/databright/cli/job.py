"""`databright job`: plan, fund and watch training jobs."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import (
    AS,
    DRY_RUN,
    HOME,
    JSON,
    PASSPHRASE_FILE,
    amount,
    client,
    reader,
    show,
    show_written,
    tokens,
)
from databright.cli._watching import follow
from databright.client.buyer import Job, JobDraft
from databright.errors import BadInputError

app = typer.Typer(help="Training jobs.", no_args_is_help=True)
_DATASET = typer.Option(..., "--dataset", help="Id of the dataset.")
_REQUEST = typer.Option(..., "--request", help="Request whose holdout measures the result.")
_SHARDS = typer.Option(6, "--shards", help="Pieces of the rows.")
_ROUNDS = typer.Option(6, "--rounds", help="Times that all shards are trained and averaged.")
_STEPS = typer.Option(25, "--steps", help="Local steps of a segment.")
_REPLICAS = typer.Option(3, "--replicas", help="Owners that compute each segment.")
_CAP = typer.Option(None, "--cap-bps", help="Share of the data that an owner may see.")
_PRICE = typer.Option(
    None, "--segment-price", help="The most for one replica of one segment; by fees if left out."
)
_SNAPSHOT = typer.Option(None, "--snapshot", help="The dataset's version; the newest if left out.")


@app.command("plan")
def plan(
    dataset: int = _DATASET,
    request: int = _REQUEST,
    shards: int = _SHARDS,
    rounds: int = _ROUNDS,
    steps: int = _STEPS,
    replicas: int = _REPLICAS,
    cap_bps: int | None = _CAP,
    snapshot: int | None = _SNAPSHOT,
    segment_price: str | None = _PRICE,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show the four lines of the escrow, the owners needed, and who would see what."""
    draft = JobDraft(
        dataset=dataset,
        request=request,
        num_shards=shards,
        num_rounds=rounds,
        steps=steps,
        replicas=replicas,
        cap_bps=cap_bps,
        snapshot=snapshot,
        segment_price=None if segment_price is None else amount(segment_price),
    )
    found = reader(home).buyer.plan_job(draft)
    lines = [
        f"data fee   {tokens(found.data_fee)}",
        f"compute    {tokens(found.compute)} and a reserve of {tokens(found.reserve)}: "
        f"{tokens(found.segment_price)} for a replica of a segment",
        f"node fee   {tokens(found.node_fee)}",
        f"chain fees {tokens(found.chain_fee)}",
        f"total      {tokens(found.total)}",
        f"owners: {found.owners_needed} needed, {found.owners_available} there, "
        f"{found.spares} to spare; each sees at most {found.exposure_bps} bps",
        f"a full copy takes {found.full_copy_identities} identities with "
        f"{tokens(found.full_copy_cost)} at stake; {found.whole_model_owners} owners hold the "
        "whole model",
    ]
    show({"plan": found, "total": found.total}, lines, as_json=as_json)


@app.command("open")
def open_job(
    dataset: int = _DATASET,
    request: int = _REQUEST,
    shards: int = _SHARDS,
    rounds: int = _ROUNDS,
    steps: int = _STEPS,
    replicas: int = _REPLICAS,
    cap_bps: int | None = _CAP,
    snapshot: int | None = _SNAPSHOT,
    segment_price: str | None = _PRICE,
    seed: int = typer.Option(0, "--seed", help="Of shards and batches."),
    node_fee: str = typer.Option("0", "--node-fee", help="For the node's operator."),
    max_cost: str = typer.Option(..., "--max-cost", help="Refuse a job that costs more."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Fund a job; what is not used comes back."""
    most = amount(max_cost)
    draft = JobDraft(
        dataset=dataset,
        request=request,
        num_shards=shards,
        num_rounds=rounds,
        steps=steps,
        replicas=replicas,
        cap_bps=cap_bps,
        snapshot=snapshot,
        segment_price=None if segment_price is None else amount(segment_price),
        seed=seed,
        node_fee=amount(node_fee),
    )
    buyer = client(home, actor, passphrase_file).buyer
    total = buyer.plan_job(draft).total
    if total > most:
        raise BadInputError(
            f"the job costs {tokens(total)}, more than --max-cost {tokens(most)}: raise it or ask "
            "for fewer rounds or replicas"
        )
    show_written(buyer.open_job(draft, dry_run=dry_run), "job", as_json=as_json)


def _state(item: Job) -> str:
    return (
        f"job {item.id} on dataset {item.dataset}@{item.snapshot}: {item.status_name}, "
        f"{item.accepted} of {item.num_shards * item.num_rounds} segments accepted"
    )


@app.command("list")
def list_jobs(home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show all jobs and their states."""
    found = reader(home).buyer.jobs()
    show({"jobs": found}, [_state(item) for item in found] or ["no jobs yet"], as_json=as_json)


@app.command("show")
def show_job(job: int, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show one job."""
    found = reader(home).buyer.job(job)
    show(found, _lines(found), as_json=as_json)


@app.command("watch")
def watch_job(job: int, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Follow one job to its end."""
    buyer = reader(home).buyer
    found = follow(lambda: buyer.job(job), lambda item: item.is_over, _state, as_json=as_json)
    show(found, _lines(found)[1:], as_json=as_json)


def _lines(found: Job) -> list[str]:
    return [
        _state(found),
        f"      hub {found.hub}, accuracy {found.metric_bps / 100:.2f} %",
        f"      left: compute {tokens(found.compute_left)}, reserve {tokens(found.reserve_left)}, "
        f"chain {tokens(found.chain_left)}",
    ]
