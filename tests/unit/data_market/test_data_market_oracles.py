from __future__ import annotations

from dataclasses import replace

import pytest

from databright.data_market.oracles.base import Decision, open_policy, policy_names
from databright.data_market.oracles.evidence_policy import EvidencePolicy
from databright.errors import BadInputError, ConfigError, MalformedDataError
from databright.records.evidence import SignedEvidence, Verdict
from databright.records.strict_json import JsonValue
from databright.units import Address, Digest

WHO = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
_ZERO = Digest(bytes(32))
OK = SignedEvidence(Verdict(1, _ZERO, 0, 1, 0, 0, 5, _ZERO), "measured", WHO, bytes(65))


def _figures(
    *, copies: int = 0, suspects: int = 0, low: float = 0.1, high: float = 0.2
) -> dict[str, JsonValue]:
    return {
        "num_rows": 100,
        "duplicates": {"num_exact": 0, "num_near": copies},
        "suspicion": {"num_suspect": suspects},
        "gain": {"low": low, "high": high},
    }


@pytest.mark.parametrize(
    ("figures", "decision"),
    [
        (_figures(), Decision.ACCEPT),
        (_figures(copies=20, suspects=25), Decision.ACCEPT),
        (_figures(copies=21), Decision.REJECT),
        (_figures(suspects=26), Decision.REJECT),
        (_figures(low=-0.2, high=-0.1), Decision.REJECT),
        (_figures(low=-0.1, high=0.1), Decision.ABSTAIN),
        (_figures(low=0.0, high=0.1), Decision.ABSTAIN),
    ],
)
def test_the_thresholds_decide(figures: dict[str, JsonValue], decision: Decision) -> None:
    opinion = EvidencePolicy().decide([OK, OK], figures)
    assert opinion.decision is decision
    assert any(letter.isdigit() for letter in opinion.reason)


def test_a_decision_by_the_gain_is_as_sure_as_its_interval() -> None:
    policy = EvidencePolicy()
    clear = policy.decide([OK, OK], _figures(low=0.1, high=0.2))
    narrow = policy.decide([OK, OK], _figures(low=0.001, high=0.2))
    harm = policy.decide([OK, OK], _figures(low=-0.2, high=-0.1))
    # An interval that just leaves zero out is 97.5 % sure of the gain's sign.
    assert 9_750 <= narrow.confidence < 9_800 < clear.confidence <= 10_000
    assert clear.confidence == harm.confidence
    assert policy.decide([OK, OK], _figures(low=0.1, high=0.1)).confidence == 10_000
    assert policy.decide([OK, OK], _figures(low=-0.1, high=0.1)).confidence == 0
    copies = EvidencePolicy(check_confidence_bps=9_100).decide([OK, OK], _figures(copies=50))
    assert (copies.decision, copies.confidence) == (Decision.REJECT, 9_100)


def test_nothing_is_decided_without_agreement_or_figures() -> None:
    policy = EvidencePolicy()
    assert policy.decide([], _figures()).decision is Decision.ABSTAIN
    assert policy.decide([OK, OK], None).decision is Decision.ABSTAIN
    broken: dict[str, JsonValue] = {**_figures(), "gain": {"low": "1", "high": 2}}
    assert policy.decide([OK, OK], broken).decision is Decision.ABSTAIN


def test_a_verdict_of_harm_is_enough_to_reject() -> None:
    harmful = replace(OK, verdict=replace(OK.verdict, outcome=2, amount=0))
    opinion = EvidencePolicy().decide([harmful, harmful], None)
    assert opinion.decision is Decision.REJECT
    assert "measured" in opinion.reason


def test_a_declared_policy_is_named_by_its_hash() -> None:
    assert policy_names() == ["evidence_policy"]
    declared = EvidencePolicy(max_copy_percent=10).to_json()
    policy = open_policy("evidence_policy", declared)
    assert policy.digest == EvidencePolicy(max_copy_percent=10).digest
    assert policy.digest != open_policy("evidence_policy").digest
    assert policy.decide([OK], _figures(copies=15)).decision is Decision.REJECT


@pytest.mark.parametrize(
    "declared",
    [b"{}", b"[]", EvidencePolicy().to_json().replace(b"20", b"true"),
     EvidencePolicy().to_json().replace(b"v2", b"v1")],
)  # fmt: skip
def test_another_declaration_is_refused(declared: bytes) -> None:
    with pytest.raises(MalformedDataError):
        open_policy("evidence_policy", declared)


def test_unknown_policies_and_thresholds_are_refused() -> None:
    with pytest.raises(ConfigError, match="evidence_policy"):
        open_policy("coin_toss")
    with pytest.raises(BadInputError):
        EvidencePolicy(max_copy_percent=101)
    with pytest.raises(BadInputError):
        EvidencePolicy(check_confidence_bps=10_001)
