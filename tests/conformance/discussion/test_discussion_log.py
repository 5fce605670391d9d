"""On every database: one row for one action, edits in a chain, limits that hold."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Engine, text

from databright.database.connection import reading
from databright.discussion.actions import Comment, Edit
from databright.discussion.door import MAX_AGE_S, MAX_AHEAD_S
from databright.discussion.log import HOUR_S, Log
from databright.discussion.notices import Notices
from databright.discussion.signed import Signed
from databright.discussion.threads import PAGE, read_lines
from databright.errors import (
    BadInputError,
    NotAuthorisedError,
    RateLimitedError,
    UnknownEntityError,
)
from tests.discussing import NOW, Room, address, make_room, word

# ---------------------------------------------------------------------- the log


def test_the_same_signed_comment_twice_is_one_row(room: Room) -> None:
    signed = room.sign(Comment, "stranger", subject="proposal/7", body="hello")
    first = room.door.accept(signed)
    second = room.door.accept(signed)
    assert (first.new, second.new) == (True, False)
    assert (first.digest, first.seq) == (second.digest, second.seq)
    assert room.log.size() == 1
    assert room.thread().total == 1


def test_the_same_comment_twice_at_once_is_one_row(room: Room) -> None:
    signed = room.sign(Comment, "stranger", subject="proposal/7", body="hello")
    found: list[Any] = []
    start = threading.Barrier(8)

    def post() -> None:
        start.wait()
        found.append(room.door.accept(signed))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 8
    assert sum(one.new for one in found) == 1
    assert room.log.size() == 1
    assert len(Notices(room.log.engine).feed(address("proposer"), private=True).notices) == 1


def test_numbers_have_no_gaps_whoever_writes_at_once(room: Room) -> None:
    signed = [
        room.sign(Comment, who, subject="proposal/7", body=f"{who} {n}")
        for n in range(5)
        for who in ("stranger", "other", "curator", "holder")
    ]
    start = threading.Barrier(4)

    def post(mine: list[Signed]) -> None:
        start.wait()
        for one in mine:
            room.door.accept(one)

    threads = [threading.Thread(target=post, args=(signed[n::4],)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [entry.seq for entry in room.log.entries(0, 100)] == list(range(20))
    with reading(room.log.engine) as connection:
        ids = connection.execute(text("SELECT id FROM discussion_notices ORDER BY id")).scalars()
        assert list(ids) == list(range(1, 21))


def test_what_was_signed_comes_back_as_it_was(room: Room) -> None:
    signed = room.sign(Comment, "stranger", subject="model/2", body="λ\t☃\n\n`'\"; DROP TABLE x")
    digest = room.door.accept(signed).digest
    again = Log(room.log.engine).entry(digest)
    assert again.signed == signed
    assert (again.subject, again.received_at, again.marks) == ("model/2", NOW, ())


def test_a_dry_run_checks_everything_and_writes_nothing(room: Room) -> None:
    signed = room.sign(Comment, "stranger", subject="proposal/7", body="@proposer")
    assert room.door.accept(signed, keep=False).new
    assert room.log.size() == 0
    assert Notices(room.log.engine).feed(address("proposer"), private=True).notices == ()
    assert room.door.accept(signed).seq == 0
    wrong = room.sign(Comment, "stranger", subject="proposal/9", body="x")
    with pytest.raises(UnknownEntityError):
        room.door.accept(wrong, keep=False)


def test_a_nonce_serves_once(room: Room) -> None:
    room.say("stranger", nonce=77)
    room.say("other", nonce=77)
    with pytest.raises(BadInputError, match="has used the nonce 77"):
        room.say("stranger", "another text", nonce=77)
    assert room.log.size() == 2


@pytest.mark.parametrize("age", [-MAX_AHEAD_S - 1, MAX_AGE_S + 1, NOW])
def test_what_was_signed_at_another_time_is_refused(room: Room, age: int) -> None:
    with pytest.raises(BadInputError, match="this machine's clock says"):
        room.say("stranger", created_at=NOW - age)
    room.say("stranger", created_at=NOW + MAX_AHEAD_S)
    room.say("stranger", created_at=NOW - MAX_AGE_S)


def test_a_known_action_is_known_for_ever(room: Room) -> None:
    signed = room.sign(Comment, "stranger", subject="proposal/7", body="hello")
    room.door.accept(signed)
    room.clock.now += 10 * MAX_AGE_S
    assert not room.door.accept(signed).new


@pytest.mark.parametrize("subject", ["proposal/9", "dataset/2", "model/1", "draft/0x" + "0" * 64])
def test_what_does_not_exist_cannot_be_discussed(room: Room, subject: str) -> None:
    with pytest.raises(UnknownEntityError):
        room.say("stranger", subject=subject)
    assert room.log.size() == 0


# ---------------------------------------------------------------------- limits


def test_an_author_writes_so_much_an_hour_and_no_more(engine: Engine) -> None:
    room = make_room(engine, per_author=3)
    first = room.sign(Comment, "curator", subject="proposal/7", body="1")
    room.door.accept(first)
    room.clock.now += 100
    room.say("curator")
    room.say("curator")
    with pytest.raises(RateLimitedError, match="send it again in 3500 s") as told:
        room.say("curator")
    assert told.value.retry_after_s == HOUR_S - 100
    room.door.accept(first)  # what is there already costs nothing
    room.say("stranger")
    room.clock.now += told.value.retry_after_s
    room.say("curator")
    assert room.log.size() == 5


def test_new_addresses_share_one_limit(engine: Engine) -> None:
    room = make_room(engine, strangers=2)
    room.say("stranger")
    room.say("other")
    with pytest.raises(RateLimitedError, match="authors without a part"):
        room.say("reviewer")
    for who in ("proposer", "curator", "node", "holder"):
        room.say(who)
    with pytest.raises(RateLimitedError):
        room.say("stranger")
    room.clock.now += HOUR_S
    room.say("reviewer")


# ---------------------------------------------------------------------- threads


def test_replies_follow_what_they_reply_to(room: Room) -> None:
    one = room.say("stranger", "1")
    two = room.say("other", "2")
    deep = room.reply("holder", one, "1.1")
    room.reply("curator", two, "2.1")
    room.reply("proposer", deep, "1.1.1")
    room.reply("other", one, "1.2")
    shown = room.thread().comments
    assert [(one.versions[-1].body, one.depth) for one in shown] == [
        ("1", 0), ("1.1", 1), ("1.1.1", 2), ("1.2", 1), ("2", 0), ("2.1", 1),
    ]  # fmt: skip
    assert [one.marks for one in shown[:3]] == [(), ("holder",), ("author",)]
    assert shown[1].parent == one


def test_a_long_chain_of_replies_is_shown_whole(room: Room) -> None:
    digest = room.say("curator", "0")
    for number in range(1, 120):
        digest = room.reply("curator", digest, str(number))
    assert [one.depth for one in room.thread().comments] == list(range(120))


def test_a_reply_stays_in_its_thread(room: Room) -> None:
    other = room.say("stranger", subject="proposal/8")
    with pytest.raises(BadInputError, match="belongs to proposal/8, not to proposal/7"):
        room.reply("stranger", other)
    with pytest.raises(UnknownEntityError):
        room.reply("stranger", "0x" + "11" * 32)
    edit = room.edit("stranger", other, other)
    with pytest.raises(BadInputError, match="is a Edit, not a comment"):
        room.reply("stranger", edit, subject="proposal/8")


def test_long_threads_come_in_pages(room: Room) -> None:
    tops = [room.say("curator", str(number)) for number in range(PAGE + 3)]
    room.reply("curator", tops[0])
    first, second, third = (room.thread(page=n) for n in (1, 2, 3))
    assert (first.pages, first.total) == (2, PAGE + 4)
    assert (len(first.comments), len(second.comments), third.comments) == (PAGE + 1, 3, ())
    assert second.comments[0].digest == tops[PAGE]


def test_threads_are_listed_by_their_newest_comment_and_drafts_are_not(room: Room) -> None:
    room.say("stranger", subject="proposal/7")
    room.clock.now += 5
    room.say("stranger", subject="model/2")
    room.say("stranger", subject="proposal/8")
    room.clock.now += 5
    room.say("stranger", subject="model/2")
    draft = room.share()
    room.say("reviewer", subject=f"draft/{draft}")
    with reading(room.log.engine) as connection:
        lines = [(one.subject, one.comments, one.newest_at) for one in read_lines(connection)]
    assert lines == [
        ("model/2", 2, NOW + 10), ("proposal/8", 1, NOW + 5), ("proposal/7", 1, NOW),
    ]  # fmt: skip


# ---------------------------------------------------------------------- edits


def test_an_edit_keeps_the_id_and_every_earlier_text(room: Room) -> None:
    comment = room.say("stranger", "first")
    second = room.edit("stranger", comment, comment, "second")
    third = room.edit("stranger", comment, second, "third")
    shown = room.shown(comment)
    assert [(one.digest, one.body) for one in shown.versions] == [
        (comment, "first"), (second, "second"), (third, "third"),
    ]  # fmt: skip
    assert room.thread().total == 1


def test_only_the_author_edits(room: Room) -> None:
    comment = room.say("stranger", "first")
    for who in ("proposer", "creator", "node", "other"):
        with pytest.raises(NotAuthorisedError, match="cannot edit the comment of"):
            room.edit(who, comment, comment)
    assert len(room.shown(comment).versions) == 1


def test_an_edit_of_an_old_text_is_refused(room: Room) -> None:
    comment = room.say("stranger", "first")
    room.edit("stranger", comment, comment, "second")
    with pytest.raises(BadInputError, match="the newest text is"):
        room.edit("stranger", comment, comment, "third")
    assert [one.body for one in room.shown(comment).versions] == ["first", "second"]


def test_of_edits_made_at_once_one_wins_and_the_others_are_told(room: Room) -> None:
    comment = room.say("stranger", "first")
    signed = [
        room.sign(Edit, "stranger", comment=word(comment), previous=word(comment), body=str(n))
        for n in range(6)
    ]
    start, lost = threading.Barrier(6), []

    def edit(one: Signed) -> None:
        start.wait()
        try:
            room.door.accept(one)
        except BadInputError as error:
            lost.append(str(error))

    threads = [threading.Thread(target=edit, args=(one,)) for one in signed]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(lost) == 5
    assert all("read the thread again" in one for one in lost)
    assert len(room.shown(comment).versions) == 2
