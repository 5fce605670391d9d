"""Assignment: pure, distinct replicas, caps kept, repeated jobs expose no more than they must."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databright.compute_market.trusted.assignment import (
    Caps,
    Holding,
    add_shard,
    assign,
    assignment_seed,
    choose,
    owners_needed,
)
from databright.errors import PlanRefusedError
from databright.units import Address, BasisPoints, Digest, ceil_bps

OWNERS = [Address("0x" + f"{n:040x}") for n in range(1, 13)]
SEED = Digest(hashlib.sha256(b"seed").digest())


def make_shards(num_shards: int, rows_each: int) -> list[int]:
    whole = (1 << rows_each) - 1
    return [whole << (index * rows_each) for index in range(num_shards)]


def make_caps(shards: list[int], cap_bps: int) -> Caps:
    total = sum(shard.bit_count() for shard in shards)
    return Caps(total, BasisPoints(cap_bps), BasisPoints(cap_bps))


@given(
    num_shards=st.integers(1, 12),
    num_owners=st.integers(1, 12),
    replicas=st.integers(1, 5),
    cap_bps=st.integers(500, 10_000),
    seed=st.binary(min_size=32, max_size=32),
)
def test_every_assignment_has_distinct_replicas_keeps_the_cap_and_is_pure(
    num_shards: int, num_owners: int, replicas: int, cap_bps: int, seed: bytes
) -> None:
    shards, owners = make_shards(num_shards, 7), OWNERS[:num_owners]
    caps = make_caps(shards, cap_bps)
    chosen: list[tuple[Address, ...]] | None
    try:
        chosen = assign(Digest(seed), shards, owners, replicas, caps)
    except PlanRefusedError:
        chosen = None
    if chosen is None:
        most = cap_bps * num_shards // 10_000
        assert most * num_owners < num_shards * replicas or num_owners < replicas
        return
    assert chosen == assign(Digest(seed), shards, owners, replicas, caps)
    for group in chosen:
        assert len(set(group)) == len(group) == replicas
    for owner in owners:
        mine = [shard for shard, group in enumerate(chosen) if owner in group]
        seen = sum(shards[shard].bit_count() for shard in mine)
        assert ceil_bps(seen, caps.total_rows) <= cap_bps


def test_the_same_work_again_goes_to_those_who_saw_the_rows_before() -> None:
    shards, owners = make_shards(6, 10), OWNERS[:6]
    caps = make_caps(shards, 7_500)
    first = assign(SEED, shards, owners, 3, caps)
    held: dict[Address, Holding] = {}
    for shard, group in enumerate(first):
        for owner in group:
            held[owner] = add_shard(held.get(owner, Holding()), shard, shards)
    earlier = {owner: Holding(frozenset(), one.seen) for owner, one in held.items()}
    other_seed = Digest(hashlib.sha256(b"other").digest())
    second = assign(other_seed, shards, owners, 3, caps, earlier)
    assert [set(group) for group in first] == [set(group) for group in second]


def test_a_replacement_is_never_one_that_had_the_shard_and_keeps_both_caps() -> None:
    shards = make_shards(4, 10)
    caps = Caps(40, BasisPoints(5_000), BasisPoints(7_500))
    had = Holding(frozenset({0}), shards[0])
    full = Holding(frozenset({1, 2}), shards[1] | shards[2])
    elsewhere = Holding(frozenset(), shards[1] | shards[2])
    holdings = {OWNERS[0]: had, OWNERS[1]: full, OWNERS[2]: elsewhere}
    assert choose(SEED, 0, shards, OWNERS[:3], holdings, caps) is None
    assert choose(SEED, 0, shards, OWNERS[:4], holdings, caps) == OWNERS[3]
    assert choose(SEED, 1, shards, OWNERS[:4], holdings, caps) == OWNERS[2]


def test_an_uneven_shard_counts_by_its_rows() -> None:
    shards = [0b111, 0b11000]
    caps = Caps(5, BasisPoints(5_000), BasisPoints(5_000))
    assert choose(SEED, 0, shards, OWNERS[:1], {}, caps) is None
    assert choose(SEED, 1, shards, OWNERS[:1], {}, caps) == OWNERS[0]


@pytest.mark.parametrize(
    ("replicas", "cap_bps", "needed"), [(3, 500, 60), (3, 7_500, 4), (3, 10_000, 3), (1, 501, 20)]
)
def test_owners_needed(replicas: int, cap_bps: int, needed: int) -> None:
    assert owners_needed(replicas, cap_bps) == needed


def test_the_seed_is_the_block_hash_and_the_job() -> None:
    expected = hashlib.sha256(b"\1" * 32 + (5).to_bytes(32, "big")).digest()
    assert assignment_seed(b"\1" * 32, 5) == expected
