from __future__ import annotations

import json
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from databright.discussion.actions import (
    ASKED,
    LOGGED,
    MAX_BODY,
    Access,
    Comment,
    Draft,
    Edit,
    Hide,
    Link,
)
from databright.discussion.signed import (
    MAX_BYTES,
    Signed,
    check_signed,
    digest_of,
    read_signed,
    sign_action,
)
from databright.discussion.subjects import parse_subject
from databright.errors import BadInputError, MalformedDataError, NotAuthorisedError
from databright.records.signatures import Domain
from databright.units import Address
from tests.discussing import ANCHOR, DOMAIN, KEYS, NOW, address

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def comment(**fields: Any) -> Comment:
    base: dict[str, Any] = {
        "author": address("proposer"),
        "subject": "proposal/7",
        "body": "How were the *rows* made?",
        "created_at": NOW,
        "nonce": 5,
    }
    return Comment(**(base | fields))


def test_a_comment_s_id_is_its_eip_712_digest() -> None:
    """Computed by hand from EIP-712, with nothing of ours but the field order."""
    found = comment(kind="question", parent=b"\x07" * 32)
    kind = keccak(
        text="Comment(address author,string kind,string subject,bytes32 parent,string body,"
        "uint256 created_at,uint256 nonce)"
    )
    struct = keccak(
        encode(
            [
                "bytes32",
                "address",
                "bytes32",
                "bytes32",
                "bytes32",
                "bytes32",
                "uint256",
                "uint256",
            ],
            [
                kind,
                found.author,
                keccak(text="question"),
                keccak(text="proposal/7"),
                b"\x07" * 32,
                keccak(text=found.body),
                NOW,
                5,
            ],
        )
    )
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [
                keccak(
                    text="EIP712Domain(string name,string version,uint256 chainId,"
                    "address verifyingContract)"
                ),
                keccak(text="DataBright"),
                keccak(text="1"),
                31337,
                ANCHOR,
            ],
        )
    )
    assert digest_of(DOMAIN, found) == keccak(b"\x19\x01" + domain + struct)


@pytest.mark.parametrize(
    "domain",
    [Domain(1, ANCHOR), Domain(31337, Address("0x" + "11" * 20))],
    ids=["chain", "contract"],
)
def test_a_signature_for_another_market_is_refused(domain: Domain) -> None:
    signed = sign_action(KEYS["proposer"], domain, comment())
    with pytest.raises(NotAuthorisedError, match="signed by"):
        check_signed(signed, DOMAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"body": "How were the *rows* made? "},
        {"kind": "question"},
        {"subject": "proposal/8"},
        {"parent": b"\x01" * 32},
        {"created_at": NOW + 1},
        {"nonce": 6},
        {"author": address("stranger")},
    ],
)
def test_every_field_is_signed(change: dict[str, Any]) -> None:
    signature = sign_action(KEYS["proposer"], DOMAIN, comment()).signature
    with pytest.raises(NotAuthorisedError):
        check_signed(Signed(comment(**change), signature), DOMAIN)


def test_a_signature_has_one_form() -> None:
    signed = sign_action(KEYS["proposer"], DOMAIN, comment())
    r, s, v = signed.signature[:32], int.from_bytes(signed.signature[32:64], "big"), 27
    twin = r + (ORDER - s).to_bytes(32, "big") + bytes([v + (signed.signature[64] == v)])
    low = signed.signature[:64] + bytes([signed.signature[64] - 27])
    for other in (twin, low, b"", signed.signature + b"\x00"):
        with pytest.raises(NotAuthorisedError, match=r"one form|bytes, not of 65"):
            check_signed(Signed(comment(), other), DOMAIN)


def test_what_is_signed_goes_through_json_unchanged() -> None:
    shared: dict[str, Any] = {"author": address("proposer"), "created_at": NOW, "nonce": 2**256 - 1}
    actions = [
        comment(body="λ ☃\n\tcode"),
        Edit(comment=b"\x01" * 32, previous=b"\x02" * 32, body="new", **shared),
        Hide(comment=b"\x01" * 32, hidden=True, reason="spam", **shared),
        Draft(
            dataset=3,
            title="t",
            description="",
            sample="1,2",
            invited=(address("reviewer"),),
            **shared,
        ),
        Link(draft=b"\x03" * 32, subject="proposal/9", **shared),
    ]
    assert {action.NAME for action in actions} == set(LOGGED)
    for action in actions:
        signed = sign_action(KEYS["proposer"], DOMAIN, action)
        again = read_signed(signed.to_bytes(), LOGGED)
        assert again == signed
        assert check_signed(again, DOMAIN) == digest_of(DOMAIN, action)


@pytest.mark.parametrize(
    "body",
    [
        "",
        " \n",
        "x" * (MAX_BODY + 1),
        "a\x00b",
        "a\x1b[31mred",
        "a\x7f",
        "a\u202eb",
        "a\u2066b",
        "\r\n",
    ],
)
def test_texts_that_cannot_be_shown_as_signed_are_refused(body: str) -> None:
    with pytest.raises(BadInputError):
        comment(body=body)


@pytest.mark.parametrize(
    "text",
    [
        "proposal/0", "proposal/07", "proposal/-1", "proposal/", "proposal", "job/1",
        "Proposal/1", "proposal/1 ", "proposal/1\n", "proposal/1/2", "draft/1",
        "draft/0x" + "A" * 64, "draft/" + "a" * 64,
        "proposal/" + "9" * 19, "",
    ],
)  # fmt: skip
def test_subjects_have_one_form(text: str) -> None:
    with pytest.raises(BadInputError):
        parse_subject(text)


@pytest.mark.parametrize("text", ["dataset/1", "model/999999999999999999", "draft/0x" + "0f" * 32])
def test_subjects_are_read_and_written_the_same(text: str) -> None:
    assert str(parse_subject(text)) == text


def plain() -> dict[str, Any]:
    record: dict[str, Any] = sign_action(KEYS["proposer"], DOMAIN, comment()).to_plain()
    return record


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("type",), "Edit"),
        (("type",), "Access"),
        (("type",), 7),
        (("type",), None),
        (("message",), []),
        (("message", "nonce"), 5),
        (("message", "nonce"), "05"),
        (("message", "nonce"), "-5"),
        (("message", "nonce"), str(2**256)),
        (("message", "parent"), "0x00"),
        (("message", "parent"), "0x" + "A" * 64),
        (("message", "author"), "0x" + "ab" * 20),
        (("message", "author"), "proposer"),
        (("message", "author"), None),
        (("message", "body"), ["text"]),
        (("message", "kind"), "verdict"),
        (("message", "kind"), "answer"),
        (("message", "extra"), "x"),
        (("signature",), "0x" + "0" * 128),
        (("signature",), "0X" + "0" * 130),
        (("signature",), None),
        (("more",), 1),
    ],
)
def test_documents_of_another_form_are_refused(path: tuple[str, ...], value: object) -> None:
    record = plain()
    place = record
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(BadInputError):
        read_signed(json.dumps(record).encode(), LOGGED)


def test_a_missing_field_is_refused() -> None:
    record = plain()
    del record["message"]["parent"]
    with pytest.raises(BadInputError, match="has the fields author, kind"):
        read_signed(json.dumps(record).encode(), LOGGED)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{", b"\xff", b'{"type":"Comment","type":"Comment"}', b'{"a":1.5}',
        b" " * (MAX_BYTES + 1), b'{"a":' + b"[" * 9 + b"]" * 9 + b"}",
    ],
)  # fmt: skip
def test_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedDataError):
        read_signed(data, LOGGED)


def test_logged_and_asked_are_kept_apart() -> None:
    access = Access(
        author=address("proposer"), resource="feed", created_at=1, expires_at=2, nonce=1
    )
    data = sign_action(KEYS["proposer"], DOMAIN, access).to_bytes()
    assert read_signed(data, ASKED).action == access
    with pytest.raises(BadInputError, match="type is 'Access'"):
        read_signed(data, LOGGED)


def test_a_comment_of_the_most_bytes_still_fits() -> None:
    signed = sign_action(KEYS["proposer"], DOMAIN, comment(body="\U0001f600" * MAX_BODY))
    data = json.dumps(signed.to_plain(), ensure_ascii=False).encode()
    assert read_signed(data, LOGGED) == signed


@pytest.mark.parametrize(
    "fields",
    [
        {"invited": ()},
        {"invited": (address("reviewer"), address("reviewer"))},
        {"invited": (address("proposer"),)},
        {"invited": tuple(Account.from_key(bytes([9, n]) * 16).address for n in range(33))},
        {"title": "two\nlines"},
        {"dataset": 0},
    ],
)
def test_drafts_that_nobody_can_review_are_refused(fields: dict[str, Any]) -> None:
    base: dict[str, Any] = {
        "author": address("proposer"),
        "created_at": NOW,
        "nonce": 1,
        "dataset": 1,
        "title": "t",
        "description": "",
        "sample": "",
        "invited": (address("reviewer"),),
    }
    Draft(**base)
    with pytest.raises(BadInputError):
        Draft(**(base | fields))
