"""Rules change for what begins afterwards; what is open keeps those that it began under."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.data_world import ACCEPTED, BOND, FEE, PERIOD, REJECTED, Market
from tests.contracts.market_world import digest, events, refused


def change(market: Market, **changes: Any) -> int:
    """Carry new rules and enact them; the version."""
    rules = market.rules(curators=[], weights=[], **changes)
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    market.motions.enact_rules(motion, rules, sender=market.stranger)
    return int(market.charter.version_of(market.dataset))


def test_new_rules_hold_for_what_begins_afterwards(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    rules = market.rules(
        curators=[], weights=[], bond=9, evaluation_fee=11, quorum_bps=10_000, relay_price=0,
        voting_period=2 * PERIOD, change_delay=2 * PERIOD, price_per_use=3,
    )  # fmt: skip
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    open_one = market.propose(contributors[0])
    market.motions.enact_rules(motion, rules)
    newer = market.propose(contributors[1])

    assert (newer.bond, newer.fee) == (9, 11)
    assert (open_one.bond, open_one.fee) == (BOND, FEE + 64)
    found = [market.tally(one) for one in (open_one, newer)]
    assert [one.version for one in found] == [1, 2]
    assert [one.period for one in found] == [PERIOD, 2 * PERIOD]
    for terms in (open_one, newer):
        market.vote(terms, (curators[1], True), (curators[2], True))
    market.end_voting(newer)
    market.execute(open_one)
    market.execute(newer)
    # Five of eleven were a quorum under the first rules, and are none under the second.
    assert (market.status(open_one), market.status(newer)) == (ACCEPTED, REJECTED)
    assert market.charter.price_per_use(market.dataset) == 3
    assert market.charter.rules_at(market.dataset, 1).price_per_use == 8


def test_genesis_curators_stay(market: Market, contributors: list[str]) -> None:
    change(market)
    terms = market.propose(contributors[0])

    assert terms.electorate == 11
    market.vote_all(terms)
    assert market.sides(terms) == (11, 0)
    with refused("charter: curators are fixed"):
        market.charter.change_rules(market.dataset, market.rules(), sender=market.motions.address)


def test_only_the_motions_change_rules_and_take_down(market: Market) -> None:
    rules = market.rules(curators=[], weights=[])

    for account in market.others(market.motions):
        with refused("charter: not the motions"):
            market.charter.change_rules(market.dataset, rules, sender=account)
        with refused("charter: not the motions"):
            market.charter.take_down(market.dataset, 1, 1, account, sender=account)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"threshold": 3}, "charter: too few evaluators"),
        ({"nodes": []}, "charter: no nodes"),
        ({"a_bps": 1}, "charter: share stream"),
        ({"epoch_length": 7}, "charter: epochs are fixed"),
    ],
)
def test_rules_that_no_dataset_may_have_are_not_enacted(
    market: Market, changes: dict[str, Any], reason: str
) -> None:
    with refused(reason):
        change(market, **changes)
    assert market.charter.version_of(market.dataset) == 1


# Evaluators by version


def names(market: Market, *indices: int) -> list[str]:
    return [str(market.evaluators[index].address) for index in indices]


def test_evaluators_count_for_the_versions_that_name_them(
    market: Market, contributors: list[str]
) -> None:
    """0 to 3 at first; then 1 to 4: 0 signs for what was open, 4 for what came later."""
    market.use_dataset(evaluators=names(market, 0, 1, 2, 3))
    rules = market.rules(curators=[], weights=[], evaluators=names(market, 1, 2, 3, 4))
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    older = market.propose(contributors[0])
    market.motions.enact_rules(motion, rules)
    newer = market.propose(contributors[1])
    market.vote_all(older)
    market.vote_all(newer)
    zero, one, _, _, four = market.evaluators

    with refused("verdicts: not an evaluator's"):
        market.execute(older, None, one, four)
    market.execute(older, None, zero, one)
    with refused("verdicts: not an evaluator's"):
        market.execute(newer, None, zero, one)
    market.execute(newer, None, one, four)
    found = [market.verdicts.is_evaluator(market.dataset, name) for name in names(market, 0, 1, 4)]
    assert found == [False, True, True]
    words = [int(market.verdicts.members(market.dataset, name)) for name in names(market, 0, 1, 4)]
    assert [(word & 4095, word >> 12 & 4095, word >> 24) for word in words] == [
        (1, 1, 1), (1, 4095, 1), (2, 4095, 1),
    ]  # fmt: skip


def test_an_evaluator_named_again_counts_from_then_on(
    market: Market, contributors: list[str]
) -> None:
    market.use_dataset(evaluators=names(market, 0, 1, 2, 3))
    assert change(market, evaluators=names(market, 1, 2, 3, 4)) == 2
    second = market.propose(contributors[0])
    rules = market.rules(curators=[], weights=[], evaluators=names(market, 0, 1, 2, 3))
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    market.motions.enact_rules(motion, rules)
    third = market.propose(contributors[1])
    with refused("verdicts: not an evaluator's"):
        market.execute(second)
    market.execute(second, None, *market.evaluators[1:3])
    market.end_voting(third)
    market.execute(third)

    assert market.status(third) == REJECTED


def test_new_rules_name_nobody_twice(market: Market) -> None:
    """Four names that are three people would leave a challenge without its answer."""
    with refused("charter: named twice"):
        change(market, evaluators=names(market, 0, 0, 1, 2))
    with refused("charter: named twice"):
        change(market, nodes=[market.nodes[0]] * 2)


def test_turns_are_those_of_the_proposals_rules(market: Market, contributors: list[str]) -> None:
    market.use_dataset(evaluators=names(market, 0, 1, 2, 3), review_minutes=60)
    rules = market.rules(
        curators=[], weights=[], evaluators=names(market, 4, 3, 2, 1), review_minutes=60
    )
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    terms = market.propose(contributors[0])
    market.verdicts.publish_evidence(
        terms.proposal, 0, digest("x"), sender=market.evaluators[0].address
    )
    market.motions.enact_rules(motion, rules)
    market.withdraw_proposal(terms)

    # The first proposal under the first rules: 1 and 2.
    assert [market.credit(account) for account in market.evaluators] == [0, 4, 3, 0, 0]


def test_nodes_are_those_of_the_newest_rules(market: Market) -> None:
    tranche = market.accepted(market.contributors[0])
    change(market, nodes=market.nodes[1:3])
    charter = market.charter

    found = [charter.is_node(market.dataset, node) for node in market.nodes]
    assert found == [False, True, True, False]
    for account in market.others(*market.nodes[1:3]):
        with refused("charter: not a node"):
            charter.log_erasure(market.dataset, tranche, digest("log"), sender=account)
    charter.log_erasure(market.dataset, tranche, digest("log"), sender=market.nodes[2])
    (event,) = events(charter, "Erased")
    assert (event.dataset, event.tranche, str(event.node), event.log_digest) == (
        market.dataset, tranche, market.nodes[2], digest("log"),
    )  # fmt: skip
    with refused("charter: unknown dataset"):
        charter.log_erasure(99, tranche, digest("log"), sender=market.nodes[2])
