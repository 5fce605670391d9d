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
from databright.errors import ChainError
from databright.views.audit import CHECKS, audit
from databright.views.batches import IndexBatch, IndexedBlock
from databright.views.index import Index
from databright.views.projections import read_dashboard
from databright.wiring.index_feed import open_feed, open_index
from databright.wiring.local_market import LocalMarket
from databright.wiring.session import open_market
from tests.index_content import check_replay, check_same

if TYPE_CHECKING:
    from tests.played import Run

TAMPER = {
    "accounts": "amount",
    "holdings": "shares",
    "voters": "earned",
    "tranches": "shares",
    "datasets": "price_per_use",
    "requests": "escrow",
    "proposals": "yes",
    "votes": "weight",
    "workers": "stake",
    "serving": "until",
    "nodes": "endpoint",
    "jobs": "accepted",
    "segments": "result",
    "models": "price",
    "predictions": "price",
}
KEPT = "SELECT name, key, scope, body, block FROM projections"
PUT_BACK = (
    "INSERT INTO projections (name, key, scope, body, block) "
    "VALUES (:name, :key, :scope, :body, :block)"
)


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
    assert 0 < report["rows"] <= rows
    assert report["values"] > report["rows"]
    with index.snapshot() as snapshot:
        empty = [check.table.name for check in CHECKS if not snapshot.rows(check.table)]
        assert empty in ([], ["loans"]), "the story has something of everything"
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
    """The home's index at the head; what a test does to it is undone."""
    opened = open_index(home)
    open_feed(open_market(home), opened).catch_up()
    with opened.engine.connect() as connection:
        kept = [dict(row) for row in connection.execute(text(KEPT)).mappings()]
    yield opened
    with opened.engine.begin() as connection:
        connection.execute(text("DELETE FROM projections"))
        connection.execute(text(PUT_BACK), kept)
    opened.engine.dispose()


def first_row(index: Index, table: str) -> tuple[str, dict[str, Any]]:
    with index.engine.connect() as connection:
        query = text("SELECT key, body FROM projections WHERE name = :name ORDER BY key")
        key, body = connection.execute(query, {"name": table}).first() or ("[]", "{}")
    return str(key), json.loads(str(body))


def test_every_check_has_a_field_to_tamper_with() -> None:
    assert {check.table.name for check in CHECKS} - {"loans"} == set(TAMPER)


@pytest.mark.parametrize("table", sorted(TAMPER))
def test_a_row_that_was_changed_is_named(home: Path, index: Index, table: str) -> None:
    key, body = first_row(index, table)
    field = TAMPER[table]
    was = body[field]
    body[field] = was + 1 if isinstance(was, int) else f"{was}0"
    with index.engine.begin() as connection:
        connection.execute(
            text("UPDATE projections SET body = :body WHERE name = :name AND key = :key"),
            {"body": json.dumps(body), "name": table, "key": key},
        )
    found = audit(index, open_market(home).contracts).differences
    number = "/".join(str(part) for part in json.loads(key))
    assert (table, number, field, body[field], was) in [
        (one.table, one.id, one.field, one.index, one.chain) for one in found
    ]


@pytest.mark.parametrize("table", ["accounts", "holdings", "votes", "proposals", "jobs"])
def test_a_row_that_is_missing_is_missed(home: Path, index: Index, table: str) -> None:
    key, _ = first_row(index, table)
    with index.engine.begin() as connection:
        connection.execute(
            text("DELETE FROM projections WHERE name = :name AND key = :key"),
            {"name": table, "key": key},
        )
    found = audit(index, open_market(home).contracts).differences
    assert table in {one.table for one in found}


def test_the_command_line_ends_with_one_where_they_differ(
    home: Path, index: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    key, body = first_row(index, "accounts")
    with index.engine.begin() as connection:
        connection.execute(
            text("UPDATE projections SET body = :body WHERE name = 'accounts' AND key = :key"),
            {"body": json.dumps({**body, "amount": body["amount"] + 5}), "key": key},
        )
    code, report = run(home, capsys, "audit")
    assert code == 1
    assert [(one["table"], one["id"], one["field"]) for one in report["differences"]] == [
        ("accounts", json.loads(key)[0], "amount"),
        ("accounts", "all", "sum of amount"),
    ]
    assert main(["index", "audit", "--home", str(home)]) == 1
    assert "databright index rebuild" in capsys.readouterr().out


def test_an_index_that_is_empty_or_of_another_branch_is_not_audited(
    home: Path, tmp_path: Path
) -> None:
    contracts = open_market(home).contracts
    engine = connect(f"sqlite:///{tmp_path}/other.sqlite")
    other = Index(engine)
    with pytest.raises(ChainError, match="no block yet"):
        audit(other, contracts)
    other.apply(IndexBatch(None, [IndexedBlock(0, "0xother", "0x", 1)], []))
    with pytest.raises(ChainError, match=r"taken block 0 .* back"):
        audit(other, contracts)
    engine.dispose()
