"""What the proxy asks of the node that executes transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from databright.chain.devnet.genesis import Genesis
from databright.errors import ChainError
from databright.records.strict_json import JsonValue


class RpcFault(ChainError):
    """A request is answered with an error.

    Attributes:
        code: JSON-RPC error code.
        text: message.
        data: revert data as 0x-prefixed hex, or None.
    """

    def __init__(self, code: int, text: str, data: JsonValue = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.data = data


class EvmLostError(ChainError):
    """The node died or does not answer; it must be started again and the journal replayed."""


class Evm(Protocol):
    """One running node, at first with block 0 alone. A lost one is never used again."""

    @property
    def version(self) -> str:
        """Name and version of the program."""
        ...

    async def request(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        """Answer a read.

        Args:
            method: an allowed JSON-RPC method.
            params: its parameters.

        Returns:
            The result. Errors: RpcFault, EvmLostError.
        """
        ...

    async def mine(self, raw: bytes | None, timestamp: int) -> str:
        """Make one block.

        Args:
            raw: its only transaction, or None for an empty block.
            timestamp: its time.

        Returns:
            Its hash, when it is the head. Errors: RpcFault when the transaction is refused
            (no block is made then), EvmLostError.
        """
        ...

    async def set_clock(self, timestamp: int) -> None:
        """Let the time that estimates see go on from here.

        Args:
            timestamp: chain time now.
        """
        ...

    async def dump(self) -> bytes | None:
        """The whole state with blocks and receipts, or None where that is not possible."""
        ...

    async def load(self, state: bytes) -> None:
        """Take over a dumped state.

        Args:
            state: what `dump` gave.
        """
        ...

    async def close(self) -> None:
        """End it."""
        ...


class EvmSource(Protocol):
    """Starts nodes of one kind."""

    @property
    def name(self) -> str:
        """`anvil` or `eth-tester`."""
        ...

    async def start(self, genesis: Genesis) -> Evm:
        """Start a node with block 0 alone.

        Args:
            genesis: what it starts from.

        Returns:
            The node, answering. Errors: EvmLostError, MissingToolError.
        """
        ...
