"""A copy's bond: half to the copied tranche, half burnt; the earlier commitment wins."""

from __future__ import annotations

import pytest

from tests.contracts.data_world import ACCEPTED, BOND, COPY, PERIOD, REJECTED, Market
from tests.contracts.market_world import events, refused


@pytest.mark.parametrize("bond", [0, 1, 2, 5, 6])
def test_half_of_a_copys_bond_goes_to_the_copied_tranche(
    market: Market, contributors: list[str], bond: int
) -> None:
    market.use_dataset(bond=bond)
    tranche = market.accepted(contributors[0], 1)
    supply = market.token.totalSupply()
    terms = market.carried(contributors[1])
    market.execute(terms, market.verdict(outcome=COPY, copy_of=tranche), copied=1)

    (event,) = events(market.verdicts, "BondSlashed")
    assert (event.proposal, event.to_tranche, event.tranche) == (terms.proposal, bond // 2, tranche)
    assert event.burnt == bond - bond // 2
    assert market.token.totalSupply() == supply - event.burnt
    assert market.database.claimable(tranche, contributors[0]) == bond // 2
    assert market.token.allowance(market.verdicts.address, market.database.address) == 0
    assert market.status(terms) == REJECTED


@pytest.mark.parametrize("victim", ["without shares", "rejected", "open", "revised"])
def test_a_copy_of_what_has_no_tranche_burns_the_whole_bond(
    market: Market, contributors: list[str], curators: list[str], victim: str
) -> None:
    copied = market.propose(contributors[0])
    terms = market.propose(contributors[1])
    if victim == "revised":
        market.revise(copied)
    if victim == "without shares":
        market.vote(copied, (curators[0], True))
    market.end_voting(terms)
    if victim == "open":
        market.wait(PERIOD)
    elif victim != "revised":
        market.execute(copied, market.verdict(0))
    accepted = int(victim == "without shares")
    market.execute(terms, market.verdict(outcome=COPY, copy_of=copied.proposal), copied=accepted)

    (event,) = events(market.verdicts, "BondSlashed")
    assert (event.to_tranche, event.tranche, event.burnt) == (0, 0, BOND)


def test_a_copy_pays_the_tranche_of_another_dataset(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 1)
    first = market.database
    market.use_dataset()
    terms = market.carried(contributors[1])
    market.execute(terms, market.verdict(outcome=COPY, copy_of=tranche), copied=1)

    assert first.claimable(tranche, contributors[0]) == BOND // 2


def test_nobody_can_name_another_birth_of_the_copied_tranche(
    market: Market, contributors: list[str]
) -> None:
    """Whoever executes brings the snapshot, and can neither leave it out nor send it elsewhere."""
    tranche = market.accepted(contributors[0], 1)
    market.accepted(contributors[2], 1)
    terms = market.carried(contributors[1])
    verdict = market.verdict(outcome=COPY, copy_of=tranche)

    for snapshot, reason in (
        (0, "database: unknown snapshot"),
        (2, "database: unknown tranche"),
        (3, "database: unknown snapshot"),
    ):
        with refused(reason):
            market.execute(terms, verdict, copied=snapshot)
    market.execute(terms, verdict, copied=1)


def test_the_earlier_commitment_wins(market: Market, contributors: list[str]) -> None:
    first = market.propose(contributors[0])
    second = market.propose(contributors[1])
    market.vote_all(first)
    market.vote_all(second)
    with refused("verdicts: copy of a later one"):
        market.execute(first, market.verdict(outcome=COPY, copy_of=second.proposal))

    market.execute(first)
    market.execute(second, market.verdict(outcome=COPY, copy_of=first.proposal), copied=1)
    assert (market.status(first), market.status(second)) == (ACCEPTED, REJECTED)


def test_of_one_second_the_lower_id_is_the_earlier(market: Market, contributors: list[str]) -> None:
    second_dataset = market.create_dataset()
    later_id = market.propose(contributors[1], dataset=second_dataset)
    same = market.propose(contributors[0], wait=0)
    next_one = market.propose(contributors[2], wait=0)
    market.vote_all(same)
    market.vote_all(next_one)
    assert market.tally(same).opened == market.tally(later_id).opened

    with refused("verdicts: copy of a later one"):
        market.execute(same, market.verdict(outcome=COPY, copy_of=later_id.proposal))
    market.execute(same)
    market.execute(next_one, market.verdict(outcome=COPY, copy_of=same.proposal), copied=1)
    assert market.status(next_one) == REJECTED


def test_of_two_datasets_the_earlier_second_wins_whatever_the_ids(
    market: Market, contributors: list[str]
) -> None:
    second_dataset = market.create_dataset()
    earlier = market.propose(contributors[1], dataset=second_dataset)
    terms = market.propose(contributors[0])
    market.vote_all(terms)
    market.execute(terms, market.verdict(outcome=COPY, copy_of=earlier.proposal))

    assert market.status(terms) == REJECTED


def test_a_motion_is_copied_by_nobody(market: Market, contributors: list[str]) -> None:
    motion = market.move(1, bytes(32))
    terms = market.carried(contributors[0])

    with refused("verdicts: copy of nothing"):
        market.execute(terms, market.verdict(outcome=COPY, copy_of=motion))


def test_a_copy_of_what_was_taken_down_pays_the_redirected(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 1)
    motion = market.move(2, market.payload_of_takedown(tranche, 1, market.buyer))
    market.carry(motion)
    market.motions.enact_takedown(motion, tranche, 1, market.buyer)
    terms = market.propose(contributors[1])
    market.vote_all(terms)
    market.execute(terms, market.verdict(outcome=COPY, copy_of=tranche), copied=1)
    assert market.database.claim_for(tranche, contributors[0]) == 0

    assert market.database.credit_of(market.buyer) == BOND // 2
