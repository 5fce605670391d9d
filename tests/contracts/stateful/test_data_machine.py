"""The data market's contracts beside the plain-Python rules: calls, refusals, money, votes."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.contracts.stateful.actions import ACTIONS, draw_rules, play
from tests.contracts.stateful.game import (
    ALL_NAMES,
    INVARIANTS,
    NUM_PICKS,
    SCENARIOS,
    random_calls,
    random_market,
)
from tests.contracts.stateful.invariants import watch
from tests.contracts.stateful.player import Pick, Player
from tests.contracts.stateful.script_income import Story
from tests.contracts.stateful.world import Stage

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
NUM_NAMES = 30
"""The least number of invariants."""
HEAVY = 6
"""Weight from which an action gets a second rule, so that more happens than is refused."""
STAGES: list[Stage] = []

numbers = st.binary(min_size=NUM_PICKS, max_size=NUM_PICKS)


@pytest.fixture(scope="module", autouse=True)
def stage() -> Stage:
    """One deployment for all that is played here; a machine takes no fixtures."""
    STAGES[:] = [Stage.build()]
    return STAGES[0]


class Market(RuleBasedStateMachine):
    """Random life of one or two datasets; every call goes to both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.player = Player(STAGES[0].clear())
        watch(self.player)

    @initialize(first=numbers, second=st.none() | numbers)
    def found(self, first: bytes, second: bytes | None) -> None:
        for drawn in (first, second):
            if drawn is not None:
                self.player.found(self.player.people[0], draw_rules(self.player, Pick(drawn)))
                play(self.player, "stake_all", Pick(drawn))

    def teardown(self) -> None:
        for (name, went_through), count in self.player.counts.items():
            if count and went_through:
                event(name)


def _step(name: str) -> Callable[[Market, bytes], None]:
    def step(self: Market, drawn: bytes) -> None:
        play(self.player, name, Pick(drawn))

    step.__name__ = name
    return step


def _rules() -> dict[str, Any]:
    found = {}
    for name, action in ACTIONS.items():
        for copy in range(1 + (action.weight >= HEAVY)):
            found[f"{name}_{copy}"] = rule(drawn=numbers)(_step(name))
    return found


DataMarketMachine: Any = type("DataMarketMachine", (Market,), _rules())
TestDataMarket = DataMarketMachine.TestCase
TestDataMarket.settings = settings(
    max_examples=400 if LONG else 25,
    stateful_step_count=80 if LONG else 40,
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_scenario(stage: Stage, name: str) -> None:
    player = Player(stage.clear())
    watch(player)
    SCENARIOS[name](Story(player))
    assert player.counts.total() > 1


@pytest.mark.parametrize("seed", range(60 if LONG else 3))
def test_a_drawn_life_of_a_market(stage: Stage, seed: int) -> None:
    player = Player(stage.clear())
    watch(player)
    draw = Random(seed)
    random_market(player, draw)
    random_calls(player, draw, 250)
    accepted = [found for dataset in player.model.datasets for found in dataset.snapshots]
    assert accepted, "nothing was ever accepted: the actions are drawn badly"


def test_the_invariants_are_many_and_named() -> None:
    assert len(ALL_NAMES) >= NUM_NAMES
    assert all(name == name.strip() and len(name) > len("a name") for name in ALL_NAMES)


def test_every_invariant_is_looked_at(stage: Stage) -> None:
    player = Player(stage.clear())
    view = watch(player)
    Story(player).found()
    # An empty market: nothing to compare breaks nothing.
    for check in INVARIANTS.values():
        check(view)
