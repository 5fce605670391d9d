"""The chain port: what every room may ask of a chain, and the records that it answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from databright.units import Address


@dataclass(frozen=True)
class Header:
    """One block's header, as far as the market needs it.

    Attributes:
        number: height, 0 for the genesis block.
        hash: 0x-prefixed lower-case hex, 32 bytes.
        parent_hash: hash of the block before it.
        timestamp: chain time in whole seconds since 1970.
    """

    number: int
    hash: str
    parent_hash: str
    timestamp: int


@dataclass(frozen=True)
class Log:
    """One event as the chain stores it, not yet decoded.

    Attributes:
        address: contract that emitted it.
        topics: 32-byte words, the event's selector first.
        data: the parameters that are not indexed, ABI-encoded.
        block_number: height of its block.
        block_hash: hash of its block, 0x-prefixed hex.
        tx_hash: hash of its transaction, 0x-prefixed hex.
        tx_index: place of the transaction in the block.
        log_index: place of the event in the block.
    """

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    tx_index: int
    log_index: int


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction that is in a block.

    Attributes:
        tx_hash: its hash, 0x-prefixed hex.
        block_number: height of its block.
        block_hash: hash of its block.
        status: 1 done, 0 reverted.
        gas_used: gas that it burnt.
        contract_address: what it deployed, or None.
        logs: its events in order.
    """

    tx_hash: str
    block_number: int
    block_hash: str
    status: int
    gas_used: int
    contract_address: Address | None
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class Fees:
    """Prices that a type-2 transaction would offer now, in wei per gas.

    Attributes:
        max_fee: most that it pays, base fee included.
        priority_fee: what it pays to the block's maker.
    """

    max_fee: int
    priority_fee: int


class Chain(Protocol):
    """A chain that is known to be the expected one.

    Reads try again while the endpoint does not answer, up to a limit. Errors of all methods:
    `ChainError` when the chain cannot be reached in that time or answers nonsense,
    `TransactionFailedError` when a call or an estimate reverts.
    """

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        ...

    def genesis_hash(self) -> str:
        """Hash of block 0, 0x-prefixed hex."""
        ...

    def head(self) -> Header:
        """Newest block."""
        ...

    def header(self, number: int) -> Header | None:
        """Block of that height, or None above the head."""
        ...

    def finalised_number(self) -> int:
        """Height of the newest block that is taken as final."""
        ...

    def safe_number(self) -> int:
        """Height of the newest block that is unlikely to be taken back, >= the final one's."""
        ...

    def next_timestamp(self) -> int:
        """Time that a transaction sent now would see at the earliest, in seconds."""
        ...

    def call(
        self,
        to: Address | None,
        data: bytes,
        block: int | None = None,
        sender: Address | None = None,
    ) -> bytes:
        """Run a function, or the creation of a contract, without a transaction.

        Args:
            to: contract; None runs `data` as creation code.
            data: selector and ABI-encoded arguments, or creation code with its arguments.
            block: height whose state is read; the head when None.
            sender: who seems to call; nobody when None.

        Returns:
            ABI-encoded results; of a creation the code that the contract would have.
        """
        ...

    def code(self, address: Address) -> bytes:
        """Deployed bytecode; empty for an account without any."""
        ...

    def balance(self, address: Address) -> int:
        """Native coin at the head, in wei."""
        ...

    def nonce(self, address: Address) -> int:
        """Number of transactions of this account in blocks up to the head."""
        ...

    def fees(self) -> Fees:
        """Prices to offer now."""
        ...

    def estimate_gas(self, transaction: Mapping[str, object]) -> int:
        """Gas that a transaction would take on the state that it would meet.

        Args:
            transaction: `from`, `to` (absent for a deployment), `data` as 0x-prefixed hex.

        Returns:
            Units of gas.
        """
        ...

    def send(self, raw: bytes) -> str:
        """Hand in a signed transaction; the same bytes may be handed in again at any time.

        Args:
            raw: the signed transaction.

        Returns:
            Its hash, 0x-prefixed hex.
        """
        ...

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Receipt of a transaction in a block, or None when there is none."""
        ...

    def sender(self, tx_hash: str) -> Address:
        """Who signed a transaction that is in a block."""
        ...

    def wait(self, tx_hash: str, timeout_s: float | None = None) -> Receipt:
        """Wait until a transaction is in a block.

        Args:
            tx_hash: its hash.
            timeout_s: how long; the connection's own limit when None.

        Returns:
            Its receipt, whatever its status.
        """
        ...

    def logs(
        self,
        from_block: int,
        to_block: int,
        addresses: Sequence[Address],
        topics: Sequence[Sequence[bytes]] = (),
    ) -> list[Log]:
        """Events of some contracts in chain order.

        Args:
            from_block: first height.
            to_block: last height, included.
            addresses: the contracts; none gives no events.
            topics: for each place of an event's topics the words that are wanted there; none at a
                place means any.

        Returns:
            Events by (block, log index).
        """
        ...
