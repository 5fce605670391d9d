from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from databright.chain.bindings import Signer
from databright.config import open_home
from databright.units import Amount
from databright.views.index import Index
from databright.views.projections import read_dashboard
from databright.wiring.index_feed import open_feed, open_index
from databright.wiring.local_market import LocalMarket, Purse, wait_until

SUPPLY = 1_000_000


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalMarket]:
    market = LocalMarket(open_home(tmp_path / "home").path)
    names = market.ensure_keys(["deployer", "holder", "friend"])
    chain = market.start_chain(list(names.values()))
    market.deploy(chain, "deployer", [Purse("holder", Amount(SUPPLY))])
    yield market
    market.stop()


def followed(local: LocalMarket) -> Index:
    index = open_index(local.home)
    open_feed(local.market(), index).catch_up()
    return index


def test_the_index_reads_a_real_market_and_the_page_shows_it(local: LocalMarket) -> None:
    token = local.market().contracts.token
    friend = local.keystore.public("friend").address
    signer: Signer = local.signer("holder")
    page = local.start_web()
    token.transact(signer, "transfer", friend, 250_001)
    head = local.market().contracts.chain.head()

    def caught_up() -> bool:
        try:
            return bool(httpx.get(f"{page}health", timeout=10).json()["block"] == head.number)
        except httpx.TransportError:
            return False

    wait_until(caught_up, "the page at the chain's head")
    text = httpx.get(page, timeout=10).text
    assert friend in text
    assert "0.250001" in text
    assert head.hash in text

    local.supervisor.remove("web")
    index = followed(local)
    held = {row.account: row.amount for row in read_dashboard(index).balances}
    assert held == {
        friend: 250_001,
        local.keystore.public("holder").address: SUPPLY - 250_001,
    }
    index.engine.dispose()


def test_an_index_of_another_chain_is_emptied(local: LocalMarket) -> None:
    index = followed(local)
    assert index.head() is not None
    index.require_genesis(local.market().deployment.genesis_hash)
    assert index.head() is not None
    index.require_genesis("0x" + "e" * 64)
    assert index.head() is None
    assert index.events() == []
    index.engine.dispose()
