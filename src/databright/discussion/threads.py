"""Threads as people read them: computed from the log on every reading, nothing of them is stored.

A thread is the log's entries of its subject in order, and those of the drafts that became it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from sqlalchemy import Connection, text

from databright.discussion.actions import (
    ANSWER,
    ASKING,
    EVALUATION_REQUEST,
    INFORMATION_REQUEST,
    NO_DIGEST,
    QUESTION,
    Comment,
    Draft,
    Edit,
    Hide,
    Link,
)
from databright.discussion.entries import Entry, read_about, read_subject
from databright.discussion.facts import AUTHOR, CURATOR, HOLDER, NODE, REVIEWER
from databright.discussion.subjects import DRAFT, Subject

PAGE: Final = 50
"""Most comments without a parent on one page; their replies come with them."""
OPEN, ANSWERED = "open", "answered"
_ANSWERS: Final = {
    QUESTION: frozenset({AUTHOR, CURATOR, HOLDER, NODE, REVIEWER}),
    INFORMATION_REQUEST: frozenset({AUTHOR}),
    EVALUATION_REQUEST: frozenset({NODE}),
}
"""Whose answer closes what; the asker's own always does."""


@dataclass(frozen=True)
class Version:
    """One text of a comment.

    Attributes:
        digest: of the comment or the edit that brought it.
        body: markdown; "" where the comment is hidden.
        created_at: by the author's clock.
    """

    digest: str
    body: str
    created_at: int


@dataclass(frozen=True)
class Hidden:
    """Why a comment is not shown.

    Attributes:
        by: the moderator.
        reason: what it said.
        at: by its clock.
    """

    by: str
    reason: str
    at: int


@dataclass(frozen=True)
class Shown:
    """One comment of a thread.

    Attributes:
        digest: its id, 0x-prefixed; the same after edits.
        seq: its number in the log.
        author: who wrote it.
        marks: marks that the author carried then.
        kind: comment, question, information_request, evaluation_request or answer.
        subject: where it was written: the thread's subject, or a draft that became it.
        parent: digest of what it replies to, or "".
        depth: replies above it.
        received_at: by this machine's clock.
        versions: its texts, the newest last.
        hidden: why it is not shown, or None.
        state: open or answered; "" for what asks nothing.
        answers: digests of the answers that close it.
        anchored: whether its entry is anchored on chain.
    """

    digest: str
    seq: int
    author: str
    marks: tuple[str, ...]
    kind: str
    subject: str
    parent: str
    depth: int
    received_at: int
    versions: tuple[Version, ...]
    hidden: Hidden | None
    state: str
    answers: tuple[str, ...]
    anchored: bool


@dataclass(frozen=True)
class Thread:
    """One page of a thread.

    Attributes:
        subject: what it is about.
        comments: each followed by its replies, oldest first.
        total: comments of the whole thread.
        page: number of this page, from 1.
        pages: how many there are, at least 1.
        open: how many questions and requests wait for an answer.
    """

    subject: str
    comments: tuple[Shown, ...]
    total: int
    page: int
    pages: int
    open: int


@dataclass(frozen=True)
class ThreadLine:
    """A thread among others.

    Attributes:
        subject: what it is about.
        comments: how many.
        newest_at: when the newest came in.
    """

    subject: str
    comments: int
    newest_at: int


@dataclass(frozen=True)
class DraftText:
    """A draft as its author signed it.

    Attributes:
        digest: its id, 0x-prefixed.
        author: who wrote it.
        dataset: number of the dataset.
        title: one line.
        description: markdown.
        sample: rows chosen by the author, as text.
        invited: who may read it.
        created_at: by the author's clock.
        linked: the proposal that it became, or "".
    """

    digest: str
    author: str
    dataset: int
    title: str
    description: str
    sample: str
    invited: tuple[str, ...]
    created_at: int
    linked: str

    @classmethod
    def of(cls, entry: Entry, linked: str) -> DraftText:
        """Read a draft's entry.

        Args:
            entry: of a Draft.
            linked: the proposal that it became, or "".

        Returns:
            The draft.
        """
        draft = cast(Draft, entry.action)
        return cls(
            digest=entry.digest,
            author=draft.author,
            dataset=draft.dataset,
            title=draft.title,
            description=draft.description,
            sample=draft.sample,
            invited=draft.invited,
            created_at=draft.created_at,
            linked=linked,
        )


@dataclass(frozen=True)
class DraftView:
    """A draft with its thread.

    Attributes:
        draft: what was signed.
        thread: what its reviewers said.
    """

    draft: DraftText
    thread: Thread


@dataclass
class _Node:
    entry: Entry
    comment: Comment
    versions: list[Version]
    hidden: Hidden | None = None
    replies: list[_Node] = field(default_factory=list)

    @property
    def closing(self) -> tuple[str, ...]:
        """Digests of the answers that close it."""
        closers = _ANSWERS.get(self.comment.kind, frozenset())
        return tuple(
            reply.entry.digest
            for reply in self.replies
            if reply.comment.kind == ANSWER
            and reply.hidden is None
            and (reply.comment.author == self.comment.author or closers & {*reply.entry.marks})
        )

    @property
    def state(self) -> str:
        """Open, answered, or nothing."""
        if self.comment.kind not in ASKING:
            return ""
        return ANSWERED if self.closing else OPEN


def read_thread(connection: Connection, subject: Subject, page: int = 1) -> Thread:
    """Compute a thread.

    Args:
        connection: a read transaction.
        subject: what it is about; it may have no comment yet.
        page: number of the page, from 1; beyond the last one the page is empty.

    Returns:
        The page.
    """
    entries = read_subject(connection, str(subject))
    for link in read_about(connection, Link.NAME, str(subject)):
        entries += read_subject(connection, link.subject)
    nodes = _nodes(sorted(entries, key=lambda entry: entry.seq))
    tops = [node for node in nodes.values() if node.comment.parent == NO_DIGEST]
    chosen = tops[(page - 1) * PAGE : page * PAGE]
    anchored = anchored_below(connection)
    shown = [item for top in chosen for item in _walk(top, anchored)]
    return Thread(
        subject=str(subject),
        comments=tuple(shown),
        total=len(nodes),
        page=page,
        pages=max(1, -(-len(tops) // PAGE)),
        open=sum(node.state == OPEN for node in nodes.values()),
    )


def _nodes(entries: Sequence[Entry]) -> dict[str, _Node]:
    nodes: dict[str, _Node] = {}
    for entry in entries:
        action = entry.action
        if isinstance(action, Comment):
            first = Version(entry.digest, action.body, action.created_at)
            node = nodes[entry.digest] = _Node(entry, action, [first])
            above = nodes.get("0x" + action.parent.hex())
            if above is not None:
                above.replies.append(node)
        elif isinstance(action, Edit):
            version = Version(entry.digest, action.body, action.created_at)
            nodes[entry.about].versions.append(version)
        elif isinstance(action, Hide):
            why = Hidden(action.author, action.reason, action.created_at)
            nodes[entry.about].hidden = why if action.hidden else None
    return nodes


def _walk(top: _Node, anchored: int) -> list[Shown]:
    # Without recursion: a chain of replies may be as long as the thread.
    shown: list[Shown] = []
    stack = [(top, 0)]
    while stack:
        node, depth = stack.pop()
        shown.append(_show(node, depth, anchored))
        stack += [(reply, depth + 1) for reply in reversed(node.replies)]
    return shown


def _show(node: _Node, depth: int, anchored: int) -> Shown:
    versions = node.versions
    if node.hidden is not None:
        versions = [Version(one.digest, "", one.created_at) for one in versions]
    parent = node.comment.parent
    return Shown(
        digest=node.entry.digest,
        seq=node.entry.seq,
        author=node.comment.author,
        marks=node.entry.marks,
        kind=node.comment.kind,
        subject=node.entry.subject,
        parent="" if parent == NO_DIGEST else "0x" + parent.hex(),
        depth=depth,
        received_at=node.entry.received_at,
        versions=tuple(versions),
        hidden=node.hidden,
        state=node.state,
        answers=node.closing,
        anchored=node.entry.seq < anchored,
    )


def versions_of(connection: Connection, comment: Entry) -> list[Version]:
    """All texts of a comment.

    Args:
        connection: a read transaction.
        comment: its entry.

    Returns:
        Texts, the newest last.
    """
    first = cast(Comment, comment.action)
    edits = [
        (one, cast(Edit, one.action)) for one in read_about(connection, "Edit", comment.digest)
    ]
    return [
        Version(comment.digest, first.body, first.created_at),
        *(Version(one.digest, edit.body, edit.created_at) for one, edit in edits),
    ]


def link_of(connection: Connection, draft: Subject) -> str:
    """Which proposal a draft became.

    Args:
        connection: a read transaction.
        draft: the draft.

    Returns:
        The proposal, e.g. proposal/7; "" while it is none.
    """
    found = connection.execute(
        text("SELECT about FROM discussion_log WHERE type = 'Link' AND subject = :subject"),
        {"subject": str(draft)},
    ).scalar()
    return str(found or "")


def read_lines(connection: Connection, limit: int = 100) -> list[ThreadLine]:
    """Threads that everybody may read, those with the newest comments first.

    Args:
        connection: a read transaction.
        limit: at most so many.

    Returns:
        Threads.
    """
    rows = connection.execute(
        text(
            "SELECT subject, COUNT(*) AS comments, MAX(received_at) AS newest, MAX(seq) AS last "
            "FROM discussion_log WHERE type = 'Comment' AND subject NOT LIKE :draft "
            "GROUP BY subject ORDER BY last DESC LIMIT :most"
        ),
        {"draft": f"{DRAFT}/%", "most": limit},
    )
    return [ThreadLine(row.subject, int(row.comments), int(row.newest)) for row in rows]


def anchored_below(connection: Connection) -> int:
    """How much of the log is anchored.

    Args:
        connection: a read transaction.

    Returns:
        Entries with a smaller number are anchored on chain.
    """
    found = connection.execute(
        text("SELECT MAX(first + count) FROM discussion_batches WHERE block IS NOT NULL")
    ).scalar()
    return int(found or 0)
