from __future__ import annotations

from tests.contracts.data_world import BOND, FEE, OPEN, PERIOD, WEALTH, WEIGHTS, Market
from tests.contracts.market_world import digest, events, refused


def test_propose_pulls_bond_and_fee(market: Market, contributors: list[str]) -> None:
    proposal = market.propose(contributors[0], payee=contributors[1])

    (event,) = events(market.association, "Proposed")
    assert (event.proposal, event.dataset, event.request) == (proposal, market.dataset, 0)
    assert (str(event.proposer), str(event.payee)) == (contributors[0], contributors[1])
    found = market.association.proposal(proposal)
    assert (found.bond, found.fee, found.status, found.num_rows) == (BOND, FEE, OPEN, 10)
    assert (found.opened_at, found.deadline) == (market.now(), market.now() + PERIOD)
    assert market.balance(contributors[0]) == WEALTH - BOND - FEE
    market.check_association()


def test_quorum_is_taken_of_the_supply_without_the_proposer(
    market: Market, curators: list[str], contributors: list[str]
) -> None:
    by_curator = market.propose(curators[0])
    by_newcomer = market.propose(contributors[0])

    assert market.association.electorate_of(by_curator) == sum(WEIGHTS) - WEIGHTS[0]
    assert market.association.electorate_of(by_newcomer) == sum(WEIGHTS)


def test_propose_refuses_an_unknown_dataset(market: Market, contributors: list[str]) -> None:
    for dataset in (market.dataset + 1, 99):
        with refused("association: unknown dataset"):
            market.propose(contributors[0], dataset=dataset)
    with refused("association: unknown dataset"):
        market.association.propose(
            0, 0, digest("ref"), digest("manifest"), 10, contributors[0], sender=contributors[0]
        )


def test_propose_refuses_a_closed_dataset(market: Market, contributors: list[str]) -> None:
    dataset = market.create_dataset(closes_at=market.now() + 10)
    market.wait(8)
    market.propose(contributors[0], dataset=dataset)

    with refused("association: dataset is closed"):
        market.propose(contributors[0], dataset=dataset)


def test_propose_refuses_a_closed_request(market: Market, contributors: list[str]) -> None:
    request = market.open_request(100, deadline=market.now() + 10)
    market.wait(8)
    market.propose(contributors[0], request)

    with refused("association: request is closed"):
        market.propose(contributors[0], request)


def test_propose_refuses_a_request_of_another_dataset(
    market: Market, contributors: list[str]
) -> None:
    request = market.open_request(100, dataset=market.create_dataset())

    for number in (request, 99):
        with refused("association: request of another dataset"):
            market.propose(contributors[0], number)


def test_propose_refuses_no_rows_and_no_payee(market: Market, contributors: list[str]) -> None:
    def propose(rows: int, payee: str) -> None:
        market.association.propose(
            market.dataset, 0, digest("r"), digest("m"), rows, payee, sender=contributors[0]
        )

    with refused("association: no rows"):
        propose(0, contributors[0])
    with refused("association: amount out of range"):
        propose(2**96, contributors[0])
    with refused("association: zero address"):
        propose(1, "0x" + "00" * 20)


def test_propose_refuses_who_cannot_pay(market: Market, contributors: list[str]) -> None:
    poor = market.oracle
    market.token.approve(market.association.address, BOND + FEE, sender=poor)
    market.token.transfer(poor, BOND + FEE - 1, sender=market.buyer)
    with refused("token: balance too low"):
        market.propose(poor)

    market.token.approve(market.association.address, BOND, sender=contributors[0])
    with refused("token: allowance too low"):
        market.propose(contributors[0])
    assert market.association.num_proposals() == 0


def test_propose_refuses_a_token_that_takes_a_fee(hostile: Market) -> None:
    hostile.token.set_fee(1)

    with refused("token: fee on transfer"):
        hostile.propose(hostile.contributors[0])


def test_a_token_cannot_call_back_into_propose(hostile: Market) -> None:
    proposer = hostile.contributors[0]
    payload = hostile.association.withdraw_for.prepare_calldata(proposer)
    hostile.token.set_callback(hostile.association.address, payload)
    hostile.propose(proposer)

    assert not hostile.token.called_back()
    hostile.check_association()


def test_proposal_refuses_unknown_ids(market: Market) -> None:
    for number in (0, 1):
        with refused("association: unknown proposal"):
            market.association.proposal(number)


def test_evaluators_publish_evidence(market: Market, contributors: list[str]) -> None:
    proposal = market.propose(contributors[0])
    evaluator = market.evaluators[0].address
    market.association.publish_evidence(proposal, 0, digest("evidence"), sender=evaluator)

    (event,) = events(market.association, "EvidencePublished")
    assert (event.proposal, str(event.evaluator), event.base) == (proposal, evaluator, 0)


def test_only_evaluators_publish_evidence(market: Market, contributors: list[str]) -> None:
    proposal = market.propose(contributors[0])

    for account in (market.deployer, market.initiator, contributors[0], *market.curators):
        with refused("association: not an evaluator"):
            market.association.publish_evidence(proposal, 0, digest("evidence"), sender=account)


def test_evidence_ends_with_the_proposal(market: Market, contributors: list[str]) -> None:
    proposal = market.accepted(contributors[0])
    evaluator = market.evaluators[0].address

    with refused("association: proposal is not open"):
        market.association.publish_evidence(proposal, 0, digest("evidence"), sender=evaluator)
    with refused("association: unknown proposal"):
        market.association.publish_evidence(99, 0, digest("evidence"), sender=evaluator)
