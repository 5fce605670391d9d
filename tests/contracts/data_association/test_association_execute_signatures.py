from __future__ import annotations

import boa
from eth_account import Account

from tests.contracts.data_world import (
    HARMFUL,
    Market,
)
from tests.contracts.market_world import refused


def test_one_evaluator_is_not_enough(market: Market, contributors: list[str]) -> None:
    proposal = market.carried(contributors[0])
    verdict = market.verdict()
    one = market.sign(proposal, verdict, market.evaluators[0])

    with refused("association: too few signatures"):
        market.association.execute(proposal, verdict, one)
    with refused("association: too few signatures"):
        market.association.execute(proposal, verdict, [])
    with refused("association: signers not ascending"):
        market.association.execute(proposal, verdict, one * 2)


def test_signatures_come_in_ascending_order(market: Market, contributors: list[str]) -> None:
    proposal = market.carried(contributors[0])
    verdict = market.verdict()
    signatures = market.sign(proposal, verdict)

    with refused("association: signers not ascending"):
        market.association.execute(proposal, verdict, signatures[::-1])
    market.association.execute(proposal, verdict, signatures)


def test_a_foreign_signature_is_refused(market: Market, contributors: list[str]) -> None:
    proposal = market.carried(contributors[0])
    verdict = market.verdict()
    foreigner = Account.from_key(b"\x77" * 32)
    signatures = market.sign(proposal, verdict, market.evaluators[0], foreigner)

    with refused("association: signer is no evaluator"):
        market.association.execute(proposal, verdict, signatures)


def test_a_malformed_signature_is_refused(market: Market, contributors: list[str]) -> None:
    proposal = market.carried(contributors[0])
    verdict = market.verdict()
    first, second = market.sign(proposal, verdict)

    with refused("association: wrong signature"):
        market.association.execute(proposal, verdict, [first, second[:64]])
    with refused("association: signer is no evaluator"):
        market.association.execute(proposal, verdict, [bytes(65), second])


def test_the_higher_of_two_signatures_is_refused(market: Market, contributors: list[str]) -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    proposal = market.carried(contributors[0])
    verdict = market.verdict()
    first, second = market.sign(proposal, verdict)
    s = order - int.from_bytes(first[32:64], "big")
    higher = first[:32] + s.to_bytes(32, "big") + bytes([55 - first[64]])

    with refused("association: wrong signature"):
        market.association.execute(proposal, verdict, [higher, second])


def test_a_signature_holds_for_its_proposal(market: Market, contributors: list[str]) -> None:
    first = market.carried(contributors[0])
    verdict = market.verdict()
    market.execute(first, market.verdict(outcome=HARMFUL))
    second = market.carried(contributors[1])

    with refused("association: signer is no evaluator"):
        market.association.execute(second, verdict, market.sign(first, verdict))


def test_a_signature_holds_for_its_verdict(market: Market, contributors: list[str]) -> None:
    proposal = market.carried(contributors[0])
    signatures = market.sign(proposal, market.verdict(10))

    with refused("association: signer is no evaluator"):
        market.association.execute(proposal, market.verdict(11), signatures)


def test_a_signature_holds_on_its_chain(market: Market, contributors: list[str]) -> None:
    proposal = market.carried(contributors[0])
    verdict = market.verdict()
    signatures = market.sign(proposal, verdict)
    boa.env.evm.patch.chain_id += 1

    with refused("association: signer is no evaluator"):
        market.association.execute(proposal, verdict, signatures)


def test_a_signature_holds_for_its_contract(market: Market, contributors: list[str]) -> None:
    proposal = market.carried(contributors[0])
    verdict = market.verdict()
    signatures = market.sign(proposal, verdict, verifyingContract=market.deployer)

    with refused("association: signer is no evaluator"):
        market.association.execute(proposal, verdict, signatures)


def test_evaluators_of_another_dataset_do_not_count(
    market: Market, contributors: list[str]
) -> None:
    dataset = market.create_dataset(
        evaluators=[account.address for account in market.evaluators[2:]], threshold=1
    )
    proposal = market.propose(contributors[0], dataset=dataset)
    market.end_voting(proposal)

    with refused("association: signer is no evaluator"):
        market.execute(proposal, market.verdict(0, base=0))


# The money of a request
