"""The chain as one file, so that others can check the story without a running chain."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx

from databright.chain.market_contracts import MarketContracts
from databright.errors import ChainError
from databright.records.deployment import FILE

EXPORT_FILE = "chain-export.json"
_BATCH = 50
_REQUEST_S = 60.0


def export_chain(contracts: MarketContracts, home: Path) -> Path:
    """Write every block and receipt, straight from JSON-RPC, to `home`/chain-export.json.

    Args:
        contracts: the market.
        home: the home folder; its market.json goes into the export.

    Returns:
        The file.

    Raises:
        ChainError: the chain did not answer.
    """
    deployment = contracts.deployment
    with httpx.Client(base_url=deployment.rpc_url, timeout=_REQUEST_S) as client:
        head = int(_ask(client, [("eth_blockNumber", [])])[0], 16)
        blocks: list[dict[str, Any]] = []
        for first in range(0, head + 1, _BATCH):
            numbers = range(first, min(first + _BATCH, head + 1))
            blocks += _ask(client, [("eth_getBlockByNumber", [hex(n), True]) for n in numbers])
        hashes = [tx["hash"] for block in blocks for tx in block["transactions"]]
        receipts: list[dict[str, Any]] = []
        for first in range(0, len(hashes), _BATCH):
            wanted = hashes[first : first + _BATCH]
            receipts += _ask(client, [("eth_getTransactionReceipt", [tx]) for tx in wanted])
    document = {
        "chain_id": deployment.chain_id,
        "genesis_hash": deployment.genesis_hash,
        "blocks": blocks,
        "receipts": receipts,
        "balances": {
            contract.address: str(contracts.token.call("balanceOf", contract.address))
            for contract in contracts.all_contracts()
        },
        "deployment": json.loads((home / FILE).read_text()),
    }
    path = home / EXPORT_FILE
    temporary = home / f".{EXPORT_FILE}.{os.getpid()}"
    temporary.write_text(json.dumps(document))
    temporary.replace(path)
    return path


def _ask(client: httpx.Client, calls: list[tuple[str, list[Any]]]) -> list[Any]:
    body = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        for number, (method, params) in enumerate(calls)
    ]
    response = client.post("", json=body)
    response.raise_for_status()
    answers = {answer["id"]: answer for answer in response.json()}
    for answer in answers.values():
        if "error" in answer:
            raise ChainError(f"the chain refused to be exported: {answer['error']}")
    return [answers[number]["result"] for number in range(len(calls))]
