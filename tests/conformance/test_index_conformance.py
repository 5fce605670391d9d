"""What the index promises, on every database that it runs on."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import event, text

from databright.database.connection import connect, reading, writing
from databright.database.migrations import migrate
from databright.errors import ConfigError
from databright.views.feed import Feed
from databright.views.index import Index
from databright.views.projections import read_dashboard
from tests.index_content import check_replay, check_same
from tests.postgres import Server
from tests.synthetic import CONTRACTS, SyntheticChain

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
STORIES = 60 if LONG else 3
STATEMENTS = 200 if LONG else 20
DEEPEST = 64
FIXED = tuple(CONTRACTS.values())
pytestmark = pytest.mark.long


@pytest.fixture
def index(database_url: str) -> Iterator[Index]:
    engine = connect(database_url)
    yield Index(engine)
    engine.dispose()


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index in a file of its own: replays are compared across databases."""
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('replay')}/index.sqlite")
    yield Index(engine)
    engine.dispose()


def drawn_seed() -> int:
    seed = int(os.environ.get("DATABRIGHT_SEED", secrets.randbits(32)))
    print(f"DATABRIGHT_SEED={seed}")  # noqa: T201 (shown when the test fails)
    return seed


def test_after_any_reorgs_the_index_equals_one_from_zero(index: Index, fresh: Index) -> None:
    draw = random.Random(drawn_seed())
    rows = 0
    for _ in range(STORIES):
        chain = SyntheticChain(final_depth=draw.randrange(1, 20))
        for number in (index, fresh):
            number.forget()
        feed = Feed(index, chain.read, FIXED)
        for salt in range(draw.randint(2, 6)):
            chain.take_back(draw.randint(1, DEEPEST))
            for _ in range(draw.randint(1, 90)):
                chain.grow(salt)
            limit = draw.randint(1, 40)
            while feed.step(limit):
                pass
            rows += check_replay(index)
        Feed(fresh, chain.read, FIXED).catch_up()
        check_same(index, fresh)
        assert read_dashboard(index) == read_dashboard(fresh)
        assert [hash_ for _, hash_ in index.recent(10**6)] == [b.hash for b in chain.blocks]
    assert rows > 0


class LostError(Exception):
    """Stands for a process or a connection that ends within a transaction."""


def test_a_step_that_ends_at_any_statement_leaves_all_or_nothing(
    index: Index, fresh: Index
) -> None:
    draw = random.Random(drawn_seed())
    chain = SyntheticChain()
    feed = Feed(index, chain.read, FIXED)
    left = 0

    def lose(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise LostError

    event.listen(index.engine, "before_cursor_execute", lose)
    lost = 0
    while lost < STATEMENTS:
        chain.take_back(draw.randrange(DEEPEST) if draw.random() < 0.5 else 0)
        for _ in range(draw.randint(1, 20)):
            chain.grow(draw.randrange(10**6))
        left = draw.randint(1, 40)
        try:
            while feed.step(draw.randint(1, 30)):
                pass
        except LostError:
            lost += 1
            left = 0
            check_replay(index)
    left = 0
    feed.catch_up()
    Feed(fresh, chain.read, FIXED).catch_up()
    check_same(index, fresh)


def test_writers_take_turns_and_readers_see_one_state(index: Index) -> None:
    migrate(index.engine, "turns", (("CREATE TABLE turns (x BIGINT PRIMARY KEY)",),))
    with reading(index.engine) as before:
        assert before.execute(text("SELECT COUNT(*) FROM turns")).scalar() == 0
        with writing(index.engine) as writer:
            writer.execute(text("INSERT INTO turns (x) VALUES (1)"))
        assert before.execute(text("SELECT COUNT(*) FROM turns")).scalar() == 0
    with writing(index.engine) as writer:
        assert writer.execute(text("SELECT COUNT(*) FROM turns")).scalar() == 1


def test_steps_are_applied_once(index: Index) -> None:
    steps = (("CREATE TABLE a (x BIGINT)",), ("ALTER TABLE a ADD COLUMN y BIGINT",))
    assert migrate(index.engine, "room", steps[:1]) == 1
    assert migrate(index.engine, "room", steps) == 2
    assert migrate(index.engine, "room", steps) == 2
    with pytest.raises(ConfigError, match="newer release"):
        migrate(index.engine, "room", steps[:1])


def test_big_and_odd_values_come_back_as_they_were(index: Index) -> None:
    chain = SyntheticChain()
    for _ in range(120):
        chain.grow(3)
    sent = [event for event in chain.events() if event.name in {"NodeRegistered", "EndpointSet"}]
    assert any("\x00" in str(event.args["endpoint"]) for event in sent)
    numbers = [value for event in chain.events() for value in event.args.values()]
    assert any(isinstance(value, int) and value > 2**128 for value in numbers)
    Feed(index, chain.read, FIXED).catch_up()
    assert check_replay(index) > 0


def test_a_server_that_crashes_keeps_what_it_acknowledged(
    postgres_server: Server, postgres_url: str, fresh: Index
) -> None:
    engine = connect(postgres_url)
    chain = SyntheticChain()
    index = Index(engine)
    feed = Feed(index, chain.read, FIXED)
    for salt in range(3):
        chain.take_back(10)
        for _ in range(30):
            chain.grow(salt)
        feed.step(25)
        acknowledged = index.recent(1)
        engine.dispose()
        postgres_server.crash()
        assert index.recent(1) == acknowledged
        check_replay(index)
    feed.catch_up()
    Feed(fresh, chain.read, FIXED).catch_up()
    check_same(index, fresh)
    engine.dispose()


@pytest.mark.parametrize("kind", ["folder", "server"])
def test_a_database_that_cannot_be_used_is_told_without_its_password(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from databright.config import open_home
    from databright.wiring.index_feed import open_index

    home = open_home(tmp_path_factory.mktemp("made") / "home").path
    url = {
        "folder": f"sqlite:///{home}/missing/index.sqlite",
        "server": f"postgresql+psycopg://someone:verysecret@/index?host={home}/nowhere",
    }[kind]
    (home / "settings.toml").write_text(f'[database]\nurl = "{url}"\n')
    with pytest.raises(ConfigError, match=r"cannot be used.*database\.url") as told:
        open_index(home)
    assert "verysecret" not in str(told.value)
