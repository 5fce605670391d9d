from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from databright.custody.references import reference_from_json, reference_to_json
from databright.custody.sealing import SealedRef
from databright.errors import BadInputError, MalformedDataError
from databright.records.datasets import DatasetCard
from databright.records.manifest import Manifest
from databright.records.rules import Rules
from databright.units import Address, Amount, BasisPoints, Cid, Digest, Seconds

D = Digest(bytes(range(32)))
A = [Address(f"0x{number:040x}") for number in range(1, 6)]
CARD = DatasetCard("Digits", "of hands", "CC0-1.0", D, D, 80)
RULES = Rules(
    metadata=D,
    schema=D,
    licence=D,
    quorum_bps=BasisPoints(1_000),
    voting_period=Seconds(60),
    bond=Amount(1),
    evaluation_fee=Amount(1),
    mint_cap=10,
    epoch_length=Seconds(60),
    price_per_use=Amount(1),
    prediction_bps=BasisPoints(1),
    max_exposure_bps=BasisPoints(500),
    threshold=2,
    evaluator_stake=Amount(10),
    challenge_bond=Amount(10),
    evaluators=tuple(A[:4]),
    nodes=tuple(A[:4]),
    curators=tuple(A[4:]),
    weights=(100,),
    programs=(D,),
)
MANIFEST = Manifest("rows", "", "", "CC0-1.0", D, 3, D, D)


def test_documents_survive_their_json() -> None:
    assert DatasetCard.from_json(CARD.to_json()) == CARD
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    reference = SealedRef(Cid("bafkreia"), Cid("bafkreib"), D)
    assert reference_from_json(reference_to_json(reference)) == reference


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"steps":80', b'"steps":0'),
        (b'"steps":80', b'"steps":"80"'),
        (b'"metric":"log-loss"', b'"metric":"accuracy"'),
        (b'"title":"Digits"', b'"title":""'),
        (b'"title":"Digits"', b'"title":"a\\u0007"'),
        (b'"title":"Digits",', b""),
        (b'"title"', b'"more":1,"title"'),
        (b"0001", b"00GG"),
    ],
)
def test_another_card_is_refused(old: bytes, new: bytes) -> None:
    blob = CARD.to_json()
    assert old in blob
    with pytest.raises(BadInputError):
        DatasetCard.from_json(blob.replace(old, new))


def test_rules_survive_the_contract_struct() -> None:
    assert Rules.from_struct(RULES.check().to_struct()) == RULES
    with pytest.raises(MalformedDataError):
        Rules.from_struct(RULES.to_struct()[:-1])


@pytest.mark.parametrize(
    "changes",
    [
        {"quorum_bps": 10_001},
        {"prediction_bps": -1},
        {"max_exposure_bps": 0},
        {"a_bps": 9_999},
        {"voting_period": 3},
        {"change_delay": 59},
        {"optimistic_window": 5, "challenge_bond": 0},
        {"evaluator_stake": 9},
        {"tolerance_bps": 10_001},
        {"relay_price": 2**32},
        {"mint_cap": 0},
        {"bond": -1},
        {"threshold": 3},
        {"threshold": 0},
        {"evaluators": (A[0], A[0], A[1], A[2])},
        {"nodes": (A[0],)},
        {"curators": ()},
        {"weights": (0,)},
        {"weights": (2**51,)},
        {"programs": (D, D)},
    ],
)
def test_rules_that_break_a_promise_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        replace(RULES, **changes).check()


def test_later_rules_name_no_curators() -> None:
    later = replace(RULES, curators=(), weights=())
    assert later.check(is_first=False) == later
    for rules, is_first in ((later, True), (RULES, False)):
        with pytest.raises(BadInputError, match="curators"):
            rules.check(is_first=is_first)
