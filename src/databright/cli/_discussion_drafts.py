"""`databright discussion draft`: proposals shown to invited reviewers before a bond is posted."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._discussing import (
    PAGE,
    URL,
    discussing,
    file_text,
    show_posted,
    thread_lines,
)
from databright.cli._options import AS, DRY_RUN, HOME, JSON, PASSPHRASE_FILE, address_of, show
from databright.discussion.threads import DraftText

drafts = typer.Typer(help="Proposals shown before a bond is posted.", no_args_is_help=True)


def _line(one: DraftText) -> str:
    linked = f", became {one.linked}" if one.linked else ""
    return f"{one.digest}  dataset {one.dataset}, by {one.author}{linked}: {one.title}"


@drafts.command("share")
def share(
    title: str = typer.Argument(help="One line."),
    dataset: int = typer.Option(..., "--dataset", help="Id of the dataset that it is meant for."),
    invite: list[str] = typer.Option(..., "--invite", help="Address or key name; may be repeated."),
    description: Path | None = typer.Option(None, "--description", help="File in markdown."),
    sample: Path | None = typer.Option(None, "--sample", help="File with the rows to show."),
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Show a proposal to invited reviewers; nothing goes on chain but a hash."""
    view = discussing(home, actor, passphrase_file, url)
    posted = view.share_draft(
        dataset,
        title,
        tuple(address_of(who, home) for who in invite),
        description=file_text(description),
        sample=file_text(sample),
        dry_run=dry_run,
    )
    show_posted(posted, "draft", as_json=as_json)


@drafts.command("list")
def list_drafts(
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show the drafts that this key wrote or is invited to."""
    found = discussing(home, actor, passphrase_file, url).drafts()
    lines = [_line(one) for one in found]
    show({"drafts": found}, lines or ["no drafts for this key"], as_json=as_json)


@drafts.command("show")
def show_draft(
    digest: str = typer.Argument(help="The draft's id."),
    page: int = PAGE,
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show one draft with what its reviewers said."""
    found = discussing(home, actor, passphrase_file, url).draft(digest, page)
    lines = [
        _line(found.draft),
        f"  invited: {', '.join(found.draft.invited)}",
        *(f"  {line}" for line in found.draft.description.split("\n")),
        *(f"  | {line}" for line in found.draft.sample.split("\n") if line),
        *thread_lines(found.thread),
    ]
    show(found, lines, as_json=as_json)


@drafts.command("link")
def link(
    digest: str = typer.Argument(help="The draft's id."),
    proposal: int = typer.Argument(help="Id of the proposal that it became."),
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Carry a draft's comments over to its proposal, where everybody reads them."""
    view = discussing(home, actor, passphrase_file, url)
    show_posted(view.link_draft(digest, proposal, dry_run=dry_run), "link", as_json=as_json)
