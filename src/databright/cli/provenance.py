"""`databright data`: proofs of single points, made and verified."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import typer

from databright.cli._options import AS, DRY_RUN, HOME, JSON, PASSPHRASE_FILE, client, home_of, show
from databright.client.provenance import check_offline, check_proof
from databright.errors import BadInputError
from databright.records.point_proof import is_sound
from databright.records.point_proof_forms import proof_to_bytes, proof_to_text
from databright.records.point_proof_json import MAX_JSON_BYTES, proof_to_json, read_proof
from databright.wiring.session import read_market

data_app = typer.Typer(help="Points of accepted data.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the verbs.

    Args:
        app: the command line.
    """
    app.add_typer(data_app, name="data")


@data_app.command("prove")
def prove(
    proposal: int = typer.Argument(help="Id of an accepted proposal."),
    index: int = typer.Argument(help="Number of the row in it, from 0."),
    snapshot: int | None = typer.Option(
        None, "--snapshot", help="A snapshot that holds it; the newest when left out."
    ),
    out: Path | None = typer.Option(
        None, "--out", help="File to write: .json, else the short binary form."
    ),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Prove that a row is in a snapshot, who gave it, and which models used it."""
    acting = client(home, actor, passphrase_file)
    proof = acting.provenance.prove(proposal, index, snapshot=snapshot)
    binary = proof_to_bytes(proof)
    written = proof_to_json(proof) if out is not None and out.suffix == ".json" else binary
    if out is not None and not dry_run:
        _write(out, written)
    checked = acting.provenance.check(proof)
    record = {
        "bytes": len(binary),
        "file": None if out is None or dry_run else str(out),
        "proof": proof_to_text(proof),
        "contributor": proof.point.owner,
        "proposer": proof.terms.proposer,
        "payee": proof.terms.payee,
        "owners": checked.owners,
        "snapshot": proof.snapshot.number,
        "uses": proof.uses,
    }
    lines = [
        f"point {index} of proposal {proposal} in snapshot {proof.snapshot.number}: "
        f"{len(binary)} bytes"
        + (f", {'would be written' if dry_run else 'written'} to {out}" if out is not None else ""),
        f"  contributed by {proof.point.owner}, shares minted for {proof.terms.payee}",
        *(
            f"  now owned by {owner.address}: {owner.shares} of {proof.shares} shares"
            for owner in checked.owners
        ),
        *(
            f"  used by {f'model {use.model}' if use.model else 'an unlisted model'} of job "
            f"{use.job} on snapshot {use.snapshot}"
            for use in proof.uses
        ),
        *([] if out is not None else [proof_to_text(proof)]),
    ]
    show(record, lines, as_json=as_json)


@data_app.command("verify")
def verify(
    file: Path = typer.Argument(help="The proof, in any of its forms."),
    rpc: str = typer.Option("", "--rpc", help="JSON-RPC address of a chain to compare with."),
    deployment: Path | None = typer.Option(
        None, "--deployment", help="Record of the market there; default: this home's."
    ),
    on_chain: bool = typer.Option(
        False, "--on-chain", help="Compare with this home's market at the record's own address."
    ),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Follow a proof, offline; with --rpc, --deployment or --on-chain compare it with the chain."""
    try:
        with file.open("rb") as opened:
            blob = opened.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}") from error
    proof = read_proof(blob)
    if rpc or deployment is not None or on_chain:
        checked = check_proof(read_market(home_of(home), deployment, rpc), proof)
    else:
        checked = check_offline(proof)
    sound = is_sound(checked.findings)
    lines = [
        *(f"{one.status.value:<6} {one.about:<12} {one.text}" for one in checked.findings),
        *(
            f"now owned by {owner.address}: {owner.shares} of {proof.shares} shares"
            for owner in checked.owners
        ),
        "the proof is sound" if sound else "the proof is WRONG",
    ]
    record = {
        "ok": sound,
        "bytes": len(proof_to_bytes(proof)),
        "findings": [
            {"about": one.about, "status": one.status.value, "text": one.text}
            for one in checked.findings
        ],
        "contributor": proof.point.owner,
        "owners": checked.owners,
    }
    show(record, lines, as_json=as_json)
    if not sound:
        raise typer.Exit(1)


def _write(place: Path, content: bytes) -> None:
    if place.exists():
        raise BadInputError(f"{place} exists: choose another name")
    partial = place.with_name(f".{place.name}.partial")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        partial.replace(place)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise BadInputError(f"{place} cannot be written: {error.strerror}") from error
