"""A dataset changes itself: moved by anyone, carried by its curators, enacted after a delay."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.data_world import BOND, NOBODY, PERIOD, WEALTH, Market
from tests.contracts.market_world import digest, events, refused

PATIENCE = 30 * 86_400
RULES, TAKEDOWN = 1, 2
OPEN, CARRIED, LOST, ENACTED = 1, 2, 3, 4
NOTHING = bytes(32)


def settle(market: Market, motion: int) -> None:
    market.end_voting(motion)
    market.motions.settle_motion(motion, sender=market.buyer)


def test_move_opens_a_vote_and_takes_a_bond(market: Market) -> None:
    motion = market.move(TAKEDOWN, digest("payload"))

    (event,) = events(market.motions, "Moved")
    assert (event.motion, str(event.mover), event.kind, event.payload, event.text) == (
        motion, market.stranger, TAKEDOWN, digest("payload"), digest("why"),
    )  # fmt: skip
    assert (event.bond, event.electorate) == (BOND, 11)
    assert motion == market.dataset * 1_000_000 + 500_001
    assert market.balance(market.stranger) == WEALTH - BOND
    found = market.motions.motion(motion)
    assert (found.kind, str(found.mover), found.status, found.bond) == (2, market.stranger, 1, BOND)
    tally = market.tally(motion)
    assert (tally.is_motion, tally.period, tally.status, tally.supply) == (True, PERIOD, 1, 0)
    assert market.motions.num_motions(market.dataset) == 1


def test_a_motion_commits_to_all_that_its_event_says(market: Market) -> None:
    motion = market.move(TAKEDOWN, digest("payload"))

    kinds = ["uint256", "address", "uint256", "bytes32", "bytes32", "uint256", "uint256"]
    said = [motion, market.stranger, TAKEDOWN, digest("payload"), digest("why"), BOND, 11]
    assert bytes(market.motions.commitment(motion)) == keccak(encode(kinds, said))
    assert bytes(market.motions.commitment(motion + 1)) == NOTHING
    before = bytes(market.motions.commitment(motion))
    settle(market, motion)
    assert bytes(market.motions.commitment(motion)) == before


def test_everybody_may_move_who_can_pay(market: Market) -> None:
    with refused("token: balance too low"):
        market.motions.move(market.dataset, RULES, NOTHING, NOTHING, sender=poor(market))
    market.move(RULES, NOTHING, market.contributors[0])
    market.move(RULES, NOTHING, market.curators[0])

    assert market.motions.num_motions(market.dataset) == 2


def poor(market: Market) -> str:
    """An account without money that would let it be taken."""
    market.token.approve(market.motions.address, 10, sender=market.deployer)
    return market.deployer


def test_move_refuses_bad_values(market: Market) -> None:
    with refused("motions: unknown dataset"):
        market.motions.move(99, RULES, NOTHING, NOTHING, sender=market.stranger)
    for kind in (0, 3):
        with refused("motions: unknown kind"):
            market.move(kind, NOTHING)
    with refused("motions: unknown motion"):
        market.motions.motion(1)


def test_motions_of_a_dataset_end(market: Market) -> None:
    market.move(RULES, NOTHING)
    market.set_motions(market.dataset, 499_998)
    last = market.move(RULES, NOTHING)

    with refused("motions: too many motions"):
        market.move(RULES, NOTHING)
    assert last == 1_999_999
    assert market.motions.num_motions(market.dataset) == 499_999
    # For the books, which look at all of them.
    settle(market, last)
    market.set_motions(market.dataset, 1)


def test_a_movers_weight_does_not_count(market: Market, curators: list[str]) -> None:
    motion = market.move(RULES, NOTHING, curators[0])

    assert market.motions.motion(motion).electorate == 5
    assert str(market.votes.mover_of(motion)) == curators[0]
    with refused("curator: already voted"):
        market.vote(motion, (curators[0], True))
    market.vote(motion, (curators[1], True))
    assert market.sides(motion) == (3, 0)


def test_votes_of_the_second_of_a_motion_do_not_count_on_it(
    market: Market, contributors: list[str]
) -> None:
    terms = market.carried(contributors[0])
    market.wait(1)
    market.execute(terms)
    motion = int(
        market.motions.move(market.dataset, RULES, NOTHING, NOTHING, sender=market.stranger)
    )

    assert market.motions.motion(motion).electorate == 11
    with refused("curator: no weight"):
        market.vote(motion, (contributors[0], True))


# Counting


@pytest.mark.parametrize(
    ("sides", "carried", "bond_back"),
    [
        ((True, True, True), True, BOND),
        ((True, False, None), True, BOND),
        ((False, True, True), False, 0),
        ((None, None, False), False, BOND),
        ((None, None, True), False, BOND),
        ((None, None, None), False, BOND),
    ],
)
def test_the_vote_decides_and_a_quorum_against_it_burns_the_bond(
    market: Market, sides: tuple[bool | None, ...], carried: bool, bond_back: int
) -> None:
    supply = market.token.totalSupply()
    motion = market.move(RULES, NOTHING)
    for curator, side in zip(market.curators, sides, strict=True):
        if side is not None:
            market.vote(motion, (curator, side))
    settle(market, motion)

    (event,) = events(market.motions, "MotionSettled")
    assert (event.motion, event.is_carried, event.bond_back) == (motion, carried, bond_back)
    assert event.ready_at == (market.now() + PERIOD if carried else 0)
    found = market.motions.motion(motion)
    assert found.status == (CARRIED if carried else LOST)
    assert market.status(motion) == found.status
    assert market.motions.credit_of(market.stranger) == bond_back
    assert supply - market.token.totalSupply() == BOND - bond_back
    with refused("motions: motion is not open"):
        market.motions.settle_motion(motion)


def test_a_tie_carries_nothing_and_burns_nothing(market: Market) -> None:
    market.use_dataset(weights=[4, 2, 2])
    motion = market.move(RULES, NOTHING)
    market.vote(motion, *zip(market.curators, (True, False, False), strict=True))
    settle(market, motion)

    assert market.motions.motion(motion).status == LOST
    assert market.motions.credit_of(market.stranger) == BOND


def test_settle_motion_waits_for_the_extended_deadline(market: Market, curators: list[str]) -> None:
    motion = market.move(RULES, NOTHING)
    market.wait(PERIOD - 1)
    with refused("motions: voting is not over"):
        market.motions.settle_motion(motion)
    market.vote(motion, (curators[0], True))
    market.wait(1)
    with refused("motions: voting is not over"):
        market.motions.settle_motion(motion)

    settle(market, motion)
    assert market.motions.motion(motion).status == CARRIED


def test_what_is_no_motion_is_not_settled(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])

    for number in (terms.proposal, 99):
        with refused("motions: motion is not open"):
            market.motions.settle_motion(number)


# Enacting


def test_a_carried_motion_is_enacted_after_its_delay_once(market: Market) -> None:
    rules = market.rules(curators=[], weights=[], bond=9)
    motion = market.move(RULES, market.payload_of_rules(rules))
    market.vote_all(motion)
    with refused("motions: motion not carried"):
        market.motions.enact_rules(motion, rules)
    settle(market, motion)
    market.wait(PERIOD - 1)
    with refused("motions: delay is not over"):
        market.motions.enact_rules(motion, rules)
    market.wait(1)
    market.motions.enact_rules(motion, rules, sender=market.buyer)

    (event,) = events(market.motions, "Enacted")
    assert (event.motion, event.kind, event.version) == (motion, RULES, 2)
    assert market.motions.motion(motion).status == ENACTED
    assert market.charter.rules_of(market.dataset).bond == 9
    with refused("motions: motion not carried"):
        market.motions.enact_rules(motion, rules)


def test_the_delay_is_that_of_the_rules_that_it_was_moved_under(market: Market) -> None:
    market.use_dataset(change_delay=3 * PERIOD)
    rules = market.rules(curators=[], weights=[], bond=9)
    motion = market.move(RULES, market.payload_of_rules(rules))
    market.carry(motion)
    market.wait(2 * PERIOD - 1)
    with refused("motions: delay is not over"):
        market.motions.enact_rules(motion, rules)

    market.wait(1)
    market.motions.enact_rules(motion, rules)


def test_a_carried_motion_that_nobody_enacts_is_void(market: Market) -> None:
    rules = market.rules(curators=[], weights=[], bond=9)
    motion = market.move(RULES, market.payload_of_rules(rules))
    market.carry(motion)
    market.wait(PATIENCE)

    with refused("motions: motion is void"):
        market.motions.enact_rules(motion, rules)


def test_a_motion_enacts_what_it_moved(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0])
    rules = market.rules(curators=[], weights=[], bond=9)
    changing = market.move(RULES, market.payload_of_rules(rules))
    ending = market.move(TAKEDOWN, market.payload_of_takedown(tranche, 1, market.buyer))
    market.vote_all(changing)
    market.carry(ending)
    market.motions.settle_motion(changing)
    market.wait(PERIOD)

    with refused("motions: other payload"):
        market.motions.enact_rules(changing, market.rules(curators=[], weights=[], bond=8))
    with refused("motions: other payload"):
        market.motions.enact_rules(ending, rules)
    with refused("motions: other payload"):
        market.motions.enact_takedown(ending, tranche, 1, market.stranger)
    with refused("motions: other payload"):
        market.motions.enact_takedown(changing, tranche, 1, market.buyer)
    with refused("motions: motion not carried"):
        market.motions.enact_takedown(99, tranche, 1, market.buyer)


def test_a_lost_motion_enacts_nothing(market: Market) -> None:
    rules = market.rules(curators=[], weights=[], bond=9)
    motion = market.move(RULES, market.payload_of_rules(rules))
    settle(market, motion)
    market.wait(PERIOD)

    with refused("motions: motion not carried"):
        market.motions.enact_rules(motion, rules)


def test_a_takedown_is_enacted(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0])
    motion = market.move(TAKEDOWN, market.payload_of_takedown(tranche, 1, market.buyer))
    market.carry(motion)
    market.motions.enact_takedown(motion, tranche, 1, market.buyer, sender=market.stranger)

    (event,) = events(market.motions, "TakenDown")
    assert (event.dataset, event.tranche, str(event.to)) == (market.dataset, tranche, market.buyer)
    assert str(market.database.redirect(tranche)) == market.buyer


def test_a_takedown_that_cannot_be_stays_to_be_enacted(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0])
    motion = market.move(TAKEDOWN, market.payload_of_takedown(tranche, 1, NOBODY))
    market.carry(motion)

    with refused("database: zero address"):
        market.motions.enact_takedown(motion, tranche, 1, NOBODY)
    assert market.motions.motion(motion).status == CARRIED


def test_a_token_that_takes_a_fee_is_refused_a_bond(hostile: Market) -> None:
    hostile.token.set_fee(1)

    with refused("token: fee on transfer"):
        hostile.move(RULES, NOTHING)


@pytest.mark.parametrize("name", ["token", "association", "charter"])
def test_the_motions_name_their_neighbours(market: Market, name: str) -> None:
    assert str(getattr(market.motions, name)()) == str(getattr(market, name).address)
    assert str(market.motions.curator_token()) == str(market.votes.address)
