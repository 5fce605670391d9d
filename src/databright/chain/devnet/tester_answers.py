"""py-evm's blocks, transactions and receipts as JSON-RPC gives them, whole.

With every field there, a stranger can recompute header hashes, roots and senders of this chain as
of any other.
"""

from __future__ import annotations

from typing import Any, Final

from databright.records.strict_json import JsonValue

_HEADER: Final = {
    "number": "block_number",
    "parentHash": "parent_hash",
    "sha3Uncles": "uncles_hash",
    "miner": "coinbase",
    "stateRoot": "state_root",
    "transactionsRoot": "transaction_root",
    "receiptsRoot": "receipt_root",
    "difficulty": "difficulty",
    "gasLimit": "gas_limit",
    "gasUsed": "gas_used",
    "timestamp": "timestamp",
    "extraData": "extra_data",
    "mixHash": "mix_hash",
    "nonce": "nonce",
    "baseFeePerGas": "base_fee_per_gas",
    "withdrawalsRoot": "withdrawals_root",
    "blobGasUsed": "blob_gas_used",
    "excessBlobGas": "excess_blob_gas",
    "parentBeaconBlockRoot": "parent_beacon_block_root",
    "requestsHash": "requests_hash",
}
"""JSON-RPC name -> py-evm's; forks that lack a field leave it out."""
_TYPED: Final = {
    "chainId": "chain_id",
    "maxFeePerGas": "max_fee_per_gas",
    "maxPriorityFeePerGas": "max_priority_fee_per_gas",
    "yParity": "y_parity",
}
_BLOOM_BYTES: Final = 256
_LEGACY, _ACCESS_LIST, _DYNAMIC_FEE = 0, 1, 2


def as_hex(value: bytes) -> str:
    """Bytes as JSON-RPC writes them.

    Args:
        value: any bytes.

    Returns:
        0x-prefixed hex.
    """
    return "0x" + bytes(value).hex()


def _answer(value: Any) -> JsonValue:  # noqa: ANN401 (py-evm's)
    return hex(value) if isinstance(value, int) else as_hex(value)


def _bloom(value: int) -> str:
    return as_hex(value.to_bytes(_BLOOM_BYTES, "big"))


def block_answer(block: Any, *, whole: bool) -> dict[str, JsonValue]:  # noqa: ANN401 (py-evm's)
    """A block.

    Args:
        block: py-evm's.
        whole: give whole transactions instead of their hashes.

    Returns:
        The JSON-RPC object.
    """
    header = block.header
    answer: dict[str, JsonValue] = {
        name: _answer(getattr(header, field))
        for name, field in _HEADER.items()
        if hasattr(header, field)
    }
    transactions: list[JsonValue] = [
        transaction_answer(tx, block) if whole else as_hex(tx.hash) for tx in block.transactions
    ]
    answer.update(
        hash=as_hex(block.hash),
        logsBloom=_bloom(header.bloom),
        uncles=[],
        transactions=transactions,
    )
    return answer


def transaction_answer(tx: Any, block: Any) -> dict[str, JsonValue]:  # noqa: ANN401 (py-evm's)
    """A transaction, the only one of its block.

    Args:
        tx: py-evm's.
        block: its block.

    Returns:
        The JSON-RPC object.
    """
    kind = _kind(tx)
    answer: dict[str, JsonValue] = {
        "hash": as_hex(tx.hash),
        "type": hex(kind),
        "blockNumber": hex(block.number),
        "blockHash": as_hex(block.hash),
        "transactionIndex": "0x0",
        "from": as_hex(tx.sender),
        "to": as_hex(tx.to) if tx.to else None,
        "nonce": hex(tx.nonce),
        "gas": hex(tx.gas),
        "value": hex(tx.value),
        "input": as_hex(tx.data),
        "r": hex(tx.r),
        "s": hex(tx.s),
    }
    if kind == _LEGACY:
        answer["v"] = hex(tx.v)
    else:
        for name, field in _TYPED.items():
            if kind == _DYNAMIC_FEE or field in {"chain_id", "y_parity"}:
                answer[name] = hex(getattr(tx, field))
        answer["accessList"] = [
            {
                "address": as_hex(address),
                "storageKeys": [as_hex(key.to_bytes(32, "big")) for key in keys],
            }
            for address, keys in tx.access_list
        ]
    if kind in {_LEGACY, _ACCESS_LIST}:
        answer["gasPrice"] = hex(tx.gas_price)
    return answer


def receipt_answer(block: Any, receipt: Any) -> dict[str, JsonValue]:  # noqa: ANN401 (py-evm's)
    """The receipt of a block's only transaction.

    Args:
        block: py-evm's.
        receipt: py-evm's.

    Returns:
        The JSON-RPC object.
    """
    from eth._utils.address import generate_contract_address

    tx = block.transactions[0]
    created = as_hex(generate_contract_address(tx.sender, tx.nonce)) if not tx.to else None
    place: dict[str, JsonValue] = {
        "blockNumber": hex(block.number),
        "blockHash": as_hex(block.hash),
        "transactionHash": as_hex(tx.hash),
        "transactionIndex": "0x0",
    }
    logs: list[JsonValue] = [
        {
            **place,
            "address": as_hex(log.address),
            "topics": [as_hex(topic.to_bytes(32, "big")) for topic in log.topics],
            "data": as_hex(log.data),
            "logIndex": hex(index),
        }
        for index, log in enumerate(receipt.logs)
    ]
    return {
        **place,
        "type": hex(_kind(tx)),
        "status": hex(int.from_bytes(receipt.state_root, "big")),
        "gasUsed": hex(receipt.gas_used),
        "cumulativeGasUsed": hex(receipt.gas_used),
        "logsBloom": _bloom(receipt.bloom),
        "from": as_hex(tx.sender),
        "to": as_hex(tx.to) if tx.to else None,
        "contractAddress": created if receipt.state_root == b"\x01" else None,
        "logs": logs,
    }


def _kind(tx: Any) -> int:  # noqa: ANN401 (py-evm's)
    return getattr(tx, "type_id", None) or _LEGACY
