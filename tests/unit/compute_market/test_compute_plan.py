"""What a buyer is told before any money moves, and what is refused."""

from __future__ import annotations

import pytest

from databright.compute_market.offers import JobPlan, Offer, plan_from_offers
from databright.errors import BadInputError, PlanRefusedError
from databright.units import Address, Amount


def offers(count: int) -> list[Offer]:
    return [
        Offer(Address("0x" + f"{n:040x}"), Amount(100 + n), Amount(5_000), frozenset())
        for n in range(count)
    ]


def plan(count: int, cap_bps: int, shards: int = 6, price: int | None = None) -> JobPlan:
    return plan_from_offers(
        offers(count),
        dataset=1,
        snapshot=2,
        shape=(shards, 8, 3),
        cap_bps=cap_bps,
        dataset_cap_bps=7_500,
        segment_price=None if price is None else Amount(price),
        lines=(Amount(1_000), Amount(50), Amount(20)),
    )


def test_the_lines_are_shown_and_add_up() -> None:
    made = plan(6, 7_500)
    assert made.segment_price == 105
    assert made.compute == 6 * 8 * 3 * 105
    assert made.total == 1_000 + made.compute + made.reserve + 50 + 20
    assert (made.owners_needed, made.owners_available, made.spares) == (4, 6, 2)
    assert made.exposure_bps == 5_000
    assert (made.full_copy_identities, made.full_copy_cost) == (2, 10_000)


def test_a_cap_that_cannot_be_kept_is_refused_with_the_owners_it_would_take() -> None:
    with pytest.raises(PlanRefusedError, match="500 bps") as refused:
        plan(6, 500)
    assert (refused.value.owners_needed, refused.value.owners_available) == (60, 6)
    with pytest.raises(PlanRefusedError) as refused:
        plan(3, 7_500)
    assert (refused.value.owners_needed, refused.value.owners_available) == (4, 3)


def test_whole_shards_may_need_more_owners_than_the_ratio() -> None:
    with pytest.raises(PlanRefusedError, match="need 5 independent"):
        plan(4, 7_500, shards=6)
    assert plan(4, 7_500, shards=8).spares == 0


def test_a_price_below_the_fees_of_needed_owners_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"3 of 6 workers below their fee .*at least 0.000104"):
        plan(6, 7_500, price=102)
    assert plan(6, 7_500, price=104).owners_available == 5


def test_a_job_cannot_raise_the_datasets_cap() -> None:
    with pytest.raises(PlanRefusedError, match="never raise"):
        plan(6, 8_000)
