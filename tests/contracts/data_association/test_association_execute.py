from __future__ import annotations

import pytest

from tests.contracts.data_world import (
    ACCEPTED,
    BOND,
    COPY,
    EPOCH,
    FEE,
    FRAUD,
    HARMFUL,
    PERIOD,
    REJECTED,
    WEALTH,
    Market,
)
from tests.contracts.market_world import digest, events, refused


def test_a_carried_proposal_with_a_good_verdict_is_accepted(
    market: Market, contributors: list[str]
) -> None:
    proposal = market.carried(contributors[0], payee=contributors[1])
    market.execute(proposal, market.verdict(10))

    (event,) = events(market.association, "Executed")
    assert (event.status, event.outcome, event.shares, event.snapshot) == (ACCEPTED, 0, 10, 1)
    assert event.evidence == digest("figures")
    assert market.status(proposal) == ACCEPTED
    assert market.shares.balanceOf(contributors[1], proposal) == 10
    assert market.shares.earned_votes(market.dataset, contributors[1]) == 10
    assert market.shares.balanceOf(contributors[0], proposal) == 0
    (entry,) = market.database.entries(0, 50)
    assert (entry.proposal, str(entry.contributor), entry.shares) == (proposal, contributors[1], 10)
    market.check_association()


def test_acceptance_returns_the_bond_and_pays_the_signers(
    market: Market, contributors: list[str]
) -> None:
    market.accepted(contributors[0])

    (returned,) = events(market.association, "BondReturned")
    assert (str(returned.to), returned.amount) == (contributors[0], BOND)
    # Seven among two: the first signer has the odd unit.
    paid = {str(event.to): event.amount for event in events(market.association, "FeePaid")}
    first, second = sorted(
        (account.address for account in market.evaluators[:2]), key=lambda found: int(found, 16)
    )
    assert paid == {first: 4, second: 3}
    assert (market.credit(first), market.credit(second)) == (4, 3)
    market.association.withdraw_for(contributors[0], sender=market.stranger)
    assert market.balance(contributors[0]) == WEALTH - FEE
    market.check_association()


@pytest.mark.parametrize("signers", [2, 3, 4])
def test_the_fee_is_split_to_the_unit(
    market: Market, contributors: list[str], signers: int
) -> None:
    proposal = market.carried(contributors[0])
    verdict = market.verdict()
    chosen = market.evaluators[:signers]
    market.association.execute(proposal, verdict, market.sign(proposal, verdict, *chosen))

    credits = sorted(market.credit(account) for account in chosen)
    assert sum(credits) == FEE
    assert credits[:-1] == [FEE // signers] * (signers - 1)


def test_shares_of_zero_make_a_snapshot_without_an_owner(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 0)

    assert market.database.snapshot(1).total_shares == 0
    assert market.shares.totalSupply(tranche) == 0
    assert market.shares.dataset_of(tranche) == market.dataset


def test_execute_closes_once(market: Market, contributors: list[str]) -> None:
    proposal = market.accepted(contributors[0])

    with refused("association: proposal is not open"):
        market.execute(proposal)
    with refused("association: unknown proposal"):
        market.execute(99)


def test_execute_waits_for_the_deadline(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    proposal = market.propose(contributors[0])
    market.vote(proposal, (curators[0], True))
    market.wait(PERIOD - 1)
    with refused("association: voting is not over"):
        market.execute(proposal)

    market.wait(1)
    market.execute(proposal)
    assert market.status(proposal) == ACCEPTED


# The vote decides


def test_voted_down_is_rejected_and_the_bond_returned(
    market: Market, contributors: list[str], curators: list[str]
) -> None:
    proposal = market.propose(contributors[0])
    market.vote(proposal, (curators[0], False), (curators[1], True), (curators[2], True))
    market.end_voting(proposal)
    market.execute(proposal)

    assert market.status(proposal) == REJECTED
    assert market.credit(contributors[0]) == BOND
    assert market.database.num_snapshots() == 0
    assert market.shares.dataset_of(proposal) == 0
    market.check_association()


def test_a_tie_is_no_majority(market: Market, contributors: list[str]) -> None:
    dataset = market.create_dataset(weights=[4, 2, 2])
    proposal = market.propose(contributors[0], dataset=dataset)
    market.vote(
        proposal,
        (market.curators[0], True),
        (market.curators[1], False),
        (market.curators[2], False),
    )
    market.end_voting(proposal)
    market.execute(proposal)

    assert market.status(proposal) == REJECTED


@pytest.mark.parametrize(("quorum_bps", "status"), [(5_454, ACCEPTED), (5_455, REJECTED)])
def test_quorum_is_exact(
    market: Market, contributors: list[str], quorum_bps: int, status: int
) -> None:
    # Six of eleven are 5,454.54… basis points.
    dataset = market.create_dataset(quorum_bps=quorum_bps)
    proposal = market.propose(contributors[0], dataset=dataset)
    market.vote(proposal, (market.curators[0], True))
    market.end_voting(proposal)
    market.execute(proposal)

    assert market.status(proposal) == status


def test_nobody_voting_is_no_majority(market: Market, contributors: list[str]) -> None:
    dataset = market.create_dataset(quorum_bps=0)
    proposal = market.propose(contributors[0], dataset=dataset)
    market.end_voting(proposal)
    market.execute(proposal)

    assert market.status(proposal) == REJECTED


def test_quorum_leaves_the_proposers_weight_out(market: Market, curators: list[str]) -> None:
    dataset = market.create_dataset(quorum_bps=10_000)
    proposal = market.propose(curators[0], dataset=dataset)
    market.vote(proposal, (curators[1], True), (curators[2], True))
    market.end_voting(proposal)
    market.execute(proposal)

    assert market.status(proposal) == ACCEPTED


# The verdict decides


@pytest.mark.parametrize("outcome", [HARMFUL, FRAUD])
def test_harm_and_fraud_burn_the_bond_whatever_the_vote(
    market: Market, contributors: list[str], outcome: int
) -> None:
    supply = market.token.totalSupply()
    proposal = market.carried(contributors[0])
    market.execute(proposal, market.verdict(outcome=outcome))

    (event,) = events(market.association, "BondSlashed")
    assert (event.to_tranche, event.tranche, event.burnt) == (0, 0, BOND)
    assert market.token.totalSupply() == supply - BOND
    assert market.status(proposal) == REJECTED
    assert market.credit(contributors[0]) == 0
    assert sum(market.credit(account) for account in market.evaluators) == FEE
    market.check_association()


@pytest.mark.parametrize("bond", [0, 1, 2, 5, 6])
def test_half_of_a_copys_bond_goes_to_the_copied_tranche(
    market: Market, contributors: list[str], bond: int
) -> None:
    market.dataset = market.create_dataset(bond=bond)
    tranche = market.accepted(contributors[0], 1)
    supply = market.token.totalSupply()
    proposal = market.carried(contributors[1])
    market.execute(proposal, market.verdict(outcome=COPY, copy_of=tranche))

    (event,) = events(market.association, "BondSlashed")
    assert (event.to_tranche, event.tranche) == (bond // 2, tranche)
    assert event.burnt == bond - bond // 2
    assert market.token.totalSupply() == supply - event.burnt
    assert market.database.claimable(tranche, contributors[0]) == bond // 2
    assert market.token.allowance(market.association.address, market.database.address) == 0
    market.check_association()


@pytest.mark.parametrize("victim", ["without shares", "rejected", "open"])
def test_a_copy_of_what_has_no_tranche_burns_the_whole_bond(
    market: Market, contributors: list[str], curators: list[str], victim: str
) -> None:
    copied = market.propose(contributors[0])
    proposal = market.propose(contributors[1])
    if victim == "without shares":
        market.vote(copied, (curators[0], True))
    market.end_voting(proposal)
    if victim == "open":
        market.wait(PERIOD)
    else:
        market.execute(copied, market.verdict(0))
    market.execute(proposal, market.verdict(outcome=COPY, copy_of=copied))

    (event,) = events(market.association, "BondSlashed")
    assert (event.to_tranche, event.tranche, event.burnt) == (0, 0, BOND)
    market.check_association()


def test_a_copy_pays_the_tranche_of_another_dataset(
    market: Market, contributors: list[str]
) -> None:
    tranche = market.accepted(contributors[0], 1)
    first = market.database
    market.dataset = market.create_dataset()
    proposal = market.carried(contributors[1])
    market.execute(proposal, market.verdict(outcome=COPY, copy_of=tranche))

    assert first.claimable(tranche, contributors[0]) == BOND // 2


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ((0, 1, 4, 0, 0), "association: unknown outcome"),
        ((0, 0, 0, 0, 5), "association: unknown holdout epoch"),
        ((0, 2, 0, 0, 5), "association: unknown holdout epoch"),
        ((0, 1, 1, 0, 0), "association: copy of no earlier proposal"),
        ((0, 1, 1, 1, 0), "association: copy of no earlier proposal"),
        ((0, 1, 1, 2, 0), "association: copy of no earlier proposal"),
        ((0, 1, 0, 1, 5), "association: copy of no earlier proposal"),
        ((0, 1, 2, 0, 5), "association: amount without acceptance"),
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(
    market: Market, contributors: list[str], verdict: tuple[int, ...], reason: str
) -> None:
    proposal = market.carried(contributors[0])

    with refused(reason):
        market.execute(proposal, (*verdict, digest("figures")))


def test_a_verdict_on_another_snapshot_is_stale(market: Market, contributors: list[str]) -> None:
    first = market.propose(contributors[0])
    second = market.propose(contributors[1])
    everybody = [(curator, True) for curator in market.curators]
    market.vote(first, *everybody)
    market.vote(second, *everybody)
    market.end_voting(second)
    stale = market.verdict(base=0)
    market.execute(first, stale)

    for base in (0, 2):
        with refused("association: stale base"):
            market.execute(second, market.verdict(base=base))
    market.execute(second, market.verdict(base=1))
    assert market.status(second) == ACCEPTED


def test_a_rejection_needs_no_newest_snapshot(market: Market, contributors: list[str]) -> None:
    market.accepted(contributors[0])
    proposal = market.carried(contributors[1])
    market.execute(proposal, market.verdict(outcome=HARMFUL, base=0))

    assert market.status(proposal) == REJECTED


def test_an_epoch_mints_no_more_than_its_cap(market: Market, contributors: list[str]) -> None:
    market.dataset = market.create_dataset(mint_cap=3)
    market.accepted(contributors[0], 2)
    proposal = market.carried(contributors[1])

    with refused("association: mint cap"):
        market.execute(proposal, market.verdict(2))
    market.execute(proposal, market.verdict(1))
    assert market.association.minted_in_epoch(market.dataset, 0) == 3


def test_the_next_epoch_mints_again(market: Market, contributors: list[str]) -> None:
    market.dataset = market.create_dataset(mint_cap=3)
    market.accepted(contributors[0], 3)
    market.wait(EPOCH)
    assert market.association.epoch_of(market.dataset) == 1

    tranche = market.accepted(contributors[1], 3)
    assert market.shares.totalSupply(tranche) == 3


# The signatures decide


def test_a_request_pays_award_and_fee(market: Market, contributors: list[str]) -> None:
    request = market.open_request(100, award_rate=2_500)
    proposal = market.carried(contributors[0], request, payee=contributors[1])
    market.execute(proposal, market.verdict(9))

    (event,) = events(market.association, "AwardPaid")
    # Nine shares at two and a half: rounded down.
    assert (str(event.to), event.award, event.fee_back) == (contributors[1], 22, FEE)
    assert market.association.request(request).escrow == 100 - 22 - FEE
    assert market.credit(contributors[1]) == 22
    assert market.credit(contributors[0]) == BOND + FEE
    market.check_association()


@pytest.mark.parametrize(
    ("escrow", "award", "fee_back"), [(19, 19, 0), (20, 20, 0), (23, 20, 3), (27, 20, 7)]
)
def test_a_request_pays_while_its_escrow_lasts(
    market: Market, contributors: list[str], escrow: int, award: int, fee_back: int
) -> None:
    request = market.open_request(escrow)
    proposal = market.carried(contributors[0], request)
    market.execute(proposal, market.verdict(10))

    (event,) = events(market.association, "AwardPaid")
    assert (event.award, event.fee_back) == (award, fee_back)
    assert market.association.request(request).escrow == escrow - award - fee_back
    market.check_association()


def test_a_rejected_proposal_takes_nothing_of_the_request(
    market: Market, contributors: list[str]
) -> None:
    request = market.open_request(100)
    market.execute(market.carried(contributors[0], request), market.verdict(outcome=HARMFUL))

    assert market.association.request(request).escrow == 100
    assert market.association.request(request).open_proposals == 0


# Hostile money


def test_a_frozen_payee_stops_nobody(hostile: Market) -> None:
    frozen, other = hostile.contributors[:2]
    hostile.token.freeze(frozen)
    hostile.token.freeze(hostile.evaluators[0].address)
    proposal = hostile.carried(frozen)
    hostile.execute(proposal)
    second = hostile.accepted(other)

    assert hostile.status(second) == ACCEPTED
    with refused("frozen"):
        hostile.association.withdraw(sender=frozen)
    assert hostile.credit(frozen) == BOND
    assert hostile.association.withdraw_for(other) == BOND
    hostile.check_association()


@pytest.mark.parametrize("attack", ["withdraw_for", "expire", "propose"])
def test_a_token_cannot_call_back_into_withdraw(hostile: Market, attack: str) -> None:
    who = hostile.contributors[0]
    hostile.accepted(who)
    arguments = {
        "withdraw_for": (who,),
        "expire": (1,),
        "propose": (hostile.dataset, 0, bytes(32), bytes(32), 1, who),
    }[attack]
    payload = getattr(hostile.association, attack).prepare_calldata(*arguments)
    hostile.token.set_callback(hostile.association.address, payload)
    before = hostile.balance(who)

    assert hostile.association.withdraw(sender=who) == BOND
    assert not hostile.token.called_back()
    assert hostile.balance(who) == before + BOND
    assert hostile.association.withdraw(sender=who) == 0
    hostile.check_association()
