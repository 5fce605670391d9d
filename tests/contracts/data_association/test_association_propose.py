from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from databright.units import Amount
from tests.contracts.data_world import (
    BOND,
    DEPOSIT,
    LOCKED,
    NOBODY,
    OPEN,
    PERIOD,
    RELAY,
    Market,
    call,
)
from tests.contracts.market_world import digest, refused


def test_propose_locks_bond_and_fee_and_keeps_a_commitment(
    market: Market, contributors: list[str]
) -> None:
    who, payee = contributors[:2]
    terms = market.propose(who, payee=payee)

    assert terms.proposal == market.dataset * 1_000_000 + 1
    assert (terms.proposer, terms.payee, terms.request, terms.revises) == (who, payee, 0, 0)
    assert (terms.root, terms.ref, terms.manifest) == (
        digest("root"), digest("ref"), digest("manifest"),
    )  # fmt: skip
    assert (terms.num_rows, terms.bond, terms.fee, terms.electorate) == (10, BOND, LOCKED, 11)
    assert market.association.commitment(terms.proposal) == terms.commitment()
    assert market.deposited(who) == DEPOSIT - BOND - LOCKED
    assert market.association.open_of(who) == 1
    found = market.tally(terms)
    assert (found.status, found.opened, found.period, found.version) == (
        OPEN, market.now(), PERIOD, 1,
    )  # fmt: skip
    assert not found.has_lent
    assert not found.is_motion


def test_proposals_are_numbered_in_their_dataset(market: Market, contributors: list[str]) -> None:
    second = market.create_dataset()
    ids = [market.propose(contributors[0], dataset=one).proposal for one in (1, second, 1, second)]

    assert ids == [1_000_001, 2_000_001, 1_000_002, 2_000_002]
    assert int(market.association.datasets(1)) >> 136 & (2**20 - 1) == 2


def test_the_bond_grows_with_ones_own_open_proposals(
    market: Market, contributors: list[str]
) -> None:
    bonds = [market.propose(contributors[0]).bond for _ in range(3)]
    other = market.propose(contributors[1])
    elsewhere = market.propose(contributors[0], dataset=market.create_dataset(bond=2))

    assert bonds == [BOND, 2 * BOND, 3 * BOND]
    assert other.bond == BOND
    # Wherever they are open, they are one's own.
    assert elsewhere.bond == 2 * 4
    first = market.proposals[0]
    market.end_voting(market.proposals[2])
    market.execute(first)
    assert market.propose(contributors[0]).bond == 4 * BOND
    assert market.association.open_of(contributors[0]) == 4


def test_a_credit_pays_what_the_deposit_does_not(market: Market, contributors: list[str]) -> None:
    who = contributors[0]
    market.association.withdraw(sender=who)
    market.deposit(who, BOND + LOCKED - 3)
    terms = market.propose(contributors[1])
    market.association.repay(terms.proposal, 1, who, 2, sender=market.votes.address)
    with refused("association: deposit too low"):
        market.propose(who)

    market.association.repay(terms.proposal, 1, who, 5, sender=market.votes.address)
    market.propose(who)
    assert (market.deposited(who), market.credit(who)) == (0, 7 * RELAY - 3)


def test_propose_refuses_who_cannot_pay(market: Market) -> None:
    with refused("association: deposit too low"):
        market.propose(market.stranger)
    assert int(market.association.datasets(market.dataset)) >> 136 & (2**20 - 1) == 0


def test_propose_refuses_bad_values(market: Market, contributors: list[str]) -> None:
    who = contributors[0]
    with refused("association: unknown dataset"):
        market.propose(who, dataset=99)
    with refused("association: zero address"):
        market.propose(who, payee=NOBODY)
    for rows in (0, 2**32):
        with refused("association: number of rows"):
            market.propose(who, num_rows=rows)
    assert market.propose(who, num_rows=2**32 - 1).num_rows == 2**32 - 1


def test_a_closed_dataset_takes_no_proposals(market: Market, contributors: list[str]) -> None:
    dataset = market.create_dataset(closes_at=market.now() + 10)
    market.propose(contributors[0], dataset=dataset, wait=9)

    with refused("association: dataset is closed"):
        market.propose(contributors[0], dataset=dataset, wait=1)


def test_a_full_dataset_takes_no_proposals(market: Market, contributors: list[str]) -> None:
    market.fill(market.dataset, 499_998)
    terms = market.propose(contributors[0])
    assert terms.proposal == 1_499_999

    with refused("association: dataset is full"):
        market.propose(contributors[0])
    # Motions have numbers of their own.
    assert market.move(1, bytes(32)) == 1_500_001


def test_a_proposal_to_a_request_is_counted_there(market: Market, contributors: list[str]) -> None:
    request = market.open_request()
    terms = market.propose(contributors[0], request)

    assert terms.request == request
    assert market.requests.request(request).open_proposals == 1
    other = market.create_dataset()
    with refused("requests: of another dataset"):
        market.propose(contributors[0], request, dataset=other)
    with refused("requests: of another dataset"):
        market.propose(contributors[0], request + 1)
    with refused("requests: is closed"):
        market.propose(contributors[0], request, wait=10 * PERIOD)


def test_every_call_on_a_proposal_brings_its_own_terms(
    market: Market, contributors: list[str]
) -> None:
    """No field of the terms can be changed: whatever is settled is what was proposed."""
    who = contributors[0]
    terms = market.carried(who, market.open_request())
    other = market.propose(contributors[1])
    changes: dict[str, Any] = {
        "request": 0, "proposer": contributors[1], "payee": contributors[1], "root": bytes(32),
        "ref": bytes(32), "manifest": bytes(32), "num_rows": 9, "revises": 1,
        "bond": terms.bond + 1, "fee": terms.fee + 1, "electorate": terms.electorate - 1,
        "proposal": other.proposal,
    }  # fmt: skip
    assert set(changes) == set(vars(terms))
    verdict = market.verdict()
    for name, value in changes.items():
        changed = replace(terms, **{name: value})
        number = terms.proposal
        if name == "proposal":
            number = other.proposal
            market.end_voting(number)
        # Signed for what the chain holds, and for the changed terms.
        held, told = market.sign(number, verdict), market.sign(changed, verdict)
        with refused("verdicts: not an evaluator's"):
            market.verdicts.execute(call(changed), verdict, held, 0, sender=who)
        with refused("association: other terms"):
            market.verdicts.execute(call(changed), verdict, told, 0, sender=who)


def test_revise_and_withdraw_bring_the_proposals_own_terms(
    market: Market, contributors: list[str]
) -> None:
    market.use_dataset(review_minutes=1)
    terms = replace(market.propose(contributors[0]), bond=Amount(BOND + 1))

    with refused("association: other terms"):
        market.association.revise(call(terms), *[bytes(32)] * 3, 1, sender=contributors[0])
    with refused("association: other terms"):
        market.association.withdraw_proposal(call(terms), sender=contributors[0])


def test_only_the_verdicts_settle_and_give(market: Market, contributors: list[str]) -> None:
    terms = market.propose(contributors[0])
    settlement = (2, 99, 0, 0, 0, 0, 5, 0, 0, 99, 0, 0)

    for account in market.others(market.verdicts):
        with refused("association: not the verdicts"):
            market.association.settle(call(terms), settlement, [], sender=account)
        with refused("association: not the verdicts"):
            market.association.give(terms.proposal, account, 5, sender=account)


def test_only_the_charter_installs_rules(market: Market) -> None:
    for account in market.others(market.charter):
        with refused("association: not the charter"):
            market.association.install(9, account, 1, sender=account)


def test_versions_of_the_rules_end(market: Market) -> None:
    market.set_version(market.dataset, 2**12 - 1)

    with refused("association: dataset is full"):
        market.association.install(market.dataset, NOBODY, 1, sender=market.charter.address)


@pytest.mark.parametrize("name", ["charter", "curator_token", "verdicts", "requests", "token"])
def test_the_association_names_its_neighbours(market: Market, name: str) -> None:
    contract = {"curator_token": market.votes}.get(name) or getattr(market, name)

    assert str(getattr(market.association, name)()) == str(contract.address)
    with refused("association: unknown dataset"):
        market.association.database_of(99)
