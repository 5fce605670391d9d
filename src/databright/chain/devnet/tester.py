"""eth-tester's chain (py-evm) as the executing node, for machines without anvil.

Slow (some ten transactions a second) and in this very process, so nothing can kill it alone. Its
blocks are driven directly, because eth-tester itself mines with random and wall-clock fields, and
a replay must give the same blocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from databright.chain.devnet.evm import RpcFault
from databright.chain.devnet.genesis import Genesis
from databright.chain.devnet.tester_answers import (
    as_hex,
    block_answer,
    receipt_answer,
    transaction_answer,
)
from databright.errors import MissingToolError
from databright.records.strict_json import JsonValue

_ZERO_HASH = bytes(32)
_ZERO_ADDRESS = bytes(20)
_REFUSED, _REVERTED, _INVALID = -32000, 3, -32602
_MAX_CALL_GAS = 30_000_000
_CALL_MONEY = 10**30


class EthTesterSource:
    """Starts in-process chains."""

    @property
    def name(self) -> str:
        """Kind of node."""
        return "eth-tester"

    async def start(self, genesis: Genesis) -> EthTester:
        """Start one with block 0 alone.

        Args:
            genesis: what it starts from.

        Returns:
            The chain.
        """
        return await asyncio.to_thread(EthTester, genesis)


class EthTester:
    """One in-process chain.

    Args:
        genesis: what it starts from.

    Raises:
        MissingToolError: eth-tester or py-evm is not installed.
    """

    def __init__(self, genesis: Genesis) -> None:
        try:
            from eth_tester.backends.pyevm.main import (
                get_default_genesis_params,
                setup_tester_chain,
            )
        except ImportError as error:
            raise MissingToolError(
                "the eth-tester chain is not installed: run `pip install 'databright[devnet]'`, "
                "or install anvil with `npm install` in the checkout"
            ) from error
        params = get_default_genesis_params(
            {"timestamp": genesis.timestamp, "gas_limit": genesis.gas_limit}
        )
        state = {
            bytes.fromhex(address[2:]): {"balance": wei, "nonce": 0, "code": b"", "storage": {}}
            for address, wei in genesis.funded.items()
        }
        # One dummy account keeps eth-tester from making its ten known keys rich.
        _, self._chain = setup_tester_chain(params, state or {_ZERO_ADDRESS: _EMPTY})
        self._chain.chain_id = type(self._chain).chain_id = genesis.chain_id
        self._chain_id = genesis.chain_id
        self._clock = genesis.timestamp
        self._hashes: list[bytes] = [self._chain.get_canonical_block_by_number(0).hash]
        self._places: dict[bytes, int] = {}
        self._methods: dict[str, Callable[..., JsonValue]] = {
            name.removeprefix("_rpc_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_rpc_")
        }

    @property
    def version(self) -> str:
        """Name and version of the program."""
        return f"eth-tester {version('eth-tester')} py-evm {version('py-evm')}"

    async def request(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        """Answer a read.

        Args:
            method: JSON-RPC method.
            params: its parameters.

        Returns:
            The result.

        Raises:
            RpcFault: it is refused.
        """
        answer = self._methods.get(method)
        if answer is None:
            raise RpcFault(-32601, f"{method} is not offered by the eth-tester chain")
        try:
            return answer(*params)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise RpcFault(_INVALID, f"{method}: malformed parameters ({error})") from error

    async def mine(self, raw: bytes | None, timestamp: int) -> str:
        """Make one block.

        Args:
            raw: its only transaction, or None for an empty block.
            timestamp: its time.

        Returns:
            Its hash.

        Raises:
            RpcFault: the transaction is refused.
        """
        from eth_utils.exceptions import ValidationError

        header = self._chain.header
        self._chain.header = header.copy(timestamp=timestamp)
        tx_hash = None
        if raw is not None:
            try:
                tx = self._chain.get_vm().get_transaction_builder().decode(raw)
                self._chain.apply_transaction(tx)
            except (ValidationError, ValueError) as error:
                self._chain.header = header
                raise RpcFault(_REFUSED, str(error)) from error
            tx_hash = tx.hash
        block = self._chain.mine_block(
            coinbase=_ZERO_ADDRESS, mix_hash=_ZERO_HASH, blob_gas_used=0, timestamp=timestamp
        )
        self._hashes.append(block.hash)
        if tx_hash is not None:
            self._places[tx_hash] = block.number
        self._clock = timestamp
        return "0x" + str(block.hash.hex())

    async def set_clock(self, timestamp: int) -> None:
        """Let the time that estimates see go on from here.

        Args:
            timestamp: chain time now.
        """
        self._clock = timestamp

    async def dump(self) -> bytes | None:
        """Nothing: this chain is always replayed.

        Returns:
            None.
        """
        return None

    async def load(self, state: bytes) -> None:
        """Refuse: there are no dumps of this chain.

        Args:
            state: unused.

        Raises:
            RpcFault: always.
        """
        raise RpcFault(_REFUSED, f"the eth-tester chain takes no dumps ({len(state)} bytes)")

    async def close(self) -> None:
        """Nothing to end."""

    # ------------------------------------------------------------------ reads

    def _head(self) -> int:
        return len(self._hashes) - 1

    def _number(self, tag: JsonValue) -> int:
        if tag in {"latest", "pending", "safe", "finalized", None}:
            return self._head()
        return 0 if tag == "earliest" else int(str(tag), 16)

    def _block(self, number: int) -> Any:  # noqa: ANN401 (py-evm's)
        return self._chain.get_canonical_block_by_number(number)

    def _vm(self, tag: JsonValue) -> Any:  # noqa: ANN401 (py-evm's)
        number = self._number(tag)
        if not 0 <= number <= self._head():
            raise RpcFault(_REFUSED, f"there is no block {number}; the head is {self._head()}")
        if tag == "pending":
            # The state after the head under the time that a transaction now would see.
            return self._chain.get_vm(self._chain.header.copy(timestamp=self._clock))
        return self._chain.get_vm(self._block(number).header)

    def _rpc_eth_chainId(self) -> JsonValue:
        return hex(self._chain_id)

    def _rpc_net_version(self) -> JsonValue:
        return str(self._chain_id)

    def _rpc_web3_clientVersion(self) -> JsonValue:
        return self.version

    def _rpc_eth_syncing(self) -> JsonValue:
        return False

    def _rpc_eth_blockNumber(self) -> JsonValue:
        return hex(self._head())

    def _rpc_eth_gasPrice(self) -> JsonValue:
        return hex(self._chain.header.base_fee_per_gas)

    def _rpc_eth_maxPriorityFeePerGas(self) -> JsonValue:
        return "0x0"

    def _rpc_eth_getBlockByNumber(self, tag: JsonValue, full: JsonValue = False) -> JsonValue:
        number = self._number(tag)
        if not 0 <= number <= self._head():
            return None
        found = block_answer(self._block(number), whole=full is True)
        if tag == "pending":
            found.update(
                number=hex(number + 1),
                parentHash=found["hash"],
                hash=None,
                timestamp=hex(self._clock),
                transactions=[],
            )
        return found

    def _rpc_eth_getBlockByHash(self, block: str, full: JsonValue = False) -> JsonValue:
        wanted = bytes.fromhex(block[2:])
        if wanted not in self._hashes:
            return None
        return self._rpc_eth_getBlockByNumber(hex(self._hashes.index(wanted)), full)

    def _rpc_eth_getBalance(self, address: str, tag: JsonValue = "latest") -> JsonValue:
        return hex(self._vm(tag).state.get_balance(_account(address)))

    def _rpc_eth_getTransactionCount(self, address: str, tag: JsonValue = "latest") -> JsonValue:
        return hex(self._vm(tag).state.get_nonce(_account(address)))

    def _rpc_eth_getCode(self, address: str, tag: JsonValue = "latest") -> JsonValue:
        return as_hex(self._vm(tag).state.get_code(_account(address)))

    def _rpc_eth_getStorageAt(
        self, address: str, slot: str, tag: JsonValue = "latest"
    ) -> JsonValue:
        value = self._vm(tag).state.get_storage(_account(address), int(slot, 16))
        return as_hex(int(value).to_bytes(32, "big"))

    def _rpc_eth_getTransactionByHash(self, tx: str) -> JsonValue:
        number = self._places.get(bytes.fromhex(tx[2:]))
        if number is None:
            return None
        block = self._block(number)
        return transaction_answer(block.transactions[0], block)

    def _rpc_eth_getTransactionReceipt(self, tx: str) -> JsonValue:
        number = self._places.get(bytes.fromhex(tx[2:]))
        return None if number is None else self._receipt(number)

    def _receipt(self, number: int) -> dict[str, JsonValue]:
        block = self._block(number)
        return receipt_answer(block, block.get_receipts(self._chain.chaindb)[0])

    def _rpc_eth_getLogs(self, wanted: dict[str, Any]) -> JsonValue:
        first, last = (
            self._number(wanted.get(name, "latest")) for name in ("fromBlock", "toBlock")
        )
        given = wanted.get("address", [])
        addresses = {str(entry).lower() for entry in ([given] if isinstance(given, str) else given)}
        found: list[JsonValue] = []
        for number in sorted(self._places.values()):
            if first <= number <= last:
                logs: Any = self._receipt(number)["logs"]
                found.extend(
                    log
                    for log in logs
                    if (not addresses or log["address"] in addresses)
                    and _has_topics(log["topics"], wanted.get("topics") or [])
                )
        return found

    def _rpc_eth_call(self, request: dict[str, Any], tag: JsonValue = "latest") -> JsonValue:
        computation = self._run(request, tag, _MAX_CALL_GAS)
        return as_hex(computation.output)

    def _rpc_eth_estimateGas(
        self, request: dict[str, Any], tag: JsonValue = "pending"
    ) -> JsonValue:
        low, high = 20_999, _MAX_CALL_GAS
        self._run(request, tag, high)  # a revert at the top is a revert
        while high - low > 1:
            middle = (low + high) // 2
            try:
                self._run(request, tag, middle)
                high = middle
            except RpcFault:
                low = middle
        return hex(high)

    def _run(self, request: dict[str, Any], tag: JsonValue, gas: int) -> Any:  # noqa: ANN401
        from eth.exceptions import VMError
        from eth.vm.spoof import SpoofTransaction
        from eth_utils.exceptions import ValidationError

        vm = self._vm(tag)  # a fresh view each time: what happens in it is thrown away
        sender = _account(request.get("from") or "0x" + _ZERO_ADDRESS.hex())
        vm.state.set_balance(sender, vm.state.get_balance(sender) + _CALL_MONEY)
        fee = vm.get_header().base_fee_per_gas
        unsigned = vm.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
            chain_id=self._chain_id,
            nonce=vm.state.get_nonce(sender),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=fee,
            gas=gas,
            to=_account(request["to"]) if request.get("to") else b"",
            value=int(str(request.get("value") or "0x0"), 16),
            data=bytes.fromhex(str(request.get("data") or request.get("input") or "0x")[2:]),
            access_list=(),
        )
        try:
            outcome = vm.state.apply_transaction(SpoofTransaction(unsigned, from_=sender))
        except (ValidationError, VMError) as error:
            raise RpcFault(_REFUSED, str(error)) from error
        if outcome.is_error:
            output = as_hex(outcome.output)
            raise RpcFault(_REVERTED, f"execution reverted: {type(outcome.error).__name__}", output)
        return outcome


_EMPTY: dict[str, Any] = {"balance": 0, "nonce": 0, "code": b"", "storage": {}}


def _account(text: str) -> bytes:
    address = bytes.fromhex(text[2:])
    if len(address) != 20:
        raise ValueError(f"{text!r} is no address")
    return address


def _has_topics(topics: Sequence[str], wanted: Sequence[Any]) -> bool:
    for place, words in enumerate(wanted):
        if words is None:
            continue
        allowed = [words] if isinstance(words, str) else words
        if place >= len(topics) or topics[place] not in [word.lower() for word in allowed]:
            return False
    return True
