"""Which requests the proxy takes: reads from a list, and signed transactions."""

from __future__ import annotations

from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]
from eth_account import Account
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from databright.chain.devnet.evm import RpcFault
from databright.records.strict_json import JsonValue

SEND = "eth_sendRawTransaction"
READS = frozenset(
    {
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getCode",
        "eth_getLogs",
        "eth_getStorageAt",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "eth_syncing",
        "net_version",
        "web3_clientVersion",
    }
)
MAX_RAW = 128 * 1024
"""Largest signed transaction, in bytes; the limit of public networks too."""
_INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS, _REFUSED = -32600, -32601, -32602, -32000
_MAX_PARAMS = 4
# Position of (chain id, nonce) and number of fields by transaction type.
_FIELDS = {1: 11, 2: 12}
_LEGACY_FIELDS = 9


@dataclass(frozen=True)
class Request:
    """One JSON-RPC request.

    Attributes:
        id: what the answer repeats.
        method: an allowed method.
        params: its parameters.
    """

    id: JsonValue
    method: str
    params: list[JsonValue]


@dataclass(frozen=True)
class SignedTransaction:
    """What the proxy must know of a signed transaction.

    Attributes:
        raw: its bytes.
        hash: its hash, 0x-prefixed hex.
        sender: who signed it.
        nonce: its nonce.
    """

    raw: bytes
    hash: str
    sender: str
    nonce: int


def parse_request(value: JsonValue) -> Request:
    """Read one JSON-RPC request.

    Args:
        value: a member of a batch, or the whole body.

    Returns:
        The request.

    Raises:
        RpcFault: it is malformed or its method is not allowed.
    """
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise RpcFault(_INVALID_REQUEST, 'a request is an object with "jsonrpc": "2.0"')
    name, method, params = value.get("id"), value.get("method"), value.get("params", [])
    if not isinstance(method, str) or not isinstance(params, list) or len(params) > _MAX_PARAMS:
        raise RpcFault(_INVALID_REQUEST, "a request has a method and at most 4 params in a list")
    if isinstance(name, dict | list | bool):
        raise RpcFault(_INVALID_REQUEST, "a request's id is a number or a string")
    if method != SEND and method not in READS:
        raise RpcFault(
            _NO_METHOD,
            f"{method[:64]} is not offered by this chain: it takes reads and "
            "eth_sendRawTransaction. Its clock is advanced by the launcher only",
        )
    return Request(name, method, params)


def parse_transaction(params: list[JsonValue], chain_id: int) -> SignedTransaction:
    """Read the parameter of eth_sendRawTransaction.

    Args:
        params: one 0x-prefixed hex string.
        chain_id: the chain's id.

    Returns:
        The transaction.

    Raises:
        RpcFault: it is malformed, of a type that this chain does not take, or of another chain.
    """
    text = params[0] if len(params) == 1 else None
    if not isinstance(text, str) or not text.startswith("0x") or len(text) > 2 + 2 * MAX_RAW:
        raise RpcFault(_INVALID_PARAMS, f"one 0x-prefixed hex string of at most {MAX_RAW} bytes")
    try:
        raw = bytes.fromhex(text[2:])
        fields, kind = _fields(raw)
        found, nonce = _identity(fields, kind)
        sender = str(Account.recover_transaction(raw))
    except (RLPException, BadSignature, ValidationError, ValueError, TypeError) as error:
        raise RpcFault(_INVALID_PARAMS, f"not a signed transaction: {str(error)[:200]}") from error
    if found != chain_id:
        raise RpcFault(_REFUSED, f"signed for chain id {found}, but this chain has id {chain_id}")
    return SignedTransaction(raw, "0x" + keccak(raw).hex(), sender, nonce)


def _fields(raw: bytes) -> tuple[list[object], int]:
    if not raw:
        raise ValueError("it is empty")
    kind = 0 if raw[0] >= 0xC0 else raw[0]
    if kind and kind not in _FIELDS:
        raise ValueError(f"type {kind} is not taken here; use type 2")
    fields = rlp.decode(raw[1:] if kind else raw, strict=True)
    wanted = _FIELDS.get(kind, _LEGACY_FIELDS)
    if not isinstance(fields, list) or len(fields) != wanted:
        raise ValueError(f"a transaction of type {kind} has {wanted} fields")
    return fields, kind


def _identity(fields: list[object], kind: int) -> tuple[int, int]:
    if kind:
        return _number(fields[0]), _number(fields[1])
    mark = _number(fields[6])
    if mark < 35:
        raise ValueError("it names no chain id (EIP-155)")
    return (mark - 35) // 2, _number(fields[0])


def _number(field: object) -> int:
    if not isinstance(field, bytes) or len(field) > 32 or field[:1] == b"\0":
        raise ValueError("a number is malformed")
    return int.from_bytes(field, "big")
