from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from databright.database.connection import connect
from databright.errors import ChainError, ConfigError
from databright.views.batches import IndexBatch, IndexedBlock, IndexedEvent, json_safe
from databright.views.feed import Feed
from databright.views.folds import TABLES, fingerprint
from databright.views.folds.data_market import DATASETS
from databright.views.folds.money import ACCOUNTS, FLOWS
from databright.views.folds.votes import VOTES
from databright.views.index import NOTHING, RECENT, Index
from databright.views.projections import read_dashboard
from tests.index_content import check_replay, check_same, content
from tests.synthetic import CONTRACTS, PEOPLE, SyntheticChain

ASSOCIATION = CONTRACTS["DataAssociation"]
FIXED = tuple(CONTRACTS.values())


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    engine = connect(f"sqlite:///{tmp_path}/index.sqlite")
    yield Index(engine)
    engine.dispose()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Index]:
    engine = connect(f"sqlite:///{tmp_path}/other.sqlite")
    yield Index(engine)
    engine.dispose()


def grown(blocks: int, salt: int = 1) -> SyntheticChain:
    chain = SyntheticChain()
    for _ in range(blocks):
        chain.grow(salt)
    return chain


def whole(chain: SyntheticChain, upto: int) -> IndexBatch:
    blocks = chain.blocks[: upto + 1]
    return IndexBatch(None, blocks, [log for block in blocks for log in chain.logs[block.hash]])


def transfer(block: IndexedBlock, place: int, value: object) -> IndexedEvent:
    return IndexedEvent(
        name="Transfer",
        contract="MarketToken",
        address=CONTRACTS["MarketToken"],
        args={"sender": PEOPLE[1], "receiver": PEOPLE[2], "value": value},
        block_number=block.number,
        block_hash=block.hash,
        log_index=place,
        tx="0x",
    )


def test_every_height_that_versions_reach_is_taken_back_to_exactly(
    index: Index, other: Index
) -> None:
    chain = grown(80)
    index.apply(whole(chain, 79))
    for height in range(78, -2, -1):
        index.apply(IndexBatch(height, [], []))
        check_replay(index)
        other.forget()
        other.apply(whole(chain, height))
        check_same(index, other)
    assert not any(content(index)[table] for table in ("blocks", "events", "projections"))


def test_below_the_kept_versions_the_rows_are_made_anew(index: Index) -> None:
    chain = grown(RECENT + 60)
    index.apply(whole(chain, len(chain.blocks) - 1))
    with index.engine.connect() as connection:
        oldest = connection.execute(text("SELECT MIN(changed_in) FROM undo")).scalar()
    assert oldest is not None
    assert oldest >= len(chain.blocks) - RECENT > 30
    index.apply(IndexBatch(30, [], []))
    assert check_replay(index) > 0
    assert index.recent(1)[0][0] == 30
    index.apply(IndexBatch(10, [], []))
    assert check_replay(index) > 0


def test_a_shorter_chain_does_not_bring_forgotten_versions_back(index: Index) -> None:
    chain = grown(RECENT + 60)
    Feed(index, chain.read, FIXED).catch_up()
    chain.take_back(100)
    chain.grow(2)
    Feed(index, chain.read, FIXED).catch_up()
    assert check_replay(index) > 0
    index.apply(IndexBatch(30, [], []))
    assert check_replay(index) > 0


def test_versions_are_kept_for_the_newest_blocks_only(index: Index) -> None:
    chain = grown(2 * RECENT)
    Feed(index, chain.read, FIXED).catch_up()
    with index.engine.connect() as connection:
        first, last = connection.execute(
            text("SELECT MIN(changed_in), MAX(changed_in) FROM undo")
        ).one()
    assert len(chain.blocks) - RECENT <= first < last < len(chain.blocks)


def test_rows_made_by_other_folds_are_made_anew_at_opening(index: Index, other: Index) -> None:
    chain = grown(40)
    for one in (index, other):
        Feed(one, chain.read, FIXED).catch_up()
    with index.engine.begin() as connection:
        connection.execute(text("UPDATE facts SET value = 'older' WHERE name = 'folds'"))
        connection.execute(text("UPDATE projections SET body = '{}'"))
        connection.execute(text("DELETE FROM undo"))
    with pytest.raises(ConfigError, match="another release"):
        index.apply(IndexBatch(39, [], []))
    again = Index(index.engine)
    check_same(again, other)
    again.apply(IndexBatch(20, [], []))
    check_replay(again)


def test_an_index_of_the_first_version_gets_its_rows(other: Index) -> None:
    chain = grown(30)
    Feed(other, chain.read, FIXED).catch_up()
    with other.engine.begin() as connection:
        for table in ("projections", "undo", "facts"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE schema_steps SET version = 1 WHERE room = 'views'"))
    again = Index(other.engine)
    assert check_replay(again) > 0
    assert len(fingerprint()) == 64


def test_a_batch_read_for_another_cursor_changes_nothing(index: Index) -> None:
    chain = grown(6)
    assert index.apply(whole(chain, 2), NOTHING)
    before = content(index)
    assert not index.apply(whole(chain, 2), NOTHING)
    late = IndexBatch(None, chain.blocks[3:5], [])
    assert not index.apply(late, (1, chain.blocks[1].hash))
    assert not index.apply(late, (2, "0xother"))
    assert content(index) == before
    assert index.apply(late, (2, chain.blocks[2].hash))


def test_two_feeds_of_one_index_do_not_disturb_each_other(index: Index, other: Index) -> None:
    chain = grown(50)
    read = chain.read
    second = Feed(Index(index.engine), chain.read, FIXED)

    def overtaken(*asked: object) -> IndexBatch:
        found = read(*asked)  # type: ignore[arg-type]
        if turns.pop():
            second.step(5)
        return found

    turns = [False, True] * 40
    first = Feed(index, overtaken, FIXED)
    while first.step(7):
        pass
    Feed(other, chain.read, FIXED).catch_up()
    check_same(index, other)


def test_a_dataset_opened_and_used_in_one_batch_is_read_whole(index: Index) -> None:
    chain = grown(60)
    used = [event for event in chain.events() if event.contract == "Database"]
    assert used
    assert Feed(index, chain.read, FIXED).step(limit=60) == 60
    assert len(index.events()) == len(chain.events())


def test_a_batch_that_does_not_continue_the_head_changes_nothing(index: Index) -> None:
    chain = grown(6)
    index.apply(whole(chain, 3))
    before = content(index)
    stranger = IndexedBlock(3, "0xff", "0xee", 9)
    for batch in (
        IndexBatch(None, chain.blocks[5:], []),
        IndexBatch(None, chain.blocks[3:], []),
        IndexBatch(1, [stranger], []),
    ):
        with pytest.raises(ChainError, match="does not continue"):
            index.apply(batch)
        assert content(index) == before


def test_an_event_of_another_block_is_refused(index: Index) -> None:
    chain = grown(2)
    stray = transfer(chain.blocks[1], 0, 1)
    with pytest.raises(ChainError, match="does not bring"):
        index.apply(IndexBatch(None, chain.blocks[:1], [stray]))
    assert index.head() is None


def test_a_failure_within_a_batch_leaves_neither_rollback_nor_rows(index: Index) -> None:
    chain = grown(4)
    index.apply(whole(chain, 3))
    before = content(index)
    fork = IndexedBlock(2, "0xf2", chain.blocks[1].hash, 9)
    good = transfer(fork, 0, 1)
    for value in (1.5, "many", [1]):
        with pytest.raises(ChainError):
            index.apply(IndexBatch(1, [fork], [good, transfer(fork, 1, value)]))
        assert content(index) == before


def test_an_event_of_something_unknown_says_what_to_do(index: Index) -> None:
    block = IndexedBlock(0, "0x01", "0x00", 1)
    sent = IndexedEvent(
        "RequestClosed", "DataRequests", ASSOCIATION, {"request": 4}, 0, "0x01", 0, "0x"
    )
    with pytest.raises(ChainError, match=r"requests \(4,\).*index rebuild"):
        index.apply(IndexBatch(None, [block], [sent]))
    assert index.head() is None


def test_arguments_keep_every_digit(index: Index) -> None:
    block = IndexedBlock(0, "0x01", "0x00", 1)
    args = {"big": 2**256 - 1, "bytes": b"\x00\xff", "list": (1, b"\2", "é\x00"), "flag": True}
    sent = IndexedEvent("Odd", "Any", ASSOCIATION, args, 0, "0x01", 0, "0x")
    index.apply(IndexBatch(None, [block], [sent]))
    found = index.events(["Odd"])[0].args
    assert found == {
        "big": 2**256 - 1,
        "bytes": "0x00ff",
        "list": [1, "0x02", "é\x00"],
        "flag": True,
    }
    assert json_safe(args) == found
    assert index.events(["Other"]) == []
    assert index.events([]) == []


def test_each_row_is_tagged_by_the_block_it_last_changed_in(index: Index) -> None:
    chain = grown(40)
    chain.final_depth = 10
    Feed(index, chain.read, FIXED).catch_up()
    with index.snapshot() as snapshot:
        assert (snapshot.safe, snapshot.final) == (34, 29)
        rows = [row for table in TABLES for row in snapshot.rows(table)]
    expected = {
        row.block: "final" if row.block <= 29 else "safe" if row.block <= 34 else "seen"
        for row in rows
    }
    assert {row.block: row.tag for row in rows} == expected
    assert set(expected.values()) == {"seen", "safe", "final"}


def test_finality_that_moves_without_a_block_is_noted(index: Index) -> None:
    chain = grown(20)
    feed = Feed(index, chain.read, FIXED)
    feed.catch_up()
    assert index.finality() == (16, 13)
    chain.final_depth = 2
    assert feed.step() == 0
    assert index.finality() == (18, 17)
    with index.snapshot() as snapshot:
        assert (snapshot.safe, snapshot.final) == (18, 17)


def test_no_row_is_final_before_the_chain_said_so(index: Index) -> None:
    index.apply(whole(grown(20), 19))
    board = read_dashboard(index)
    assert (board.safe, board.final) == (-1, -1)
    rows = [*board.datasets, *board.proposals, *board.balances]
    assert rows
    assert {row.tag for row in rows} == {"seen"}


def test_rows_are_chosen_by_key_by_scope_and_by_age(index: Index) -> None:
    chain = grown(200)
    Feed(index, chain.read, FIXED).catch_up()
    with index.snapshot() as snapshot:
        votes = snapshot.rows(VOTES)
        proposals = {vote.proposal for vote in votes}
        assert len(proposals) > 1
        for proposal in proposals:
            mine = [vote for vote in votes if vote.proposal == proposal]
            assert list(snapshot.rows(VOTES, of=proposal)) == mine
        assert snapshot.row(VOTES, votes[0].proposal, votes[0].voter) == votes[0]
        assert snapshot.row(VOTES, 10**9, PEOPLE[0]) is None
        flows = snapshot.rows(FLOWS)
        newest = snapshot.rows(FLOWS, newest=3)
        assert 3 <= len(newest) < len(flows)
        oldest = min(row.block for row in newest)
        assert set(newest) == {row for row in flows if row.block >= oldest}
        assert snapshot.rows(FLOWS, newest=10**6) == flows


def test_an_emptied_index_holds_nothing(index: Index) -> None:
    Feed(index, grown(30).read, FIXED).catch_up()
    index.require_genesis(index.recent(100)[0][1])
    assert index.size()[0] == 30
    index.require_genesis("0xother")
    assert (index.size(), index.finality()) == ((0, 0), (-1, -1))
    with index.snapshot() as snapshot:
        assert [snapshot.rows(table) for table in (DATASETS, ACCOUNTS)] == [(), ()]
