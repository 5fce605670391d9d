from __future__ import annotations

from typing import Any

import boa
import pytest
from eth.exceptions import Revert
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.market_world import digest, events, refused

MAX_COUNT = 2**20


def test_anchor_tells_publisher_place_and_root(anchor: Any, publishers: list[str]) -> None:
    anchor.anchor(0, 3, digest("root"), sender=publishers[0])
    (event,) = events(anchor, "Anchored")
    assert str(event.publisher) == publishers[0]
    assert (event.first, event.count, event.root) == (0, 3, digest("root"))
    assert anchor.next_of(publishers[0]) == 3


def test_each_publisher_counts_for_itself(anchor: Any, publishers: list[str]) -> None:
    one, two, three = publishers
    anchor.anchor(0, 3, digest("a"), sender=one)
    anchor.anchor(0, 5, digest("b"), sender=two)
    anchor.anchor(3, 1, digest("c"), sender=one)
    assert [anchor.next_of(who) for who in publishers] == [4, 5, 0]
    with refused("discussion: not the next entry"):
        anchor.anchor(4, 1, digest("d"), sender=three)


@pytest.mark.parametrize("first", [0, 1, 2, 4, 2**256 - 1])
def test_anchor_refuses_gaps_and_what_is_anchored(
    anchor: Any, publishers: list[str], first: int
) -> None:
    anchor.anchor(0, 3, digest("root"), sender=publishers[0])
    with refused("discussion: not the next entry"):
        anchor.anchor(first, 1, digest("other"), sender=publishers[0])
    assert anchor.next_of(publishers[0]) == 3


def test_anchor_refuses_the_same_batch_again(anchor: Any, publishers: list[str]) -> None:
    anchor.anchor(0, 3, digest("root"), sender=publishers[0])
    with refused("discussion: not the next entry"):
        anchor.anchor(0, 3, digest("root"), sender=publishers[0])


def test_anchor_refuses_an_empty_batch(anchor: Any, publishers: list[str]) -> None:
    with refused("discussion: empty batch"):
        anchor.anchor(0, 0, digest("root"), sender=publishers[0])


@pytest.mark.parametrize("count", [MAX_COUNT + 1, 2**256 - 1])
def test_anchor_refuses_a_batch_too_large(anchor: Any, publishers: list[str], count: int) -> None:
    with refused("discussion: batch too large"):
        anchor.anchor(0, count, digest("root"), sender=publishers[0])
    anchor.anchor(0, MAX_COUNT, digest("root"), sender=publishers[0])


def test_anchor_refuses_no_root(anchor: Any, publishers: list[str]) -> None:
    with refused("discussion: no root"):
        anchor.anchor(0, 1, bytes(32), sender=publishers[0])


def test_the_contract_takes_no_money(anchor: Any, publishers: list[str]) -> None:
    boa.env.set_balance(publishers[0], 10)
    with pytest.raises(Revert):
        boa.env.raw_call(anchor.address, sender=publishers[0], value=1)
    assert boa.env.get_balance(anchor.address) == 0


@given(
    calls=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 4)), max_size=25)
)
def test_batches_of_a_publisher_are_always_consecutive(
    built_anchor: Any, publishers: list[str], calls: list[tuple[int, int, int]]
) -> None:
    ends = [0, 0, 0]
    with boa.env.anchor():
        for who, first, count in calls:
            fits = count > 0 and first == ends[who]
            if fits:
                built_anchor.anchor(first, count, digest("root"), sender=publishers[who])
                ends[who] += count
            else:
                with pytest.raises(boa.BoaError):
                    built_anchor.anchor(first, count, digest("root"), sender=publishers[who])
        assert [built_anchor.next_of(who) for who in publishers] == ends
