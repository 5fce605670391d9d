"""What people sign off the chain for the data market: ballots, verdicts, values, payments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import boa
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
VERDICT_FIELDS = [
    ("proposal", "uint256"),
    ("commitment", "bytes32"),
    ("base", "uint256"),
    ("holdout_epoch", "uint256"),
    ("outcome", "uint256"),
    ("copy_of", "uint256"),
    ("amount", "uint256"),
    ("evidence", "bytes32"),
]
BALLOT_FIELDS = [
    ("voter", "address"),
    ("proposal", "uint256"),
    ("commitment", "bytes32"),
    ("support", "bool"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
]
PAYMENT_FIELDS = [
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
]


def typed(
    name: str, fields: Sequence[tuple[str, str]], values: Sequence[Any], domain: dict[str, Any]
) -> Any:
    """An EIP-712 message, made without the contracts."""
    return encode_typed_data(
        domain_data=domain,
        message_types={name: [{"name": key, "type": kind} for key, kind in fields]},
        message_data=dict(zip((key for key, _ in fields), values, strict=True)),
    )


def domain_of(contract: Any, name: str = "DataBright", **changes: Any) -> dict[str, Any]:
    """The EIP-712 domain of a contract on this chain."""
    return {
        "name": name,
        "version": "1",
        "chainId": boa.env.evm.patch.chain_id,
        "verifyingContract": str(contract.address),
    } | changes


def ascending(accounts: Sequence[Any]) -> list[Any]:
    """Accounts in the order in which their signatures must come."""
    return sorted(accounts, key=lambda account: int(account.address, 16))


def committed(market: Any, number: int) -> bytes:
    """What the chain commits to under the number of a proposal or a motion."""
    is_motion = number % 1_000_000 > 500_000
    return bytes((market.motions if is_motion else market.association).commitment(number))


def verdict_signatures(
    verdicts: Any,
    proposal: int,
    commitment: bytes,
    verdict: Sequence[Any],
    accounts: Sequence[Any],
    **domain: Any,
) -> list[bytes]:
    """Signatures of a verdict in ascending order of signer."""
    values = (proposal, commitment, *verdict)
    message = typed("Verdict", VERDICT_FIELDS, values, domain_of(verdicts, **domain))
    return [bytes(one.sign_message(message).signature) for one in ascending(accounts)]


def value_signatures(
    pools: Any, values: tuple[int, int, bytes, int], purpose: int, accounts: Sequence[Any]
) -> list[bytes]:
    """Signatures of (dataset, snapshot, root, total); purpose 1 posts them, 2 vetoes them."""
    chain = boa.env.evm.patch.chain_id
    kinds = ["address", "uint256", "uint256", "uint256", "bytes32", "uint256", "uint256"]
    digest = keccak(encode(kinds, [str(pools.address), chain, *values, purpose]))
    return [bytes(one.unsafe_sign_hash(digest).signature) for one in ascending(accounts)]


def packed_ballot(voter: str, proposal: int, support: bool, deadline: int) -> int:
    """What a relayed ballot says, in its word."""
    return int(voter, 16) | deadline << 160 | int(support) << 200 | proposal << 201


def ballot_message(curators: Any, values: Sequence[Any], **domain: Any) -> Any:
    """The EIP-712 message of (voter, proposal, commitment, support, nonce, deadline)."""
    return typed("Ballot", BALLOT_FIELDS, values, domain_of(curators, **domain))


def compact(signature: bytes) -> tuple[bytes, bytes]:
    """A signature of 65 bytes as (r, vs) of EIP-2098."""
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return bytes(signature[:32]), s.to_bytes(32, "big")


def payment(
    token: Any, payer: Any, receiver: str, amount: int, nonce: bytes, valid_before: int = 2**32
) -> tuple[Any, ...]:
    """A signed EIP-3009 authorization: (payer, amount, after, before, nonce, v, r, s)."""
    values = (payer.address, receiver, amount, 0, valid_before, nonce)
    message = typed(
        "ReceiveWithAuthorization",
        PAYMENT_FIELDS,
        values,
        domain_of(token, name=str(token.name())),
    )
    signed = payer.sign_message(message)
    words = (signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
    return (payer.address, amount, 0, valid_before, nonce, signed.v, *words)


def keys(count: int, first: int = 1) -> list[Any]:
    """Accounts with fixed keys, for reproducible runs."""
    return [Account.from_key((first + index).to_bytes(32, "big")) for index in range(count)]
