"""The door: who may write what, and who may read what is not for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy import text

from databright.database.connection import reading
from databright.discussion.actions import (
    ANSWER,
    ASKING,
    EVALUATION_REQUEST,
    INFORMATION_REQUEST,
    NO_DIGEST,
    Access,
    Action,
    Comment,
    Draft,
    Edit,
    Hide,
    Link,
    MarkRead,
)
from databright.discussion.entries import Entry, read_about
from databright.discussion.facts import AUTHOR, MARKS, REVIEWER, Facts, People
from databright.discussion.log import Limits, Log, Placed, Told
from databright.discussion.notices import (
    HIDDEN,
    INVITED,
    LINKED,
    MENTION,
    Feed,
    Notices,
    mentioned,
    told_of_comment,
)
from databright.discussion.signed import Signed, check_signed
from databright.discussion.subjects import Subject, draft_subject, parse_subject
from databright.discussion.threads import (
    DraftText,
    DraftView,
    link_of,
    read_thread,
    versions_of,
)
from databright.errors import BadInputError, NotAuthorisedError, UnknownEntityError
from databright.records.signatures import Domain
from databright.units import Address

MAX_AHEAD_S: Final = 300
"""How far an author's clock may be ahead of this machine's."""
MAX_AGE_S: Final = 86_400
"""How old a signed action may be when it is handed in."""
MAX_ACCESS_S: Final = 600
"""How long a request to read may hold."""


@dataclass(frozen=True)
class Accepted:
    """What became of a signed action.

    Attributes:
        digest: its id, 0x-prefixed.
        seq: its number in the log.
        subject: the thread that it belongs to.
        new: False when it was in the log already.
    """

    digest: str
    seq: int
    subject: str
    new: bool


class Door:
    """Takes signed actions and requests.

    Args:
        log: where actions go.
        domain: the market that signatures are for.
        facts: what the markets say of people and subjects.
        limits: how much is taken.
        clock: seconds since 1970.
    """

    def __init__(
        self, log: Log, domain: Domain, facts: Facts, limits: Limits, clock: Callable[[], float]
    ) -> None:
        self.domain = domain
        self._log = log
        self._facts = facts
        self._limits = limits
        self._clock = clock
        self._notices = Notices(log.engine)

    # ------------------------------------------------------------------ writing

    def accept(self, signed: Signed, *, keep: bool = True) -> Accepted:
        """Take a signed action; the same one again changes nothing.

        Args:
            signed: the action.
            keep: False checks everything and writes nothing.

        Returns:
            What became of it.

        Raises:
            NotAuthorisedError: a wrong signature, or its author may not do this.
            BadInputError: too old, or it does not fit the thread as it is.
            UnknownEntityError: it is about something that does not exist.
            RateLimitedError: too many actions in the last hour.
            ChainError: the chain does not answer.
        """
        action = signed.action
        digest = "0x" + check_signed(signed, self.domain).hex()
        known = self._log.find(digest)
        if known is not None:
            return Accepted(digest, known.seq, known.subject, new=False)
        now = int(self._clock())
        self._check_time(action, now)
        placed = self._place(action, digest)
        entry, new = self._log.append(digest, signed, placed, now, self._limits, keep=keep)
        return Accepted(digest, entry.seq, entry.subject, new)

    def _check_time(self, action: Action, now: int) -> None:
        if not now - MAX_AGE_S <= action.created_at <= now + MAX_AHEAD_S:
            raise BadInputError(
                f"created_at is {action.created_at}, this machine's clock says {now}: sign it "
                "again with the present time"
            )

    def _place(self, action: Action, digest: str) -> Placed:
        if isinstance(action, Comment):
            return self._place_comment(action)
        if isinstance(action, Edit):
            return self._place_edit(action)
        if isinstance(action, Hide):
            return self._place_hide(action)
        if isinstance(action, Draft):
            self._facts.people(Subject("dataset", str(action.dataset)))
            told = tuple(Told(address, INVITED) for address in action.invited)
            subject = str(draft_subject(bytes.fromhex(digest[2:])))
            return Placed(subject, marks=(AUTHOR,), told=told)
        return self._place_link(cast(Link, action))

    def _place_comment(self, comment: Comment) -> Placed:
        subject = parse_subject(comment.subject)
        people, marks = self._room(subject, comment.author)
        if comment.kind in {INFORMATION_REQUEST, EVALUATION_REQUEST} and not marks:
            raise NotAuthorisedError(
                f"{comment.author} has no part in {subject}: curators, nodes, holders and "
                "reviewers make such requests; ask a question instead"
            )
        asker = None if comment.parent == NO_DIGEST else self._parent(comment, subject)
        told = told_of_comment(comment, people, asker, mentioned(comment.body, self._facts.names()))
        if subject.is_draft:
            draft = self._draft(subject)
            insiders = {draft.author, *draft.invited}
            told = tuple(one for one in told if one.address in insiders)
        return Placed(str(subject), marks=_ordered(marks), told=told)

    def _parent(self, comment: Comment, subject: Subject) -> Address:
        parent = self._comment("0x" + comment.parent.hex())
        above = cast(Comment, parent.action)
        if parent.subject != str(subject) and parent.subject not in self._linked(subject):
            raise BadInputError(
                f"the comment that this replies to belongs to {parent.subject}, not to {subject}"
            )
        if comment.kind == ANSWER and above.kind not in ASKING:
            raise BadInputError(
                f"a {above.kind} cannot be answered: reply to it, or answer a question or request"
            )
        return above.author

    def _linked(self, subject: Subject) -> set[str]:
        with reading(self._log.engine) as connection:
            return {entry.subject for entry in read_about(connection, Link.NAME, str(subject))}

    def _place_edit(self, edit: Edit) -> Placed:
        entry = self._comment("0x" + edit.comment.hex())
        comment = cast(Comment, entry.action)
        if edit.author != comment.author:
            raise NotAuthorisedError(
                f"{edit.author} cannot edit the comment of {comment.author}: reply to it instead"
            )
        with reading(self._log.engine) as connection:
            versions = versions_of(connection, entry)
        previous = "0x" + edit.previous.hex()
        if previous != versions[-1].digest:
            raise BadInputError(
                f"the newest text is {versions[-1].digest}, this edit replaces {previous}: read "
                "the thread again and edit what it shows now"
            )
        names = self._facts.names()
        before = {one for version in versions for one in mentioned(version.body, names)}
        fresh = [one for one in mentioned(edit.body, names) if one not in before]
        if parse_subject(entry.subject).is_draft:
            draft = self._draft(parse_subject(entry.subject))
            fresh = [one for one in fresh if one in {draft.author, *draft.invited}]
        return Placed(
            entry.subject,
            about=entry.digest,
            follows=previous,
            marks=entry.marks,
            told=tuple(Told(one, MENTION) for one in fresh if one != edit.author),
        )

    def _place_hide(self, hide: Hide) -> Placed:
        entry = self._comment("0x" + hide.comment.hex())
        subject = self._target(parse_subject(entry.subject))
        if subject.is_draft or hide.author not in self._facts.people(subject).moderators:
            raise NotAuthorisedError(
                f"{hide.author} does not moderate {subject}: its dataset's creator, genesis "
                "curators and nodes do; a draft is moderated once it is linked to a proposal"
            )
        told = (Told(entry.action.author, HIDDEN),) if hide.author != entry.action.author else ()
        marks = self._facts.marks(subject, hide.author) or frozenset({AUTHOR})
        return Placed(entry.subject, about=entry.digest, marks=_ordered(marks), told=told)

    def _place_link(self, link: Link) -> Placed:
        subject = draft_subject(link.draft)
        draft = self._draft(subject)
        target = parse_subject(link.subject)
        owners = self._facts.people(target).owners
        if link.author != draft.author or link.author not in owners:
            raise NotAuthorisedError(
                f"{link.author} cannot link the draft of {draft.author} to {target}: its author "
                "does, once the proposal is its own"
            )
        told = tuple(Told(address, LINKED) for address in draft.invited)
        follows = f"link of {subject}"
        return Placed(str(subject), str(target), follows, marks=(AUTHOR,), told=told)

    # ------------------------------------------------------------------ who is who

    def _comment(self, digest: str) -> Entry:
        entry = self._log.entry(digest)
        if not isinstance(entry.action, Comment):
            raise BadInputError(f"{digest} is a {entry.action.NAME}, not a comment")
        return entry

    def _draft(self, subject: Subject) -> Draft:
        found = self._log.find(subject.id)
        if found is None or not isinstance(found.action, Draft):
            raise UnknownEntityError(f"there is no {subject} that you may see")
        return found.action

    def _target(self, subject: Subject) -> Subject:
        """The proposal that a draft became, or the subject itself."""
        if not subject.is_draft:
            return subject
        with reading(self._log.engine) as connection:
            found = link_of(connection, subject)
        return parse_subject(found) if found else subject

    def _room(self, subject: Subject, who: Address) -> tuple[People, frozenset[str]]:
        # People of a thread, and the marks of somebody who writes in it.
        if not subject.is_draft:
            people = self._facts.people(subject)
            return people, self._facts.marks(subject, who)
        draft = self._draft(subject)
        self._check_insider(draft, subject, who)
        target = self._target(subject)
        if target != subject:
            raise BadInputError(f"{subject} became {target}: write there")
        nobody: frozenset[Address] = frozenset()
        mark = AUTHOR if who == draft.author else REVIEWER
        return People(frozenset({draft.author}), nobody, nobody), frozenset({mark})

    def _check_insider(self, draft: Draft, subject: Subject, who: Address) -> None:
        if not _is_insider(draft, who):
            # The same words as for a draft that does not exist.
            raise UnknownEntityError(f"there is no {subject} that you may see")

    # ------------------------------------------------------------------ reading with a signature

    def feed(self, signed: Signed) -> Feed:
        """The signer's whole feed, notices of drafts included.

        Args:
            signed: an Access to `feed`.

        Returns:
            The feed.
        """
        return self._notices.feed(self._open(signed, "feed").author, private=True)

    def drafts(self, signed: Signed) -> tuple[DraftText, ...]:
        """Drafts that the signer wrote or is invited to.

        Args:
            signed: an Access to `drafts`.

        Returns:
            Drafts, oldest first, without their threads.
        """
        who = self._open(signed, "drafts").author
        with reading(self._log.engine) as connection:
            return tuple(
                DraftText.of(entry, link_of(connection, parse_subject(entry.subject)))
                for entry in read_about(connection, Draft.NAME, "")
                if _is_insider(cast(Draft, entry.action), who)
            )

    def draft(self, signed: Signed, page: int = 1) -> DraftView:
        """One draft with its thread.

        Args:
            signed: an Access to it.
            page: number of the thread's page, from 1.

        Returns:
            The draft.

        Raises:
            UnknownEntityError: there is none of that digest that the signer may see.
        """
        access = self._open(signed, None)
        subject = parse_subject(access.resource)
        draft = self._draft(subject)
        self._check_insider(draft, subject, access.author)
        target = self._target(subject)
        with reading(self._log.engine) as connection:
            thread = read_thread(connection, subject, page)
        linked = "" if target == subject else str(target)
        return DraftView(DraftText.of(self._log.entry(subject.id), linked), thread)

    def mark_read(self, signed: Signed) -> int:
        """Note how far the signer has read.

        Args:
            signed: a MarkRead.

        Returns:
            The mark now.

        Raises:
            BadInputError: another request, or too old.
        """
        action = signed.action
        check_signed(signed, self.domain)
        if not isinstance(action, MarkRead):
            raise BadInputError(f"expected a MarkRead, got a {action.NAME}")
        self._check_time(action, int(self._clock()))
        return self._notices.mark_read(action.author, action.upto)

    def _open(self, signed: Signed, resource: str | None) -> Access:
        # Takes an access request, once.
        access = signed.action
        check_signed(signed, self.domain)
        if not isinstance(access, Access) or (
            access.resource != resource
            if resource is not None
            else access.resource in {"feed", "drafts"}
        ):
            raise BadInputError("the signed request is for something else: sign the one for this")
        now = int(self._clock())
        if not access.created_at - MAX_AHEAD_S <= now < access.expires_at <= now + MAX_ACCESS_S:
            raise NotAuthorisedError(
                f"the request holds from {access.created_at} to {access.expires_at}, now is {now}: "
                f"sign a fresh one for at most {MAX_ACCESS_S} s"
            )
        with self._log.engine.begin() as connection:
            connection.execute(
                text("DELETE FROM discussion_accesses WHERE expires_at <= :now"), {"now": now}
            )
            done = connection.execute(
                text(
                    "INSERT INTO discussion_accesses (author, nonce, expires_at) "
                    "VALUES (:author, :nonce, :expires_at) ON CONFLICT DO NOTHING"
                ),
                {
                    "author": access.author,
                    "nonce": str(access.nonce),
                    "expires_at": access.expires_at,
                },
            )
            if done.rowcount != 1:
                raise NotAuthorisedError("the request was used before: sign a fresh one")
        return access


def _is_insider(draft: Draft, who: Address) -> bool:
    return who == draft.author or who in draft.invited


def _ordered(marks: frozenset[str]) -> tuple[str, ...]:
    return tuple(mark for mark in MARKS if mark in marks)
