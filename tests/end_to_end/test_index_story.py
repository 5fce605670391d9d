"""The index of a market that drawn transactions have lived in, against its contracts."""

from __future__ import annotations

import json
import os
import random
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from databright.chain.devnet.anvil import find_anvil
from databright.database.connection import connect
from databright.errors import ChainError
from databright.views.audit import audit
from databright.views.batches import IndexBatch, IndexedBlock
from databright.views.checks import CHECKS
from databright.views.folds.money import ZERO_ADDRESS
from databright.views.index import Index
from databright.wiring.index_feed import feed_from
from tests.end_to_end.lived_market import LivedMarket, bare_anvil
from tests.index_content import check_replay

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
ACTS = 3_000 if LONG else 150
pytestmark = [
    pytest.mark.anvil,
    pytest.mark.long,
    pytest.mark.skipif(
        find_anvil(os.environ) is None, reason="no anvil: run `npm install` in the checkout"
    ),
]


TAMPER = {
    "accounts": "amount",
    "holdings": "shares",
    "tranches": "ended",
    "evaluators": "stake",
    "voters": "genesis",
    "loans": "cap",
    "votes": "by",
    "motions": "bond",
    "datasets": "creator",
    "requests": "escrow",
    "proposals": "yes",
    "workers": "stake",
    "serving": "until",
    "nodes": "endpoint",
}
"""A field of each table that such a market fills."""
KEPT = "SELECT name, key, scope, body, block FROM projections"
PUT_BACK = (
    "INSERT INTO projections (name, key, scope, body, block) "
    "VALUES (:name, :key, :scope, :body, :block)"
)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedMarket]:
    seed = int(os.environ.get("DATABRIGHT_SEED", secrets.randbits(32)))
    print(f"DATABRIGHT_SEED={seed}")  # noqa: T201 (shown when a test fails)
    draw = random.Random(seed)
    with bare_anvil() as rpc:
        lived = LivedMarket(tmp_path_factory.mktemp("lived"), rpc)
        while lived.acted < ACTS:
            lived.act(draw)
        yield lived


@pytest.fixture(scope="module")
def whole(market: LivedMarket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """The market's index at the head."""
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('index')}/index.sqlite")
    made = Index(engine)
    feed_from(market.contracts(), made).catch_up()
    yield made
    engine.dispose()


@pytest.fixture
def index(whole: Index) -> Iterator[Index]:
    """The same; what a test does to its rows is undone."""
    with whole.engine.connect() as connection:
        kept = [dict(row) for row in connection.execute(text(KEPT)).mappings()]
    yield whole
    with whole.engine.begin() as connection:
        connection.execute(text("DELETE FROM projections"))
        connection.execute(text(PUT_BACK), kept)


def first_row(index: Index, table: str) -> tuple[str, dict[str, Any]]:
    with index.engine.connect() as connection:
        query = text("SELECT key, body FROM projections WHERE name = :name ORDER BY key")
        found = connection.execute(query, {"name": table}).first()
    if found is None:
        return "", {}
    return str(found[0]), json.loads(str(found[1]))


def test_after_any_transactions_the_rows_are_what_the_contracts_hold(
    market: LivedMarket, whole: Index
) -> None:
    report = audit(whole, market.contracts())
    assert report.differences == ()
    assert report.rows > 0
    assert check_replay(whole) > 0
    with whole.snapshot() as snapshot:
        seen = {check.table.name for check in CHECKS if snapshot.rows(check.table)}
    assert {"accounts", "datasets", "voters", "evaluators"} <= seen


def test_a_row_that_was_changed_is_named(market: LivedMarket, index: Index) -> None:
    tampered = {}
    for table, field in TAMPER.items():
        key, body = first_row(index, table)
        if not key:
            continue
        if table == "votes" and body["by"] != body["voter"]:
            field = "support"  # of lent weight the contract keeps the side, not who cast it
        was = body[field]
        if isinstance(was, bool):
            body[field] = not was
        else:
            body[field] = was + 1 if isinstance(was, int) else ZERO_ADDRESS
        with index.engine.begin() as connection:
            connection.execute(
                text("UPDATE projections SET body = :body WHERE name = :name AND key = :key"),
                {"body": json.dumps(body), "name": table, "key": key},
            )
        tampered[table] = "/".join(str(part) for part in json.loads(key))
    assert len(tampered) >= 4
    found = {(one.table, one.id) for one in audit(index, market.contracts()).differences}
    assert set(tampered.items()) <= found
    # Nothing else but what adds the changed rows up.
    others = found - set(tampered.items())
    assert {number.split("/")[-1] for _, number in others} <= {"all"}


@pytest.mark.parametrize("table", ["accounts", "votes", "nodes", "requests", "motions", "holdings"])
def test_a_row_that_is_missing_is_missed(market: LivedMarket, index: Index, table: str) -> None:
    key, _ = first_row(index, table)
    with index.engine.begin() as connection:
        connection.execute(
            text("DELETE FROM projections WHERE name = :name AND key = :key"),
            {"name": table, "key": key},
        )
    found = audit(index, market.contracts()).differences
    assert bool(found) is bool(key)


def test_an_index_that_is_empty_or_of_another_branch_is_not_audited(
    market: LivedMarket, tmp_path: Path
) -> None:
    engine = connect(f"sqlite:///{tmp_path}/other.sqlite")
    other = Index(engine)
    with pytest.raises(ChainError, match="no block yet"):
        audit(other, market.contracts())
    other.apply(IndexBatch(None, [IndexedBlock(0, "0xother", "0x", 1)], []))
    with pytest.raises(ChainError, match=r"taken block 0 .* back"):
        audit(other, market.contracts())
    engine.dispose()
