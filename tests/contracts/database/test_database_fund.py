"""Income: of the newest snapshot, of older ones, of one tranche, by a signed payment."""

from __future__ import annotations

import random

import boa
import pytest

from tests.contracts.data_world import WEALTH, Market
from tests.contracts.market_world import digest, events, refused
from tests.contracts.signing import payment


def test_fund_splits_by_the_shares_of_the_snapshot(market: Market, contributors: list[str]) -> None:
    first = market.register(contributors[0], 10)
    second = market.register(contributors[1], 5)
    market.fund(2, 31)

    (event,) = events(market.database, "Funded")
    assert (event.snapshot, str(event.payer), event.amount, event.to_pool) == (
        2, market.buyer, 31, 0,
    )  # fmt: skip
    assert market.balance(market.buyer) == WEALTH - 31
    assert market.database.claimable(first, contributors[0]) == 20
    assert market.database.claimable(second, contributors[1]) == 10


def test_a_late_joiner_takes_nothing_of_earlier_snapshots(
    market: Market, contributors: list[str]
) -> None:
    first = market.register(contributors[0], 10)
    market.fund(1, 20)
    second = market.register(contributors[1], 10)
    market.fund(1, 20)

    assert market.database.claimable(first, contributors[0]) == 40
    assert market.database.claimable(second, contributors[1]) == 0


def test_an_early_tranche_earns_of_all_later_snapshots(
    market: Market, contributors: list[str]
) -> None:
    tranches = [market.register(contributors[0], 1) for _ in range(9)]
    for snapshot in range(1, 10):
        # A unit for each share of the snapshot, times a weight that tells snapshots apart.
        market.fund(snapshot, snapshot * 2**snapshot)

    for index, tranche in enumerate(tranches):
        due = sum(2**snapshot for snapshot in range(index + 1, 10))
        assert market.database.claimable(tranche, contributors[0]) == due


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_older_snapshots_pay_as_a_plain_sum_does(
    market: Market, contributors: list[str], seed: int
) -> None:
    """Joins, removals, takedowns, fundings and sales in any order, against sums by snapshot."""
    draw = random.Random(seed)
    born: dict[int, int] = {}
    ended: dict[int, int] = {}
    funded: dict[int, int] = {}
    # Sixteen shares each: a power of two, so that nothing is rounded and sums are exact.
    for _ in range(45):
        count = int(market.database.num_snapshots())
        alive = [one for one in born if one not in ended]
        step = draw.random()
        if step < 0.3 or not alive:
            tranche = market.register(contributors[draw.randrange(3)], 16)
            born[tranche] = count + 1
        elif step < 0.4 and len(alive) > 1:
            tranche = draw.choice(alive)
            holder = next(
                one for one in contributors if market.database.balanceOf(one, tranche) == 16
            )
            if draw.random() < 0.5:
                market.database.remove(tranche, sender=holder)
            else:
                # To the holder itself, so that the sum stays in one place.
                market.take_down(tranche, born[tranche], holder)
            ended[tranche] = count + 1
        else:
            snapshot = draw.randint(1, count)
            shares = int(market.database.total_shares(snapshot))
            unit = draw.randint(1, 3)
            market.fund(snapshot, unit * shares)
            funded[snapshot] = funded.get(snapshot, 0) + unit

    for tranche, first in born.items():
        due = 16 * sum(
            unit
            for snapshot, unit in funded.items()
            if first <= snapshot and (tranche not in ended or snapshot < ended[tranche])
        )
        found = sum(int(market.database.claimable(tranche, one)) for one in contributors)
        assert found == due, f"tranche {tranche} of seed {seed}"
    for tranche in born:
        for holder in contributors:
            market.database.claim_for(tranche, holder)
    for holder in contributors:
        market.database.withdraw_for(holder)
    assert market.balance(market.database) == 0


def test_fund_refuses_a_snapshot_without_shares(market: Market, contributors: list[str]) -> None:
    market.register(contributors[0], 0)
    market.register(contributors[0], 5)

    with refused("database: no shares"):
        market.fund(1, 5)
    assert market.balance(market.database) == 0


def test_fund_refuses_unknown_snapshots(market: Market, contributors: list[str]) -> None:
    with refused("database: no shares"):
        market.fund(0, 5)
    market.register(contributors[0], 10)

    for number in (0, 2):
        with refused("database: unknown snapshot"):
            market.fund(number, 5)


def test_fund_refuses_what_the_payer_does_not_have(market: Market, contributors: list[str]) -> None:
    market.register(contributors[0], 10)

    with refused("token: balance too low"):
        market.fund(1, WEALTH + 1)


def test_fund_refuses_amounts_out_of_range(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 1)
    for amount in (2**96 - 1, 2**96, 2**256 - 1):
        with refused("database: amount out of range"):
            market.fund(1, amount)
        with refused("database: amount out of range"):
            market.database.fund_tranche(tranche, 1, amount, sender=market.buyer)
    market.register(contributors[0], 1)
    with refused("database: amount out of range"):
        market.fund(1, 2**96 - 1)


def test_fund_refuses_a_token_that_takes_a_fee(hostile: Market) -> None:
    hostile.accepted(hostile.contributors[0], 10)
    hostile.token.set_fee(1)

    with refused("token: fee on transfer"):
        hostile.fund(1, 5)


def test_fund_tranche_pays_one_tranche_alone(market: Market, contributors: list[str]) -> None:
    first = market.register(contributors[0], 10)
    second = market.register(contributors[1], 10)
    market.database.fund_tranche(first, 1, 7, sender=market.buyer)

    (event,) = events(market.database, "TrancheFunded")
    assert (event.tranche, str(event.payer), event.amount) == (first, market.buyer, 7)
    # A tenth of 7 per share is rounded down, once; a unit of dust stays.
    assert market.database.claimable(first, contributors[0]) == 6
    assert market.database.claimable(second, contributors[1]) == 0


def test_fund_tranche_pays_a_removed_tranche_too(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 8)
    market.database.remove(tranche, sender=contributors[0])
    market.database.fund_tranche(tranche, 1, 16, sender=market.buyer)

    assert market.database.claim(tranche, sender=contributors[0]) == 16


def test_fund_tranche_refuses_one_without_shares(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 0)

    with refused("database: no shares"):
        market.database.fund_tranche(tranche, 1, 5, sender=market.buyer)
    with refused("database: unknown tranche"):
        market.database.fund_tranche(99, 1, 5, sender=market.buyer)


# Signed payments


def nonce_for(snapshot: int, text: str = "use") -> bytes:
    """A nonce names the snapshot in its low 32 bits."""
    return digest(text)[:28] + snapshot.to_bytes(4, "big")


def test_a_signed_payment_funds_its_snapshot(market: Market, contributors: list[str]) -> None:
    payer = market.evaluators[0]
    tranche = market.register(contributors[0], 10)
    signed = payment(market.token, payer, market.database.address, 20, nonce_for(1))
    market.database.fund_with_authorization(1, signed, sender=market.stranger)

    (event,) = events(market.database, "Funded")
    assert (event.snapshot, str(event.payer), event.amount) == (1, payer.address, 20)
    assert market.balance(payer) == WEALTH - 20
    assert market.database.claimable(tranche, contributors[0]) == 20
    with refused("token: authorization is used"):
        market.database.fund_with_authorization(1, signed, sender=market.stranger)


def test_whoever_sends_a_payment_cannot_choose_its_snapshot(
    market: Market, contributors: list[str]
) -> None:
    """A holder of a later snapshot would like to see an older one's income there."""
    payer = market.evaluators[0]
    market.register(contributors[0], 10)
    market.register(contributors[1], 90)
    signed = payment(market.token, payer, market.database.address, 20, nonce_for(1))

    with refused("database: other snapshot"):
        market.database.fund_with_authorization(2, signed, sender=contributors[1])
    moved = (*signed[:4], nonce_for(2), *signed[5:])
    with refused("token: wrong signature"):
        market.database.fund_with_authorization(2, moved, sender=contributors[1])
    for field, value in ((0, market.buyer), (1, 21), (3, 2**32 + 1)):
        changed = (*signed[:field], value, *signed[field + 1 :])
        with refused("token: wrong signature"):
            market.database.fund_with_authorization(1, changed, sender=contributors[1])
    # Nor take it for another dataset, nor to itself.
    with refused("token: caller is not the receiver"):
        market.token.receiveWithAuthorization(
            payer.address, market.database.address, *signed[1:], sender=contributors[1]
        )
    other = market.database
    market.use_dataset()
    market.register(contributors[1], 10)
    with refused("token: wrong signature"):
        market.database.fund_with_authorization(1, signed, sender=contributors[1])
    other.fund_with_authorization(1, signed, sender=contributors[1])
    assert market.balance(other) == 20


def test_a_signed_payment_goes_to_the_pool_too(market: Market, contributors: list[str]) -> None:
    payer = market.evaluators[0]
    market.register(contributors[0], 10, percent=30)
    signed = payment(market.token, payer, market.database.address, 100, nonce_for(1))
    market.database.fund_with_authorization(1, signed, sender=market.stranger)

    assert market.pools.pool(market.dataset, 1).amount == 30
    assert market.balance(market.database) == 70


def test_a_late_payment_is_refused(market: Market, contributors: list[str]) -> None:
    payer = market.evaluators[0]
    market.register(contributors[0], 10)
    until = int(boa.env.timestamp) + 5
    signed = payment(market.token, payer, market.database.address, 20, nonce_for(1), until)
    market.wait(5)

    with refused("token: authorization has expired"):
        market.database.fund_with_authorization(1, signed, sender=market.stranger)
