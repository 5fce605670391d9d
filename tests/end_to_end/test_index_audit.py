"""The index of a whole story against its chain, by the command line, sound and tampered with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from databright.cli.main import main
from databright.config import open_home
from databright.database.connection import connect
from databright.views.checks import CHECKS
from databright.views.index import Index
from databright.views.projections import read_dashboard
from databright.wiring.index_feed import open_feed, open_index
from databright.wiring.local_market import LocalMarket
from databright.wiring.session import open_market
from tests.index_content import check_replay, check_same

if TYPE_CHECKING:
    from tests.played import Run


@pytest.fixture(scope="module")
def home(demo_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of a played market's home, its chain running and its index not made yet."""
    place = tmp_path_factory.mktemp("copy") / "home"
    unwanted = shutil.ignore_patterns("*.sock", "index.sqlite*", "lock")
    shutil.copytree(demo_run.home, place, ignore=unwanted)
    local = LocalMarket(open_home(place).path)
    try:
        local.start_chain([])
        yield place
    finally:
        local.stop()


def run(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["index", *words, "--home", str(home), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_whole_story_agrees_with_the_contracts(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = run(home, capsys, "audit")
    assert (code, report["differences"]) == (0, [])
    index = open_index(home)
    rows = check_replay(index)
    assert rows > 0
    assert report["values"] > report["rows"] > 0
    with index.snapshot() as snapshot:
        seen = {check.table.name for check in CHECKS if snapshot.rows(check.table)}
        assert {"jobs", "segments", "models", "predictions", "tranches", "votes"} <= seen
        assert {row.tag for check in CHECKS for row in snapshot.rows(check.table)} == {"final"}
    index.engine.dispose()


def test_a_rebuilt_index_is_the_same(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = open_index(home)
    beside = connect(f"sqlite:///{home}/beside.sqlite")
    fresh = Index(beside)
    for one in (index, fresh):
        open_feed(open_market(home), one).catch_up()
    blocks, events = index.size()
    code, told = run(home, capsys, "rebuild", "--dry-run")
    assert (code, told) == (0, {"dry_run": True, "blocks": blocks, "events": events})
    with index.engine.begin() as connection:
        connection.execute(text("UPDATE projections SET body = '{}'"))
        connection.execute(text("UPDATE events SET args = '{}'"))
    code, told = run(home, capsys, "rebuild")
    assert (code, told) == (0, {"dry_run": False, "blocks": blocks, "events": events})
    check_same(index, fresh)
    assert read_dashboard(index) == read_dashboard(fresh)
    for engine in (index.engine, beside):
        engine.dispose()


@pytest.fixture
def index(home: Path) -> Iterator[Index]:
    """The home's index at the head."""
    opened = open_index(home)
    open_feed(open_market(home), opened).catch_up()
    yield opened
    opened.engine.dispose()


def test_the_command_line_ends_with_one_where_they_differ(
    home: Path, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    with index.engine.begin() as connection:
        query = "SELECT key, body FROM projections WHERE name = 'accounts' ORDER BY key"
        key, body = connection.execute(text(query)).first() or ("", "")
        richer = json.loads(body)
        richer["amount"] += 5
        connection.execute(
            text("UPDATE projections SET body = :body WHERE name = 'accounts' AND key = :key"),
            {"body": json.dumps(richer), "key": key},
        )
    code, report = run(home, capsys, "audit")
    assert code == 1
    assert [(one["table"], one["id"], one["field"]) for one in report["differences"]] == [
        ("accounts", json.loads(key)[0], "amount"),
        ("accounts", "all", "sum of amount"),
    ]
    assert main(["index", "audit", "--home", str(home)]) == 1
    assert "databright index rebuild" in capsys.readouterr().out
    assert main(["index", "rebuild", "--home", str(home)]) == 0
    assert main(["index", "audit", "--home", str(home)]) == 0
