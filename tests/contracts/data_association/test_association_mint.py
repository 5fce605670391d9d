"""What an acceptance mints: the epoch's cap, the head that it was measured on, the most of all."""

from __future__ import annotations

import pytest

from tests.contracts.books import M52
from tests.contracts.data_world import ACCEPTED, EPOCH, Market
from tests.contracts.market_world import events, refused


def minted(market: Market) -> tuple[int, int]:
    """(shares minted in the epoch, its number)."""
    word = int(market.association.datasets(market.dataset))
    return word >> 176 & M52, word >> 228 & (2**16 - 1)


def supply(market: Market) -> int:
    return int(market.association.datasets(market.dataset)) & M52


def test_an_epoch_mints_no_more_than_its_cap(market: Market, contributors: list[str]) -> None:
    market.use_dataset(mint_cap=3)
    market.accepted(contributors[0], 2)
    terms = market.carried(contributors[1])

    with refused("association: mint cap"):
        market.execute(terms, market.verdict(2))
    market.execute(terms, market.verdict(1))
    assert minted(market) == (3, 0)
    assert supply(market) == 3


def test_the_next_epoch_mints_again(market: Market, contributors: list[str]) -> None:
    market.use_dataset(mint_cap=3)
    created = market.now()
    market.accepted(contributors[0], 3)
    terms = market.carried(contributors[1])
    market.wait(created + EPOCH - market.now() - 1)
    terms = market.propose(contributors[1], wait=0)
    market.vote_all(terms)
    assert minted(market) == (3, 0)
    # Voted through already, it waits for the first second of the next epoch.
    with refused("association: mint cap"):
        market.execute(terms, market.verdict(3))
    market.wait(1)
    market.execute(terms, market.verdict(3))

    assert minted(market) == (3, 1)
    assert supply(market) == 6


def test_an_acceptance_without_shares_needs_no_cap(market: Market, contributors: list[str]) -> None:
    market.use_dataset(mint_cap=0)
    tranche = market.accepted(contributors[0], 0)

    assert market.status(tranche) == ACCEPTED
    assert market.database.num_snapshots() == 1
    assert supply(market) == 0


def test_a_dataset_holds_less_than_two_to_the_52(market: Market, contributors: list[str]) -> None:
    """Genesis weight and shares together fit a field, so that no ballot carries over."""
    big = 2**51 - 1
    market.use_dataset(mint_cap=big, weights=[big - 2, 1, 1])
    market.accepted(contributors[0], big)
    market.wait(EPOCH)
    terms = market.propose(contributors[1])
    market.vote(terms, (contributors[0], True))
    market.end_voting(terms)
    with refused("association: dataset is full"):
        market.execute(terms, market.verdict(2))

    market.execute(terms, market.verdict(1))
    assert supply(market) == 2**51
    last = market.propose(contributors[2])
    market.vote(last, (contributors[0], True), (contributors[1], False))
    assert market.sides(last) == (big, 1)


def test_a_verdict_on_another_snapshot_is_stale(market: Market, contributors: list[str]) -> None:
    first = market.propose(contributors[0])
    second = market.propose(contributors[1])
    market.vote_all(first)
    market.vote_all(second)
    market.end_voting(second)
    market.execute(first, market.verdict(base=0))

    for base in (0, 2):
        with refused("database: stale base"):
            market.execute(second, market.verdict(base=base))
    market.execute(second, market.verdict(base=1))
    assert market.status(second) == ACCEPTED


def test_a_removal_makes_verdicts_stale_too(market: Market, contributors: list[str]) -> None:
    tranche = market.accepted(contributors[0], 4)
    terms = market.carried(contributors[1])
    on_head = market.verdict()
    market.database.remove(tranche, sender=contributors[0])

    with refused("database: stale base"):
        market.execute(terms, on_head)
    market.execute(terms, market.verdict())
    assert market.status(terms) == ACCEPTED


@pytest.mark.parametrize(
    ("escrow", "award", "fee_back"), [(19, 19, 0), (20, 20, 0), (23, 20, 3), (27, 20, 7)]
)
def test_a_request_pays_while_its_escrow_lasts(
    market: Market, contributors: list[str], escrow: int, award: int, fee_back: int
) -> None:
    request = market.open_request(escrow)
    terms = market.carried(contributors[0], request, contributors[1])
    market.execute(terms, market.verdict(10))

    (event,) = events(market.verdicts, "AwardPaid")
    assert (str(event.to), str(event.proposer)) == (contributors[1], contributors[0])
    assert (event.award, event.fee_back) == (award, fee_back)
    found = market.requests.request(request)
    assert (found.escrow, found.awarded_shares) == (escrow - award - fee_back, 10)
    assert market.requests.credit_of(contributors[1]) == award
    assert market.requests.credit_of(contributors[0]) == fee_back


def test_a_request_repays_ballots_too(market: Market, contributors: list[str]) -> None:
    request = market.open_request(500, curve=[])
    terms = market.carried(contributors[0], request)
    market.association.repay(terms.proposal, 1, market.buyer, 9, sender=market.votes.address)
    market.execute(terms, market.verdict(10))

    assert market.requests.credit_of(contributors[0]) == 7 + 9
    assert market.requests.request(request).escrow == 500 - 16


def test_a_rejected_proposal_takes_nothing_of_the_request(
    market: Market, contributors: list[str]
) -> None:
    request = market.open_request(100)
    market.execute(market.carried(contributors[0], request), market.verdict(outcome=2))

    found = market.requests.request(request)
    assert (found.escrow, found.open_proposals, found.awarded_shares) == (100, 0, 0)
