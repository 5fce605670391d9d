"""On every database: drafts are seen by those alone who may see them."""

from __future__ import annotations

import pytest

from databright.discussion.door import MAX_ACCESS_S, MAX_AHEAD_S
from databright.discussion.notices import Notices
from databright.discussion.signed import Signed
from databright.errors import (
    BadInputError,
    NotAuthorisedError,
    UnknownEntityError,
)
from tests.discussing import NOW, Room, address, kinds

# ---------------------------------------------------------------------- drafts


def test_only_its_author_and_the_invited_read_a_draft(room: Room) -> None:
    draft = room.share("proposer", "reviewer", "holder")
    room.say("reviewer", "too few rows", subject=f"draft/{draft}")
    for who in ("proposer", "reviewer", "holder"):
        view = room.door.draft(room.access(who, f"draft/{draft}"))
        assert (view.draft.title, view.draft.sample) == ("Rows", "1,2\n3,4")
        assert [one.versions[-1].body for one in view.thread.comments] == ["too few rows"]
        assert [one.digest for one in room.door.drafts(room.access(who, "drafts"))] == [draft]
    messages = set()
    for who in ("stranger", "creator", "node", "curator"):
        with pytest.raises(UnknownEntityError) as told:
            room.door.draft(room.access(who, f"draft/{draft}"))
        messages.add(str(told.value).replace(draft, "…"))
        with pytest.raises(UnknownEntityError):
            room.say(who, subject=f"draft/{draft}")
        assert room.door.drafts(room.access(who, "drafts")) == ()
    with pytest.raises(UnknownEntityError) as told:
        room.door.draft(room.access("stranger", "draft/0x" + "0" * 64))
    # Nobody can tell a draft that it may not see from one that does not exist.
    assert messages == {str(told.value).replace("0x" + "0" * 64, "…")}


def test_a_request_to_read_holds_once_and_not_for_long(room: Room) -> None:
    resource = f"draft/{room.share()}"
    used = room.access("reviewer", resource)
    room.door.draft(used)
    with pytest.raises(NotAuthorisedError, match="was used before"):
        room.door.draft(used)
    late = room.access("reviewer", resource, lasts_s=100)
    long = room.access("reviewer", resource, lasts_s=MAX_ACCESS_S + 1)
    early = room.access("reviewer", resource, created_at=NOW + MAX_AHEAD_S + 1, lasts_s=500)
    for signed in (long, early):
        with pytest.raises(NotAuthorisedError, match="sign a fresh one"):
            room.door.draft(signed)
    room.clock.now += 100
    with pytest.raises(NotAuthorisedError, match="sign a fresh one"):
        room.door.draft(late)


def test_a_request_serves_what_it_names_alone(room: Room) -> None:
    draft = room.share()
    for resource, ask in (
        ("feed", room.door.drafts),
        ("drafts", room.door.feed),
        ("feed", room.door.draft),
        (f"draft/{draft}", room.door.feed),
    ):
        with pytest.raises(BadInputError, match="for something else"):
            ask(room.access("reviewer", resource))
    stolen = room.access("stranger", f"draft/{draft}")
    forged = room.access("reviewer", f"draft/{draft}")
    with pytest.raises(NotAuthorisedError):
        room.door.draft(Signed(forged.action, stolen.signature))


def test_comments_on_a_draft_become_those_of_its_proposal(room: Room) -> None:
    draft = room.share()
    early = room.say("reviewer", "early", subject=f"draft/{draft}", kind="information_request")
    assert room.thread().total == 0
    room.say("stranger", "in between")
    assert room.link("proposer", draft).subject == f"draft/{draft}"
    thread = room.thread()
    assert [one.versions[-1].body for one in thread.comments] == ["early", "in between"]
    assert (thread.comments[0].subject, thread.comments[0].marks) == (
        f"draft/{draft}",
        ("reviewer",),
    )
    assert thread.open == 1
    room.reply("proposer", early, "late", kind="answer")
    assert room.thread().open == 0
    with pytest.raises(BadInputError, match="became proposal/7: write there"):
        room.say("reviewer", subject=f"draft/{draft}")
    view = room.door.draft(room.access("reviewer", f"draft/{draft}"))
    assert view.draft.linked == "proposal/7"
    # Its text and its sample stay with those who were invited.
    with pytest.raises(UnknownEntityError):
        room.door.draft(room.access("stranger", f"draft/{draft}"))


def test_only_the_author_links_and_only_to_its_own_proposal(room: Room) -> None:
    draft = room.share()
    for who in ("reviewer", "creator", "stranger"):
        with pytest.raises(NotAuthorisedError, match="cannot link the draft"):
            room.link(who, draft)
    with pytest.raises(NotAuthorisedError, match="cannot link the draft"):
        room.link("proposer", draft, "proposal/8")
    with pytest.raises(UnknownEntityError):
        room.link("proposer", draft, "proposal/99")
    with pytest.raises(UnknownEntityError):
        room.link("proposer", "0x" + "0" * 64)
    room.link("proposer", draft)
    with pytest.raises(BadInputError, match="came first"):
        room.link("proposer", draft)


def test_a_draft_is_moderated_only_as_a_proposal(room: Room) -> None:
    draft = room.share()
    comment = room.say("reviewer", "harsh", subject=f"draft/{draft}")
    for who in ("proposer", "reviewer", "node"):
        with pytest.raises(NotAuthorisedError, match="once it is linked"):
            room.hide(who, comment)
    room.link("proposer", draft)
    with pytest.raises(NotAuthorisedError):
        room.hide("proposer", comment)
    room.hide("node", comment, "off topic")
    assert room.shown(comment).hidden is not None


def test_a_draft_s_notices_are_for_those_who_may_read_it(room: Room) -> None:
    draft = room.share("proposer", "reviewer")
    subject = f"draft/{draft}"
    comment = room.say("reviewer", "@stranger @proposer see", subject=subject)
    room.edit("reviewer", comment, comment, "@stranger @other @proposer see")
    room.link("proposer", draft)
    assert kinds(room, "stranger") == kinds(room, "other") == []
    assert kinds(room, "reviewer") == [("invited", subject), ("linked", subject)]
    assert kinds(room, "proposer") == [("mention", subject)]
    for who in ("reviewer", "proposer"):
        assert kinds(room, who, private=False) == []
        feed = Notices(room.log.engine).feed(address(who), private=False)
        assert feed.unread == 0
