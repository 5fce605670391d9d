"""On every database: who asks, answers, hides, and who is told."""

from __future__ import annotations

import pytest

from databright.discussion.actions import Comment, MarkRead
from databright.discussion.log import Told
from databright.discussion.notices import Notices
from databright.discussion.signed import Signed
from databright.discussion.subjects import Subject
from databright.errors import (
    BadInputError,
    NotAuthorisedError,
)
from tests.discussing import NOW, Room, address, kinds

# ---------------------------------------------------------------------- questions and requests


@pytest.mark.parametrize(
    ("kind", "asker", "closers", "others"),
    [
        ("question", "stranger", ("proposer", "curator", "node", "holder"), ("other",)),
        ("information_request", "curator", ("proposer",), ("other", "holder", "node")),
        ("evaluation_request", "curator", ("node",), ("other", "proposer", "holder")),
    ],
)
def test_a_request_is_open_until_those_answer_whom_it_concerns(
    room: Room, kind: str, asker: str, closers: tuple[str, ...], others: tuple[str, ...]
) -> None:
    for closer in (*closers, asker):
        asked = room.say(asker, "more?", kind=kind)
        for who in others:
            room.reply(who, asked, "me too", kind="answer")
        room.reply(closer, asked, "a mere reply")
        assert room.shown(asked).state == "open"
        answer = room.reply(closer, asked, "yes", kind="answer")
        assert room.shown(asked).state == "answered"
        assert room.shown(asked).answers == (answer,)
    assert room.thread().open == 0


def test_a_hidden_answer_answers_nothing(room: Room) -> None:
    asked = room.say("curator", "more?", kind="information_request")
    answer = room.reply("proposer", asked, "no", kind="answer")
    room.hide("creator", answer)
    assert (room.shown(asked).state, room.thread().open) == ("open", 1)
    room.hide("creator", answer, "a mistake", hidden=False)
    assert (room.shown(asked).state, room.thread().open) == ("answered", 0)


@pytest.mark.parametrize("kind", ["information_request", "evaluation_request"])
def test_strangers_ask_questions_but_request_nothing(room: Room, kind: str) -> None:
    with pytest.raises(NotAuthorisedError, match="ask a question instead"):
        room.say("stranger", kind=kind)
    for who in ("curator", "node", "holder", "proposer"):
        room.say(who, kind=kind)
    room.say("stranger", kind="question")


def test_only_what_asks_can_be_answered(room: Room) -> None:
    comment = room.say("stranger")
    with pytest.raises(BadInputError, match="a comment cannot be answered"):
        room.reply("proposer", comment, kind="answer")


# ---------------------------------------------------------------------- moderation


@pytest.mark.parametrize("who", ["creator", "curator", "node"])
def test_moderators_hide_with_a_reason_and_the_log_keeps_it(room: Room, who: str) -> None:
    comment = room.say("stranger", "buy my coins")
    room.edit("stranger", comment, comment, "buy my coins!")
    room.hide(who, comment, "advertising")
    shown = room.shown(comment)
    assert shown.hidden is not None
    assert (shown.hidden.by, shown.hidden.reason) == (address(who), "advertising")
    assert [one.body for one in shown.versions] == ["", ""]
    kept = room.log.entry(comment).action
    assert isinstance(kept, Comment)
    assert kept.body == "buy my coins"
    room.hide("creator", comment, "was no advertising", hidden=False)
    assert room.shown(comment).versions[-1].body == "buy my coins!"


@pytest.mark.parametrize("who", ["stranger", "proposer", "holder", "other"])
def test_nobody_else_hides(room: Room, who: str) -> None:
    comment = room.say("stranger")
    with pytest.raises(NotAuthorisedError, match="does not moderate proposal/7"):
        room.hide(who, comment)
    assert room.shown(comment).hidden is None


def test_replies_to_a_hidden_comment_stay(room: Room) -> None:
    comment = room.say("stranger", "bad")
    reply = room.reply("other", comment, "why?")
    room.hide("node", comment)
    assert [one.digest for one in room.thread().comments] == [comment, reply]
    assert room.shown(reply).versions[-1].body == "why?"


# ---------------------------------------------------------------------- notices


def test_everybody_is_told_once_for_the_strongest_reason(room: Room) -> None:
    asked = room.say("curator", "@proposer @holder more?", kind="information_request")
    room.reply("proposer", asked, f"@curator yes, see @{address('other')}", kind="answer")
    room.say("stranger", "fine")
    room.say("node", "again?", kind="evaluation_request")
    room.say("holder", "again?", kind="evaluation_request")
    proposal = "proposal/7"
    assert kinds(room, "proposer") == [
        ("information_request", proposal),
        ("comment", proposal),
        ("evaluation_request", proposal),
        ("evaluation_request", proposal),
    ]
    assert kinds(room, "holder") == [("mention", proposal)]
    assert kinds(room, "curator") == [("answer", proposal)]
    assert kinds(room, "other") == [("mention", proposal)]
    assert kinds(room, "node") == [("evaluation_request", proposal)]


def test_an_edit_tells_only_whom_it_newly_mentions(room: Room) -> None:
    comment = room.say("stranger", "@holder look")
    room.edit("stranger", comment, comment, "@holder @other @stranger look")
    assert kinds(room, "holder") == [("mention", "proposal/7")]
    assert kinds(room, "other") == [("mention", "proposal/7")]
    assert kinds(room, "stranger") == []


def test_a_hidden_comment_s_author_is_told(room: Room) -> None:
    room.hide("node", room.say("stranger"))
    assert kinds(room, "stranger") == [("hidden", "proposal/7")]


def test_what_happens_on_chain_is_told_once(room: Room) -> None:
    notices, subject = Notices(room.log.engine), Subject("proposal", "7")
    told = [Told(address("proposer"), "verdict")]
    assert notices.tell(told, "proposal/7/accepted", subject, NOW) == 1
    assert notices.tell(told, "proposal/7/accepted", subject, NOW + 9) == 0
    assert notices.knows("proposal/7/accepted")
    assert not notices.knows("proposal/7/rejected")
    assert kinds(room, "proposer") == [("verdict", "proposal/7")]


def test_a_read_mark_moves_forward_alone_and_for_its_owner(room: Room) -> None:
    for number in range(4):
        room.say("stranger", str(number))
    feed = room.door.feed(room.access("proposer", "feed"))
    assert (feed.unread, feed.read_upto) == (4, 0)
    assert [one.id for one in feed.notices] == [4, 3, 2, 1]
    assert room.door.mark_read(room.sign(MarkRead, "proposer", upto=3)) == 3
    assert room.door.mark_read(room.sign(MarkRead, "proposer", upto=1)) == 3
    feed = room.door.feed(room.access("proposer", "feed"))
    assert (feed.unread, feed.read_upto) == (1, 3)
    assert room.door.feed(room.access("holder", "feed")).read_upto == 0
    with pytest.raises(BadInputError, match="the newest is 4"):
        room.door.mark_read(room.sign(MarkRead, "proposer", upto=5))
    wanted, other = (room.sign(MarkRead, who, upto=4) for who in ("proposer", "other"))
    with pytest.raises(NotAuthorisedError):
        room.door.mark_read(Signed(wanted.action, other.signature))


def test_a_feed_comes_in_pages(room: Room) -> None:
    notices = Notices(room.log.engine)
    for number in range(105):
        told = [Told(address("holder"), "verdict")]
        notices.tell(told, f"proposal/{number}/accepted", Subject("proposal", "7"), NOW)
    first = notices.feed(address("holder"), private=True)
    second = notices.feed(address("holder"), private=True, before=first.notices[-1].id)
    assert [one.id for one in (*first.notices, *second.notices)] == list(range(105, 0, -1))
    assert (first.unread, second.unread) == (105, 105)
