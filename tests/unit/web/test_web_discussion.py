from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from markupsafe import escape

from databright.database.connection import connect
from databright.discussion.actions import Access, Comment, Edit, MarkRead
from databright.discussion.batches import Batches
from databright.discussion.documents import from_plain
from databright.discussion.proofs import Proof, check_log, check_proof
from databright.discussion.signed import MAX_BYTES, Signed
from databright.discussion.threads import DraftView, Thread
from databright.views.index import Index
from databright.web.app import create_app
from databright.web.discussion import API, DiscussionSite
from tests.discussing import DOMAIN, NOW, Room, address, make_room, word


class Page:
    """The application without a socket, and the room behind it."""

    def __init__(self, index: Index, room: Room) -> None:
        self.room = room
        self.site = DiscussionSite(room.log, room.door, address("creator"))
        self.app = create_app(index, self.site)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8000"
            ) as client:
                return await client.request(method, path, **more)

        return anyio.run(go)

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def post(self, path: str, signed: Signed, **headers: str) -> httpx.Response:
        sent = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self.ask("POST", f"{API}/{path}", content=signed.to_bytes(), headers=sent)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    index = Index(connect(f"sqlite:///{tmp_path}/index.sqlite"))
    engine = connect(f"sqlite:///{tmp_path}/discussion.sqlite")
    yield Page(index, make_room(engine, per_author=20))
    engine.dispose()
    index.engine.dispose()


def comment(page: Page, who: str = "stranger", **fields: Any) -> Signed:
    return page.room.sign(Comment, who, **({"subject": "proposal/7", "body": "hello"} | fields))


def test_a_signed_comment_is_taken_once_and_shown_to_everybody(page: Page) -> None:
    signed = comment(page, "curator", body="How **were** they made?", kind="question")
    first, second = page.post("actions", signed), page.post("actions", signed)
    assert (first.status_code, second.status_code) == (200, 200)
    assert (first.json()["new"], second.json()["new"]) == (True, False)
    digest = first.json()["digest"]
    text = page.get("/discussion/proposal/7").text
    for shown in (
        "How <strong>were</strong> they made?",
        f'id="{digest}"',
        address("curator"),
        '<span class="mark">curator</span>',
        '<span class="kind">question</span>',
        '<strong class="open">open</strong>',
        "1 comment, 1 waiting for an answer",
        "waiting to be anchored",
        "2027-01-15",
    ):
        assert shown in text
    thread = from_plain(Thread, page.get(f"{API}/threads/proposal/7").json())
    assert [one.digest for one in thread.comments] == [digest]
    assert page.get(f"{API}/threads").json()["threads"][0]["subject"] == "proposal/7"
    assert 'href="/discussion/proposal/7"' in page.get("/discussion").text
    assert 'href="/discussion"' in page.get("/").text


def test_edits_hiding_and_answers_are_shown(page: Page) -> None:
    room = page.room
    asked = room.say("curator", "first text", kind="information_request")
    room.edit("curator", asked, asked, "second text")
    answer = room.reply("proposer", asked, "an answer", kind="answer")
    bad = room.say("stranger", "buy coins")
    room.hide("node", bad, "advertising <b>")
    text = page.get("/discussion/proposal/7").text
    assert "edited 1 time: earlier texts" in text
    assert "first text" in text
    assert f'<a href="#{answer}">answered in' in text
    assert '<strong class="answered">answered</strong>' in text
    assert f"hidden by <code>{address('node')}</code>: advertising &lt;b&gt;" in text
    assert "buy coins" not in text
    assert "buy coins" not in page.get(f"{API}/threads/proposal/7").text
    assert "buy coins" in page.get(f"{API}/log").text


@pytest.mark.parametrize(
    "body",
    ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</article><svg/onload=x>"],
)
def test_what_strangers_wrote_stays_text(page: Page, body: str) -> None:
    room = page.room
    room.hide("node", room.say("stranger", body), body)
    room.edit("other", first := room.say("other", body), first, body + " ")
    text = page.get("/discussion/proposal/7").text
    for mark in ("<script", "<img", "<svg"):
        assert mark not in text.lower()
    assert str(escape(body)) in text
    policy = page.get("/discussion/proposal/7").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_pages_need_no_script_and_lead_through_long_threads(page: Page) -> None:
    room = make_room(page.room.log.engine)
    for number in range(52):
        room.say("curator", f"number {number}.")
    first = page.get("/discussion/proposal/7").text
    assert 'rel="next" href="?page=2"' in first
    assert "number 49." in first
    assert "number 50." not in first
    assert "number 51." in page.get("/discussion/proposal/7?page=2").text
    assert page.get("/discussion/proposal/7?page=0").status_code == 422


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/discussion/proposal/99", 200),
        ("/discussion/proposal/0", 400),
        ("/discussion/job/1", 400),
        ("/discussion/draft/0x" + "0" * 64, 404),
        (f"{API}/threads/draft/0x" + "0" * 64, 404),
        (f"{API}/threads/proposal/x", 400),
        ("/discussion/feed/0x12", 400),
        (f"{API}/feed/nobody", 400),
        (f"{API}/comments/0x" + "0" * 64, 404),
        (f"{API}/proof/0x" + "0" * 64, 404),
        (f"{API}/log?first=-1", 422),
        (f"{API}/log?count=100000", 422),
        (f"{API}/actions", 405),
        (f"{API}/nothing", 404),
    ],
)
def test_addresses_that_name_nothing_are_told(page: Page, path: str, status: int) -> None:
    answer = page.get(path)
    assert answer.status_code == status
    if status in (400, 404) and "nothing" not in path:
        assert answer.json()["error"]["message"]


# ---------------------------------------------------------------------- the door


def test_refusals_say_why_and_write_nothing(page: Page) -> None:
    good = comment(page)
    forged = Signed(good.action, comment(page, "other").signature)
    cases = [
        (forged, 403, "NotAuthorisedError"),
        (comment(page, subject="proposal/99"), 404, "UnknownEntityError"),
        (comment(page, created_at=NOW - 10**6), 400, "BadInputError"),
        (comment(page, kind="evaluation_request"), 403, "NotAuthorisedError"),
        (page.room.access("stranger", "feed"), 400, "BadInputError"),
    ]
    for signed, status, kind in cases:
        answer = page.post("actions", signed)
        assert (answer.status_code, answer.json()["error"]["kind"]) == (status, kind)
    assert page.room.log.size() == 0


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{}", b"\xff\xfe", b'{"type":"Comment"}', b'{"a":NaN}', b"x" * 100],
)
def test_bodies_that_are_no_signed_action_are_refused(page: Page, data: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("actions", "feed", "drafts", "draft", "read"):
        answer = page.ask("POST", f"{API}/{path}", content=data, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]


def test_a_body_is_read_no_further_than_its_cap(page: Page) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield b" " * 4096

    headers = {"Content-Type": "application/json"}
    answer = page.ask("POST", f"{API}/actions", content=endless(), headers=headers)
    assert answer.status_code == 400
    assert "larger than" in answer.json()["error"]["message"]
    assert MAX_BYTES // 4096 < read <= MAX_BYTES // 4096 + 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Host": "evil.example"},
    ],
)
def test_foreign_pages_cannot_write(page: Page, headers: dict[str, str]) -> None:
    sent = {"Content-Type": "application/json"} | headers
    answer = page.ask("POST", f"{API}/actions", content=comment(page).to_bytes(), headers=sent)
    assert answer.status_code in (400, 403, 421)
    assert page.room.log.size() == 0


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:1"])
def test_a_page_of_this_machine_may_write(page: Page, origin: str) -> None:
    assert page.post("actions", comment(page), Origin=origin).status_code == 200


def test_too_many_are_told_when_to_come_back(page: Page) -> None:
    for number in range(20):
        assert page.post("actions", comment(page, body=str(number))).status_code == 200
    answer = page.post("actions", comment(page, body="one more"))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3600"
    assert answer.json()["error"]["retry_after_s"] == 3600


def test_before_the_chain_answers_the_page_reads_and_does_not_write(page: Page) -> None:
    page.room.say("stranger", "early")
    page.site.door = None
    assert "early" in page.get("/discussion/proposal/7").text
    for answer in (page.post("actions", comment(page)), page.get(f"{API}/domain")):
        assert answer.status_code == 503
        assert "still starting" in answer.json()["error"]["message"]


# ---------------------------------------------------------------------- feeds and drafts


def test_a_feed_is_for_everybody_without_drafts_and_whole_for_its_owner(page: Page) -> None:
    room = page.room
    room.share("proposer", "holder")
    room.say("stranger", "@holder look")
    public = page.get(f"{API}/feed/{address('holder')}").json()
    assert [one["kind"] for one in public["notices"]] == ["mention"]
    text = page.get(f"/discussion/feed/{address('holder')}").text
    assert "1 unread" in text
    assert "invited" not in text
    whole = page.post("feed", room.access("holder", "feed")).json()
    assert [one["kind"] for one in whole["notices"]] == ["mention", "invited"]
    marked = page.post("read", room.sign(MarkRead, "holder", upto=2))
    assert marked.json() == {"read_upto": 2}
    assert "0 unread" in page.get(f"/discussion/feed/{address('holder')}").text
    assert page.post("read", room.sign(MarkRead, "holder", upto=9)).status_code == 400


def test_nothing_of_a_draft_leaves_without_an_invited_signature(page: Page) -> None:
    room = page.room
    draft = room.share("proposer", "reviewer", title="Secret title", sample="secret,sample")
    subject = f"draft/{draft}"
    on_it = room.say("reviewer", "secret words", subject=subject)
    asked = page.post("draft", room.access("reviewer", subject))
    view = from_plain(DraftView, asked.json())
    assert (view.draft.title, view.thread.comments[0].digest) == ("Secret title", on_it)
    mine = page.post("drafts", room.access("reviewer", "drafts")).json()["drafts"]
    assert [one["digest"] for one in mine] == [draft]
    for who in ("stranger", "creator", "node"):
        assert page.post("draft", room.access(who, subject)).status_code == 404
        assert page.post("drafts", room.access(who, "drafts")).json() == {"drafts": []}
    replayed = room.access("reviewer", subject)
    assert page.post("draft", replayed).status_code == 200
    assert page.post("draft", replayed).status_code == 403
    open_doors = [
        "/discussion", "/discussion/proposal/7", "/", f"{API}/threads", f"{API}/log",
        f"{API}/comments/{on_it}", f"{API}/feed/{address('reviewer')}",
        f"{API}/feed/{address('proposer')}", f"/discussion/feed/{address('reviewer')}",
        f"/discussion/{subject}", f"{API}/threads/{subject}", f"{API}/proof/{draft}",
    ]  # fmt: skip
    for path in open_doors:
        assert "ecret" not in page.get(path).text
    room.link("proposer", draft)
    assert "secret words" in page.get("/discussion/proposal/7").text
    assert "on the draft" in page.get("/discussion/proposal/7").text
    for path in open_doors:
        assert "ecret title" not in page.get(path).text
        assert "secret,sample" not in page.get(path).text


def test_places_are_given_for_replies_and_edits(page: Page) -> None:
    room = page.room
    first = room.say("stranger", "a")
    second = room.edit("stranger", first, first)
    found = page.get(f"{API}/comments/{first}").json()
    assert found == {"subject": "proposal/7", "newest": second}
    edit = room.sign(
        Edit, "stranger", comment=word(first), previous=word(found["newest"]), body="c"
    )
    assert page.post("actions", edit).status_code == 200


# ---------------------------------------------------------------------- proofs


def test_log_and_proofs_are_handed_to_everybody(page: Page) -> None:
    room = page.room
    digests = [room.say("stranger", str(number)) for number in range(5)]
    batches = Batches(room.log.engine)
    batch = batches.plan(NOW, 0)
    assert batch is not None
    assert page.get(f"{API}/proof/{digests[0]}").status_code == 400
    batches.settle(batch, "0x" + "1" * 64, 3)
    proof = from_plain(Proof, json.loads(page.get(f"{API}/proof/{digests[2]}").text))
    check_proof(proof)
    assert (proof.publisher, proof.block, proof.count) == (address("creator"), 3, 5)
    items = page.get(f"{API}/log?first=1&count=2").json()["items"]
    assert [one["seq"] for one in items] == [1, 2]
    domain = page.get(f"{API}/domain").json()
    assert (domain["chain_id"], domain["contract"], domain["entries"]) == (
        DOMAIN.chain_id,
        DOMAIN.contract,
        5,
    )
    assert "anchored on chain" in page.get("/discussion/proposal/7").text
    assert check_log([], [], DOMAIN).problems == ()


def test_a_log_without_a_publisher_has_no_proofs(page: Page) -> None:
    digest = page.room.say("stranger")
    page.site.publisher = None
    answer = page.get(f"{API}/proof/{digest}")
    assert answer.status_code == 503
    assert "not anchored" in answer.json()["error"]["message"]


def test_an_access_request_is_no_action(page: Page) -> None:
    signed = page.room.sign(Access, "stranger", resource="feed", expires_at=NOW + 60)
    assert page.post("actions", signed).status_code == 400
    assert page.post("read", signed).status_code == 400
    assert page.post("feed", comment(page)).status_code == 400
