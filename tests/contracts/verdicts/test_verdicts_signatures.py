"""Whose signatures count, in which order, and for what alone."""

from __future__ import annotations

from dataclasses import replace

import boa
from eth_account import Account

from tests.contracts.data_world import HARMFUL, Market, call
from tests.contracts.market_world import digest, events, refused
from tests.contracts.signing import CURVE_ORDER


def test_one_evaluator_is_not_enough(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    verdict = market.verdict()
    one = market.sign(terms, verdict, market.evaluators[0])

    for signed in (one, []):
        with refused("verdicts: too few signatures"):
            market.verdicts.execute(call(terms), verdict, signed, 0)
    with refused("verdicts: signers not ascending"):
        market.verdicts.execute(call(terms), verdict, one * 2, 0)


def test_signatures_come_in_ascending_order(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    verdict = market.verdict()
    signatures = market.sign(terms, verdict)

    with refused("verdicts: signers not ascending"):
        market.verdicts.execute(call(terms), verdict, signatures[::-1], 0)
    market.verdicts.execute(call(terms), verdict, signatures, 0)


def test_a_foreign_signature_is_refused(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    verdict = market.verdict()
    foreigner = Account.from_key(b"\x77" * 32)
    signatures = market.sign(terms, verdict, market.evaluators[0], foreigner)

    with refused("verdicts: not an evaluator's"):
        market.verdicts.execute(call(terms), verdict, signatures, 0)


def test_a_malformed_signature_is_refused(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    verdict = market.verdict()
    first, second = market.sign(terms, verdict)

    with refused("verdicts: wrong signature"):
        market.verdicts.execute(call(terms), verdict, [first, second[:64]], 0)
    with refused("verdicts: not an evaluator's"):
        market.verdicts.execute(call(terms), verdict, [bytes(65), second], 0)


def test_the_higher_of_two_signatures_is_refused(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    verdict = market.verdict()
    first, second = market.sign(terms, verdict)
    s = CURVE_ORDER - int.from_bytes(first[32:64], "big")
    higher = first[:32] + s.to_bytes(32, "big") + bytes([55 - first[64]])

    with refused("verdicts: wrong signature"):
        market.verdicts.execute(call(terms), verdict, [higher, second], 0)


def test_a_signature_holds_for_its_proposal(market: Market, contributors: list[str]) -> None:
    first = market.carried(contributors[0])
    verdict = market.verdict()
    market.execute(first, market.verdict(outcome=HARMFUL))
    second = market.carried(contributors[1])

    with refused("verdicts: not an evaluator's"):
        market.verdicts.execute(call(second), verdict, market.sign(first, verdict), 0)


def test_a_signature_holds_for_its_proposals_terms(market: Market) -> None:
    """In a reorganised chain a proposal of other terms may have the number."""
    market.use_challenges(optimistic_window=300)
    terms = market.propose(market.contributors[0])
    other = replace(terms, root=digest("another root"))
    verdict = market.verdict()
    signed = market.sign(other, verdict)

    for function, given in (
        (market.verdicts.execute, (call(terms), verdict, signed, 0)),
        (market.verdicts.post_verdict, (call(terms), verdict, signed)),
        (market.verdicts.signers_of_verdict, (terms.proposal, verdict, signed)),
        (market.challenges.challenge, (terms.proposal, verdict, signed)),
    ):
        with refused("verdicts: not an evaluator's"):
            function(*given, sender=market.stranger)
    market.vote_all(terms)
    market.end_voting(terms)
    # What they were signed for is not what the chain holds.
    with refused("association: other terms"):
        market.verdicts.execute(call(other), verdict, signed, 0)
    market.execute(terms, verdict)


def test_a_signature_holds_for_its_verdict(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    signatures = market.sign(terms, market.verdict(10))

    for other in (market.verdict(11), market.verdict(10, evidence="others")):
        with refused("verdicts: not an evaluator's"):
            market.verdicts.execute(call(terms), other, signatures, 0)


def test_a_signature_holds_on_its_chain(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    verdict = market.verdict()
    signatures = market.sign(terms, verdict, chainId=boa.env.evm.patch.chain_id + 1)

    with refused("verdicts: not an evaluator's"):
        market.verdicts.execute(call(terms), verdict, signatures, 0)


def test_a_signature_holds_for_its_contract(market: Market, contributors: list[str]) -> None:
    terms = market.carried(contributors[0])
    verdict = market.verdict()
    signatures = market.sign(terms, verdict, verifyingContract=market.deployer)

    with refused("verdicts: not an evaluator's"):
        market.verdicts.execute(call(terms), verdict, signatures, 0)


def test_evaluators_of_another_dataset_do_not_count(
    market: Market, contributors: list[str]
) -> None:
    market.use_dataset(
        evaluators=[account.address for account in market.evaluators[2:]], threshold=1
    )
    terms = market.propose(contributors[0])
    market.end_voting(terms)

    with refused("verdicts: not an evaluator's"):
        market.execute(terms)
    market.execute(terms, None, market.evaluators[4])


def test_the_views_say_what_counts(market: Market, contributors: list[str]) -> None:
    terms = market.propose(contributors[0])
    verdict = market.verdict()
    signed = market.sign(terms, verdict)
    names = sorted((one.address for one in market.evaluators[:2]), key=lambda one: int(one, 16))

    found = market.verdicts.signers_of_verdict(terms.proposal, verdict, signed)
    assert [str(one) for one in found] == names
    hashed = market.verdicts.verdict_digest(terms.proposal, verdict)
    for version in (0, 1):
        found = market.verdicts.signers_of(market.dataset, version, hashed, signed)
        assert [str(one) for one in found] == names
    with refused("verdicts: too few signatures"):
        market.verdicts.signers_of(market.dataset, 2, hashed, signed)
    for account in market.everybody():
        is_one = account in {one.address for one in market.evaluators}
        assert market.verdicts.is_evaluator(market.dataset, account) is is_one
    assert not market.verdicts.is_evaluator(99, names[0])


# Evidence


def test_an_evaluator_publishes_evidence(market: Market, contributors: list[str]) -> None:
    terms = market.propose(contributors[0])
    account = market.evaluators[4].address
    market.verdicts.publish_evidence(terms.proposal, 0, digest("figures"), sender=account)

    (event,) = events(market.verdicts, "EvidencePublished")
    assert (event.proposal, str(event.evaluator), event.base, event.evidence) == (
        terms.proposal, account, 0, digest("figures"),
    )  # fmt: skip
    market.verdicts.publish_evidence(terms.proposal, 0, digest("more"), sender=account)
    assert int(market.verdicts.marks(terms.proposal)) == 4


def test_only_an_evaluator_publishes_evidence(market: Market, contributors: list[str]) -> None:
    terms = market.propose(contributors[0])

    for account in market.others(*market.evaluators):
        with refused("verdicts: not an evaluator"):
            market.verdicts.publish_evidence(terms.proposal, 0, digest("x"), sender=account)


def test_evidence_is_of_open_proposals(market: Market, contributors: list[str]) -> None:
    account = market.evaluators[0].address
    closed = market.accepted(contributors[0])
    motion = market.move(1, bytes(32))

    for number in (closed, motion, 99):
        with refused("verdicts: proposal is not open"):
            market.verdicts.publish_evidence(number, 0, digest("x"), sender=account)


# The other contracts' calls


def test_only_the_charter_names_evaluators_and_rules(market: Market) -> None:
    for account in market.others(market.charter):
        with refused("verdicts: not the charter"):
            market.verdicts.install(market.dataset, 2, 1, sender=account)
        with refused("verdicts: not the charter"):
            market.verdicts.set_member(market.dataset, account, 1, 4095, True, sender=account)


def test_only_the_challenges_hold_let_go_void_and_count(
    market: Market, contributors: list[str]
) -> None:
    terms = market.propose(contributors[0])

    for account in market.others(market.challenges):
        with refused("verdicts: not challenges"):
            market.verdicts.set_counting(market.dataset, account, True, sender=account)
        with refused("verdicts: not challenges"):
            market.verdicts.hold(terms.proposal, sender=account)
        with refused("verdicts: not challenges"):
            market.verdicts.let_go(terms.proposal, sender=account)
        with refused("verdicts: not challenges"):
            market.verdicts.void(call(terms), sender=account)


def test_the_verdicts_name_their_neighbours(market: Market) -> None:
    for name in ("token", "association", "charter", "challenges", "pools"):
        found = getattr(market, name)
        assert str(getattr(market.verdicts, name)()) == str(found.address)
    assert str(market.verdicts.curator_token()) == str(market.votes.address)
