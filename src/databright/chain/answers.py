"""Answers of a JSON-RPC endpoint, read strictly into the port's records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from eth_utils.address import to_checksum_address

from databright.chain.base import Header, Log, Receipt
from databright.errors import ChainError
from databright.units import Address


def read_int(value: object) -> int:
    """Read a quantity.

    Args:
        value: 0x-prefixed hex of at most 32 bytes.

    Returns:
        The number.

    Raises:
        ChainError: it is anything else.
    """
    if isinstance(value, str) and value.startswith("0x") and len(value) <= 66:
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise ChainError(f"the chain answered {str(value)[:80]!r} where a hex number belongs")


def read_bytes(value: object) -> bytes:
    """Read bytes.

    Args:
        value: 0x-prefixed hex.

    Returns:
        The bytes.

    Raises:
        ChainError: it is anything else.
    """
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise ChainError(f"the chain answered {str(value)[:80]!r} where hex bytes belong")


def read_hash(value: object) -> str:
    """Read a 32-byte hash.

    Args:
        value: 0x-prefixed hex.

    Returns:
        The hash in lower case.

    Raises:
        ChainError: it is anything else.
    """
    if len(read_bytes(value)) != 32:
        raise ChainError(f"the chain answered {str(value)[:80]!r} where a 32-byte hash belongs")
    return str(value).lower()


def read_address(value: object) -> Address:
    """Read an address.

    Args:
        value: 0x-prefixed hex of 20 bytes.

    Returns:
        The address in EIP-55.

    Raises:
        ChainError: it is anything else.
    """
    if len(read_bytes(value)) != 20:
        raise ChainError(f"the chain answered {str(value)[:80]!r} where an address belongs")
    return Address(str(to_checksum_address(str(value))))


def _fields(value: object, *names: str) -> list[Any]:
    if not isinstance(value, Mapping) or not all(name in value for name in names):
        raise ChainError(f"the chain's answer lacks one of {', '.join(names)}: {str(value)[:120]}")
    return [value[name] for name in names]


def read_header(value: object) -> Header:
    """Read a block.

    Args:
        value: a JSON-RPC block object.

    Returns:
        Its header.
    """
    number, own, parent, timestamp = _fields(value, "number", "hash", "parentHash", "timestamp")
    return Header(read_int(number), read_hash(own), read_hash(parent), read_int(timestamp))


def read_log(value: object) -> Log:
    """Read an event.

    Args:
        value: a JSON-RPC log object.

    Returns:
        The event.
    """
    address, topics, data, number, block, tx, tx_index, index = _fields(
        value,
        "address",
        "topics",
        "data",
        "blockNumber",
        "blockHash",
        "transactionHash",
        "transactionIndex",
        "logIndex",
    )
    return Log(
        address=read_address(address),
        topics=tuple(read_bytes(topic) for topic in topics),
        data=read_bytes(data),
        block_number=read_int(number),
        block_hash=read_hash(block),
        tx_hash=read_hash(tx),
        tx_index=read_int(tx_index),
        log_index=read_int(index),
    )


def read_receipt(value: object) -> Receipt:
    """Read a receipt.

    Args:
        value: a JSON-RPC receipt object.

    Returns:
        The receipt.
    """
    tx, number, block, status, gas, logs = _fields(
        value, "transactionHash", "blockNumber", "blockHash", "status", "gasUsed", "logs"
    )
    created = cast("Mapping[str, object]", value).get("contractAddress")
    return Receipt(
        tx_hash=read_hash(tx),
        block_number=read_int(number),
        block_hash=read_hash(block),
        status=read_int(status),
        gas_used=read_int(gas),
        contract_address=None if created is None else read_address(created),
        logs=tuple(read_log(entry) for entry in logs),
    )
