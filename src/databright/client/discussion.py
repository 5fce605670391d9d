"""Discussing: threads, replies, edits, drafts, notices, proofs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from databright.client.discussion_ways import Way
from databright.client.writing import Desk
from databright.discussion.actions import (
    ANSWER,
    COMMENT,
    Access,
    Action,
    Comment,
    Draft,
    Edit,
    Hide,
    Link,
    MarkRead,
)
from databright.discussion.anchor import Anchored, read_anchored
from databright.discussion.fields import parse_word
from databright.discussion.notices import Feed
from databright.discussion.places import Place
from databright.discussion.proofs import PAGE, Item, LogReport, Proof, check_log, check_proof
from databright.discussion.signed import digest_of, sign_action
from databright.discussion.subjects import DRAFT, Subject, parse_subject
from databright.discussion.threads import DraftText, DraftView, Thread, ThreadLine
from databright.errors import BadInputError, ConfigError, UnknownEntityError
from databright.records.strict_json import JsonValue
from databright.units import Address
from databright.wiring.discussion import domain_of

ACCESS_S: Final = 120
"""How long a signed request to read holds."""
_NONCE_BITS: Final = 128


@dataclass(frozen=True)
class Posted:
    """What became of a signed action, or would.

    Attributes:
        digest: its id, 0x-prefixed.
        seq: its number in the log; None after a dry run.
        new: False when it was in the log already.
        dry_run: whether nothing was handed in.
        signed: type, message and signature: what was handed in, or would be.
    """

    digest: str
    seq: int | None
    new: bool
    dry_run: bool
    signed: dict[str, JsonValue]


class DiscussionView:
    """Threads on anything.

    Args:
        desk: actor and market.
        way: how the discussion is reached.
    """

    def __init__(self, desk: Desk, way: Way) -> None:
        self._desk = desk
        self._way = way
        self._domain = domain_of(desk.market.deployment)

    # ------------------------------------------------------------------ reading

    def threads(self) -> list[ThreadLine]:
        """Threads that everybody may read.

        Returns:
            Those with the newest comments first.
        """
        return self._way.lines()

    def thread(self, subject: str, page: int = 1) -> Thread:
        """One page of a thread.

        Args:
            subject: e.g. proposal/7; of a draft, the actor must be its author or invited.
            page: from 1.

        Returns:
            The page.
        """
        found = parse_subject(subject)
        if found.is_draft:
            return self.draft(found.id, page).thread
        return self._way.thread(found, page)

    def feed(self) -> Feed:
        """What the actor was told.

        Returns:
            Its newest notices, those of drafts included.
        """
        return self._way.feed(sign_action(self._key, self._domain, self._access("feed")))

    def drafts(self) -> tuple[DraftText, ...]:
        """Drafts that the actor wrote or is invited to.

        Returns:
            Oldest first.
        """
        return self._way.drafts(sign_action(self._key, self._domain, self._access("drafts")))

    def draft(self, digest: str, page: int = 1) -> DraftView:
        """One draft with its thread.

        Args:
            digest: its id.
            page: of the thread, from 1.

        Returns:
            The draft.
        """
        parse_word(digest, "the draft")
        access = self._access(f"{DRAFT}/{digest}")
        return self._way.draft(sign_action(self._key, self._domain, access), page)

    # ------------------------------------------------------------------ writing

    def post(
        self, subject: str, body: str, *, kind: str = COMMENT, dry_run: bool = False
    ) -> Posted:
        """Write in a thread.

        Args:
            subject: e.g. proposal/7.
            body: markdown.
            kind: comment, question, information_request or evaluation_request.
            dry_run: check and show only.

        Returns:
            What became of it.
        """
        return self._send(Comment, dry_run, kind=kind, subject=subject, body=body)

    def reply(
        self, parent: str, body: str, *, thread: str | None = None, dry_run: bool = False
    ) -> Posted:
        """Reply to a comment.

        Args:
            parent: its digest.
            body: markdown.
            thread: the draft that it belongs to, where it is on one.
            dry_run: check and show only.

        Returns:
            What became of it.
        """
        return self._respond(COMMENT, parent, body, thread, dry_run)

    def answer(
        self, parent: str, body: str, *, thread: str | None = None, dry_run: bool = False
    ) -> Posted:
        """Answer a question or request.

        Args:
            parent: its digest.
            body: markdown.
            thread: the draft that it belongs to, where it is on one.
            dry_run: check and show only.

        Returns:
            What became of it.
        """
        return self._respond(ANSWER, parent, body, thread, dry_run)

    def _respond(
        self, kind: str, parent: str, body: str, thread: str | None, dry_run: bool
    ) -> Posted:
        subject = self._place(parent, thread).subject
        above = parse_word(parent, "the comment")
        return self._send(Comment, dry_run, kind=kind, subject=subject, parent=above, body=body)

    def edit(
        self, comment: str, body: str, *, thread: str | None = None, dry_run: bool = False
    ) -> Posted:
        """Give an own comment a new text; the old ones stay readable.

        Args:
            comment: its digest.
            body: markdown.
            thread: the draft that it belongs to, where it is on one.
            dry_run: check and show only.

        Returns:
            What became of it.
        """
        newest = parse_word(self._place(comment, thread).newest)
        digest = parse_word(comment, "the comment")
        return self._send(Edit, dry_run, comment=digest, previous=newest, body=body)

    def hide(
        self, comment: str, reason: str, *, hidden: bool = True, dry_run: bool = False
    ) -> Posted:
        """Hide a comment as a moderator, or show it again; it stays in the log.

        Args:
            comment: its digest.
            reason: one line that everybody sees.
            hidden: False shows it again.
            dry_run: check and show only.

        Returns:
            What became of it.
        """
        digest = parse_word(comment, "the comment")
        return self._send(Hide, dry_run, comment=digest, hidden=hidden, reason=reason)

    def share_draft(
        self,
        dataset: int,
        title: str,
        invited: tuple[Address, ...],
        *,
        description: str = "",
        sample: str = "",
        dry_run: bool = False,
    ) -> Posted:
        """Show a proposal to invited reviewers before a bond is posted.

        Args:
            dataset: what it is meant for.
            title: one line.
            invited: who may read and comment.
            description: markdown.
            sample: rows to show, as text.
            dry_run: check and show only.

        Returns:
            What became of it.
        """
        return self._send(
            Draft,
            dry_run,
            dataset=dataset,
            title=title,
            description=description,
            sample=sample,
            invited=invited,
        )

    def link_draft(self, draft: str, proposal: int, *, dry_run: bool = False) -> Posted:
        """Say which proposal a draft became; its comments can be read by everybody then.

        Args:
            draft: its digest.
            proposal: the proposal's number.
            dry_run: check and show only.

        Returns:
            What became of it.
        """
        digest = parse_word(draft, "the draft")
        return self._send(Link, dry_run, draft=digest, subject=f"proposal/{proposal}")

    def mark_read(self, upto: int) -> int:
        """Note how far the actor has read its feed.

        Args:
            upto: number of a notice.

        Returns:
            The mark now; it never moves back.
        """
        request = self._made(MarkRead, upto=upto)
        return self._way.mark_read(sign_action(self._key, self._domain, request))

    # ------------------------------------------------------------------ checking

    def proof(self, digest: str) -> Proof:
        """The proof that an entry is anchored.

        Args:
            digest: the action's id.

        Returns:
            The proof; `check_proof` checks it without any connection.
        """
        parse_word(digest)
        return self._way.proof(digest)

    def check_on_chain(self, proof: Proof) -> bool:
        """Check a proof, and that the chain shows its root.

        Args:
            proof: from anybody.

        Returns:
            Whether the chain of this market shows exactly that batch.

        Raises:
            BadInputError: the proof does not hold, or is of another market.
        """
        check_proof(proof)
        if (proof.chain_id, proof.contract) != (self._domain.chain_id, self._domain.contract):
            raise BadInputError(
                f"the proof is of {proof.contract} on chain {proof.chain_id}, this market has "
                f"{self._domain.contract} on {self._domain.chain_id}"
            )
        root = parse_word(proof.root)
        return any(
            (one.first, one.count, one.root) == (proof.first, proof.count, root)
            for one in self._anchored(Address(proof.publisher))
        )

    def verify(self, publisher: Address | None = None) -> LogReport:
        """Check every signature of the log, and the log against what the chain anchors.

        Args:
            publisher: whose anchors count; the one that the log names when None.

        Returns:
            What was found.

        Raises:
            ConfigError: nobody anchors this log.
        """
        whose = publisher or self._way.publisher()
        if whose is None:
            raise ConfigError("nobody anchors this log: say with --publisher whose anchors count")
        return check_log(self._items(), self._anchored(whose), self._domain)

    def _items(self) -> Iterator[Item]:
        first = 0
        while page := self._way.items(first, PAGE):
            yield from page
            first += len(page)

    def _anchored(self, publisher: Address) -> list[Anchored]:
        market = self._desk.market
        return read_anchored(market.contracts.discussion, publisher, market.deployment.block)

    # ------------------------------------------------------------------ signing

    @property
    def _key(self) -> Any:  # noqa: ANN401 - eth-account's type
        return self._desk.actor.signer.account

    def _made(self, action: Callable[..., Action], /, **fields: object) -> Action:
        return action(
            author=self._desk.actor.address,
            created_at=int(time.time()),
            nonce=secrets.randbits(_NONCE_BITS),
            **fields,
        )

    def _access(self, resource: str) -> Action:
        return self._made(Access, resource=resource, expires_at=int(time.time()) + ACCESS_S)

    def _send(self, made: Callable[..., Action], dry_run: bool, /, **fields: object) -> Posted:
        action = self._made(made, **fields)
        signed = sign_action(self._key, self._domain, action)
        if dry_run:
            self._way.check(signed)
            digest = "0x" + digest_of(self._domain, action).hex()
            return Posted(digest, None, True, True, signed.to_plain())
        done = self._way.accept(signed)
        return Posted(done.digest, done.seq, done.new, False, signed.to_plain())

    def _place(self, digest: str, thread: str | None) -> Place:
        parse_word(digest, "the comment")
        subject = None if thread is None else parse_subject(thread)
        if subject is None or not subject.is_draft:
            return self._way.place(digest)
        return self._place_on_draft(subject, digest)

    def _place_on_draft(self, subject: Subject, digest: str) -> Place:
        page, pages = 1, 1
        while page <= pages:
            view = self.draft(subject.id, page)
            for one in view.thread.comments:
                if one.digest == digest:
                    place = view.draft.linked or str(subject)
                    return Place(place, one.versions[-1].digest)
            page, pages = page + 1, view.thread.pages
        raise UnknownEntityError(f"{subject} has no comment {digest}")
