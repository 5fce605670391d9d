"""Fixtures of the compute and model contracts: one market a session, rolled back after each."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from tests.contracts.market_world import World, build_world


@pytest.fixture(scope="session")
def built_world() -> World:
    return build_world()


@pytest.fixture
def world(built_world: World) -> Iterator[World]:
    with boa.env.anchor():
        yield built_world


@pytest.fixture(scope="session")
def built_hostile_world() -> World:
    return build_world(hostile=True)


@pytest.fixture
def hostile_world(built_hostile_world: World) -> Iterator[World]:
    """A market whose money misbehaves on demand."""
    with boa.env.anchor():
        yield built_hostile_world
