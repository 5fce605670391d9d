"""Who opens, closes, mints and names: the other contracts, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contracts.data_world import ACCEPTED, REJECTED, Market
from tests.contracts.market_world import events, refused


def test_only_the_association_and_the_motions_open(market: Market) -> None:
    for account in market.others(market.association, market.motions):
        with refused("curator: not the motions"):
            market.votes.open(1_000_009, account, 0, 11, 0, 1_000, 1, sender=account)


@pytest.mark.parametrize("kind", ["proposal", "motion", "nothing"])
def test_only_who_opened_closes(market: Market, kind: str) -> None:
    opener = {"proposal": market.association, "motion": market.motions, "nothing": market.buyer}
    if kind == "proposal":
        number = market.propose(market.contributors[0]).proposal
    else:
        number = market.move(1, bytes(32)) if kind == "motion" else 99
    for account in market.others(opener[kind]):
        with refused("curator: not open"):
            market.votes.close(number, REJECTED, sender=account)
        with refused("curator: not open"):
            market.votes.close_and_mint(number, ACCEPTED, account, 5, 0, sender=account)


def test_only_the_association_mints(market: Market) -> None:
    motion = market.move(1, bytes(32))

    with refused("curator: not the association"):
        market.votes.close_and_mint(
            motion, ACCEPTED, market.stranger, 5, 0, sender=market.motions.address
        )


def test_only_the_charter_names_genesis_curators(market: Market) -> None:
    for account in market.others(market.charter):
        with refused("curator: not the charter"):
            market.votes.set_genesis(2, account, 1, sender=account)


def test_a_genesis_curator_is_named_once(market: Market) -> None:
    twice = [market.curators[0]] * 2

    with refused("curator: named twice"):
        market.create_dataset(curators=twice, weights=[1, 2])


def test_naming_a_genesis_curator_brings_no_cancelled_ballot_back(market: Market) -> None:
    curator = market.curators[0]
    market.votes.cancel_ballots(2, sender=curator)
    dataset = market.create_dataset()

    assert dataset == 2
    assert market.votes.ballot_nonce(dataset, curator) == 1


def test_a_mint_gives_as_many_votes_as_shares(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0], payee=contributors[1])
    market.execute(terms, market.verdict(5))

    (event,) = events(market.verdicts, "Minted")
    assert (event.dataset, str(event.to), event.amount) == (market.dataset, contributors[1], 5)
    assert market.votes.earned_votes(market.dataset, contributors[1]) == 5
    assert market.votes.earned_votes(market.dataset, contributors[0]) == 0
    assert market.database.balanceOf(contributors[1], terms.proposal) == 5


GETTERS: list[tuple[str, Callable[[Market], object]]] = [
    ("association", lambda m: m.association),
    ("charter", lambda m: m.charter),
    ("motions", lambda m: m.motions),
]


@pytest.mark.parametrize(("getter", "contract"), GETTERS)
def test_the_curator_token_names_its_neighbours(
    market: Market, getter: str, contract: Callable[[Market], object]
) -> None:
    assert str(getattr(market.votes, getter)()) == str(getattr(contract(market), "address"))  # noqa: B009
