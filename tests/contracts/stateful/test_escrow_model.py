"""Searches the plain-Python rules for lost or invented money, with small numbers."""

from __future__ import annotations

import os
from contextlib import suppress

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.contracts.stateful.escrow_model import (
    BUYER,
    FINISHED,
    REFUNDED,
    Money,
    Refused,
    Terms,
    Worker,
    split_prediction,
)

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
SEARCH = settings(
    max_examples=4_000 if LONG else 400,
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
OWNERS = tuple(f"owner {index}" for index in range(6))
NODES = ("node 0", "node 1")

TERMS = st.builds(
    Terms,
    num_shards=st.integers(1, 3),
    num_rounds=st.integers(1, 2),
    replicas=st.integers(1, 3),
    cap_bps=st.sampled_from([5_000, 10_000]),
    segment_price=st.integers(0, 5),
    reserve=st.integers(0, 9),
    node_fee=st.integers(0, 5),
    chain_fee=st.integers(0, 9),
    chain_price=st.integers(1, 4),
    silence=st.just(60),
    data_fee=st.integers(0, 5),
)


def build(data: st.DataObject) -> Money:
    workers = {
        owner: Worker(
            min_fee=data.draw(st.integers(0, 4), label=f"fee of {owner}"),
            stake=data.draw(st.integers(0, 11), label=f"stake of {owner}"),
        )
        for owner in OWNERS
    }
    return Money(workers, NODES)


def step(money: Money, number: int, data: st.DataObject) -> None:
    """One call, more often one that gets somewhere than not."""
    job = money.jobs[number - 1]
    shards, rounds = job.terms.num_shards, job.terms.num_rounds
    kind = data.draw(st.sampled_from("rrrraaaavvlfcwk"))
    node = job.hub or NODES[0]
    shard = data.draw(st.integers(0, shards - 1))
    segment = min(job.done[shard], rounds - 1) * shards + shard
    row = [place.owner for place in job.places.get(shard, [])]
    event(kind)
    if kind == "r":
        money.reserve(number, node, job.epoch, data.draw(st.sampled_from(OWNERS)), {shard})
    elif kind == "a":
        money.accept(number, node, job.epoch, segment, row)
    elif kind in "vl":
        owner = data.draw(st.sampled_from(row or list(OWNERS)))
        money.void(number, node, job.epoch, segment, owner, 1 if kind == "v" else 2)
    elif kind == "f":
        money.finish(number, node, job.epoch)
    elif kind == "c":
        money.claim(number, data.draw(st.sampled_from(NODES)))
    elif kind == "w":
        money.withdraw(data.draw(st.sampled_from((*OWNERS, *NODES, BUYER))))
    else:
        money.now += data.draw(st.sampled_from([30, 61, 121]))
        money.refund(number, BUYER)


def play(data: st.DataObject) -> Money:
    money = build(data)
    for _ in range(data.draw(st.integers(1, 2))):
        with suppress(Refused):
            money.open_job(data.draw(TERMS))
    for number in range(1, len(money.jobs) + 1):
        money.claim(number, NODES[0])
    for _ in range(data.draw(st.integers(5, 60))):
        if not money.jobs:
            break
        with suppress(Refused):
            step(money, data.draw(st.integers(1, len(money.jobs))), data)
        check(money)
    return money


def check(money: Money) -> None:
    """Conservation; every line ≥ 0; an ended job holds nothing."""
    assert money.balance == money.owed
    for job in money.jobs:
        lines = (job.data_fee, job.compute, job.reserve, job.node_fee, job.chain, job.pot)
        assert min(lines) >= 0
        if job.status in (FINISHED, REFUNDED):
            assert job.held == 0
    assert min([0, *money.credit.values()]) == 0


@SEARCH
@given(st.data())
def test_money_is_conserved_to_the_unit(data: st.DataObject) -> None:
    play(data)


@SEARCH
@given(st.data())
def test_no_replica_is_paid_twice_and_each_segment_exactly_replicas_times(
    data: st.DataObject,
) -> None:
    money = play(data)
    assert set(money.wages.values()) <= {1}
    for number, job in enumerate(money.jobs, 1):
        paid = sum(1 for key in money.wages if key[0] == number)
        assert paid == sum(job.done.values()) * job.terms.replicas


@SEARCH
@given(st.data())
def test_every_replacement_under_way_is_already_paid_for(data: st.DataObject) -> None:
    """The liability of redone work is set aside, whatever happened since."""
    money = play(data)
    for job in money.jobs:
        if job.status in (FINISHED, REFUNDED):
            continue
        for row in job.places.values():
            for place in row:
                aside = place.from_pot + place.from_reserve
                assert aside in (0, job.offers[place.owner])
        still = sum(
            (job.terms.num_rounds - job.done[shard]) * job.terms.replicas
            for shard in range(job.terms.num_shards)
        )
        assert job.compute >= still * job.terms.segment_price


@SEARCH
@given(st.data())
def test_the_buyer_never_gets_more_than_it_paid(data: st.DataObject) -> None:
    money = play(data)
    spent = sum(
        job.terms.compute + job.terms.reserve + job.terms.node_fee + job.terms.chain_fee
        + job.terms.data_fee
        for job in money.jobs
    )  # fmt: skip
    assert money.credit[BUYER] <= spent


@SEARCH
@given(
    st.integers(0, 19), st.integers(0, 19), st.sampled_from([0, 1, 3_333, 5_000, 9_999, 10_000]),
    st.integers(0, 2),
)  # fmt: skip
def test_a_predictions_parts_sum_to_its_price(
    price: int, fee: int, data_bps: int, shares: int
) -> None:
    with suppress(Refused):
        parts = split_prediction(price, fee, data_bps, shares)
        assert sum(parts) == price
        assert min(parts) >= 0
