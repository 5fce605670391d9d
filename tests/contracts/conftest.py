"""One market a session for the contract tests, rolled back after each test, and its roles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boa
import pytest

from tests.contracts.data_world import Market, build_hostile_market, build_market


@pytest.fixture(scope="session")
def built_market() -> Market:
    return build_market()


@pytest.fixture
def market(built_market: Market) -> Iterator[Market]:
    dataset = built_market.dataset
    with boa.env.anchor():
        yield built_market
    built_market.dataset = dataset


@pytest.fixture(scope="session")
def built_hostile_market() -> Market:
    return build_hostile_market()


@pytest.fixture
def hostile(built_hostile_market: Market) -> Iterator[Market]:
    """A market whose money misbehaves on demand."""
    dataset = built_hostile_market.dataset
    with boa.env.anchor():
        yield built_hostile_market
    built_hostile_market.dataset = dataset


@pytest.fixture
def initiator(market: Market) -> str:
    return market.initiator


@pytest.fixture
def contributors(market: Market) -> list[str]:
    return market.contributors


@pytest.fixture
def curators(market: Market) -> list[str]:
    return market.curators


@pytest.fixture
def oracle(market: Market) -> str:
    return market.oracle


@pytest.fixture
def evaluators(market: Market) -> list[Any]:
    return market.evaluators


@pytest.fixture
def buyer(market: Market) -> str:
    return market.buyer


@pytest.fixture
def workers(market: Market) -> list[str]:
    return market.workers


@pytest.fixture
def nodes(market: Market) -> list[str]:
    return market.nodes
