"""The quick chain's calls on a real node that reorganises: anvil."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from eth_abi.abi import decode

from databright.chain.devnet.anvil import MISSING_ANVIL, Anvil, AnvilSource, find_anvil
from databright.chain.devnet.evm import RpcFault
from databright.chain.devnet.genesis import Genesis
from databright.errors import MissingToolError
from databright.records.strict_json import JsonValue
from tests.contracts.attacks.quick_chain import CHAIN_ID, GAS, START, Chain, RefusedError


@dataclass(frozen=True)
class Sent:
    """A transaction that went through."""

    sender: str
    to: str
    data: bytes
    block: int


class AnvilChain(Chain):
    """A chain of anvil's, every transaction in a block of its own.

    Args:
        node: with block 0 alone.
        runner: the event loop that it was started in.
    """

    def __init__(self, node: Anvil, runner: asyncio.Runner) -> None:
        self.chain_id = CHAIN_ID
        self.now = START
        self.gas = 0
        self.logs = []
        self.sent: list[Sent] = []
        """All that stands on the chain, oldest first."""
        self._last = START
        self._node = node
        self._runner = runner
        self.request("anvil_autoImpersonateAccount", True)

    def request(self, method: str, *params: JsonValue) -> Any:
        return self._runner.run(self._node.request(method, params))

    def wait(self, seconds: int) -> None:
        assert seconds >= 0
        self.now += seconds

    @property
    def head(self) -> int:
        return int(str(self.request("eth_blockNumber")), 16)

    def _mined(self, sender: str, to: str | None, data: bytes) -> dict[str, Any]:
        # Each time: a reorganisation takes what was given before.
        self.request("anvil_setBalance", sender, hex(10**24))
        self.now = self._last = max(self.now, self._last + 1)
        self.request("evm_setNextBlockTimestamp", self.now)
        call: dict[str, JsonValue] = {"from": sender, "data": "0x" + data.hex(), "gas": hex(GAS)}
        if to is not None:
            call["to"] = to
        return cast(dict[str, Any], self.request("eth_sendTransactionSync", call))

    def send(self, sender: str, to: str, data: bytes, is_static: bool = False) -> bytes:
        call: dict[str, JsonValue] = {"from": sender, "to": to, "data": "0x" + data.hex()}
        if not is_static:
            self.request("evm_setTime", max(self.now, self._last + 1))
        try:
            output = bytes.fromhex(str(self.request("eth_call", call, "pending"))[2:])
        except RpcFault as fault:
            raw = bytes.fromhex(str(fault.data or "0x").removeprefix("0x"))
            reason = decode(["string"], raw[4:])[0] if len(raw) > 4 else fault.text
            raise RefusedError(str(reason)) from fault
        if is_static:
            return output
        receipt = self._mined(sender, to, data)
        if int(receipt["status"], 16) != 1:
            raise RefusedError("reverted when it was mined")
        self.gas = int(receipt["gasUsed"], 16)
        self.logs = [
            (
                str(log["address"]).lower(),
                [bytes.fromhex(topic[2:]) for topic in log["topics"]],
                bytes.fromhex(log["data"][2:]),
            )
            for log in receipt["logs"]
        ]
        self.sent.append(Sent(sender, to, data, int(receipt["blockNumber"], 16)))
        return output

    def deploy(self, sender: str, code: bytes) -> str:
        return str(self._mined(sender, None, code)["contractAddress"])

    def pass_blocks(self, count: int) -> None:
        """Mine empty blocks, a second each."""
        for _ in range(count):
            self.now = self._last = max(self.now, self._last) + 1
            self.request("evm_mine", {"timestamp": self.now})

    def reorganise(self, depth: int) -> list[Sent]:
        """Replace the newest blocks by as many empty ones.

        Args:
            depth: how many blocks.

        Returns:
            What was in them, oldest first.
        """
        head = self.head
        self.request("anvil_reorg", depth, [])
        assert self.head == head
        block = self.request("eth_getBlockByNumber", "latest", False)
        self._last = max(self._last, int(block["timestamp"], 16))
        lost = [one for one in self.sent if one.block > head - depth]
        self.sent = [one for one in self.sent if one.block <= head - depth]
        return lost


@contextmanager
def open_anvil() -> Iterator[AnvilChain]:
    """A fresh chain that ends with the `with` block."""
    binary = find_anvil(os.environ)
    if binary is None:
        raise MissingToolError(MISSING_ANVIL)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        genesis = Genesis(CHAIN_ID, START, 60_000_000, {})
        node = runner.run(AnvilSource(binary, Path(folder)).start(genesis))
        try:
            yield AnvilChain(node, runner)
        finally:
            runner.run(node.close())
