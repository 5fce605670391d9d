"""`databright vote`: own ballots, signed ones for a relayer, and lent weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from databright.cli._options import (
    AS,
    DRY_RUN,
    HOME,
    JSON,
    PASSPHRASE_FILE,
    client,
    period,
    show,
    show_written,
)
from databright.client import Client
from databright.errors import BadInputError
from databright.records.ballots import (
    MAX_FILE_BYTES,
    SignedBallot,
    ballots_from_json,
    ballots_to_json,
)
from databright.units import BasisPoints, Seconds

_SHORT = "cast"


class _VoteGroup(TyperGroup):
    """`vote 1000001 --yes` is short for `vote cast 1000001 --yes`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own
        """Put the verb in where it was left out.

        Args:
            ctx: the command's context.
            args: what follows `vote`.

        Returns:
            What is left to read.
        """
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_SHORT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(help="Votes on proposals and motions.", no_args_is_help=True, cls=_VoteGroup)


@app.command(_SHORT)
def cast(
    proposals: list[int] = typer.Argument(help="Ids of proposals or motions."),
    yes: bool = typer.Option(False, "--yes", help="For them."),
    no: bool = typer.Option(False, "--no", help="Against them."),
    lent: bool = typer.Option(False, "--lent", help="With the weight that others lent."),
    confidence: int | None = typer.Option(
        None, "--confidence", help="With --lent: how sure you are, 1/10,000."
    ),
    sign: bool = typer.Option(False, "--sign", help="Sign ballots for a relayer and send nothing."),
    until: str | None = typer.Option(None, "--until", help="With --sign: how long they count."),
    out: Path | None = typer.Option(None, "--out", help="With --sign: the file to write."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Vote; a vote is final, and overrides what an oracle cast with your weight."""
    if yes == no:
        raise BadInputError("say either --yes or --no")
    if lent and sign:
        raise BadInputError("lent weight is cast by the oracle itself: leave out --sign")
    if lent == (confidence is None):
        raise BadInputError("--lent and --confidence go together: how sure are you, 0 to 10000?")
    if not sign and (until is not None or out is not None):
        raise BadInputError("--until and --out say how ballots are signed: add --sign")
    acting = client(home, actor, passphrase_file)
    if sign:
        _sign(acting, dict.fromkeys(proposals, yes), until, None if dry_run else out, as_json)
        return
    if confidence is None:
        written = acting.curator.vote_many(dict.fromkeys(proposals, yes), dry_run=dry_run)
        show_written(written, "vote", as_json=as_json)
        return
    if len(proposals) != 1:
        raise BadInputError("with --lent name one proposal: an oracle is as sure of each as it is")
    written = acting.curator.vote_lent(
        proposals[0], support=yes, confidence=BasisPoints(confidence), dry_run=dry_run
    )
    show_written(written, "vote", as_json=as_json)


def _sign(
    acting: Client, ballots: dict[int, bool], until: str | None, out: Path | None, as_json: bool
) -> None:
    now = acting.market.contracts.chain.next_timestamp()
    deadline = None if until is None else Seconds(now + period(until))
    signed = acting.curator.sign_ballots(ballots, deadline=deadline)
    blob = ballots_to_json(signed)
    lines = [_line(item) for item in signed]
    if out is not None:
        try:
            out.write_bytes(blob + b"\n")
        except OSError as error:
            raise BadInputError(f"{out} cannot be written: {error.strerror}") from error
        lines.append(f"written to {out}: give it to a relayer ('databright vote relay {out}')")
    elif not as_json:
        lines.append(blob.decode())
    record = {
        "ballots": [item.ballot for item in signed],
        "file": blob.decode(),
        "written": None if out is None else str(out),
    }
    show(record, lines, as_json=as_json)


def _line(signed: SignedBallot) -> str:
    ballot = signed.ballot
    return (
        f"{ballot.voter} {'for' if ballot.support else 'against'} {ballot.proposal}, until chain "
        f"time {ballot.deadline}"
    )


@app.command("relay")
def relay(
    files: list[Path] = typer.Argument(help="Files of signed ballots."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Hand in what others signed; the first 64 ballots of a proposal are repaid."""
    ballots = [ballot for file in files for ballot in _read(file)]
    acting = client(home, actor, passphrase_file)
    found = acting.curator.sort_ballots(ballots)
    for signed, reason in found.refused:
        typer.echo(f"left out: {_line(signed)}: {reason}", err=True)
    written = acting.curator.relay(found.good, dry_run=dry_run)
    show_written(written, "ballots", as_json=as_json)


def _read(file: Path) -> list[SignedBallot]:
    try:
        with file.open("rb") as opened:
            blob = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}") from error
    return ballots_from_json(blob)


@app.command("cancel")
def cancel(
    dataset: int = typer.Option(..., "--dataset", help="Where they were to count."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Make all your signed ballots in a dataset worthless that are not cast yet."""
    written = client(home, actor, passphrase_file).curator.cancel_ballots(dataset, dry_run=dry_run)
    show_written(written, "ballots", as_json=as_json)
