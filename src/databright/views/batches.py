"""What the index is given: blocks, decoded events, and batches of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from databright.errors import ChainError
from databright.units import Address


@dataclass(frozen=True)
class IndexedBlock:
    """A block's header as the index keeps it.

    Attributes:
        number: height.
        hash: 0x-prefixed hex.
        parent: hash of the block before.
        timestamp: chain time in seconds.
    """

    number: int
    hash: str
    parent: str
    timestamp: int


@dataclass(frozen=True)
class IndexedEvent:
    """A decoded event as the index keeps it.

    Attributes:
        name: the event's name.
        contract: name of the contract that emitted it.
        address: its address.
        args: argument name -> int, bool, str or list of these; bytes are 0x-prefixed hex.
        block_number: height.
        block_hash: 0x-prefixed hex.
        log_index: place within the block.
        tx: transaction hash, 0x-prefixed hex.
    """

    name: str
    contract: str
    address: str
    args: Mapping[str, object]
    block_number: int
    block_hash: str
    log_index: int
    tx: str

    def number(self, name: str) -> int:
        """An argument that is a number.

        Args:
            name: the argument's name.

        Returns:
            Its value.
        """
        return int(cast("int", self.args[name]))

    def text(self, name: str) -> str:
        """An argument that is an address, a digest in hex, or text.

        Args:
            name: the argument's name.

        Returns:
            Its value.
        """
        return str(self.args[name])

    def address_of(self, name: str) -> Address:
        """An argument that is an address.

        Args:
            name: the argument's name.

        Returns:
            Its value.
        """
        return Address(str(self.args[name]))


@dataclass(frozen=True)
class IndexBatch:
    """What the follower found since the cursor.

    Attributes:
        rollback_to: height of the common ancestor after a reorg, blocks above it are gone;
            None when nothing was taken back.
        blocks: new headers, consecutive, oldest first.
        events: events of those blocks.
        safe: height up to which blocks were safe before the batch was read; None when not asked.
        final: the same for final ones, <= safe.
    """

    rollback_to: int | None
    blocks: Sequence[IndexedBlock]
    events: Sequence[IndexedEvent]
    safe: int | None = None
    final: int | None = None


def json_safe(value: object) -> object:
    """A decoded argument as JSON can carry it.

    Args:
        value: int, bool, str, bytes, or a list, tuple or mapping of these.

    Returns:
        The same with bytes as 0x-prefixed hex and tuples as lists.

    Raises:
        ChainError: any other type.
    """
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): json_safe(part) for name, part in value.items()}
    if isinstance(value, Sequence):
        return [json_safe(part) for part in value]
    raise ChainError(f"an event carries a value of type {type(value).__name__}, which no ABI has")
