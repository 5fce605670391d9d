"""Ballots that a relayer brings: what counts is cast and repaid, what does not stops nobody."""

from __future__ import annotations

from typing import Any

import boa
import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from databright.records.terms import Terms
from tests.contracts.data_world import (
    FEE,
    LOCKED,
    PERIOD,
    RELAY,
    REPAID,
    Market,
    call,
    create_from_source,
)
from tests.contracts.market_world import HOSTILE, events, refused
from tests.contracts.signing import (
    CURVE_ORDER,
    ballot_message,
    committed,
    compact,
    keys,
    packed_ballot,
)

LATER = 2**40 - 1
WALLET = HOSTILE.parent / "Wallet.vy"
VOTERS = keys(4, first=100)
WEIGHTS = [8, 4, 2, 1]


@pytest.fixture
def relayed(market: Market) -> Market:
    """A dataset whose curators have keys."""
    market.use_dataset(curators=[voter.address for voter in VOTERS], weights=WEIGHTS)
    return market


def ballot(
    market: Market,
    voter: Any,
    terms: Terms | int,
    support: bool = True,
    nonce: int = 0,
    deadline: int = LATER,
    signed_by: Any = None,
    commitment: bytes | None = None,
    **domain: Any,
) -> tuple[int, bytes, bytes]:
    proposal = terms if isinstance(terms, int) else terms.proposal
    if commitment is None:
        commitment = committed(market, terms) if isinstance(terms, int) else terms.commitment()
    values = (voter.address, proposal, commitment, support, nonce, deadline)
    message = ballot_message(market.votes, values, **domain)
    signature = bytes((signed_by or voter).sign_message(message).signature)
    return (packed_ballot(voter.address, proposal, support, deadline), *compact(signature))


def relay(market: Market, *ballots: tuple[int, bytes, bytes], by: str = "") -> int:
    return int(market.votes.vote_signed(list(ballots), sender=by or market.stranger))


def test_signed_ballots_are_cast_and_repaid(relayed: Market) -> None:
    market = relayed
    terms = market.propose(market.contributors[0])
    sides = [True, True, False, True]
    signed = [ballot(market, *pair) for pair in zip(VOTERS, [terms] * 4, sides, strict=True)]
    assert relay(market, *signed) == 4

    (event,) = events(market.votes, "BallotsRepaid")
    assert (event.proposal, str(event.relayer), event.amount) == (
        terms.proposal, market.stranger, 4 * RELAY,
    )  # fmt: skip
    assert market.sides(terms) == (13, 2)
    assert market.credit(market.stranger) == 4 * RELAY
    assert market.association.repaid(terms.proposal) == 4
    market.check()


def test_ballots_of_several_proposals_and_datasets_come_at_once(relayed: Market) -> None:
    market = relayed
    first = market.propose(market.contributors[0])
    second = market.propose(market.contributors[1])
    market.use_dataset(curators=[VOTERS[3].address], weights=[5], relay_price=7)
    third = market.propose(market.contributors[0])
    signed = [
        ballot(market, VOTERS[0], first),
        ballot(market, VOTERS[1], second, False),
        ballot(market, VOTERS[2], first),
        ballot(market, VOTERS[3], third),
    ]
    assert relay(market, *signed) == 4

    assert [market.sides(one) for one in (first, second, third)] == [(10, 0), (0, 4), (5, 0)]
    assert market.credit(market.stranger) == 3 * RELAY + 7


def test_ballots_on_motions_are_not_repaid(relayed: Market) -> None:
    motion = relayed.move(1, bytes(32))
    with refused("curator: no ballot counts"):
        relay(relayed, ballot(relayed, VOTERS[0], motion, commitment=bytes([1]) * 32))
    assert relay(relayed, ballot(relayed, VOTERS[0], motion)) == 1

    assert relayed.sides(motion) == (8, 0)
    assert relayed.credit(relayed.stranger) == 0


def bad_ballots(market: Market, terms: Terms) -> dict[str, tuple[int, bytes, bytes]]:
    """One for each way not to count."""
    voter = VOTERS[1]
    good = ballot(market, voter, terms)
    other_side = ballot(market, voter, terms, False)
    s = int.from_bytes(good[2], "big") & (2**255 - 1)
    parity = int.from_bytes(good[2], "big") >> 255
    higher = (CURVE_ORDER - s) | (1 - parity) << 255
    wrong_chain = boa.env.evm.patch.chain_id + 1
    return {
        "another's signature": ballot(market, voter, terms, signed_by=VOTERS[2]),
        "the other side": (other_side[0], *good[1:]),
        "the higher of two signatures": (good[0], good[1], higher.to_bytes(32, "big")),
        "no signature": (good[0], bytes(32), bytes(32)),
        "late": ballot(market, voter, terms, deadline=market.now() - 1),
        "another of its number": ballot(market, voter, terms, commitment=bytes([1]) * 32),
        "no commitment": ballot(market, voter, terms, commitment=bytes(32)),
        "a nonce to come": ballot(market, voter, terms, nonce=1),
        "another chain": ballot(market, voter, terms, chainId=wrong_chain),
        "another contract": ballot(market, voter, terms, verifyingContract=market.deployer),
        "another name": ballot(market, voter, terms, name="DataDim"),
        "a stranger": ballot(market, market.evaluators[0], terms),
        "nobody": (packed_ballot("0x0", terms.proposal, True, LATER), bytes(32), bytes(32)),
        "an unknown proposal": ballot(market, voter, terms.proposal + 1),
        "proposal 0": ballot(market, voter, 0),
    }


BAD = [
    "another's signature", "the other side", "the higher of two signatures", "no signature", "late",
    "a nonce to come", "another chain", "another contract", "another name", "a stranger", "nobody",
    "an unknown proposal", "proposal 0", "another of its number", "no commitment",
]  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_ballot_that_does_not_count_is_passed_over(relayed: Market, kind: str) -> None:
    terms = relayed.propose(relayed.contributors[0])
    bad = bad_ballots(relayed, terms)
    assert set(bad) == set(BAD)
    with refused("curator: no ballot counts"):
        relay(relayed, bad[kind])

    assert relay(relayed, bad[kind], ballot(relayed, VOTERS[0], terms)) == 1
    assert relayed.sides(terms) == (8, 0)
    assert relayed.credit(relayed.stranger) == RELAY
    # The same voter's good one counts still.
    assert relay(relayed, ballot(relayed, VOTERS[1], terms)) == 1


def test_a_ballot_counts_to_the_second_of_its_deadline(relayed: Market) -> None:
    terms = relayed.propose(relayed.contributors[0])
    signed = ballot(relayed, VOTERS[0], terms, deadline=relayed.now() + 5)
    other = ballot(relayed, VOTERS[1], terms, deadline=relayed.now() + 4)
    relayed.wait(5)

    assert relay(relayed, other, signed) == 1
    assert relayed.sides(terms) == (8, 0)


def test_a_relayed_ballot_counts_once(relayed: Market) -> None:
    terms = relayed.propose(relayed.contributors[0])
    signed = ballot(relayed, VOTERS[0], terms)

    assert relay(relayed, signed, signed) == 1
    with refused("curator: no ballot counts"):
        relay(relayed, signed, by=relayed.buyer)
    with refused("curator: already voted"):
        relayed.vote(terms, (VOTERS[0].address, False))
    assert relayed.credit(relayed.stranger) == RELAY
    assert relayed.credit(relayed.buyer) == 0


def test_ballots_wait_for_the_review_and_end_with_the_vote(relayed: Market) -> None:
    market = relayed
    addresses = [voter.address for voter in VOTERS]
    market.use_dataset(curators=addresses, weights=WEIGHTS, review_minutes=1)
    terms = market.propose(market.contributors[0])
    market.wait(59)
    with refused("curator: no ballot counts"):
        relay(market, ballot(market, VOTERS[0], terms))
    market.wait(1)
    assert relay(market, ballot(market, VOTERS[0], terms)) == 1

    market.wait(PERIOD)
    with refused("curator: no ballot counts"):
        relay(market, ballot(market, VOTERS[1], terms))


def test_the_proposers_signed_ballot_does_not_count(relayed: Market) -> None:
    market = relayed
    proposer = market.evaluators[0]
    market.deposit(proposer.address, 200)
    market.use_dataset(curators=[proposer.address, VOTERS[0].address], weights=[5, 6])
    terms = market.propose(proposer.address)

    with refused("curator: no ballot counts"):
        relay(market, ballot(market, proposer, terms))


def test_a_signed_ballot_overrides_the_oracle(relayed: Market) -> None:
    market = relayed
    market.lend(VOTERS[0].address, cap=3)
    terms = market.propose(market.contributors[0])
    market.vote_lent(terms, True, VOTERS[0].address)

    assert relay(market, ballot(market, VOTERS[0], terms, False)) == 1
    assert market.sides(terms) == (0, 8)


def test_a_late_signed_ballot_extends_too(relayed: Market) -> None:
    terms = relayed.propose(relayed.contributors[0])
    relayed.wait(PERIOD - 1)
    relay(relayed, ballot(relayed, VOTERS[0], terms))

    assert relayed.tally(terms).extension != 0


def test_cancelled_ballots_count_no_more(relayed: Market) -> None:
    market = relayed
    terms = market.propose(market.contributors[0])
    signed = ballot(market, VOTERS[0], terms)
    market.votes.cancel_ballots(market.dataset, sender=VOTERS[0].address)

    (event,) = events(market.votes, "BallotsCancelled")
    assert (str(event.voter), event.nonce) == (VOTERS[0].address, 1)
    assert market.votes.ballot_nonce(market.dataset, VOTERS[0].address) == 1
    with refused("curator: no ballot counts"):
        relay(market, signed)
    assert relay(market, ballot(market, VOTERS[0], terms, nonce=1)) == 1
    # What is cast stays cast.
    market.votes.cancel_ballots(market.dataset, sender=VOTERS[0].address)
    assert market.sides(terms) == (8, 0)


def test_cancelling_ends_with_the_nonces(relayed: Market) -> None:
    account = VOTERS[0].address
    word = int(relayed.votes.voters(relayed.dataset, account)) | (2**16 - 2) << 216
    slot = storage_slot(relayed, account)
    boa.env.set_storage(relayed.votes.address, slot, word)
    assert relayed.votes.ballot_nonce(relayed.dataset, account) == 2**16 - 2
    relayed.votes.cancel_ballots(relayed.dataset, sender=account)

    with refused("curator: no nonces left"):
        relayed.votes.cancel_ballots(relayed.dataset, sender=account)


def storage_slot(market: Market, account: str) -> int:
    """Where a voter's word lies: found by looking, so that it holds for every layout."""
    word = int(market.votes.voters(market.dataset, account))
    for base in range(16):
        outer = keccak(encode(["uint256", "uint256"], [base, market.dataset]))
        inner = int.from_bytes(keccak(encode(["bytes32", "address"], [outer, account])), "big")
        if boa.env.get_storage(market.votes.address, inner) == word:
            return inner
    raise AssertionError("the voter's word was not found")


# Repayment


@pytest.mark.parametrize(
    ("before", "paid"), [(0, 2), (REPAID - 2, 2), (REPAID - 1, 1), (REPAID, 0)]
)
def test_the_first_64_ballots_of_a_proposal_are_repaid(
    relayed: Market, before: int, paid: int
) -> None:
    market = relayed
    terms = market.propose(market.contributors[0])
    token = market.votes.address
    if before:
        market.association.repay(terms.proposal, 1, market.buyer, before, sender=token)
    assert relay(market, *(ballot(market, voter, terms) for voter in VOTERS[:2])) == 2

    assert market.credit(market.stranger) == paid * RELAY
    assert market.credit(market.buyer) == before * RELAY
    assert market.association.repaid(terms.proposal) == before + paid
    market.check()


def test_what_was_not_repaid_goes_back(relayed: Market) -> None:
    market = relayed
    who = market.contributors[0]
    before = market.deposited(who)
    terms = market.propose(who)
    assert before - market.deposited(who) == terms.bond + LOCKED
    relay(market, *(ballot(market, voter, terms) for voter in VOTERS[:3]))
    market.end_voting(terms)
    market.execute(terms)

    (event,) = events(market.verdicts, "Settled")
    assert event.fee_back == (REPAID - 3) * RELAY
    assert market.deposited(who) == before - FEE - 3 * RELAY


# Wallets that are contracts


@pytest.fixture
def wallet(relayed: Market) -> Any:
    """A contract with weight 5 whose owner is the fourth voter."""
    address = create_from_source(WALLET, relayed.stranger)
    found = boa.load_partial(str(WALLET)).at(address)
    found.set_up(VOTERS[3].address, 0)
    relayed.use_dataset(curators=[address, VOTERS[0].address], weights=[5, 6])
    return found


def test_a_contract_signs_by_its_own_rule(relayed: Market, wallet: Any) -> None:
    terms = relayed.propose(relayed.contributors[0])

    with refused("curator: no ballot counts"):
        relay(relayed, ballot(relayed, wallet, terms, signed_by=VOTERS[0]))
    assert relay(relayed, ballot(relayed, wallet, terms, signed_by=VOTERS[3])) == 1
    assert relayed.sides(terms) == (5, 0)
    with refused("curator: no ballot counts"):
        relay(relayed, ballot(relayed, wallet, terms, signed_by=VOTERS[3]))


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_a_hostile_wallet_stops_nobody(relayed: Market, wallet: Any, mode: int) -> None:
    wallet.set_up(VOTERS[3].address, mode)
    terms = relayed.propose(relayed.contributors[0])
    bad = ballot(relayed, wallet, terms, signed_by=VOTERS[3])

    assert relay(relayed, bad, ballot(relayed, VOTERS[0], terms)) == 1
    # What a wallet can burn is bounded.
    assert relayed.votes.call_trace().gas_used < 300_000
    assert relayed.sides(terms) == (6, 0)
    assert relayed.credit(relayed.stranger) == RELAY


@pytest.mark.parametrize("mode", [5, 6])
def test_a_wallet_that_says_yes_votes_with_its_own_weight_alone(
    relayed: Market, wallet: Any, mode: int
) -> None:
    wallet.set_up(VOTERS[3].address, mode)
    terms = relayed.propose(relayed.contributors[0])
    nothing = (packed_ballot(wallet.address, terms.proposal, False, LATER), bytes(32), bytes(32))

    assert relay(relayed, nothing) == 1
    assert relayed.sides(terms) == (0, 5)


def test_only_the_curator_token_asks_for_repayment(relayed: Market) -> None:
    terms = relayed.propose(relayed.contributors[0])

    for account in relayed.others(relayed.votes):
        with refused("association: not the curators"):
            relayed.association.repay(terms.proposal, 1, account, 1, sender=account)
    assert call(terms)[0] == terms.proposal
