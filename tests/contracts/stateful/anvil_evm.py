"""anvil as one of the EVMs: calls of one second go into one block, as on a chain."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from tests.contracts.stateful.evm import CHAIN_ID, GENESIS_TIME, Log, Outcome

GAS = hex(12_000_000)
_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:([0-9]{1,5})\s*\Z")


class Anvil:
    """A running anvil, impersonating whoever calls."""

    def __init__(self, binary: Path, folder: Path) -> None:
        arguments = [
            *("--host", "127.0.0.1", "--port", "0", "--accounts", "0", "--hardfork", "prague"),
            *("--chain-id", str(CHAIN_ID), "--timestamp", str(GENESIS_TIME - 10)),
            *("--no-mining", "--order", "fifo", "--block-base-fee-per-gas", "0"),
            *("--gas-price", "0", "--gas-limit", str(10**12), "--color", "never"),
            *("--cache-path", str(folder / "cache")),
        ]
        self._process = subprocess.Popen(
            [str(binary), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        )
        self._port = self._find_port()
        self._time = GENESIS_TIME
        self._pending: list[str] = []
        self._known: set[str] = set()
        self.request("anvil_autoImpersonateAccount", True)

    def _find_port(self) -> str:
        if self._process.stdout is None:
            raise RuntimeError("anvil has no output")
        for line in self._process.stdout:
            found = _LISTENING.search(line)
            if found:
                return found[1]
        raise RuntimeError("anvil has ended")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def request(self, method: str, *params: Any) -> Any:
        """Ask it."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}",
            body.encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            found = json.loads(answer.read())
        if "error" in found:
            raise RuntimeError(f"{method}: {found['error']}")
        return found["result"]

    def submit(self, sender: str, to: str | None, data: bytes) -> None:
        """Put a transaction into the block of this second."""
        if sender not in self._known:
            self.request("anvil_setBalance", sender, hex(10**20))
            self._known.add(sender)
        transaction = {"from": sender, "data": "0x" + data.hex(), "gas": GAS, "gasPrice": "0x0"}
        if to is not None:
            transaction["to"] = to
        self._pending.append(self.request("eth_sendTransaction", transaction))

    def mine(self) -> list[Outcome]:
        """Make the block; what its transactions brought, in order."""
        self.request("evm_mine", {"timestamp": self._time})
        done, self._pending = self._pending, []
        return [self._outcome(name) for name in done]

    def _outcome(self, name: str) -> Outcome:
        receipt = self.request("eth_getTransactionReceipt", name)
        tracer = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
        trace = self.request("debug_traceTransaction", name, tracer)
        logs = tuple(
            Log(
                log["address"].lower(),
                tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
                bytes.fromhex(log["data"][2:]),
            )
            for log in receipt["logs"]
        )
        output = bytes.fromhex(str(trace.get("output") or "0x")[2:])
        return Outcome(receipt["status"] == "0x1", output, logs)

    def set_time(self, time: int) -> None:
        """Chain time of the next block."""
        self._time = time

    def storage(self, address: str, slot: int) -> int:
        """A raw word."""
        return int(self.request("eth_getStorageAt", address, hex(slot), "latest"), 16)

    def all_storage(self) -> dict[str, dict[int, int]]:
        """Every word that is not zero: address -> slot -> word."""
        answer = self.request("anvil_dumpState")
        raw = bytes.fromhex(answer[2:])
        text = gzip.decompress(raw)
        return {
            address.lower(): {
                int(slot, 16): int(word, 16) for slot, word in account["storage"].items()
            }
            for address, account in json.loads(text)["accounts"].items()
        }
