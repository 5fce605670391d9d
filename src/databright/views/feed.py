"""Feeds the index from a chain: asks for the next batch, decodes it, applies it.

A dataset's Database is made in the middle of the chain's story, so the set of contracts grows
with the events read: a batch that names a new one is asked for again with its address.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from databright.errors import ChainError
from databright.units import Address
from databright.views.batches import IndexBatch
from databright.views.folds.data_market import DATASETS
from databright.views.index import NOTHING, Index

ReadBatch = Callable[[Sequence[Address], Sequence[tuple[int, str]], int], IndexBatch]
"""(contract addresses, recent blocks, most blocks) -> the next batch, its events decoded. How far
the chain is settled must be asked before the blocks, so that what is told as final is theirs."""

_LOG = logging.getLogger(__name__)
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
        known = self._databases()
        for _ in range(_MOST_REPEATS):
            recent = self.index.recent()
            addresses = [*self.contracts, *(Address(address) for address in sorted(known))]
            batch = self.read_batch(addresses, recent, limit)
            named = {
                str(event.args["database"])
                for event in batch.events
                if event.name == "DatasetCreated"
            }
            if not named <= known:
                known |= named
            elif self._is_news(batch):
                cursor = recent[-1] if recent else NOTHING
                if self.index.apply(batch, cursor):
                    return self._told(batch, cursor[0])
                # Another process feeds the same index: go on from where it has brought it.
                known |= self._databases()
            else:
                return 0
        raise ChainError(
            "the same blocks were read several times, and each time the chain was reorganised or "
            "another process moved the index: run this again"
        )

    def _databases(self) -> set[str]:
        with self.index.snapshot() as snapshot:
            return {row.database for row in snapshot.rows(DATASETS)}

    def _is_news(self, batch: IndexBatch) -> bool:
        if batch.blocks or batch.rollback_to is not None:
            return True
        settled = (batch.safe, batch.final)
        return settled != (None, None) and settled != self.index.finality()

    def _told(self, batch: IndexBatch, before: int) -> int:
        if batch.rollback_to is None:
            return len(batch.blocks)
        _LOG.info("the chain was reorganised above block %d", batch.rollback_to)
        return len(batch.blocks) + max(0, before - batch.rollback_to)

    def catch_up(self) -> int:
        """Apply batches until the index is at the chain's head.

        Returns:
            Number of blocks applied or taken back.
        """
        total = 0
        while moved := self.step():
            total += moved
        return total
