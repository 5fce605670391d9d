"""What the verbs of the discussion share: flags, texts, printing of threads."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import client, reader, show
from databright.client.discussion import DiscussionView, Posted
from databright.discussion.actions import MAX_BODY
from databright.discussion.threads import Shown, Thread
from databright.errors import BadInputError

URL = typer.Option(None, "--url", help="Address of a page; this home's own database if left out.")
TEXT = typer.Option(None, "--text", help="What to say, in markdown.")
FILE = typer.Option(None, "--file", help="File that holds what to say.")
THREAD = typer.Option(None, "--thread", help="draft/DIGEST, where the comment is on a draft.")
PAGE = typer.Option(1, "--page", help="Page of the thread, from 1.")
_MOST_BYTES = 4 * MAX_BODY


def discussing(
    home: Path | None, actor: str | None, passphrase: Path | None, url: str | None
) -> DiscussionView:
    """Open the discussion as one of its actors.

    Args:
        home: what --home said.
        actor: what --as said.
        passphrase: what --passphrase-file said.
        url: what --url said.

    Returns:
        The view.
    """
    acting = client(home, actor, passphrase)
    return acting.discussion if url is None else acting.discussion_at(url)


def reading_only(home: Path | None, url: str | None) -> DiscussionView:
    """Open the discussion to read what everybody may.

    Args:
        home: what --home said.
        url: what --url said.

    Returns:
        The view.
    """
    acting = reader(home)
    return acting.discussion if url is None else acting.discussion_at(url)


def said(text: str | None, file: Path | None) -> str:
    """What is to be said.

    Args:
        text: what --text said.
        file: what --file said.

    Returns:
        The text, with line ends as signatures have them.

    Raises:
        BadInputError: neither or both, or the file cannot be read.
    """
    if (text is None) == (file is None):
        raise BadInputError("say it with --text TEXT or with --file FILE")
    return text if text is not None else file_text(file)


def file_text(file: Path | None) -> str:
    """The text of a file.

    Args:
        file: its path; None for no text.

    Returns:
        The text without carriage returns.

    Raises:
        BadInputError: it cannot be read, is not UTF-8 or too large.
    """
    if file is None:
        return ""
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise BadInputError(f"{file} is larger than {_MOST_BYTES} bytes: shorten it")
        return data.decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file} cannot be read as text: {error}") from error


def show_posted(posted: Posted, what: str, *, as_json: bool) -> None:
    """Print what became of a signed action.

    Args:
        posted: the outcome.
        what: what people call it, e.g. "comment".
        as_json: what --json said.
    """
    if posted.dry_run:
        fields = posted.signed["message"]
        named = fields.items() if isinstance(fields, dict) else ()
        lines = [f"would hand in {what} {posted.digest}", *(f"  {k}: {v}" for k, v in named)]
    else:
        again = "" if posted.new else ", which was there already"
        lines = [f"{what} {posted.digest} is entry {posted.seq}{again}"]
    show(posted, lines, as_json=as_json)


def thread_lines(thread: Thread) -> list[str]:
    """A thread for people.

    Args:
        thread: one page of it.

    Returns:
        Lines.
    """
    head = f"{thread.subject}: {thread.total} comments, {thread.open} waiting for an answer"
    if thread.pages > 1:
        head += f" (page {thread.page} of {thread.pages})"
    return [head, *(line for one in thread.comments for line in _comment_lines(one))]


def _comment_lines(one: Shown) -> list[str]:
    margin = "  " * (min(one.depth, 8) + 1)
    about = [*one.marks, *([] if one.kind == "comment" else [one.kind.replace("_", " ")])]
    about += [one.state] if one.state else []
    edits = len(one.versions) - 1
    about += [f"edited {edits} times"] if edits else []
    head = f"{margin}{one.author}" + (f" ({', '.join(about)})" if about else "")
    if one.hidden is not None:
        body = [f"hidden by {one.hidden.by}: {one.hidden.reason}"]
    else:
        body = one.versions[-1].body.split("\n")
    state = "anchored" if one.anchored else "not anchored yet"
    return [head, f"{margin}{one.digest}, {state}", *(f"{margin}  {line}" for line in body)]
