"""Income that values divide: posted, vetoed, released, claimed; no pool pays another's money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.contracts.data_world import PERIOD, WEALTH, Market
from tests.contracts.market_world import digest, events, refused
from tests.contracts.signing import value_signatures

PATIENCE = 90 * 86_400


class Values:
    """A tree of (owner, value): leaves keccak(0x00 | owner | value), sorted pairs after 0x01."""

    def __init__(self, *owners: tuple[str, int]) -> None:
        leaves = [
            keccak(b"\0" + bytes.fromhex(owner[2:]) + worth.to_bytes(32, "big"))
            for owner, worth in owners
        ]
        self.levels = [leaves]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            pairs = [below[index : index + 2] for index in range(0, len(below), 2)]
            self.levels.append([keccak(b"\1" + b"".join(sorted(pair))) for pair in pairs])

    @property
    def root(self) -> bytes:
        return bytes(self.levels[-1][0])

    def path(self, index: int) -> list[bytes]:
        found = []
        for level in self.levels[:-1]:
            found.append(bytes(level[index ^ 1]))
            index //= 2
        return found


@pytest.fixture
def pooled(market: Market) -> Market:
    """Thirty per cent of a snapshot's income go by values; the first has ten shares."""
    market.use_dataset(a_bps=7_000)
    market.accepted(market.contributors[0], 10)
    return market


def post(
    market: Market, root: bytes, total: int, snapshot: int = 1, signers: Sequence[Any] = ()
) -> None:
    values = (market.dataset, snapshot, root, total)
    chosen = signers or market.evaluators[:2]
    signed = value_signatures(market.pools, values, 1, chosen)
    market.pools.post_values(*values, signed, sender=market.stranger)


def veto(market: Market, root: bytes, total: int, purpose: int = 2) -> None:
    values = (market.dataset, 1, root, total)
    signed = value_signatures(market.pools, values, purpose, market.evaluators[2:4])
    market.pools.veto_values(market.dataset, 1, signed, sender=market.stranger)


def claim(market: Market, tree: Values, index: int, owner: str, worth: int) -> int:
    return int(
        market.pools.claim_value(
            market.dataset, 1, owner, worth, tree.path(index), sender=market.stranger
        )
    )


@pytest.mark.parametrize(("amount", "to_pool"), [(1, 0), (3, 0), (4, 1), (7, 2), (100, 30)])
def test_income_is_divided_to_the_unit(pooled: Market, amount: int, to_pool: int) -> None:
    pooled.fund(1, amount)

    (event,) = events(pooled.database, "Funded")
    assert (event.amount, event.to_pool) == (amount, to_pool)
    assert pooled.pools.pool(pooled.dataset, 1).amount == to_pool
    assert pooled.balance(pooled.pools) == to_pool
    assert pooled.balance(pooled.database) == amount - to_pool


def test_owners_are_paid_by_their_values(pooled: Market) -> None:
    market = pooled
    owners = [(one, worth) for one, worth in zip(market.contributors, (5, 3, 2), strict=True)]
    owners.append((market.workers[0], 0))
    tree = Values(*owners)
    market.fund(1, 100)
    post(market, tree.root, 10)
    (event,) = events(market.pools, "ValuesPosted")
    assert (event.snapshot, event.root, event.total) == (1, tree.root, 10)
    market.wait(PERIOD)
    before = [market.balance(owner) for owner, _ in owners]
    paid = [claim(market, tree, index, *owner) for index, owner in enumerate(owners)]

    assert paid == [15, 9, 6, 0]
    assert [market.balance(owner) for owner, _ in owners] == [
        wallet + amount for wallet, amount in zip(before, paid, strict=True)
    ]
    assert claim(market, tree, 0, *owners[0]) == 0
    # Later income of the snapshot is divided by the same values.
    market.fund(1, 50)
    paid = [claim(market, tree, index, *owner) for index, owner in enumerate(owners)]
    assert paid == [7, 4, 3, 0]
    assert market.pools.value_paid(market.dataset, 1, market.contributors[0]) == 22


def test_claim_value_refuses_what_the_root_does_not_hold(pooled: Market) -> None:
    market = pooled
    owners = [(market.contributors[0], 5), (market.contributors[1], 3)]
    tree = Values(*owners)
    market.fund(1, 100)
    with refused("pools: no values"):
        claim(market, tree, 0, *owners[0])
    post(market, tree.root, 8)
    market.wait(PERIOD - 1)
    with refused("pools: values are not final"):
        claim(market, tree, 0, *owners[0])
    market.wait(1)
    for index, owner, worth in (
        (0, market.contributors[0], 6),
        (0, market.stranger, 5),
        (1, market.contributors[0], 5),
    ):
        with refused("pools: wrong path"):
            claim(market, tree, index, owner, worth)
    with refused("pools: no values"):
        market.pools.claim_value(market.dataset, 2, *owners[0], tree.path(0))
    assert claim(market, tree, 0, *owners[0]) == 18


def test_a_value_above_the_sum_is_refused(pooled: Market) -> None:
    tree = Values((pooled.contributors[0], 5), (pooled.contributors[1], 3))
    pooled.fund(1, 100)
    post(pooled, tree.root, 4)
    pooled.wait(PERIOD)

    with refused("pools: wrong path"):
        claim(pooled, tree, 0, pooled.contributors[0], 5)


def test_a_false_sum_takes_nothing_of_another_pool(pooled: Market) -> None:
    """Each leaf worth the whole pool: the first is paid, the rest would be another's money."""
    market = pooled
    market.fund(1, 1_000)
    victim = market.dataset
    market.use_dataset(a_bps=0)
    market.accepted(market.contributors[1], 10)
    market.fund(1, 100)
    owners = [(worker, 1) for worker in market.workers]
    tree = Values(*owners)
    post(market, tree.root, 1)
    market.wait(PERIOD)
    assert claim(market, tree, 0, *owners[0]) == 100

    for index in range(1, 4):
        with refused("pools: values exceed their sum"):
            claim(market, tree, index, *owners[index])
    assert market.balance(market.pools) == 300
    assert market.pools.pool(victim, 1).amount == 300


def test_an_owner_named_twice_is_paid_its_higher_value_at_most(pooled: Market) -> None:
    owner = pooled.contributors[0]
    tree = Values((owner, 3), (owner, 5))
    pooled.fund(1, 100)
    post(pooled, tree.root, 8)
    pooled.wait(PERIOD)

    assert claim(pooled, tree, 0, owner, 3) == 11
    assert claim(pooled, tree, 1, owner, 5) == 18 - 11
    assert pooled.pools.value_paid(pooled.dataset, 1, owner) == 18


# Posting


def test_post_values_refuses_what_does_not_count(pooled: Market) -> None:
    market = pooled
    root = digest("root of values")
    for total in (0, 2**128):
        with refused("pools: values out of range"):
            post(market, root, total)
    with refused("verdicts: too few signatures"):
        post(market, root, 5, signers=market.evaluators[:1])
    values = (market.dataset, 1, root, 5)
    signed = value_signatures(market.pools, values, 2, market.evaluators[:2])
    with refused("verdicts: not an evaluator's"):
        market.pools.post_values(*values, signed)
    signed = value_signatures(market.pools, values, 1, market.evaluators[:2])
    for changed in ((*values[:3], 6), (market.dataset, 2, root, 5), (1, *values[1:])):
        with refused("verdicts: not an evaluator's"):
            market.pools.post_values(*changed, signed)
    market.pools.post_values(*values, signed)
    with refused("pools: values are posted"):
        post(market, digest("another"), 5)


# Veto and release


def test_a_veto_gives_the_pool_to_the_shares(pooled: Market) -> None:
    market = pooled
    tranche = market.dataset * 1_000_000 + 1
    tree = Values((market.stranger, 1))
    market.fund(1, 100)
    post(market, tree.root, 1)
    market.wait(PERIOD - 1)
    veto(market, tree.root, 1)

    assert [event.root for event in events(market.pools, "ValuesVetoed")] == [tree.root]
    (event,) = events(market.pools, "PoolReleased")
    assert (event.snapshot, event.amount) == (1, 30)
    assert market.database.claimable(tranche, market.contributors[0]) == 100
    assert market.token.allowance(market.pools.address, market.database.address) == 0
    with refused("pools: no values"):
        claim(market, tree, 0, market.stranger, 1)
    with refused("pools: values are posted"):
        post(market, tree.root, 1)
    # From then on all income goes to the shares.
    assert not market.pools.is_open(market.dataset, 1)
    market.fund(1, 50)
    assert market.database.claimable(tranche, market.contributors[0]) == 150
    assert market.balance(market.pools) == 0


def test_veto_values_refuses_what_does_not_count(pooled: Market) -> None:
    market = pooled
    root = digest("root of values")
    with refused("pools: no values"):
        veto(market, root, 5)
    post(market, root, 5)
    with refused("verdicts: not an evaluator's"):
        veto(market, root, 5, purpose=1)
    with refused("verdicts: not an evaluator's"):
        veto(market, digest("another"), 5)
    market.wait(PERIOD)
    with refused("pools: values are final"):
        veto(market, root, 5)


def test_a_longer_window_of_new_rules_does_not_bring_a_veto_back(pooled: Market) -> None:
    """Else what owners have been paid could be paid to the shares once more, of others' money."""
    market = pooled
    owner = market.contributors[0]
    tree = Values((owner, 1))
    market.fund(1, 1_000)
    post(market, tree.root, 1)
    market.wait(PERIOD)
    assert claim(market, tree, 0, owner, 1) == 300
    rules = market.rules(
        curators=[], weights=[], a_bps=7_000, voting_period=30 * 86_400, change_delay=30 * 86_400
    )
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    market.motions.enact_rules(motion, rules)

    assert market.charter.value_window(market.dataset) == 30 * 86_400
    with refused("pools: values are final"):
        veto(market, tree.root, 1)
    assert market.pools.is_settled(market.dataset, 1)


def test_a_pool_without_values_falls_to_the_shares(pooled: Market) -> None:
    market = pooled
    tranche = market.dataset * 1_000_000 + 1
    market.fund(1, 100)
    market.wait(PATIENCE - 1)
    market.fund(1, 200)
    with refused("pools: values may still come"):
        market.pools.release(market.dataset, 1)
    market.wait(1)
    market.pools.release(market.dataset, 1, sender=market.stranger)

    # The fund of the second before does not put it off.
    assert market.database.claimable(tranche, market.contributors[0]) == 300
    with refused("pools: values are posted"):
        market.pools.release(market.dataset, 1)


def test_release_refuses_a_pool_with_values_or_without_income(pooled: Market) -> None:
    with refused("pools: values may still come"):
        pooled.pools.release(pooled.dataset, 1)
    pooled.fund(1, 100)
    post(pooled, digest("root of values"), 5)
    pooled.wait(PATIENCE)

    with refused("pools: values are posted"):
        pooled.pools.release(pooled.dataset, 1)


def test_a_pool_is_settled_when_nothing_can_be_contested(pooled: Market) -> None:
    market = pooled
    assert not market.pools.is_settled(market.dataset, 1)
    market.fund(1, 100)
    assert not market.pools.is_settled(market.dataset, 1)
    post(market, digest("root of values"), 5)
    market.wait(PERIOD - 1)
    assert not market.pools.is_settled(market.dataset, 1)
    market.wait(1)
    assert market.pools.is_settled(market.dataset, 1)


def test_a_snapshot_keeps_its_part_for_values(pooled: Market) -> None:
    """The second snapshot was made under rules that give all to the shares."""
    market = pooled
    rules = market.rules(curators=[], weights=[])
    motion = market.move(1, market.payload_of_rules(rules))
    market.carry(motion)
    market.motions.enact_rules(motion, rules)
    market.accepted(market.contributors[1], 10)
    market.fund(1, 100)
    market.fund(2, 100)

    assert market.pools.pool(market.dataset, 1).amount == 30
    assert market.pools.pool(market.dataset, 2).amount == 0


def test_only_the_datasets_database_tells_of_income(pooled: Market) -> None:
    for account in pooled.others(pooled.database):
        with refused("pools: not the database"):
            pooled.pools.on_fund(pooled.dataset, 1, 5, sender=account)
    # Another dataset's Database neither.
    first = pooled.database_of(1)
    with refused("pools: not the database"):
        pooled.pools.on_fund(pooled.dataset, 1, 5, sender=first.address)


def test_only_the_pools_fund_shares_alone(pooled: Market) -> None:
    for account in pooled.others(pooled.pools):
        with refused("database: not the pools"):
            pooled.database.fund_shares(1, 5, sender=account)
    with refused("database: no shares"):
        pooled.use_dataset(a_bps=7_000)
        pooled.accepted(pooled.contributors[0], 0)
        pooled.database.fund_shares(1, 5, sender=pooled.pools.address)


def test_a_frozen_owner_stops_nobody(hostile: Market) -> None:
    market = hostile
    market.use_dataset(a_bps=7_000)
    market.accepted(market.contributors[0], 10)
    frozen, other = market.contributors[1:]
    tree = Values((frozen, 1), (other, 1))
    market.fund(1, 100)
    post(market, tree.root, 2)
    market.wait(PERIOD)
    market.token.freeze(frozen)

    with refused("frozen"):
        claim(market, tree, 0, frozen, 1)
    assert claim(market, tree, 1, other, 1) == 15
    assert market.balance(market.buyer) == WEALTH - 100


@pytest.mark.parametrize("name", ["token", "association", "charter", "verdicts"])
def test_the_pools_name_their_neighbours(market: Market, name: str) -> None:
    assert str(getattr(market.pools, name)()) == str(getattr(market, name).address)
