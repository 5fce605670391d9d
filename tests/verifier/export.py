"""The chain as an export has it, or as JSON-RPC gives it; and whether its hashes hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
from eth_utils.crypto import keccak

from tests.verifier import ethereum
from tests.verifier.calls import called, read_call
from tests.verifier.checks import Checks
from tests.verifier.signatures_of_events import read_event

ZERO = "0x" + 40 * "0"
_BATCH = 50
_OUTSIDE = ("DatabaseBlueprint", "DiscussionAnchor", "MarketToken")
"""Contracts that no money is paid to."""


@dataclass(frozen=True)
class Event:
    """One decoded event.

    Attributes:
        contract: name of what emitted it.
        address: of the emitter.
        name: its name.
        args: values by name.
        tx: transaction hash.
        block: number.
        time: of the block.
        index: place among all events.
    """

    contract: str
    address: str
    name: str
    args: Mapping[str, Any]
    tx: str
    block: int
    time: int
    index: int = 0


@dataclass
class Market:
    """Everything that the chain says.

    Attributes:
        document: the export.
        addresses: contract name -> address.
        events: decoded, in chain order.
        transactions: hash -> transaction.
        inside: address -> name, of every contract that may hold money.
        databases: address -> dataset.
        senders: transaction hash -> who signed it, of those that were asked for.
    """

    document: Mapping[str, Any]
    addresses: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    transactions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)
    databases: dict[str, int] = field(default_factory=dict)
    senders: dict[str, str] = field(default_factory=dict)

    @property
    def chain_id(self) -> int:
        """EIP-155 id."""
        return int(self.document["chain_id"])

    def named(self, *names: str, **equal: Any) -> list[Event]:
        """Events of these names, with these values, in chain order; no token transfers."""
        return [
            event
            for event in self.events
            if event.name in names
            and event.name != "Transfer"
            and all(event.args[key] == value for key, value in equal.items())
        ]

    def one(self, name: str, **equal: Any) -> Event:
        """The only event of a name with these values."""
        found = self.named(name, **equal)
        if len(found) != 1:
            raise ValueError(f"{len(found)} events {name} {equal}, expected one")
        return found[0]

    def sender(self, tx: str) -> str:
        """Who signed a transaction."""
        if tx not in self.senders:
            self.senders[tx] = ethereum.transaction_sender(self.transactions[tx])
        return self.senders[tx]

    def calldata(self, tx: str, contract: str) -> bytes:
        """Input of a transaction to one of the market's contracts."""
        found = self.transactions[tx]
        if ethereum.checksummed(found["to"]) != self.addresses[contract]:
            raise ValueError(f"transaction {tx} does not call {contract}")
        return ethereum.raw(found["input"])

    def by_transaction(self) -> list[list[Event]]:
        """The events of each transaction that has any, in chain order."""
        return [list(events) for _, events in groupby(self.events, lambda event: event.tx)]

    def call(self, tx: str) -> tuple[str, str]:
        """Which contract of the market a transaction calls, and which of the read functions."""
        found = self.transactions[tx]
        if not found.get("to"):
            return "", ""
        to = ethereum.checksummed(found["to"])
        contract = self.inside.get(to, "")
        return contract, called(ethereum.raw(found["input"])) if contract else ""

    def arguments(self, tx: str) -> tuple[Any, ...]:
        """Arguments of a transaction that calls one of the read functions."""
        data = ethereum.raw(self.transactions[tx]["input"])
        return read_call(called(data), data)

    def block_hash(self, number: int) -> bytes:
        """Hash of a block, recomputed."""
        return ethereum.header_hash(self.document["blocks"][number])

    @property
    def transfers(self) -> list[Event]:
        """Every movement of the market token."""
        return [e for e in self.events if (e.contract, e.name) == ("MarketToken", "Transfer")]


def read_market(document: Mapping[str, Any]) -> Market:
    """Decode an export; nothing is checked yet."""
    deployed = document["deployment"]["addresses"]
    addresses = {name: ethereum.checksummed(address) for name, address in deployed.items()}
    market = Market(document, addresses)
    market.inside = {a: name for name, a in addresses.items() if name not in _OUTSIDE}
    known = {address: name for name, address in addresses.items()}
    receipts = {receipt["transactionHash"]: receipt for receipt in document["receipts"]}
    for block in document["blocks"]:
        for tx in block["transactions"]:
            market.transactions[tx["hash"]] = tx
            for log in receipts[tx["hash"]]["logs"]:
                _read_log(market, known, block, tx["hash"], log)
    return market


def _read_log(
    market: Market, known: dict[str, str], block: Mapping[str, Any], tx: str, log: Mapping[str, Any]
) -> None:
    address = ethereum.checksummed(log["address"])
    topics = [ethereum.raw(topic) for topic in log["topics"]]
    contract = known.get(address, "")
    name, args = read_event(contract, topics, ethereum.raw(log["data"]))
    if not name:
        return
    number, time = ethereum.number(block["number"]), ethereum.number(block["timestamp"])
    if address in market.databases:
        args["dataset"] = market.databases[address]
    index = len(market.events)
    market.events.append(Event(contract, address, name, args, tx, number, time, index))
    if name == "DatasetCreated":
        known[args["database"]] = "Database"
        market.inside[args["database"]] = "Database"
        market.databases[args["database"]] = args["dataset"]


def load_export(path: Path) -> dict[str, Any]:
    """Read an export file."""
    document = json.loads(path.read_bytes())
    if not isinstance(document, dict):
        raise ValueError(f"{path} is no chain export")
    return document


def fetch_export(url: str, deployment: Mapping[str, Any]) -> dict[str, Any]:
    """Read the same from a running chain."""
    with httpx.Client(base_url=url, timeout=60.0) as client:

        def ask(calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
            found: list[Any] = []
            for at in range(0, len(calls), _BATCH):
                found += _ask(client, calls[at : at + _BATCH])
            return found

        head, chain_id = ask([("eth_blockNumber", []), ("eth_chainId", [])])
        numbers = [hex(n) for n in range(int(head, 16) + 1)]
        blocks = ask([("eth_getBlockByNumber", [n, True]) for n in numbers])
        hashes = [tx["hash"] for block in blocks for tx in block["transactions"]]
        document = {
            "chain_id": int(chain_id, 16),
            "genesis_hash": blocks[0]["hash"],
            "blocks": blocks,
            "receipts": ask([("eth_getTransactionReceipt", [tx]) for tx in hashes]),
            "balances": {},
            "deployment": dict(deployment),
        }
        market = read_market(document)
        selector = keccak(text="balanceOf(address)")[:4]
        calls = [
            {
                "to": market.addresses["MarketToken"],
                "data": "0x" + (selector + bytes(12) + bytes.fromhex(address[2:])).hex(),
            }
            for address in market.inside
        ]
        answers = ask([("eth_call", [call, head]) for call in calls])
        balances = zip(market.inside, answers, strict=True)
        document["balances"] = {address: str(int(answer, 16)) for address, answer in balances}
    return document


def _ask(client: httpx.Client, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
    body = [
        {"jsonrpc": "2.0", "id": i, "method": method, "params": params}
        for i, (method, params) in enumerate(calls)
    ]
    answers = {answer["id"]: answer for answer in client.post("", json=body).json()}
    return [answers[i]["result"] for i in range(len(calls))]


def check_chain(market: Market, checks: Checks) -> None:
    """Hold headers, transactions and receipts against their hashes."""
    document = market.document
    blocks, deployment = document["blocks"], document["deployment"]
    receipts = {receipt["transactionHash"]: receipt for receipt in document["receipts"]}
    hashes = [ethereum.header_hash(block) for block in blocks]
    told = [ethereum.raw(block["hash"]) for block in blocks]
    parents = [ethereum.raw(block["parentHash"]) for block in blocks[1:]]
    checks.same("genesis hash", deployment["genesis_hash"], "0x" + hashes[0].hex())
    checks.same("chain id", deployment["chain_id"], document["chain_id"])
    checks.same("block numbers", [int(b["number"], 16) for b in blocks], [*range(len(blocks))])
    checks.holds(f"header hashes of {len(blocks)} blocks", told == hashes)
    checks.holds("every header names the one before", parents == hashes[:-1])
    bad = [block["number"] for block in blocks if not _block_holds(block, receipts)]
    checks.same("blocks with other transactions or receipts than their roots say", [], bad)
    signed = [
        tx["hash"]
        for tx in market.transactions.values()
        if "0x" + keccak(ethereum.transaction_bytes(tx)).hex() != tx["hash"]
        or ethereum.transaction_sender(tx) != ethereum.checksummed(tx["from"])
    ]
    checks.same("transactions with another hash or sender than their signature says", [], signed)
    checks.same("receipts", len(market.transactions), len(receipts))


def _block_holds(block: Mapping[str, Any], receipts: Mapping[str, Any]) -> bool:
    transactions = block["transactions"]
    mine = [receipts[tx["hash"]] for tx in transactions]
    logs = [log for receipt in mine for log in receipt["logs"]]
    return (
        ethereum.ordered_root([ethereum.transaction_bytes(tx) for tx in transactions])
        == ethereum.raw(block["transactionsRoot"])
        and ethereum.ordered_root([ethereum.receipt_bytes(receipt) for receipt in mine])
        == ethereum.raw(block["receiptsRoot"])
        and ethereum.bloom(logs) == ethereum.raw(block["logsBloom"])
        and all(ethereum.bloom(r["logs"]) == ethereum.raw(r["logsBloom"]) for r in mine)
    )
