"""The exposure ledger: permanent, all or nothing, a function of the set of reservations."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from databright.custody.exposure import MAX_POINT, ExposureLedger, Points
from databright.errors import BadInputError, ExposureExceededError
from databright.units import Address, BasisPoints

OWNERS = [
    Address("0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"),
    Address("0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"),
    Address("0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69"),
]
A, B, C = OWNERS
RESERVATIONS = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(OWNERS), st.lists(st.integers(0, 60), max_size=12)
    ),
    max_size=12,
)


@given(RESERVATIONS, st.randoms(use_true_random=False))
def test_order_and_repeats_do_not_matter(
    reservations: list[tuple[int, Address, list[int]]], shuffler: object
) -> None:
    ledger = ExposureLedger.replay(reservations)
    again = [*reservations, *reservations[: len(reservations) // 2]]
    shuffler.shuffle(again)  # type: ignore[attr-defined]
    split = [(d, o, [p]) for d, o, points in again for p in reversed(points)]
    for other in (again, split):
        rebuilt = ExposureLedger.replay(other)
        assert rebuilt.snapshot_digest() == ledger.snapshot_digest()
        for dataset in range(3):
            assert rebuilt.exposures(dataset, 61) == ledger.exposures(dataset, 61)


@given(RESERVATIONS)
def test_exposure_is_distinct_points_rounded_up(
    reservations: list[tuple[int, Address, list[int]]],
) -> None:
    ledger = ExposureLedger.replay(reservations)
    for dataset in range(3):
        for owner in OWNERS:
            distinct = {p for d, o, ps in reservations if (d, o) == (dataset, owner) for p in ps}
            expected = -(-len(distinct) * 10_000 // 61)
            assert ledger.exposure_bps(dataset, owner, 61) == expected
            assert ledger.exposures(dataset, 61).get(owner, 0) == expected


@given(RESERVATIONS, st.integers(0, 2), st.sampled_from(OWNERS), st.integers(0, 60))
def test_one_more_point_is_another_ledger(
    reservations: list[tuple[int, Address, list[int]]], dataset: int, owner: Address, point: int
) -> None:
    ledger = ExposureLedger.replay(reservations)
    before, exposure = ledger.snapshot_digest(), ledger.exposure_bps(dataset, owner, 61)
    ledger.reserve(dataset, owner, [point])
    grew = ledger.exposure_bps(dataset, owner, 61) > exposure
    assert (ledger.snapshot_digest() != before) == grew


def test_owners_and_datasets_are_apart() -> None:
    ledger = ExposureLedger()
    ledger.reserve(1, A, range(10))
    ledger.reserve(1, B, [5, 99])
    ledger.reserve(2, A, range(3))
    assert ledger.exposures(1, 100) == {A: 1000, B: 200}
    assert ledger.exposures(2, 100) == {A: 300}
    assert ledger.exposures(3, 100) == {}
    assert ledger.exposure_bps(2, B, 100) == 0


def test_one_point_of_many_is_not_rounded_away() -> None:
    ledger = ExposureLedger()
    ledger.reserve(1, A, [0])
    assert ledger.exposure_bps(1, A, 10**6) == 1
    assert ledger.exposure_bps(1, A, 3) == 3334


def test_the_cap_holds_at_its_edge_and_repeats_are_free() -> None:
    ledger = ExposureLedger()
    ledger.reserve_within(1, A, range(5), 100, BasisPoints(500))
    ledger.check(1, A, range(5), 100, BasisPoints(500))
    ledger.reserve_within(1, A, range(5), 100, BasisPoints(500))
    before = ledger.snapshot_digest()
    for refuse in (ledger.check, ledger.reserve_within):
        with pytest.raises(ExposureExceededError, match="600 bps, over the cap of 500"):
            refuse(1, A, [4, 5], 100, BasisPoints(500))
    assert ledger.snapshot_digest() == before
    ledger.check(1, B, [4, 5], 100, BasisPoints(500))
    assert ledger.exposure_bps(1, B, 100) == 0


@pytest.mark.parametrize(
    "points",
    [
        [1, -1],
        [1, MAX_POINT],
        [1, 2**70],
        [1, 2.5],
        [1, "2"],
        np.array([1, -1]),
        np.array([1, MAX_POINT]),
        np.array([1.0, 2.0]),
    ],
)
def test_a_malformed_point_reserves_nothing(points: Points) -> None:
    ledger = ExposureLedger()
    empty = ledger.snapshot_digest()
    reserve: Callable[[Points], None]
    for reserve in (
        lambda p: ledger.reserve(1, A, p),
        lambda p: ledger.reserve_within(1, A, p, 10, BasisPoints(10_000)),
    ):
        with pytest.raises(BadInputError):
            reserve(points)
    assert ledger.snapshot_digest() == empty
    assert ledger.exposure_bps(1, A, 10) == 0


@pytest.mark.parametrize(
    ("dataset", "owner"), [(-1, A), (2**64, A), (1, A.lower()), (1, "0x12"), (1, "")]
)
def test_a_malformed_dataset_or_owner_is_refused(dataset: int, owner: str) -> None:
    with pytest.raises(BadInputError):
        ExposureLedger().reserve(dataset, Address(owner), [1])


@pytest.mark.parametrize("total", [0, -5])
def test_a_share_of_nothing_is_refused(total: int) -> None:
    with pytest.raises(BadInputError):
        ExposureLedger().exposure_bps(1, A, total)


def test_the_digest_is_fixed() -> None:
    ledger = ExposureLedger.replay([(7, B, [0, 9]), (7, A, [1]), (3, C, np.array([2, 2]))])
    assert (
        ledger.snapshot_digest().hex()
        == "bf12457a327945aaed3ce4d0d3ccc6e6f334c0b36b747880ecb14ad1968dcbd2"
    )


def test_large_ledgers_are_exact() -> None:
    ledger = ExposureLedger()
    draw = np.random.default_rng(5)
    held = draw.permutation(1_000_000)[:123_457]
    ledger.reserve(1, A, held)
    ledger.reserve(1, A, held[::3])
    assert ledger.exposure_bps(1, A, 1_000_000) == 1235
    ledger.check(1, A, held, 1_000_000, BasisPoints(1235))


def test_leases_at_once_cannot_pass_the_cap_together() -> None:
    ledger = ExposureLedger()
    start = threading.Barrier(8)
    refused = []

    def lease(number: int) -> None:
        start.wait()
        try:
            ledger.reserve_within(1, A, [number], 100, BasisPoints(300))
        except ExposureExceededError:
            refused.append(number)

    threads = [threading.Thread(target=lease, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 5
    assert ledger.exposure_bps(1, A, 100) == 300
