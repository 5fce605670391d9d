from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.data_world import Market
from tests.contracts.market_world import digest, events, refused


def register(market: Market, proposal: int, rows: int, shares: int) -> int:
    return int(
        market.database.register(
            proposal,
            market.contributors[0],
            digest("ref"),
            digest("manifest"),
            rows,
            shares,
            sender=market.association.address,
        )
    )


def test_register_appends_an_entry_and_makes_a_snapshot(market: Market) -> None:
    first = register(market, 7, 10, 5)
    market.wait(9)
    second = register(market, 9, 20, 0)

    assert (first, second, market.database.num_snapshots()) == (1, 2, 2)
    root = bytes(32)
    for number, fields in ((1, (7, 10, 5)), (2, (9, 20, 0))):
        proposal, rows, shares = fields
        root = keccak(
            encode(
                ["bytes32", "uint256", "address", "bytes32", "bytes32", "uint256", "uint256"],
                [root, proposal, market.contributors[0], digest("ref"), digest("manifest"),
                 rows, shares],
            )
        )  # fmt: skip
        assert market.database.snapshot(number).root == root
    assert tuple(market.database.snapshot(1))[:3] == (1, 10, 5)
    assert tuple(market.database.snapshot(2))[:3] == (2, 30, 5)
    assert market.database.snapshot(2).created_at == market.now()


def test_register_tells_everything_in_its_event(market: Market) -> None:
    register(market, 7, 10, 5)

    (event,) = events(market.database, "Registered")
    assert (event.dataset, event.proposal, event.snapshot) == (market.dataset, 7, 1)
    assert (event.num_rows, event.shares) == (10, 5)
    assert event.root == market.database.snapshot(1).root


def test_register_refuses_a_second_time(market: Market) -> None:
    register(market, 7, 10, 5)

    with refused("database: proposal is registered"):
        register(market, 7, 10, 5)


def test_only_the_association_registers(market: Market) -> None:
    for account in market.everybody():
        with refused("database: not the association"):
            market.database.register(
                7, account, digest("ref"), digest("manifest"), 1, 1, sender=account
            )


def test_snapshot_refuses_unknown_numbers(market: Market) -> None:
    register(market, 7, 10, 5)

    for number in (0, 2):
        with refused("database: unknown snapshot"):
            market.database.snapshot(number)


def test_entries_are_read_by_pages(market: Market) -> None:
    for proposal in range(1, 6):
        register(market, proposal, 10, proposal)

    def page(offset: int, limit: int) -> list[int]:
        return [entry.proposal for entry in market.database.entries(offset, limit)]

    assert page(0, 50) == [1, 2, 3, 4, 5]
    assert page(0, 2) == [1, 2]
    assert page(4, 2) == [5]
    assert page(5, 2) == []
    assert page(2**256 - 1, 50) == []
    assert page(0, 0) == []
    assert [entry.born for entry in market.database.entries(0, 50)] == [1, 2, 3, 4, 5]


def test_entries_refuse_a_page_too_large(market: Market) -> None:
    with refused("database: page too large"):
        market.database.entries(0, 51)
