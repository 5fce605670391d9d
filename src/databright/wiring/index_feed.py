"""Where the index meets the chain: opens both for a home, and decodes what the follower finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from databright.chain.base import Log
from databright.chain.bindings import Artifact, Contract
from databright.chain.follower import next_batch
from databright.chain.market_contracts import MarketContracts
from databright.config import load_settings
from databright.database.connection import connect, told
from databright.units import Address
from databright.views.audit import AuditReport, audit
from databright.views.batches import IndexBatch, IndexedBlock, IndexedEvent
from databright.views.feed import Feed
from databright.views.index import Index
from databright.wiring.session import OpenMarket, open_market

INDEX_FILE: Final = "index.sqlite"
BLUEPRINT: Final = "DatabaseBlueprint"
"""Only Databases are made of it; it is called by nobody and emits nothing."""


def open_index(home: Path) -> Index:
    """Open the index of a home; it is made on first use.

    Args:
        home: the home folder, which exists.

    Returns:
        The index, which may be behind the chain.

    Raises:
        ConfigError: the settings or the database cannot be used.
    """
    engine = connect(load_settings(home).database.url or f"sqlite:///{home / INDEX_FILE}")
    with told(engine):
        return Index(engine)


@dataclass(frozen=True)
class Rebuilt:
    """What reading the chain again gave, or would replace.

    Attributes:
        dry_run: whether nothing was done.
        blocks: blocks in the index.
        events: their events.
    """

    dry_run: bool
    blocks: int
    events: int


@contextmanager
def _opened(home: Path) -> Iterator[tuple[OpenMarket, Index]]:
    market = open_market(home)
    index = open_index(home)
    try:
        with told(index.engine):
            yield market, index
    finally:
        index.engine.dispose()


def audit_index(home: Path) -> AuditReport:
    """Bring a home's index to the head, and compare it with the contracts there.

    Args:
        home: the home folder.

    Returns:
        What differs.
    """
    with _opened(home) as (market, index):
        open_feed(market, index).catch_up()
        return audit(index, market.contracts)


def rebuild_index(home: Path, *, dry_run: bool = False) -> Rebuilt:
    """Forget a home's index and read the chain again from its first block.

    Args:
        home: the home folder.
        dry_run: only say what the index holds.

    Returns:
        What it holds now.
    """
    with _opened(home) as (market, index):
        if not dry_run:
            index.forget()
            open_feed(market, index).catch_up()
        blocks, events = index.size()
    return Rebuilt(dry_run, blocks, events)


def open_feed(market: OpenMarket, index: Index) -> Feed:
    """Feed a home's index from its market's chain.

    Args:
        market: the opened market.
        index: its index; one that was made from another chain is emptied first.

    Returns:
        The feed; its `step` applies one batch.
    """
    index.require_genesis(market.deployment.genesis_hash)
    return feed_from(market.contracts, index)


def feed_from(contracts: MarketContracts, index: Index) -> Feed:
    """Feed an index from a market's contracts.

    Args:
        contracts: the market.
        index: its index, empty or made from the same chain.

    Returns:
        The feed; its `step` applies one batch.
    """
    chain = contracts.chain
    bound = {contract.address: contract for contract in contracts.fixed_contracts()}
    fixed = tuple(bound)

    def read(
        addresses: Sequence[Address], recent: Sequence[tuple[int, str]], limit: int
    ) -> IndexBatch:
        for address in addresses:
            if address not in bound:
                bound[address] = Contract(chain, address, Artifact.load("Database"))
        # Asked before the blocks: what was final then is in whatever is read from now on.
        final, safe = chain.finalised_number(), chain.safe_number()
        batch = next_batch(chain, addresses, recent, limit)
        return IndexBatch(
            rollback_to=batch.rollback_to,
            blocks=[
                IndexedBlock(header.number, header.hash, header.parent_hash, header.timestamp)
                for header in batch.headers
            ],
            events=decode(bound, batch.logs),
            safe=max(safe, final),
            final=final,
        )

    return Feed(index, read, fixed)


def decode(contracts: dict[Address, Contract], logs: Sequence[Log]) -> list[IndexedEvent]:
    """Decode logs by the contract that emitted each.

    Args:
        contracts: address -> contract.
        logs: in chain order.

    Returns:
        Events by (block, place within it).
    """
    found = [
        IndexedEvent(
            name=event.name,
            contract=contract.artifact.name,
            address=event.address,
            args=event.args,
            block_number=event.block_number,
            block_hash=event.block_hash,
            log_index=event.log_index,
            tx=event.tx_hash,
        )
        for address, contract in contracts.items()
        for event in contract.events([log for log in logs if log.address == address])
    ]
    return sorted(found, key=lambda event: (event.block_number, event.log_index))
