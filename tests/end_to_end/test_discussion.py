"""A discussion on a real market: by the command line, by HTTP, anchored through kill -9."""

from __future__ import annotations

import json
import os
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from databright.chain.bindings import Signer
from databright.cli.main import main
from databright.client.discussion import DiscussionView
from databright.data_market.proposals import ProposalDraft
from databright.discussion.anchor import read_anchored
from databright.discussion.notices import Notices
from databright.discussion.subjects import parse_subject
from databright.errors import (
    BadInputError,
    ConfigError,
    NotAuthorisedError,
    ProtocolError,
    UnknownEntityError,
)
from databright.units import Address
from databright.wiring.discussion import PUBLISHER, VerdictWatch, facts_of, open_log
from databright.wiring.local_market import wait_until

if TYPE_CHECKING:
    from tests.end_to_end.conftest import DataMarket

KILLS = 60 if os.environ.get("DATABRIGHT_LONG") == "1" else 4
GAS_MONEY = 10**18
GRACE_S = 40 * 86_400
"""Longer than anybody is given to execute a proposal after its vote."""
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def market(data_market: DataMarket) -> DataMarket:
    """The shared market with a publisher, a dataset, and a proposal for each test of one."""
    local = data_market.local
    local.keystore.create(PUBLISHER, insecure=True)
    giver: Signer = local.signer("deployer")
    chain = local.market().contracts.chain
    giver.send(chain, local.keystore.public(PUBLISHER).address, b"", value=GAS_MONEY)
    (data_market.home / "settings.toml").write_text("[discussion]\nanchor_every_s = 1\n")
    dataset = data_market.open_dataset()
    request = data_market.open_request(dataset)
    for number in (1, 2, 3):
        draft = ProposalDraft(title=f"Alice's digits {number}", request=request)
        data_market.client("alice").contributor.propose(dataset, data_market.parts[number], draft)
    return data_market


@pytest.fixture(scope="module")
def page(market: DataMarket) -> Iterator[str]:
    yield market.local.start_web()
    market.local.supervisor.remove("web")


@pytest.fixture
def run(market: DataMarket, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a verb of the discussion; gives what it prints as JSON."""

    def words(*given: str, code: int = 0) -> Any:
        capsys.readouterr()
        found = main(["discussion", *given, "--home", str(market.home), "--json"])
        told = capsys.readouterr()
        assert found == code, told.err
        return json.loads(told.out or told.err)

    return words


def ready(page: str) -> bool:
    try:
        return httpx.get(f"{page}api/discussion/domain", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def test_a_thread_by_the_command_line(run: Run, market: DataMarket, tmp_path: Path) -> None:
    says = ("post", "proposal/1000001", "--text", "How were they scanned?", "--as", "bob")
    would = run(*says, "--dry-run")
    assert (would["dry_run"], would["seq"]) == (True, None)
    assert would["signed"]["message"]["body"] == "How were they scanned?"
    assert "proposal/1000001" not in {one["subject"] for one in run("list")["threads"]}
    posted = run(*says)
    asked = run(
        "ask", "proposal/1000001", "--kind", "information_request", "--text",
        "@alice which machine?", "--as", "curator-1",
    )  # fmt: skip
    text = tmp_path / "answer.md"
    text.write_bytes(b"A scanner.\r\n\r\n- 300 dpi\r\n")
    run("answer", asked["digest"], "--file", str(text), "--as", "alice")
    run("reply", posted["digest"], "--text", "Thanks.", "--as", "carol")
    run("edit", posted["digest"], "--text", "How were they *scanned*?", "--as", "bob")
    bad = run("post", "dataset/1", "--text", "buy my coins", "--as", "dave")
    run("hide", bad["digest"], "--reason", "advertising", "--as", "initiator")

    thread = run("show", "proposal/1000001")
    by = {one["digest"]: one for one in thread["comments"]}
    assert (thread["total"], thread["open"]) == (4, 0)
    assert [one["body"] for one in by[posted["digest"]]["versions"]] == [
        "How were they scanned?", "How were they *scanned*?",
    ]  # fmt: skip
    assert by[asked["digest"]]["state"] == "answered"
    assert by[asked["digest"]]["marks"] == ["curator"]
    hidden = {one["digest"]: one["hidden"] for one in run("show", "dataset/1")["comments"]}
    assert hidden[bad["digest"]]["reason"] == "advertising"
    feed = run("feed", "--as", "alice")
    on_it = [one["kind"] for one in feed["notices"] if one["subject"] == "proposal/1000001"]
    assert on_it == ["comment", "information_request", "comment"]
    assert run("mark-read", "--as", "alice")["read_upto"] == feed["notices"][0]["id"]
    assert run("feed", "--as", "alice")["unread"] == 0
    assert run("feed", "--as", "dave")["notices"][0]["kind"] == "hidden"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("post", "proposal/1000099", "--text", "x", "--as", "bob"), "proposal"),
        (("post", "proposal/1000001", "--as", "bob"), "--text TEXT or with --file FILE"),
        (("post", "job/1", "--text", "x", "--as", "bob"), "nothing that can be discussed"),
        (
            ("ask", "proposal/1000001", "--kind", "verdict", "--text", "x", "--as", "bob"),
            "use one of",
        ),
        (("reply", "0x12", "--text", "x", "--as", "bob"), "64 lower-case hex digits"),
        (("reply", "0x" + "0" * 64, "--text", "x", "--as", "bob"), "there is no comment"),
        (("post", "proposal/1000001", "--file", "no-such-file", "--as", "bob"), "cannot be read"),
        (("proof", "0x" + "0" * 64), "holds nothing with the id"),
        (("verify", "--offline"), "--offline is for --proof"),
    ],
)
def test_bad_words_are_told_and_write_nothing(
    run: Run, market: DataMarket, words: tuple[str, ...], says: str
) -> None:
    log = open_log(market.home)
    before = log.size()
    assert says in run(*words, code=2)["error"]["message"]
    assert log.size() == before
    log.engine.dispose()


def test_a_draft_is_shared_discussed_and_linked(
    run: Run, market: DataMarket, page: str, tmp_path: Path
) -> None:
    wait_until(lambda: ready(page), "the page's door")
    (tmp_path / "text.md").write_text("Would *these* help?")
    (tmp_path / "rows.csv").write_text("0.1,0.2,7\n")
    words = ("--description", str(tmp_path / "text.md"), "--sample", str(tmp_path / "rows.csv"))
    draft = run(
        "draft", "share", "Alice's plan", "--dataset", "1", "--invite", "curator-1", "--invite",
        market.address("bob"), *words, "--as", "alice", "--url", page,
    )["digest"]  # fmt: skip
    subject = f"draft/{draft}"
    assert run("feed", "--as", "bob", "--url", page)["notices"][0]["kind"] == "invited"
    for where in ((), ("--url", page)):
        said = run("post", subject, "--text", "Too few.", "--as", "curator-1", *where)
        run(
            "reply", said["digest"], "--text", "More will come.", "--thread", subject,
            "--as", "alice", *where,
        )  # fmt: skip
        view = run("draft", "show", draft, "--as", "bob", *where)
        assert view["draft"]["sample"] == "0.1,0.2,7\n"
        assert run("draft", "list", "--as", "bob", *where)["drafts"][0]["digest"] == draft
        told = run("draft", "show", draft, "--as", "carol", *where, code=2)
        assert "that you may see" in told["error"]["message"]
    assert run("show", subject, "--as", "bob")["total"] == 4
    assert run("show", "proposal/1000002")["total"] == 0
    run("draft", "link", draft, "1000002", "--as", "alice", "--url", page)
    assert run("show", "proposal/1000002", "--url", page)["total"] == 4
    text = httpx.get(f"{page}discussion/proposal/1000002", timeout=30).text
    assert "Too few." in text
    assert "Would <em>these</em>" not in text


def test_the_sdk_speaks_over_http_as_it_does_at_home(market: DataMarket, page: str) -> None:
    wait_until(lambda: ready(page), "the page's door")
    views: list[DiscussionView] = [
        market.client("bob").discussion, market.client("bob").discussion_at(page),
    ]  # fmt: skip
    for view in views:
        posted = view.post("dataset/1", "Which licence?", kind="question")
        view.edit(posted.digest, "Which licence exactly?")
        (found,) = [c for c in view.thread("dataset/1").comments if c.digest == posted.digest]
        assert (found.state, len(found.versions)) == ("open", 2)
        with pytest.raises(NotAuthorisedError, match="does not moderate"):
            view.hide(posted.digest, "mine")
        with pytest.raises(UnknownEntityError):
            view.post("model/1", "x")
        with pytest.raises(BadInputError, match="cannot be answered"):
            view.answer(view.reply(posted.digest, "a reply").digest, "x")
    assert views[0].threads() == views[1].threads()
    # A batch may be anchored between two looks.
    wait_until(
        lambda: views[0].thread("dataset/1") == views[1].thread("dataset/1"), "both to see the same"
    )
    with pytest.raises(ProtocolError, match="no page answers"):
        market.client("bob").discussion_at("http://127.0.0.1:1/")
    with pytest.raises(BadInputError, match="no address of a page"):
        market.client("bob").discussion_at("file:///etc")


def test_marks_and_people_come_from_the_chain(market: DataMarket) -> None:
    facts = facts_of(market.local.market())
    proposal = parse_subject("proposal/1000001")
    carried = {name: facts.marks(proposal, market.address(name)) for name in market_names()}
    assert carried == {
        "alice": {"author"},
        "curator-1": {"curator"},
        "node-1": {"node"},
        "initiator": set(),
        "bob": set(),
    }
    people = facts.people(parse_subject("dataset/1"))
    expected = {market.address(n) for n in ("initiator", "curator-1", "curator-2")}
    assert people.owners == {market.address("initiator")}
    assert people.moderators == expected | {market.address(f"node-{n}") for n in range(1, 5)}
    assert facts.people(parse_subject("request/1")).owners == {market.address("initiator")}
    assert facts.names()["alice"] == market.address("alice")
    with pytest.raises(UnknownEntityError):
        facts.people(parse_subject("model/1"))


def market_names() -> tuple[str, ...]:
    return ("alice", "curator-1", "node-1", "initiator", "bob")


def test_a_log_survives_kills_and_is_anchored_exactly_once(
    run: Run, market: DataMarket, page: str, tmp_path: Path
) -> None:
    seed = int(os.environ.get("DATABRIGHT_SEED") or secrets.randbelow(10**6))
    print(f"seed {seed}")  # noqa: T201 - a failure must be repeatable
    draw = random.Random(seed)
    contracts = market.local.market().contracts
    publisher = market.address(PUBLISHER)
    start = market.local.market().deployment.block
    view = market.client("carol").discussion
    # One alone would soon have said all that is taken within an hour.
    writers = [market.client(name).discussion for name in market_names()]

    def anchored() -> int:
        return int(contracts.discussion.call("next_of", publisher))

    for number in range(KILLS):
        size = len(list(view._items()))
        for part in range(draw.randint(1, 3)):
            draw.choice(writers).post("dataset/1", f"{number}.{part}")
        # Between planning a batch and noting its block: any moment of it, since all are tried.
        reached = size + draw.randint(0, 1)
        wait_until(_reaches(anchored, reached), "a batch", poll_s=0.01)
        market.local.supervisor.kill("web")
    size = len(list(view._items()))
    wait_until(lambda: anchored() == size, "the last batch")
    batches = read_anchored(contracts.discussion, publisher, start)
    ends = [0, *(batch.first + batch.count for batch in batches)]
    assert [batch.first for batch in batches] == ends[:-1]
    # One transaction a batch: the publisher's key sent nothing else.
    assert contracts.chain.nonce(publisher) == len(batches)
    wait_until(lambda: ready(page), "the page's door")
    wait_until(lambda: view.thread("dataset/1").comments[-1].anchored, "the last note")
    for where in ((), ("--url", page)):
        report = run("verify", *where)
        assert (report["entries"], report["anchored"], report["problems"]) == (size, size, [])
    _check_proof(run, view, tmp_path, page)


def _reaches(figure: Callable[[], int], wanted: int) -> Callable[[], bool]:
    return lambda: figure() >= wanted


def _check_proof(run: Run, view: DiscussionView, folder: Path, page: str) -> None:
    digest = view.thread("dataset/1").comments[0].digest
    file = folder / "proof.json"
    run("proof", digest, "--out", str(file), "--url", page)
    assert run("verify", "--proof", str(file))["on_chain"] is True
    assert run("verify", "--proof", str(file), "--offline")["on_chain"] is None
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "publisher": str(Address("0x" + "0" * 40))}))
    assert run("verify", "--proof", str(file), code=1)["on_chain"] is False
    record["item"]["record"]["message"]["body"] = "another"
    file.write_text(json.dumps(record))
    assert (
        "signed by"
        in run(
            "verify",
            "--proof",
            str(file),
            code=1,
        )["error"]["message"]
    )


def test_a_changed_log_is_found_out(run: Run, market: DataMarket, page: str) -> None:
    assert page
    log = open_log(market.home)
    digest = market.client("carol").discussion.post("dataset/1", "As it was.").digest
    entry = log.entry(digest)
    discussion, publisher = market.local.market().contracts.discussion, market.address(PUBLISHER)
    wait_until(lambda: int(discussion.call("next_of", publisher)) > entry.seq, "its batch")
    change = "UPDATE discussion_log SET received_at = received_at + {} WHERE seq = {}"
    with log.engine.begin() as connection:
        connection.exec_driver_sql(change.format(1, entry.seq))
    problems = run("verify", code=1)["problems"]
    with log.engine.begin() as connection:
        connection.exec_driver_sql(change.format(-1, entry.seq))
    assert len(problems) == 1
    assert "were altered since block" in problems[0]
    assert run("verify")["problems"] == []
    log.engine.dispose()


def test_a_proposer_is_told_of_the_verdict_once(market: DataMarket, page: str) -> None:
    wait_until(lambda: ready(page), "the page's door")
    local = market.local
    log = open_log(market.home)
    notices = Notices(log.engine)
    assert not notices.knows("proposal/1000003/expired")
    proposal = local.market().registry.proposal(1_000_003)
    local.advance_clock(proposal.deadline - market.now() + GRACE_S)
    verdicts = local.market().contracts.verdicts
    verdicts.transact(local.signer("bob"), "expire", astuple(proposal.terms))
    wait_until(lambda: notices.knows("proposal/1000003/expired"), "the notice")
    assert not VerdictWatch(local.market().registry, notices).step()
    feed = notices.feed(market.address("alice"), private=False)
    told = [one.kind for one in feed.notices if one.source == "proposal/1000003/expired"]
    assert told == ["verdict"]
    log.engine.dispose()


def test_without_a_publisher_it_says_so(market: DataMarket) -> None:
    view = market.client("bob").discussion
    view._way._publisher = None  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="nobody anchors this log"):
        view.verify()
