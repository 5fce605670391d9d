"""Whether a token that exists can be a market's money, as far as that shows without sending.

Everything is asked by calls that change nothing. The payer's signature for EIP-3009 is a real one
over zero units, made by a key that is thrown away, so the token's own checks are what answers.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from databright.chain.base import Chain
from databright.chain.bindings import Artifact, Contract
from databright.chain.deploying import MONEY
from databright.errors import BadInputError, ChainError
from databright.units import DECIMALS, Address

_VERSIONS: Final = ("1", "2", "3")
_FOREVER: Final = 2**256 - 1
_MAX_SUPPLY: Final = 2**128 - 1
_VERSION_CALL: Final = keccak(b"version()")[:4]
_TYPES: Final = {
    "ReceiveWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "validAfter", "type": "uint256"},
        {"name": "validBefore", "type": "uint256"},
        {"name": "nonce", "type": "bytes32"},
    ]
}


def probe_token(chain: Chain, address: Address, account: Address) -> str:
    """Refuse a token that the market's contracts could not work with.

    What cannot be seen this way: fees on transfers (the contracts refuse each deposit that comes
    short), rebasing, freezing, and what the owner of an upgradable token does later.

    Args:
        chain: the chain.
        address: the token.
        account: who seems to call.

    Returns:
        Its name.

    Raises:
        BadInputError: it lacks something; the message says what.
    """
    if not chain.code(address):
        raise BadInputError(
            f"there is no contract at {address} on chain {chain.chain_id}: give the address of an "
            "ERC-20 token of this very chain"
        )
    token = Contract(chain, address, Artifact.load(MONEY))

    def need(what: str, ask: Callable[[], object]) -> Any:  # noqa: ANN401 (what it answers)
        try:
            return ask()
        except ChainError as error:
            raise BadInputError(
                f"the token at {address} cannot be the market's money: it lacks {what} ({error}). "
                "Give an ERC-20 with EIP-3009 and burn, or leave --token out for the test token"
            ) from error

    name = str(need("name()", lambda: token.call("name")))
    decimals = int(need("decimals()", lambda: token.call("decimals")))
    if decimals != DECIMALS:
        raise BadInputError(
            f"the token {name[:40]!r} at {address} has {decimals} decimals, amounts here have "
            f"{DECIMALS}: give a token of {DECIMALS} decimals"
        )
    supply = int(need("totalSupply()", lambda: token.call("totalSupply")))
    if supply > _MAX_SUPPLY:
        raise BadInputError(
            f"the token {name[:40]!r} at {address} has a supply of {supply} base units, the "
            f"dividends' sums take at most {_MAX_SUPPLY}: give another token"
        )
    need("balanceOf(address)", lambda: token.call("balanceOf", account))
    need("allowance(address,address)", lambda: token.call("allowance", account, address))
    for function, arguments in (
        ("approve", (account, 0)),
        ("transfer", (account, 0)),
        ("transferFrom", (account, account, 0)),
    ):
        answer = need(
            f"a working {function}",
            lambda f=function, a=arguments: _send(token, account, f, a),  # type: ignore[misc]
        )
        if answer not in (b"", (1).to_bytes(32, "big")):
            raise BadInputError(
                f"{function} of the token at {address} answers neither true nor nothing: give "
                "another token"
            )
    need("burn(uint256) by any holder", lambda: _send(token, account, "burn", (0,)))
    _probe_authorization(chain, token, name, need)
    return name


def _send(token: Contract, account: Address, function: str, arguments: tuple[object, ...]) -> bytes:
    return token.chain.call(token.address, token.encode(function, *arguments), None, account)


def _probe_authorization(
    chain: Chain, token: Contract, name: str, need: Callable[[str, Callable[[], object]], object]
) -> None:
    payer = Account.create()
    nonce = secrets.token_bytes(32)
    need(
        "EIP-3009's authorizationState(address,bytes32)",
        lambda: token.call("authorizationState", payer.address, nonce),
    )
    receiver = Address(str(Account.create().address))
    refusal: ChainError | None = None
    for version in _versions(chain, token):
        message = {
            "from": payer.address,
            "to": receiver,
            "value": 0,
            "validAfter": 0,
            "validBefore": _FOREVER,
            "nonce": nonce,
        }
        domain = {
            "name": name,
            "version": version,
            "chainId": chain.chain_id,
            "verifyingContract": token.address,
        }
        signed = payer.sign_message(encode_typed_data(domain, _TYPES, message))
        r, s = (int(part).to_bytes(32, "big") for part in (signed.r, signed.s))
        arguments = (payer.address, receiver, 0, 0, _FOREVER, nonce, int(signed.v), r, s)
        try:
            _send(token, receiver, "receiveWithAuthorization", arguments)
        except ChainError as error:
            refusal = error
        else:
            return
    raise BadInputError(
        f"the token {name[:40]!r} at {token.address} cannot be the market's money: it refuses a "
        f"valid EIP-3009 authorization of zero units ({refusal}). Give an ERC-20 with EIP-3009, or "
        "leave --token out for the test token"
    ) from refusal


def _versions(chain: Chain, token: Contract) -> tuple[str, ...]:
    """Versions of the EIP-712 domain to try; the token's own where it tells one."""
    try:
        answer = chain.call(token.address, _VERSION_CALL)
        length = int.from_bytes(answer[32:64], "big")
        told = answer[64 : 64 + length].decode()
    except (ChainError, UnicodeDecodeError):
        return _VERSIONS
    return (told, *_VERSIONS) if told else _VERSIONS
