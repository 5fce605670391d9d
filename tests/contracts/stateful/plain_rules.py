"""Rules of scenarios: whatever is not named is without surprise."""

from __future__ import annotations

from tests.contracts.stateful.data_model import Rules
from tests.contracts.stateful.player import Player


def plain_rules(player: Player, **changed: object) -> Rules:
    """Rules without review, challenge and pool; what differs is named."""
    rules = Rules(
        *(bytes(32),) * 3,
        closes_at=0,
        quorum_bps=2_500,
        review_minutes=0,
        voting_period=16,
        bond=4,
        evaluation_fee=5,
        relay_price=1,
        mint_cap=30,
        epoch_length=100,
        price_per_use=5,
        prediction_bps=5_000,
        max_exposure_bps=500,
        a_bps=10_000,
        threshold=1,
        optimistic_window=0,
        challenge_bond=0,
        evaluator_stake=0,
        tolerance_bps=0,
        change_delay=16,
        evaluators=tuple(player.judges[:3]),
        nodes=(player.people[0],),
        curators=tuple(player.people[:3]),
        weights=(4, 5, 6),
        programs=(),
    )
    return rules._replace(**changed)  # type: ignore[arg-type]
