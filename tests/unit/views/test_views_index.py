from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from databright.database.connection import connect
from databright.errors import ChainError
from databright.units import Address
from databright.views.feed import Feed
from databright.views.index import Index, IndexBatch, IndexedBlock, IndexedEvent, json_safe
from databright.views.projections import read_dashboard

ASSOCIATION = Address("0x" + "a" * 40)
NAMES = ("DatasetCreated", "Registered", "Transfer")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    engine = connect(f"sqlite:///{tmp_path}/index.sqlite")
    yield Index(engine)
    engine.dispose()


@dataclass
class SyntheticChain:
    """A chain that can be reorganised: every block is drawn from its parent and a salt."""

    blocks: list[IndexedBlock] = field(default_factory=list)
    logs: dict[str, list[IndexedEvent]] = field(default_factory=dict)

    def grow(self, salt: int) -> None:
        number = len(self.blocks)
        parent = self.blocks[-1].hash if self.blocks else "0x00"
        digest = hashlib.sha256(f"{parent}/{salt}/{number}".encode()).hexdigest()
        block = IndexedBlock(number, "0x" + digest, parent, 1_000 + number)
        self.blocks.append(block)
        draw = random.Random(digest)
        self.logs[block.hash] = [
            self._log(block, place, draw) for place in range(draw.randrange(3))
        ]

    def _log(self, block: IndexedBlock, place: int, draw: random.Random) -> IndexedEvent:
        datasets = sum(
            log.name == "DatasetCreated" for b in self.blocks[:-1] for log in self.logs[b.hash]
        )
        if place == 0 and draw.random() < 0.4:
            number = datasets + 1
            return event(
                block,
                place,
                "DatasetCreated",
                "DataAssociation",
                ASSOCIATION,
                dataset=number,
                creator="0x1",
                database=f"0xd{number}",
                metadata=b"\1",
                schema=b"\2",
                max_exposure_bps=500,
                price_per_use=7,
            )
        if datasets and draw.random() < 0.5:
            number = draw.randrange(datasets) + 1
            return event(
                block,
                place,
                "Registered",
                "Database",
                Address(f"0xd{number}"),
                dataset=number,
                proposal=block.number,
                snapshot=block.number,
                num_rows=3,
                shares=5,
            )
        return event(
            block,
            place,
            "Transfer",
            "MarketToken",
            ASSOCIATION,
            sender="0x1",
            receiver=f"0x{draw.randrange(2, 9)}",
            value=draw.randrange(2**200),
        )

    def read(
        self, addresses: Sequence[Address], recent: Sequence[tuple[int, str]], limit: int
    ) -> IndexBatch:
        known = {block.hash for block in self.blocks}
        ancestor = next((n for n, hash_ in reversed(recent) if hash_ in known), -1)
        rollback = ancestor if recent and ancestor != recent[-1][0] else None
        blocks = self.blocks[ancestor + 1 : ancestor + 1 + limit]
        events = [log for b in blocks for log in self.logs[b.hash] if log.address in set(addresses)]
        return IndexBatch(rollback, blocks, events)


def event(
    block: IndexedBlock, place: int, name: str, contract: str, address: Address, **args: object
) -> IndexedEvent:
    return IndexedEvent(
        name=name,
        contract=contract,
        address=address,
        args=args,
        block_number=block.number,
        block_hash=block.hash,
        log_index=place,
        tx=f"{block.hash}{place}",
    )


def content(index: Index) -> list[object]:
    with index.engine.connect() as connection:
        return [
            tuple(row)
            for table, order in (("blocks", "number"), ("events", "block_number, log_index"))
            for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}"))  # noqa: S608
        ]


@settings(max_examples=30, deadline=None)
@given(
    story=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 7)),
        min_size=1,
        max_size=8,
    )
)
def test_after_any_reorgs_the_index_equals_one_from_zero(story: list[tuple[int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        chain = SyntheticChain()
        engine, fresh = (connect(f"sqlite:///{folder}/{name}.sqlite") for name in ("a", "b"))
        feed = Feed(Index(engine), chain.read, (ASSOCIATION,))
        for salt, (depth, grown, limit) in enumerate(story):
            del chain.blocks[max(0, len(chain.blocks) - depth) :]
            for _ in range(grown):
                chain.grow(salt)
            while feed.step(limit):
                pass
        again = Feed(Index(fresh), chain.read, (ASSOCIATION,))
        again.catch_up()
        assert content(feed.index) == content(again.index)
        assert read_dashboard(feed.index) == read_dashboard(again.index)
        assert [b.number for b in chain.blocks] == [
            n for n, _ in feed.index.recent(limit=len(chain.blocks) + 1)
        ]
        engine.dispose()
        fresh.dispose()


def test_a_dataset_opened_and_used_in_one_batch_is_read_whole(index: Index) -> None:
    chain = SyntheticChain()
    salt = 0
    while not read_dashboard(index).datasets or not read_dashboard(index).datasets[0].num_rows:
        chain = SyntheticChain()
        salt += 1
        for _ in range(12):
            chain.grow(salt)
        with index.engine.begin() as connection:
            connection.execute(text("DELETE FROM blocks"))
        Feed(index, chain.read, (ASSOCIATION,)).catch_up()
    expected = [log for block in chain.blocks for log in chain.logs[block.hash]]
    assert len(index.events()) == len(expected)


def test_a_batch_that_does_not_continue_the_head_changes_nothing(index: Index) -> None:
    chain = SyntheticChain()
    for _ in range(6):
        chain.grow(1)
    index.apply(IndexBatch(None, chain.blocks[:4], chain.logs[chain.blocks[0].hash]))
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
    chain = SyntheticChain()
    chain.grow(1)
    chain.grow(1)
    stray = event(chain.blocks[1], 0, "Transfer", "MarketToken", ASSOCIATION, value=1)
    with pytest.raises(ChainError, match="does not bring"):
        index.apply(IndexBatch(None, chain.blocks[:1], [stray]))
    assert index.head() is None


def test_a_failure_within_a_batch_leaves_neither_rollback_nor_rows(index: Index) -> None:
    chain = SyntheticChain()
    for _ in range(4):
        chain.grow(1)
    index.apply(IndexBatch(None, chain.blocks, []))
    before = content(index)
    fork = IndexedBlock(2, "0xf2", chain.blocks[1].hash, 9)
    good = event(fork, 0, "Transfer", "MarketToken", ASSOCIATION, value=1)
    bad = event(fork, 1, "Transfer", "MarketToken", ASSOCIATION, value=1.5)
    with pytest.raises(ChainError, match="float"):
        index.apply(IndexBatch(1, [fork], [good, bad]))
    assert content(index) == before


def test_arguments_keep_every_digit(index: Index) -> None:
    block = IndexedBlock(0, "0x01", "0x00", 1)
    args = {"big": 2**256 - 1, "bytes": b"\x00\xff", "list": (1, b"\2", "é\x00"), "flag": True}
    sent = event(block, 0, "Odd", "Any", ASSOCIATION, **args)
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
