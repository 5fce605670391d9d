"""`databright discussion`: signed threads on datasets, requests, proposals and models."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer

from databright.cli._discussing import (
    FILE,
    PAGE,
    TEXT,
    THREAD,
    URL,
    discussing,
    reading_only,
    said,
    show_posted,
    thread_lines,
)
from databright.cli._discussion_drafts import drafts
from databright.cli._options import AS, DRY_RUN, HOME, JSON, PASSPHRASE_FILE, address_of, show
from databright.discussion.actions import ASKING, QUESTION
from databright.discussion.documents import from_plain
from databright.discussion.proofs import Proof, check_proof
from databright.discussion.subjects import parse_subject
from databright.errors import BadInputError
from databright.records.strict_json import loads_object

app = typer.Typer(help="Signed threads on anything.", no_args_is_help=True)
app.add_typer(drafts, name="draft")
_SUBJECT = typer.Argument(help="dataset/ID, request/ID, proposal/ID, model/ID or draft/DIGEST.")
_DIGEST = typer.Argument(help="The comment's id.")
_MOST_PROOF = 1 << 20


@app.command("list")
def list_threads(url: str | None = URL, home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Show the threads, those with the newest comments first."""
    found = reading_only(home, url).threads()
    lines = [f"{one.subject:<16} {one.comments} comments" for one in found]
    show({"threads": found}, lines or ["nobody has written anything yet"], as_json=as_json)


@app.command("show")
def show_thread(
    subject: str = _SUBJECT,
    page: int = PAGE,
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show one thread; that of a draft only to those who may read it."""
    if parse_subject(subject).is_draft:
        view = discussing(home, actor, passphrase_file, url)
    else:
        view = reading_only(home, url)
    found = view.thread(subject, page)
    show(found, thread_lines(found), as_json=as_json)


@app.command("post")
def post(
    subject: str = _SUBJECT,
    text: str | None = TEXT,
    file: Path | None = FILE,
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Write in a thread."""
    view = discussing(home, actor, passphrase_file, url)
    posted = view.post(subject, said(text, file), dry_run=dry_run)
    show_posted(posted, "comment", as_json=as_json)


@app.command("ask")
def ask(
    subject: str = _SUBJECT,
    kind: str = typer.Option(QUESTION, "--kind", help=f"One of {', '.join(ASKING)}."),
    text: str | None = TEXT,
    file: Path | None = FILE,
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Ask a question, for information or for another evaluation; open until it is answered."""
    if kind not in ASKING:
        raise BadInputError(f"--kind {kind[:40]!r}: use one of {', '.join(ASKING)}")
    view = discussing(home, actor, passphrase_file, url)
    posted = view.post(subject, said(text, file), kind=kind, dry_run=dry_run)
    show_posted(posted, kind.replace("_", " "), as_json=as_json)


@app.command("reply")
def reply(
    comment: str = _DIGEST,
    text: str | None = TEXT,
    file: Path | None = FILE,
    thread: str | None = THREAD,
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Reply to a comment."""
    view = discussing(home, actor, passphrase_file, url)
    posted = view.reply(comment, said(text, file), thread=thread, dry_run=dry_run)
    show_posted(posted, "reply", as_json=as_json)


@app.command("answer")
def answer(
    comment: str = _DIGEST,
    text: str | None = TEXT,
    file: Path | None = FILE,
    thread: str | None = THREAD,
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Answer a question or request."""
    view = discussing(home, actor, passphrase_file, url)
    posted = view.answer(comment, said(text, file), thread=thread, dry_run=dry_run)
    show_posted(posted, "answer", as_json=as_json)


@app.command("edit")
def edit(
    comment: str = _DIGEST,
    text: str | None = TEXT,
    file: Path | None = FILE,
    thread: str | None = THREAD,
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Give an own comment a new text; its old ones stay readable."""
    view = discussing(home, actor, passphrase_file, url)
    posted = view.edit(comment, said(text, file), thread=thread, dry_run=dry_run)
    show_posted(posted, "edit", as_json=as_json)


@app.command("hide")
def hide(
    comment: str = _DIGEST,
    reason: str = typer.Option(..., "--reason", help="One line that everybody sees."),
    undo: bool = typer.Option(False, "--undo", help="Show it again."),
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Hide a comment as a moderator; it stays in the log, with who hid it and why."""
    view = discussing(home, actor, passphrase_file, url)
    posted = view.hide(comment, reason, hidden=not undo, dry_run=dry_run)
    show_posted(posted, "decision", as_json=as_json)


@app.command("feed")
def feed(
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show what this key was told: mentions, replies, comments, requests, verdicts."""
    found = discussing(home, actor, passphrase_file, url).feed()
    lines = [f"{found.unread} unread"]
    for one in found.notices:
        mark = " " if one.id <= found.read_upto else "*"
        by = f" by {one.author}" if one.author else ""
        lines.append(f"{mark} {one.id:>5}  {one.kind.replace('_', ' ')} on {one.subject}{by}")
    show(found, lines, as_json=as_json)


@app.command("mark-read")
def mark_read(
    upto: int | None = typer.Option(None, "--upto", help="Number of a notice; all if left out."),
    url: str | None = URL,
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Note how far this key has read its feed."""
    view = discussing(home, actor, passphrase_file, url)
    found = view.feed()
    newest = found.notices[0].id if found.notices else 0
    wanted = newest if upto is None else upto
    mark = wanted if dry_run else view.mark_read(wanted)
    word = "would be read" if dry_run else "is read"
    record = {"read_upto": mark, "dry_run": dry_run}
    show(record, [f"everything up to notice {mark} {word}"], as_json=as_json)


@app.command("proof")
def proof(
    digest: str = _DIGEST,
    out: Path | None = typer.Option(None, "--out", help="File to write; printed if left out."),
    url: str | None = URL,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Write the proof that a comment is anchored, which anybody checks offline."""
    if out is not None and out.exists():
        raise BadInputError(f"{out} exists; choose another name")
    found = reading_only(home, url).proof(digest)
    check_proof(found)
    if out is not None and not dry_run:
        out.write_text(json.dumps(asdict(found), indent=2) + "\n")
    lines = [
        f"entry {found.item.seq} is in the batch of {found.count} from {found.first} on, anchored "
        f"in block {found.block}",
        f"root {found.root}",
    ]
    show(found, lines, as_json=as_json)


@app.command("verify")
def verify(
    file: Path | None = typer.Option(None, "--proof", help="Check this proof, not the whole log."),
    offline: bool = typer.Option(False, "--offline", help="Leave out the look at the chain."),
    publisher: str | None = typer.Option(None, "--publisher", help="Whose anchors count."),
    url: str | None = URL,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Check every signature, and that the log is what was anchored; or one comment's proof."""
    if file is None:
        if offline:
            raise BadInputError("--offline is for --proof FILE: the whole log is held to the chain")
        whose = None if publisher is None else address_of(publisher, home)
        report = reading_only(home, url).verify(whose)
        lines = [
            f"{report.entries} entries, {report.anchored} of them in {report.batches} anchored "
            f"batches, {report.sealed} without their text",
            *(report.problems or ("every signature holds, and nothing was altered",)),
        ]
        show(report, lines, as_json=as_json)
        if report.problems:
            raise typer.Exit(1)
        return
    found = _read_proof(file)
    check_proof(found)
    shown = None if offline else reading_only(home, url).check_on_chain(found)
    said_of_chain = {
        None: f"compare root {found.root} with the chain's Anchored event in block {found.block}",
        True: f"the chain shows its root in block {found.block}",
        False: f"the chain does NOT show its root for {found.publisher}",
    }[shown]
    lines = [f"entry {found.item.seq} {found.item.digest} is signed and in its batch"]
    show({"proof": found, "on_chain": shown}, [*lines, said_of_chain], as_json=as_json)
    if shown is False:
        raise typer.Exit(1)


def _read_proof(file: Path) -> Proof:
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_PROOF + 1)
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}") from error
    return from_plain(Proof, loads_object(data, max_bytes=_MOST_PROOF))
