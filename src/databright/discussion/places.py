"""Where a comment stands: what a reply or an edit of it has to name."""

from __future__ import annotations

from dataclasses import dataclass

from databright.database.connection import reading
from databright.discussion.actions import Comment
from databright.discussion.log import Log
from databright.discussion.subjects import parse_subject
from databright.discussion.threads import link_of, versions_of
from databright.errors import UnknownEntityError


@dataclass(frozen=True)
class Place:
    """Where a comment stands.

    Attributes:
        subject: the thread that replies to it go to: the proposal, where it was written on a draft
            that became one.
        newest: digest of its newest text, which the next edit replaces.
    """

    subject: str
    newest: str


def find_place(log: Log, digest: str, *, private: bool) -> Place:
    """Find a comment.

    Args:
        log: the log.
        digest: the comment's id, 0x-prefixed.
        private: whether comments on drafts that became no proposal are found too.

    Returns:
        Its place.

    Raises:
        UnknownEntityError: there is no such comment, or it is not for everybody.
    """
    entry = log.find(digest)
    if entry is not None and isinstance(entry.action, Comment):
        subject = parse_subject(entry.subject)
        with reading(log.engine) as connection:
            newest = versions_of(connection, entry)[-1].digest
            linked = link_of(connection, subject) if subject.is_draft else ""
        if private or linked or not subject.is_draft:
            return Place(linked or entry.subject, newest)
    raise UnknownEntityError(
        f"there is no comment {digest[:80]} that everybody may read; for one on a draft say which "
        "with --thread draft/DIGEST"
    )
