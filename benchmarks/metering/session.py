"""A fresh anvil, driven through raw JSON-RPC: every transaction has a block of its own.

Accounts, times and fees are fixed, so that a figure is the same on every machine: the gas of call
data depends on the bytes of addresses.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.abi import function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address

from databright.chain.abi import decode_results, encode_arguments
from databright.chain.bindings import Artifact
from databright.chain.devnet.anvil import MISSING_ANVIL, Anvil, AnvilSource, find_anvil
from databright.chain.devnet.evm import RpcFault
from databright.chain.devnet.genesis import Genesis
from databright.contracts import create_address
from databright.errors import MissingToolError, TransactionFailedError
from databright.records.strict_json import JsonValue
from databright.units import Address

START = 1_800_000_000
"""Chain time of block 0, seconds since 1970."""
BLOCK_S = 12
"""Seconds from one block to the next: a read "strictly before" then sees the block before."""
CHAIN_ID = 31_337
_BLOCK_GAS = 60_000_000
_GAS = 16_000_000  # below 2^24, which some chains allow one transaction at most
_MAX_FEE = 10**12
_BALANCE = 10**24


def account(role: str, index: int = 0) -> LocalAccount:
    """A key that is the same in every run, and worthless elsewhere.

    Args:
        role: what its holder does.
        index: number among those of the role.

    Returns:
        The account.
    """
    secret = hashlib.sha256(f"databright gas benchmark: {role} {index}".encode()).digest()
    made: LocalAccount = Account.from_key(secret)
    return made


@dataclass(frozen=True)
class Logged:
    """An event of a transaction.

    Attributes:
        topics: 32 bytes each; the first one names the event.
        data: the rest of it.
    """

    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Sent:
    """A transaction that succeeded.

    Attributes:
        gas: `gasUsed` of its receipt: the whole transaction, refunds taken off.
        timestamp: its block's time, seconds since 1970.
        created: address of the contract that it made, or None.
        logs: its events, in order.
    """

    gas: int
    timestamp: int
    created: Address | None
    logs: tuple[Logged, ...] = ()


@contextmanager
def open_session(accounts: Sequence[LocalAccount], *, block_s: int = BLOCK_S) -> Iterator[Session]:
    """Start a fresh chain; it ends with the `with` block.

    Args:
        accounts: those that will send transactions; they are funded.
        block_s: seconds from one block to the next, at least 0.

    Yields:
        The chain.

    Raises:
        MissingToolError: this machine has no anvil.
    """
    binary = find_anvil(os.environ)
    if binary is None:
        raise MissingToolError(MISSING_ANVIL)
    funded = {Address(one.address): _BALANCE for one in accounts}
    genesis = Genesis(CHAIN_ID, START, _BLOCK_GAS, funded)
    with (
        tempfile.TemporaryDirectory(prefix="databright-gas-") as folder,
        asyncio.Runner() as runner,
    ):
        node = runner.run(AnvilSource(binary, Path(folder)).start(genesis))
        try:
            yield Session(node, runner, block_s)
        finally:
            runner.run(node.close())


class Session:
    """One chain that nobody else uses.

    Args:
        node: the node, with block 0 alone.
        runner: the event loop that it was started in.
        block_s: seconds from one block to the next.
    """

    def __init__(self, node: Anvil, runner: asyncio.Runner, block_s: int = BLOCK_S) -> None:
        self.node = node
        self._block_s = block_s
        self._runner = runner
        self._clock = START
        self._nonces: dict[str, int] = {}

    @property
    def now(self) -> int:
        """Time of the last block, seconds since 1970."""
        return self._clock

    def request(self, method: str, *params: JsonValue) -> JsonValue:
        """Ask the node.

        Args:
            method: JSON-RPC method.
            params: its parameters.

        Returns:
            The result.
        """
        return self._runner.run(self.node.request(method, params))

    def advance(self, seconds: int) -> None:
        """Let time pass before the next block.

        Args:
            seconds: how much, at least 0, on top of a block's usual distance.

        Raises:
            ValueError: time would go back.
        """
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} s")
        self._clock += seconds

    def send(
        self, sender: LocalAccount, to: Address | None, call_data: bytes, *, value: int = 0
    ) -> Sent:
        """Send a signed transaction; it is mined alone in the next block.

        Args:
            sender: one of the funded accounts.
            to: receiver; None deploys.
            call_data: what it carries.
            value: native coin, in wei.

        Returns:
            What it took.

        Raises:
            TransactionFailedError: it reverted.
        """
        self._clock += self._block_s
        nonce = self._nonces.get(sender.address, 0)
        request: dict[str, Any] = {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "value": value,
            "data": call_data,
            "gas": _GAS,
            "maxFeePerGas": _MAX_FEE,
            "maxPriorityFeePerGas": 0,
        }
        if to is not None:
            request["to"] = to
        raw = bytes(sender.sign_transaction(request).raw_transaction)
        self.request("evm_setNextBlockTimestamp", self._clock)
        answer = self.request("eth_sendRawTransactionSync", "0x" + raw.hex())
        receipt = cast(Mapping[str, Any], answer)
        self._nonces[sender.address] = nonce + 1
        if int(receipt["status"], 16) != 1:
            raise TransactionFailedError(
                f"a measured transaction reverted: {self._why(sender, to, call_data)}"
            )
        made = receipt.get("contractAddress")
        created = None if made is None else Address(str(to_checksum_address(made)))
        logs = tuple(
            Logged(tuple(map(_bytes, log["topics"])), _bytes(log["data"]))
            for log in receipt["logs"]
        )
        return Sent(int(receipt["gasUsed"], 16), self._clock, created, logs)

    def _why(self, sender: LocalAccount, to: Address | None, call_data: bytes) -> str:
        # Asked on the state after it; good enough for a message.
        request: dict[str, JsonValue] = {"from": sender.address, "data": "0x" + call_data.hex()}
        if to is not None:
            request["to"] = to
        try:
            self.request("eth_call", request, "latest")
        except RpcFault as fault:
            return f"{fault.text} {fault.data or ''}".strip()
        return "no reason found"

    def next_address(self, deployer: LocalAccount, ahead: int = 0) -> Address:
        """Where a deployment will lie.

        Args:
            deployer: who will send it.
            ahead: transactions that it sends before.

        Returns:
            The contract's address.
        """
        nonce = self._nonces.get(deployer.address, 0) + ahead
        return create_address(Address(deployer.address), nonce)

    def deploy(self, deployer: LocalAccount, artifact: Artifact, *args: object) -> Deployed:
        """Deploy a contract.

        Args:
            deployer: who sends it.
            artifact: what.
            args: its constructor's arguments.

        Returns:
            The contract.

        Raises:
            TransactionFailedError: it left no contract.
        """
        creation = artifact.bytecode
        if args:
            entry = artifact.entry("constructor", "constructor", len(args))
            creation += encode_arguments(f"{artifact.name}.constructor", entry["inputs"], args)
        created = self.send(deployer, None, creation).created
        if created is None:
            raise TransactionFailedError(f"the deployment of {artifact.name} left no contract")
        return Deployed(self, created, artifact)


@dataclass(frozen=True)
class Deployed:
    """A contract on a session's chain.

    Attributes:
        session: the chain.
        address: where it lies.
        artifact: its interface.
    """

    session: Session
    address: Address
    artifact: Artifact

    def encode(self, fn: str, *args: object) -> bytes:
        """Call data.

        Args:
            fn: the function's name.
            args: its arguments.

        Returns:
            Selector and arguments.
        """
        entry = self.artifact.entry("function", fn, len(args))
        selector = bytes(function_abi_to_4byte_selector(cast(Any, entry)))
        return selector + encode_arguments(f"{self.artifact.name}.{fn}", entry["inputs"], args)

    def send(self, sender: LocalAccount, fn: str, *args: object) -> Sent:
        """Call a function by a transaction.

        Args:
            sender: who sends it.
            fn: the function's name.
            args: its arguments.

        Returns:
            What it took.
        """
        return self.session.send(sender, self.address, self.encode(fn, *args))

    def call(self, fn: str, *args: object) -> Any:  # noqa: ANN401 (what the interface says)
        """Read a function's result at the head.

        Args:
            fn: the function's name.
            args: its arguments.

        Returns:
            The value; a list where the function returns several.
        """
        entry = self.artifact.entry("function", fn, len(args))
        request: JsonValue = {"to": self.address, "data": "0x" + self.encode(fn, *args).hex()}
        answer = str(self.session.request("eth_call", request, "latest"))
        values = decode_results(entry["outputs"], bytes.fromhex(answer.removeprefix("0x")))
        return values[0] if len(values) == 1 else values

    def runtime_bytes(self) -> int:
        """Size of its code on the chain, in bytes."""
        code = str(self.session.request("eth_getCode", self.address, "latest"))
        return len(code.removeprefix("0x")) // 2


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
