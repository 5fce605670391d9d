"""A chain behind any Ethereum JSON-RPC endpoint, by web3.py's HTTP provider.

web3.py carries the requests; what comes back is read here, strictly, into the port's records.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak

from databright.chain.answers import read_bytes, read_header, read_int, read_log, read_receipt
from databright.chain.base import Fees, Header, Log, Receipt
from databright.chain.jsonrpc import FIRST_PAUSE_S, LONGEST_PAUSE_S, JsonRpc, RpcError
from databright.chain.refusals import told
from databright.chain.reverts import revert_reason
from databright.chain.spans import read_spans
from databright.errors import ChainError, TransactionFailedError, WrongChainError
from databright.units import Address

_REVERTED = 3
# Answers that say "this very transaction, or a later one, is here already".
_MAYBE_IN = ("already known", "nonce too low", "already imported", "known transaction")


class EthereumChain:
    """A connection to one chain; use `connect`, which checks that it is the expected one.

    Args:
        rpc_url: http:// or https:// address.
        timeout_s: how long reads and sends are tried again when nothing answers.
        finality_depth: blocks after which one is final: 1 takes the head itself; 0 asks for the
            chain's own `finalized` tag.
    """

    def __init__(self, rpc_url: str, *, timeout_s: float = 30.0, finality_depth: int = 1) -> None:
        self._rpc = JsonRpc(rpc_url, timeout_s)
        self._rpc_url = rpc_url
        self._timeout_s = timeout_s
        self._depth = finality_depth
        self._chain_id = 0
        self._genesis = ""

    def _read(self, method: str, *params: object) -> Any:  # noqa: ANN401 (any JSON)
        return self._rpc.patiently(method, params)

    # ------------------------------------------------------------------ identity

    def check(self, expected_chain_id: int | None, expected_genesis: str | None) -> None:
        """Make sure that this is the expected chain; only reads.

        Args:
            expected_chain_id: recorded chain id, or None to take what is there.
            expected_genesis: recorded hash of block 0, or None to take what is there.

        Raises:
            WrongChainError: one of them differs.
            ChainError: it does not answer.
        """
        self._chain_id = read_int(self._read("eth_chainId"))
        genesis = self.header(0)
        if genesis is None:
            raise ChainError(f"the chain at {self._rpc_url} has no block 0: it is not ready")
        self._genesis = genesis.hash
        if expected_chain_id is not None and expected_chain_id != self._chain_id:
            raise WrongChainError(
                f"{self._rpc_url} has chain id {self._chain_id}, but {expected_chain_id} is "
                "recorded; nothing was sent. Start the recorded chain or correct the address"
            )
        if expected_genesis is not None and expected_genesis.lower() != self._genesis:
            raise WrongChainError(
                f"{self._rpc_url} starts from block {self._genesis}, but "
                f"{expected_genesis.lower()} is recorded; nothing was sent. Another chain listens "
                "there: start the recorded one or correct the address"
            )

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self._chain_id

    @property
    def rpc_url(self) -> str:
        """Address of the endpoint."""
        return self._rpc_url

    def genesis_hash(self) -> str:
        """Hash of block 0, 0x-prefixed hex."""
        return self._genesis

    # ------------------------------------------------------------------ blocks

    def _block(self, tag: str) -> Header | None:
        found = self._read("eth_getBlockByNumber", tag, False)
        return None if found is None else read_header(found)

    def head(self) -> Header:
        """Newest block.

        Returns:
            Its header.

        Raises:
            ChainError: the chain has none.
        """
        found = self._block("latest")
        if found is None:
            raise ChainError(f"the chain at {self._rpc_url} has no blocks: it is not ready")
        return found

    def header(self, number: int) -> Header | None:
        """Block of a height.

        Args:
            number: height, >= 0.

        Returns:
            Its header, or None above the head.
        """
        return self._block(hex(number))

    def finalised_number(self) -> int:
        """Height of the newest final block.

        Returns:
            Head minus (depth - 1), or the chain's own finalized block for depth 0.
        """
        if self._depth == 0:
            found = self._block("finalized")
            return found.number if found else 0
        return self._buried(self._depth)

    def safe_number(self) -> int:
        """Height of the newest safe block.

        Returns:
            The block half as deep as a final one, or the chain's own safe block for depth 0.
        """
        if self._depth == 0:
            found = self._block("safe")
            return found.number if found else 0
        return self._buried((self._depth + 1) // 2)

    def _buried(self, depth: int) -> int:
        return max(0, read_int(self._read("eth_blockNumber")) - depth + 1)

    def next_timestamp(self) -> int:
        """Time that a transaction sent now would see at the earliest.

        Returns:
            Seconds since 1970.
        """
        found = self._read("eth_getBlockByNumber", "pending", False)
        return max(self.head().timestamp, read_int(found["timestamp"]) if found else 0)

    # ------------------------------------------------------------------ state

    def call(
        self,
        to: Address | None,
        data: bytes,
        block: int | None = None,
        sender: Address | None = None,
    ) -> bytes:
        """Run a function or a creation without a transaction; arguments as in `Chain.call`.

        Args:
            to: contract; None for a creation.
            data: selector and ABI-encoded arguments, or creation code.
            block: height whose state is read; the head when None.
            sender: who seems to call.

        Returns:
            ABI-encoded results, or the created contract's code.
        """
        request: dict[str, object] = {"data": "0x" + data.hex()}
        if to is not None:
            request["to"] = to
        if sender is not None:
            request["from"] = sender
        tag = "latest" if block is None else hex(block)
        return read_bytes(self._reverting("call", "eth_call", request, tag))

    def estimate_gas(self, transaction: Mapping[str, object]) -> int:
        """Gas that a transaction would take.

        Args:
            transaction: as in `Chain.estimate_gas`.

        Returns:
            Units of gas.
        """
        return read_int(
            self._reverting("transaction", "eth_estimateGas", dict(transaction), "pending")
        )

    def _reverting(self, what: str, method: str, *params: object) -> Any:  # noqa: ANN401
        try:
            return self._read(method, *params)
        except RpcError as error:
            if error.code == _REVERTED or "revert" in error.text.lower():
                reason = revert_reason(error.data, error.text)
                raise TransactionFailedError(
                    f"the contract refuses this {what}: {told(reason)}", reason
                ) from error
            raise

    def code(self, address: Address) -> bytes:
        """Deployed bytecode.

        Args:
            address: any account.

        Returns:
            The code, empty where there is none.
        """
        return read_bytes(self._read("eth_getCode", address, "latest"))

    def balance(self, address: Address) -> int:
        """Native coin at the head.

        Args:
            address: any account.

        Returns:
            Wei.
        """
        return read_int(self._read("eth_getBalance", address, "latest"))

    def nonce(self, address: Address) -> int:
        """Number of transactions of an account in blocks.

        Args:
            address: any account.

        Returns:
            The nonce of its next transaction.
        """
        return read_int(self._read("eth_getTransactionCount", address, "latest"))

    def fees(self) -> Fees:
        """Prices to offer now.

        Returns:
            Twice the base fee, so that it may double, plus the priority fee.
        """
        pending = self._read("eth_getBlockByNumber", "latest", False)
        base = read_int(pending.get("baseFeePerGas", "0x0"))
        try:
            priority = read_int(self._read("eth_maxPriorityFeePerGas"))
        except RpcError:
            priority = 1
        return Fees(max_fee=2 * base + priority, priority_fee=priority)

    # ------------------------------------------------------------------ transactions

    def send(self, raw: bytes) -> str:
        """Hand in a signed transaction, again with the same bytes while the chain is away.

        Args:
            raw: the signed transaction.

        Returns:
            Its hash.

        Raises:
            RpcError: the chain refuses it, and has it in no block.
        """
        tx_hash = "0x" + keccak(raw).hex()
        try:
            self._rpc.patiently("eth_sendRawTransaction", ["0x" + raw.hex()])
        except RpcError as error:
            # A resend of bytes that got in before the answer was lost is a success.
            text = error.text.lower()
            pending = "known" in text and self._known(tx_hash)
            if pending or (
                any(sign in text for sign in _MAYBE_IN) and self.receipt(tx_hash) is not None
            ):
                return tx_hash
            raise
        return tx_hash

    def _known(self, tx_hash: str) -> bool:
        return self._read("eth_getTransactionByHash", tx_hash) is not None

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Receipt of a transaction in a block.

        Args:
            tx_hash: its hash.

        Returns:
            The receipt, or None when it is in no block.
        """
        found = self._read("eth_getTransactionReceipt", tx_hash)
        return None if found is None else read_receipt(found)

    def sender(self, tx_hash: str) -> Address:
        """Who signed a transaction that is in a block.

        Args:
            tx_hash: its hash.

        Returns:
            The signer's address.

        Raises:
            ChainError: the chain has no such transaction.
        """
        found = self._read("eth_getTransactionByHash", tx_hash)
        if not isinstance(found, dict) or not is_address(found.get("from")):
            raise ChainError(f"the chain has no transaction {tx_hash}")
        return Address(to_checksum_address(found["from"]))

    def wait(self, tx_hash: str, timeout_s: float | None = None) -> Receipt:
        """Wait until a transaction is in a block.

        Args:
            tx_hash: its hash.
            timeout_s: how long; the connection's own limit when None.

        Returns:
            Its receipt.

        Raises:
            ChainError: it is in no block by then.
        """
        patience = self._timeout_s if timeout_s is None else timeout_s
        limit = time.monotonic() + patience
        pause = FIRST_PAUSE_S
        while (found := self.receipt(tx_hash)) is None:
            if time.monotonic() > limit:
                raise ChainError(
                    f"transaction {tx_hash} is in no block after {patience:.0f} s; it may still "
                    "get in: ask for its receipt before sending another"
                )
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        return found

    def logs(
        self,
        from_block: int,
        to_block: int,
        addresses: Sequence[Address],
        topics: Sequence[Sequence[bytes]] = (),
    ) -> list[Log]:
        """Events of some contracts in chain order; a refused range is asked for in halves.

        Args:
            from_block: first height.
            to_block: last height, included.
            addresses: the contracts.
            topics: words wanted at each place; none means any.

        Returns:
            Events by (block, log index).
        """
        if not addresses:
            return []
        wanted: dict[str, object] = {"address": list(addresses)}
        wanted["topics"] = [["0x" + word.hex() for word in place] or None for place in topics]

        def ask(first: int, last: int) -> list[Any]:
            span = {"fromBlock": hex(first), "toBlock": hex(last), **wanted}
            return list(self._read("eth_getLogs", span))

        found = [read_log(entry) for entry in read_spans(ask, from_block, to_block)]
        return sorted(found, key=lambda log: (log.block_number, log.log_index))


def connect(
    rpc_url: str,
    expected_chain_id: int | None = None,
    expected_genesis: str | None = None,
    *,
    timeout_s: float = 30.0,
    finality_depth: int = 1,
) -> EthereumChain:
    """Connect to a chain and make sure that it is the expected one before anything is sent.

    Args:
        rpc_url: http(s) address of a JSON-RPC endpoint.
        expected_chain_id: recorded chain id.
        expected_genesis: recorded hash of block 0.
        timeout_s: how long reads are tried again when nothing answers.
        finality_depth: blocks after which one is final; 0 for the chain's `finalized` tag.

    Returns:
        The connection.
    """
    chain = EthereumChain(rpc_url, timeout_s=timeout_s, finality_depth=finality_depth)
    chain.check(expected_chain_id, expected_genesis)
    return chain
