# A contract bound at run time has no static type.
from __future__ import annotations

from typing import Any

import boa
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.contracts.data_world import Market
from tests.contracts.market_world import digest, refused

HOLDER = Account.from_key(b"\x21" * 32)
OTHER = Account.from_key(b"\x22" * 32)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FIELDS = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]
NONCE = digest("nonce")


def signed(
    market: Market,
    kind: str,
    fields: list[dict[str, str]],
    values: tuple[Any, ...],
    account: Any = HOLDER,
) -> tuple[int, bytes, bytes]:
    message = encode_typed_data(
        domain_data={
            "name": market.token.name(),
            "version": "1",
            "chainId": boa.env.evm.patch.chain_id,
            "verifyingContract": str(market.token.address),
        },
        message_types={kind: fields},
        message_data=dict(zip((field["name"] for field in fields), values, strict=True)),
    )
    found = account.sign_message(message)
    return found.v, found.r.to_bytes(32, "big"), found.s.to_bytes(32, "big")


def transfer(
    market: Market, kind: str = "Transfer", account: Any = HOLDER, **changes: Any
) -> tuple[Any, ...]:
    """Arguments of an authorised transfer of 9 units from the holder to the stranger."""
    values = {
        "sender": HOLDER.address,
        "to": market.stranger,
        "value": 9,
        "after": market.now() - 1,
        "before": market.now() + 100,
        "nonce": NONCE,
    } | changes
    arguments = tuple(values.values())
    return (*arguments, *signed(market, f"{kind}WithAuthorization", FIELDS, arguments, account))


@pytest.fixture
def funded(market: Market) -> Market:
    market.token.transfer(HOLDER.address, 20, sender=market.buyer)
    return market


def test_anyone_sends_a_signed_transfer(funded: Market) -> None:
    before = funded.balance(funded.stranger)
    funded.token.transferWithAuthorization(*transfer(funded), sender=funded.buyer)

    assert funded.balance(HOLDER) == 11
    assert funded.balance(funded.stranger) == before + 9
    assert funded.token.authorizationState(HOLDER.address, NONCE)


def test_a_signed_transfer_counts_once(funded: Market) -> None:
    arguments = transfer(funded)
    funded.token.transferWithAuthorization(*arguments, sender=funded.buyer)

    with refused("token: authorization is used"):
        funded.token.transferWithAuthorization(*arguments, sender=funded.buyer)


def test_a_signed_transfer_has_its_time(funded: Market) -> None:
    with refused("token: authorization is not yet valid"):
        funded.token.transferWithAuthorization(*transfer(funded, after=funded.now()))
    with refused("token: authorization has expired"):
        funded.token.transferWithAuthorization(*transfer(funded, before=funded.now()))


def test_another_signer_moves_nothing(funded: Market) -> None:
    with refused("token: wrong signature"):
        funded.token.transferWithAuthorization(*transfer(funded, account=OTHER))


def test_a_signature_of_another_chain_moves_nothing(funded: Market) -> None:
    arguments = transfer(funded)
    boa.env.evm.patch.chain_id += 1

    with refused("token: wrong signature"):
        funded.token.transferWithAuthorization(*arguments)


def test_a_changed_amount_moves_nothing(funded: Market) -> None:
    arguments = list(transfer(funded))
    arguments[2] = 10

    with refused("token: wrong signature"):
        funded.token.transferWithAuthorization(*arguments)


def test_the_higher_of_two_signatures_is_refused(funded: Market) -> None:
    *arguments, v, r, s = transfer(funded)
    higher = (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")

    with refused("token: wrong signature"):
        funded.token.transferWithAuthorization(*arguments, 55 - v, r, higher)


def test_the_zero_address_signs_nothing(funded: Market) -> None:
    *arguments, _, r, s = transfer(funded, sender="0x" + "00" * 20, value=0)

    with refused("token: wrong signature"):
        funded.token.transferWithAuthorization(*arguments, 1, r, s)


def test_only_the_receiver_sends_a_receipt(funded: Market) -> None:
    arguments = transfer(funded, "Receive")

    with refused("token: caller is not the receiver"):
        funded.token.receiveWithAuthorization(*arguments, sender=funded.buyer)
    funded.token.receiveWithAuthorization(*arguments, sender=funded.stranger)
    assert funded.balance(HOLDER) == 11


def test_a_transfer_authorisation_is_no_receipt(funded: Market) -> None:
    with refused("token: wrong signature"):
        funded.token.receiveWithAuthorization(*transfer(funded), sender=funded.stranger)


def test_a_cancelled_authorisation_moves_nothing(funded: Market) -> None:
    fields = [{"name": "authorizer", "type": "address"}, {"name": "nonce", "type": "bytes32"}]
    values = (HOLDER.address, NONCE)
    arguments = transfer(funded)
    with refused("token: wrong signature"):
        funded.token.cancelAuthorization(
            *values, *signed(funded, "CancelAuthorization", fields, values, OTHER)
        )
    cancel = signed(funded, "CancelAuthorization", fields, values)
    funded.token.cancelAuthorization(*values, *cancel, sender=funded.buyer)

    with refused("token: authorization is used"):
        funded.token.transferWithAuthorization(*arguments)
    with refused("token: authorization is used"):
        funded.token.cancelAuthorization(*values, *cancel)
