"""One market a session for the contract tests, rolled back after each test, and its roles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boa
import pytest

from tests.contracts.data_world import Market, build_hostile_market, build_market


@pytest.fixture(scope="session")
def built_market() -> Market:
    return build_market()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Whatever a test did with the market, every contract holds what it owes in the end.

    Innermost, since the tester rolls back what a test did before its fixtures are torn down.
    """
    yield
    found = getattr(item, "funcargs", {}).get("market")
    if isinstance(found, Market):
        found.check()


@contextmanager
def rolled_back(market: Market) -> Iterator[Market]:
    """The market as it was built, whatever a test does with it."""
    dataset = market.dataset
    known = set(market.contracts)
    with boa.env.anchor():
        yield market
    market.dataset = dataset
    market.proposals.clear()
    for name in set(market.contracts) - known:
        del market.contracts[name]


@pytest.fixture
def market(built_market: Market) -> Iterator[Market]:
    with rolled_back(built_market):
        yield built_market


@pytest.fixture(scope="session")
def built_hostile_market() -> Market:
    return build_hostile_market()


@pytest.fixture
def hostile(built_hostile_market: Market) -> Iterator[Market]:
    """A market whose money misbehaves on demand."""
    with rolled_back(built_hostile_market):
        yield built_hostile_market


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
