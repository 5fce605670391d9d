from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from databright.data_market.verdicts import VerdictDomain, agreeing
from databright.errors import BadInputError, MalformedDataError
from databright.records.evidence import SignedEvidence, Verdict
from databright.units import Address, Digest

KEYS = [bytes([number]) * 32 for number in range(1, 5)]
ADDRESSES = [Address(str(Account.from_key(key).address)) for key in KEYS]
TERMS = Digest(bytes(range(32, 64)))
DOMAIN = VerdictDomain(31_337, Address("0x5FbDB2315678afecb367f032d93F642f64180aa3"))
VERDICT = Verdict(7, TERMS, 2, 1, 0, 0, 22_628, Digest(bytes(range(32))))


def test_a_signature_holds_for_its_verdict_alone() -> None:
    evidence = DOMAIN.sign(VERDICT, "why", KEYS[0])
    assert evidence.evaluator == ADDRESSES[0]
    assert DOMAIN.is_signed(evidence)
    for change in (
        {"proposal": 8}, {"commitment": Digest(bytes(32))}, {"base": 3}, {"holdout_epoch": 2},
        {"outcome": 2}, {"copy_of": 1}, {"amount": 22_629}, {"evidence": Digest(bytes(32))},
    ):  # fmt: skip
        changed = replace(evidence, verdict=replace(VERDICT, **change))
        assert not DOMAIN.is_signed(changed)


def test_a_signature_holds_on_its_chain_and_contract_alone() -> None:
    evidence = DOMAIN.sign(VERDICT, "", KEYS[0])
    assert not replace(DOMAIN, chain_id=1).is_signed(evidence)
    assert not replace(DOMAIN, contract=ADDRESSES[1]).is_signed(evidence)
    assert not DOMAIN.is_signed(replace(evidence, evaluator=ADDRESSES[1]))
    assert not DOMAIN.is_signed(replace(evidence, signature=bytes(65)))


def test_evidence_survives_its_document() -> None:
    evidence = DOMAIN.sign(VERDICT, "the gain is 0.02", KEYS[0])
    again = SignedEvidence.from_json(evidence.to_json())
    assert again == evidence
    assert DOMAIN.is_signed(again)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"amount":"22628"', b'"amount":"-5"'),
        (b'"amount":"22628"', b'"amount":22628'),
        (b'"base":2', b'"base":true'),
        (b'"outcome":0', b'"outcome":4'),
        (b'"commitment":"20', b'"commitment":"'),
        (b'"commitment":"', b'"committed":"'),
        (b'"kind":"databright/evidence/v1"', b'"kind":"databright/evidence/v2"'),
        (b'"signature":"', b'"signature":"zz'),
        (b'"reason":"', b'"extra":1,"reason":"'),
    ],
)
def test_malformed_evidence_is_refused(old: bytes, new: bytes) -> None:
    blob = DOMAIN.sign(VERDICT, "why", KEYS[0]).to_json()
    assert old in blob
    with pytest.raises((MalformedDataError, BadInputError)):
        SignedEvidence.from_json(blob.replace(old, new))


def _signed(who: int, **changes: int) -> SignedEvidence:
    return DOMAIN.sign(replace(VERDICT, **changes), "", KEYS[who])  # type: ignore[arg-type]


def test_k_equal_verdicts_settle_in_ascending_order_of_signer() -> None:
    (found,) = agreeing([_signed(2), _signed(0), _signed(1)], ADDRESSES, 2, 2)
    assert {item.evaluator for item in found} == {ADDRESSES[2], ADDRESSES[0]}
    numbers = [int(item.evaluator, 16) for item in found]
    assert numbers == sorted(numbers)


def test_divided_evaluators_settle_two_verdicts_in_the_order_of_completion() -> None:
    published = [_signed(0), _signed(1, amount=1), _signed(2, amount=1), _signed(3), _signed(2)]
    found = agreeing(published, ADDRESSES, 2, 2)
    assert [group[0].verdict.amount for group in found] == [1, VERDICT.amount]
    assert {item.evaluator for item in found[1]} == {ADDRESSES[0], ADDRESSES[3]}


def test_fewer_than_k_equal_verdicts_settle_nothing() -> None:
    assert agreeing([_signed(0)], ADDRESSES, 2, 2) == []
    assert agreeing([_signed(0), _signed(0)], ADDRESSES, 2, 2) == []
    assert agreeing([_signed(0), _signed(1, amount=1)], ADDRESSES, 2, 2) == []
    assert agreeing([_signed(0), _signed(1, base=1)], ADDRESSES, 2, 2) == []
    assert agreeing([_signed(0), _signed(3)], ADDRESSES[:3], 2, 2) == []
    with pytest.raises(BadInputError):
        agreeing([], ADDRESSES, 0, 2)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=12))
def test_what_settles_is_k_distinct_evaluators_of_one_verdict(
    ballots: list[tuple[int, int]],
) -> None:
    fake = [
        SignedEvidence(replace(VERDICT, amount=amount), "", ADDRESSES[who], bytes(65))
        for who, amount in ballots
    ]
    found = agreeing(fake, ADDRESSES, 2, 2)
    possible = any(
        len({who for who, amount in ballots if amount == chosen}) >= 2 for chosen in range(3)
    )
    assert bool(found) == possible
    for group in found:
        assert len(group) == len({item.evaluator for item in group}) == 2
        assert len({item.verdict for item in group}) == 1
    assert len({group[0].verdict for group in found}) == len(found)
