"""Everything that can be played: actions drawn by chance, scenarios, all invariants."""

from __future__ import annotations

from random import Random

from tests.contracts.stateful import (
    actions_changes,
    actions_income,
    actions_proposals,
    actions_verdicts,
    actions_votes,
    invariants_money,
    invariants_votes,
    scenarios_batches,
    scenarios_challenges,
    scenarios_income,
    scenarios_requests,
    scenarios_verdicts,
)
from tests.contracts.stateful.actions import ACTIONS, draw_rules, play
from tests.contracts.stateful.data_model_income import PAID_INVARIANTS
from tests.contracts.stateful.invariants import INVARIANTS
from tests.contracts.stateful.player import CALL_INVARIANTS, Pick, Player
from tests.contracts.stateful.scenarios import SCENARIOS

__all__ = ["ACTIONS", "ALL_NAMES", "INVARIANTS", "SCENARIOS", "random_calls", "random_market"]

PARTS = (
    actions_changes,
    actions_income,
    actions_proposals,
    actions_verdicts,
    actions_votes,
    invariants_money,
    invariants_votes,
    scenarios_batches,
    scenarios_challenges,
    scenarios_income,
    scenarios_requests,
    scenarios_verdicts,
)
"""Modules that add to the lists when they are read."""
ALL_NAMES = frozenset({*INVARIANTS, *CALL_INVARIANTS, *PAID_INVARIANTS})
"""Names of all invariants: of single calls and of the state after each."""
NUM_PICKS = 24


def picks(draw: Random) -> Pick:
    """Numbers for one action."""
    return Pick(draw.randbytes(NUM_PICKS))


def random_market(player: Player, draw: Random) -> None:
    """One or two datasets under small rules, mostly with evaluators at stake."""
    for _ in range(1 + (draw.random() < 0.3)):
        player.found(player.people[0], draw_rules(player, picks(draw)))
        if draw.random() < 0.8:
            play(player, "stake_all", picks(draw))


def random_calls(player: Player, draw: Random, num_calls: int) -> None:
    """Actions by chance until so many calls were made."""
    names = list(ACTIONS)
    weights = [ACTIONS[name].weight for name in names]
    until = player.counts.total() + num_calls
    while player.counts.total() < until:
        (name,) = draw.choices(names, weights)
        play(player, name, picks(draw))
