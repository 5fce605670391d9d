"""Feeds the index from a chain: asks for the next batch, decodes it, applies it.

A dataset's Database is made in the middle of the chain's story, so the set of contracts grows
with the events read: a batch that names a new one is asked for again with its address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from databright.errors import ChainError
from databright.units import Address
from databright.views.index import Index, IndexBatch

ReadBatch = Callable[[Sequence[Address], Sequence[tuple[int, str]], int], IndexBatch]
"""(contract addresses, recent blocks, most blocks) -> the next batch, its events decoded."""

_BATCH_BLOCKS = 512
_MOST_REPEATS = 3


@dataclass(frozen=True)
class Feed:
    """One index fed from one chain.

    Attributes:
        index: what is fed.
        read_batch: the chain's follower and decoder, put together by the composition root.
        contracts: the market's fixed contracts.
    """

    index: Index
    read_batch: ReadBatch
    contracts: tuple[Address, ...]

    def step(self, limit: int = _BATCH_BLOCKS) -> int:
        """Apply the next batch.

        Args:
            limit: most blocks, > 0.

        Returns:
            Number of blocks applied or taken back; 0 when the index is at the head.

        Raises:
            ChainError: the chain changes faster than it can be read.
        """
        known = {str(event.args["database"]) for event in self.index.events(["DatasetCreated"])}
        recent = self.index.recent()
        for _ in range(_MOST_REPEATS):
            addresses = [*self.contracts, *(Address(address) for address in sorted(known))]
            batch = self.read_batch(addresses, recent, limit)
            named = {
                str(event.args["database"])
                for event in batch.events
                if event.name == "DatasetCreated"
            }
            if named <= known:
                before = recent[-1][0] if recent else 0
                self.index.apply(batch)
                taken = 0 if batch.rollback_to is None else max(0, before - batch.rollback_to)
                return len(batch.blocks) + taken
            known |= named
        raise ChainError(
            "new datasets appeared on every reading of the same blocks: the chain is being "
            "reorganised; run this again"
        )

    def catch_up(self) -> int:
        """Apply batches until the index is at the chain's head.

        Returns:
            Number of blocks applied or taken back.
        """
        total = 0
        while moved := self.step():
            total += moved
        return total
