"""Entries and snapshots: appended by the association, never changed."""

from __future__ import annotations

import pytest

from databright.records.terms import SnapshotEntry, snapshot_tree
from databright.units import Shares
from tests.contracts.data_world import Market
from tests.contracts.market_world import events, refused


def test_register_appends_an_entry_and_makes_a_snapshot(
    market: Market, contributors: list[str]
) -> None:
    who = contributors[0]
    tranche = market.register(who, 5, number=7)
    (event,) = events(market.database, "Transfer")
    assert (int(event.sender, 16), str(event.receiver), event.id, event.amount) == (
        0, who, tranche, 5,
    )  # fmt: skip
    other = market.register(who, 0, number=9, percent=30)
    assert events(market.database, "Transfer") == []

    assert market.database.num_snapshots() == 2
    assert tuple(market.database.snapshot(1)) == (5, tranche, 0, 0)
    assert tuple(market.database.snapshot(2)) == (5, other, 0, 30)
    assert [market.database.total_shares(one) for one in (1, 2)] == [5, 5]
    assert market.database.shares_born(1, tranche) == 5
    assert market.database.shares_born(2, other) == 0


def test_only_the_association_registers(market: Market) -> None:
    for account in market.others(market.association):
        with refused("database: not the association"):
            market.database.register(7, account, 5, 0, 0, sender=account)


def test_register_refuses_another_base_than_the_head(
    market: Market, contributors: list[str]
) -> None:
    market.register(contributors[0], 5)

    for base in (0, 2):
        with refused("database: stale base"):
            market.database.register(
                2, contributors[0], 5, base, 0, sender=market.association.address
            )


@pytest.mark.parametrize("read", ["total_shares", "snapshot"])
def test_unknown_snapshots_are_refused(market: Market, contributors: list[str], read: str) -> None:
    market.register(contributors[0], 5)

    for number in (0, 2, 2**255):
        with refused("database: unknown snapshot"):
            getattr(market.database, read)(number)


def test_shares_born_names_a_birth(market: Market, contributors: list[str]) -> None:
    first = market.register(contributors[0], 5)
    market.register(contributors[0], 5)
    market.database.remove(first, sender=contributors[0])

    for snapshot, tranche in ((2, first), (3, first), (1, 99)):
        with refused("database: unknown tranche"):
            market.database.shares_born(snapshot, tranche)


def test_three_snapshots_share_a_word_and_stay_apart(
    market: Market, contributors: list[str]
) -> None:
    """The highest numbers and sums of neighbours do not touch one another."""
    tops = [(2**20 - 1, 2**51, 100), (1, 1, 0), (2**20 - 2, 2**51 - 2, 100), (2, 0, 1), (3, 0, 0)]
    total = 0
    expected = []
    for number, shares, percent in tops:
        total += shares
        expected.append((total, number, 0, percent))
        market.register(contributors[0], shares, number, percent)
    dataset = market.dataset * 1_000_000

    found = [tuple(market.database.snapshot(one)) for one in range(1, 6)]
    assert found == [(shares, dataset + number, kind, p) for shares, number, kind, p in expected]


def test_entries_are_read_by_pages(market: Market, contributors: list[str]) -> None:
    tranches = [market.register(contributors[0], shares) for shares in range(1, 6)]
    market.database.remove(tranches[1], sender=contributors[0])
    tranches.append(market.register(contributors[0], 9))

    def page(offset: int, limit: int) -> list[int]:
        return [int(entry.proposal) for entry in market.database.entries(offset, limit)]

    assert page(0, 50) == tranches
    assert page(0, 2) == tranches[:2]
    # The sixth snapshot is a removal: it brought nothing.
    assert page(4, 2) == tranches[4:5]
    assert page(5, 2) == tranches[5:]
    assert page(7, 2) == page(0, 0) == []
    found = market.database.entries(0, 50)
    assert [entry.born for entry in found] == [1, 2, 3, 4, 5, 7]
    assert [entry.ended for entry in found] == [0, 6, 0, 0, 0, 0]
    assert [entry.shares for entry in found] == [1, 2, 3, 4, 5, 9]


def test_entries_refuse_a_page_too_large(market: Market) -> None:
    with refused("database: page too large"):
        market.database.entries(0, 51)


def test_a_snapshot_is_what_its_entries_say(market: Market, contributors: list[str]) -> None:
    """From the entries alone anybody computes each snapshot's sum and root."""
    first = market.accepted(contributors[0], 4)
    second = market.accepted(contributors[1], 6)
    market.database.remove(first, sender=contributors[0])
    third = market.accepted(contributors[2], 5)
    entries = market.database.entries(0, 50)

    def members(snapshot: int) -> list[int]:
        return [
            int(entry.proposal)
            for entry in entries
            if entry.born <= snapshot and (entry.ended == 0 or entry.ended > snapshot)
        ]

    assert [members(one) for one in (1, 2, 3, 4)] == [
        [first], [first, second], [second], [second, third],
    ]  # fmt: skip
    shares = {int(entry.proposal): int(entry.shares) for entry in entries}
    for snapshot in (1, 2, 3, 4):
        total = sum(shares[one] for one in members(snapshot))
        assert market.database.total_shares(snapshot) == total
    tree = snapshot_tree(
        [
            SnapshotEntry(
                int(entry.proposal), bytes(entry.commitment), Shares(entry.shares), entry.born
            )
            for entry in entries
        ]
    )
    assert len(tree) == 3
    commitments = {terms.proposal: terms.commitment() for terms in market.proposals}
    assert [bytes(entry.commitment) for entry in entries] == [
        commitments[one] for one in (first, second, third)
    ]


# Ends


def test_who_holds_all_shares_removes_a_tranche(market: Market, contributors: list[str]) -> None:
    who = contributors[0]
    tranche = market.register(who, 5)
    other = market.register(contributors[1], 7)
    market.database.remove(tranche, sender=who)

    (event,) = events(market.database, "Ended")
    assert (event.tranche, event.snapshot, int(event.redirected_to, 16)) == (tranche, 3, 0)
    assert tuple(market.database.snapshot(3)) == (7, tranche, 1, 0)
    assert market.database.total_shares(2) == 12
    assert market.database.balanceOf(who, tranche) == 5
    with refused("database: has ended"):
        market.database.remove(tranche, sender=who)
    market.database.remove(other, sender=contributors[1])
    assert market.database.total_shares(4) == 0


def test_remove_refuses_who_does_not_hold_all(market: Market, contributors: list[str]) -> None:
    who, taker = contributors[:2]
    tranche = market.register(who, 5)
    for account in market.others(who):
        with refused("database: no shares"):
            market.database.remove(tranche, sender=account)
    market.database.transfer(taker, tranche, 1, sender=who)
    for account in (who, taker):
        with refused("database: not all shares"):
            market.database.remove(tranche, sender=account)

    market.database.transfer(taker, tranche, 4, sender=who)
    market.database.remove(tranche, sender=taker)
    assert market.database.total_shares(2) == 0


def test_only_the_charter_takes_down(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 5)

    for account in market.others(market.charter):
        with refused("database: not the charter"):
            market.database.take_down(tranche, 1, account, sender=account)


def test_take_down_ends_a_tranche_once(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 5)
    market.take_down(tranche, 1, market.buyer)

    (event,) = events(market.database, "Ended")
    assert (event.tranche, event.snapshot, str(event.redirected_to)) == (tranche, 2, market.buyer)
    assert tuple(market.database.snapshot(2)) == (0, tranche, 2, 0)
    with refused("database: is taken down"):
        market.take_down(tranche, 1, market.stranger)
    with refused("database: has ended"):
        market.database.remove(tranche, sender=contributors[0])


def test_take_down_refuses_what_is_no_tranche(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 5)
    market.register(contributors[0], 5)

    with refused("database: unknown tranche"):
        market.take_down(tranche, 2, market.buyer)
    with refused("database: unknown snapshot"):
        market.take_down(tranche, 3, market.buyer)
    with refused("database: zero address"):
        market.take_down(tranche, 1, "0x" + "00" * 20)


def test_a_removed_tranche_can_still_be_taken_down(market: Market, contributors: list[str]) -> None:
    """Its shares are out already; what is left of its income goes elsewhere from now on."""
    tranche = market.register(contributors[0], 5)
    market.fund(1, 10)
    market.database.remove(tranche, sender=contributors[0])
    market.take_down(tranche, 1, market.buyer)

    assert market.database.num_snapshots() == 2
    assert market.database.claim(tranche, sender=contributors[0]) == 0
    assert market.database.credit_of(market.buyer) == 10


def test_an_entry_without_shares_can_be_taken_down(market: Market, contributors: list[str]) -> None:
    tranche = market.register(contributors[0], 0)
    market.register(contributors[1], 3)
    market.take_down(tranche, 1, market.buyer)

    assert tuple(market.database.snapshot(3)) == (3, tranche, 2, 0)
    assert [entry.ended for entry in market.database.entries(0, 9)] == [3, 0]


@pytest.mark.parametrize("name", ["token", "association", "charter", "pools"])
def test_a_database_names_its_neighbours(market: Market, name: str) -> None:
    assert str(getattr(market.database, name)()) == str(getattr(market, name).address)
    assert market.database.dataset() == market.dataset
    assert market.database.price_per_use() == 8
