from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from databright.errors import BadInputError, NotAuthorisedError
from databright.records.ballots import (
    MAX_BALLOTS,
    Ballot,
    SignedBallot,
    ballots_from_json,
    ballots_to_json,
)
from databright.records.motions import MotionText, TakedownWish
from databright.records.signatures import Domain
from databright.units import Address, Digest, Seconds

KEY = Account.from_key(bytes([7]) * 32)
VOTER = Address(str(KEY.address))
OTHER = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
DOMAIN = Domain(31_337, OTHER)
TERMS = Digest(bytes(range(32)))
BALLOT = Ballot(VOTER, 1_000_002, TERMS, True, 3, Seconds(2**40 - 1))
REASON = "the owner asked for it"


def test_ballots_survive_their_file_and_keep_their_signer() -> None:
    signed = SignedBallot.make(BALLOT, KEY, DOMAIN)
    (again,) = ballots_from_json(ballots_to_json([signed]))
    assert again == signed
    again.check()
    changes: tuple[dict[str, Any], ...] = (
        {"support": False}, {"nonce": 4}, {"proposal": 1_000_003}, {"commitment": bytes(32)},
    )  # fmt: skip
    for change in changes:
        changed = replace(signed, ballot=replace(BALLOT, **change))
        with pytest.raises(NotAuthorisedError):
            changed.check()
    with pytest.raises(NotAuthorisedError):
        replace(signed, domain=Domain(1, OTHER)).check()


@given(
    proposal=st.integers(1_000_001, 2**48 - 1).filter(lambda number: number % 1_000_000 != 0),
    support=st.booleans(),
    nonce=st.integers(0, 2**16 - 1),
    deadline=st.integers(1, 2**40 - 1),
)
def test_the_packed_form_holds_every_field(
    proposal: int, support: bool, nonce: int, deadline: int
) -> None:
    ballot = Ballot(VOTER, proposal, TERMS, support, nonce, Seconds(deadline))
    signed = SignedBallot.make(ballot, KEY, DOMAIN)
    what, r, vs = signed.packed()
    assert what & (2**160 - 1) == int(VOTER, 16)
    assert (what >> 160) & (2**40 - 1) == deadline
    assert ((what >> 200) & 1, what >> 201) == (int(support), proposal)
    word = int.from_bytes(vs, "big")
    s = (word & (2**255 - 1)).to_bytes(32, "big")
    assert r + s + bytes([27 + (word >> 255)]) == signed.signature


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"support":true', b'"support":1'),
        (b'"nonce":3', b'"nonce":65536'),
        (b'"nonce":3', b'"nonce":"3"'),
        (b'"proposal":1000002', b'"proposal":7'),
        (b'"proposal":1000002', b'"proposal":300000000000001'),
        (b'"voter":"0x', b'"voter":"0X'),
        (b'"commitment":"00', b'"commitment":"'),
        (b'"commitment":"00', b'"commitment":"0X'),
        (b'"signature":"', b'"signature":"00'),
        (b'"signature":"', b'"signature":"zz'),
        (b'ballots/v1"', b'ballots/v2"'),
        (b'"chain"', b'"more":1,"chain"'),
    ],
)
def test_another_file_is_refused(old: bytes, new: bytes) -> None:
    blob = ballots_to_json([SignedBallot.make(BALLOT, KEY, DOMAIN)])
    assert old in blob
    with pytest.raises(BadInputError):
        ballots_from_json(blob.replace(old, new, 1))


def test_a_file_holds_a_transactions_ballots() -> None:
    signed = SignedBallot.make(BALLOT, KEY, DOMAIN)
    assert len(ballots_from_json(ballots_to_json([signed] * MAX_BALLOTS))) == MAX_BALLOTS
    for count in (0, MAX_BALLOTS + 1):
        with pytest.raises(BadInputError):
            ballots_to_json([signed] * count)


def test_a_motion_survives_its_document() -> None:
    text = MotionText(2, REASON, takedown=TakedownWish(1_000_001, 1, OTHER))
    assert MotionText.from_json(text.to_json()) == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"moves":2', b'"moves":1'),
        (b'"moves":2', b'"moves":3'),
        (b'"born":1', b'"born":-1'),
        (b'"born":1,', b""),
        (b'"to":"0x5F', b'"to":"0x5f'),
        (REASON.encode(), b""),
    ],
)
def test_another_motion_is_refused(old: bytes, new: bytes) -> None:
    blob = MotionText(2, REASON, takedown=TakedownWish(1_000_001, 1, OTHER)).to_json()
    assert old in blob
    with pytest.raises(BadInputError):
        MotionText.from_json(blob.replace(old, new))


def test_a_motion_names_the_content_of_its_kind() -> None:
    wish = TakedownWish(1_000_001, 1, OTHER)
    for kind in (0, 1, 3):
        with pytest.raises(BadInputError):
            MotionText(kind, REASON, takedown=wish)
    with pytest.raises(BadInputError):
        MotionText(2, REASON)
