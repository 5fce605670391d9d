from __future__ import annotations

from tests.contracts.data_world import ACCEPTED, FEE, Market


def test_carried_proposal_with_good_verdict_is_accepted(
    market: Market, contributors: list[str]
) -> None:
    proposal = market.accepted(contributors[0], 10)

    assert market.status(proposal) == ACCEPTED
    assert market.shares.balanceOf(contributors[0], proposal) == 10
    assert market.shares.earned_votes(market.dataset, contributors[0]) == 10
    assert market.database.num_snapshots() == 1
    market.check_association()
