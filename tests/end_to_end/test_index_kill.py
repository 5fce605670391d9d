"""kill -9 of the process that feeds the index, at drawn moments, while its chain is reorganised.

Some of the kills come from outside at a drawn time, the others from inside at a drawn SQL statement
or commit. Reorganisations are 1 to 64 blocks deep. In the end the index equals one that was read
from zero, table by table; after each kill its stored rows equal a fold of its stored events.
A twentieth of the kills; DATABRIGHT_LONG=1 does 200 on each database. DATABRIGHT_SEED repeats one.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from databright.chain.devnet.anvil import find_anvil
from databright.database.connection import connect
from databright.views.audit import audit
from databright.views.folds import TABLES
from databright.views.index import Index
from tests.end_to_end.evidence import tell
from tests.end_to_end.index_child import open_source
from tests.end_to_end.lived_market import DEEPEST, LivedMarket, bare_anvil
from tests.index_content import check_replay, check_same

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
KILLS = 100 if LONG else 5
"""Of each source on each database."""
MOST_POINTS = {"any": 300, "write": 50}
ANVIL = find_anvil(os.environ)
pytestmark = [
    pytest.mark.anvil,
    pytest.mark.long,
    pytest.mark.skipif(ANVIL is None, reason="no anvil: run `npm install` in the checkout"),
]


class Source(Protocol):
    """A chain that a test changes while a child follows it."""

    name: str
    place: Path

    def change(self, draw: random.Random) -> int:
        """Add blocks, or reorganise and add some; the depth taken back."""
        ...


class RecordedSource:
    """A synthetic chain in a file: events of every kind."""

    name = "recorded"

    def __init__(self, folder: Path) -> None:
        self.place = folder / "chain.json"
        self._salts: list[int] = []
        self._write()

    def _write(self) -> None:
        beside = self.place.with_suffix(".new")
        beside.write_text(json.dumps(self._salts))
        beside.replace(self.place)

    def change(self, draw: random.Random) -> int:
        """Take back 1 to 64 blocks, or none, and add some."""
        depth = min(draw.choice((0, draw.randint(1, DEEPEST))), len(self._salts))
        del self._salts[len(self._salts) - depth :]
        self._salts += [draw.randrange(2**31) for _ in range(depth // 2 + draw.randint(1, 30))]
        self._write()
        return depth


@pytest.fixture(scope="module")
def lived_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedMarket]:
    with bare_anvil() as rpc:
        yield LivedMarket(tmp_path_factory.mktemp("market"), rpc)


@pytest.fixture(params=["recorded", "anvil"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    if request.param == "recorded":
        return RecordedSource(tmp_path)
    found: LivedMarket = request.getfixturevalue("lived_market")
    return found


@dataclass
class Storm:
    """Kills children that follow a chain.

    Attributes:
        url: address of the database.
        source: the chain.
        draw: where every choice comes from.
        done: kills by kind.
        depths: of the reorganisations.
    """

    url: str
    source: Source
    draw: random.Random
    done: Counter[str] = field(default_factory=Counter)
    depths: list[int] = field(default_factory=list)

    def change(self) -> None:
        """Change the chain."""
        depth = self.source.change(self.draw)
        if depth:
            self.depths.append(depth)

    def kill_one(self) -> None:
        """Start a child, change its chain under its eyes, and end it by SIGKILL."""
        self.change()
        inside = self.draw.random() < 0.6
        which = self.draw.choice(("write", "write", "any"))
        point = self.draw.randint(1, MOST_POINTS[which]) if inside else 0
        limit = self.draw.randint(1, 40)
        words = [self.url, str(self.source.place), str(limit), which, str(point)]
        with subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.index_child", *words],
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            said = child.stdout.readline()
            if inside:
                # It reads on, so it comes to its statement; the chain changes meanwhile.
                while not self._ended(child, self.draw.random() * 0.2):
                    self.change()
            else:
                assert said == "following\n"
                for _ in range(self.draw.randint(0, 2)):
                    assert not self._ended(child, self.draw.random() * 0.1)
                    self.change()
                assert not self._ended(child, self.draw.random() * 0.3)
                child.kill()
            assert child.wait() == -signal.SIGKILL
            words_said = [said.strip(), *child.stdout.read().split()]
        self.done[f"at {words_said[-1]}" if inside else "at a drawn time"] += 1

    @staticmethod
    def _ended(child: subprocess.Popen[str], within_s: float) -> bool:
        try:
            child.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def storm_until(storm: Storm, index: Index) -> None:
    """Kill until the count is reached, checking what each kill left."""
    while storm.done.total() < KILLS:
        storm.kill_one()
        check_replay(index)
        numbers = [number for number, _ in index.recent(10**6)]
        assert numbers == list(range(len(numbers)))


def test_whatever_kills_the_feed_the_index_equals_one_from_zero(
    source: Source, database_url: str, tmp_path: Path
) -> None:
    seed = int(os.environ.get("DATABRIGHT_SEED", secrets.randbits(32)))
    print(f"DATABRIGHT_SEED={seed}")  # noqa: T201 (shown when the test fails)
    engine, beside = connect(database_url), connect(f"sqlite:///{tmp_path}/zero.sqlite")
    index, fresh = Index(engine), Index(beside)
    storm = Storm(database_url, source, random.Random(seed))
    try:
        storm_until(storm, index)
        open_source(index, source.place).catch_up()
        open_source(fresh, source.place).catch_up()
        check_same(index, fresh)
        rows = check_replay(index)
        blocks, events = index.size()
        assert rows > 0
        if isinstance(source, LivedMarket):
            assert audit(index, source.contracts()).differences == ()
        assert index.finality() == fresh.finality() != (-1, -1)
        tell(
            f"index-kills-{source.name}-{engine.dialect.name}",
            f"Kills of the index's feed on {engine.dialect.name}, {source.name} chain",
            "DATABRIGHT_LONG=1 .venv/bin/python -m pytest tests/end_to_end/test_index_kill.py",
            [
                ("seed (DATABRIGHT_SEED)", seed),
                *((f"kill -9 {moment}", storm.done[moment]) for moment in sorted(storm.done)),
                ("reorganisations", len(storm.depths)),
                ("deepest of them", f"{max(storm.depths, default=0)} blocks"),
                ("blocks in the end", blocks),
                ("events in the end", events),
                ("rows in the end", rows),
                ("tables compared with a replay from zero", len(TABLES)),
                ("tables that differ", 0),
            ],
        )
    finally:
        engine.dispose()
        beside.dispose()
