"""Where the index meets the chain: opens both for a home, and decodes what the follower finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from databright.chain.base import Log
from databright.chain.bindings import Artifact, Contract
from databright.chain.follower import next_batch
from databright.config import load_settings
from databright.database.connection import connect
from databright.units import Address
from databright.views.feed import Feed
from databright.views.index import Index, IndexBatch, IndexedBlock, IndexedEvent
from databright.wiring.session import OpenMarket

INDEX_FILE: Final = "index.sqlite"


def open_index(home: Path) -> Index:
    """Open the index of a home; it is made on first use.

    Args:
        home: the home folder, which exists.

    Returns:
        The index, which may be behind the chain.

    Raises:
        ConfigError: the settings or the database cannot be used.
    """
    url = load_settings(home).database.url or f"sqlite:///{home / INDEX_FILE}"
    return Index(connect(url))


def open_feed(market: OpenMarket, index: Index) -> Feed:
    """Feed a home's index from its market's chain.

    Args:
        market: the opened market.
        index: its index; one that was made from another chain is emptied first.

    Returns:
        The feed; its `step` applies one batch.
    """
    index.require_genesis(market.deployment.genesis_hash)
    contracts = market.contracts
    bound = {contract.address: contract for contract in contracts.fixed_contracts()}
    fixed = tuple(bound)
    chain = contracts.chain

    def read(
        addresses: Sequence[Address], recent: Sequence[tuple[int, str]], limit: int
    ) -> IndexBatch:
        for address in addresses:
            if address not in bound:
                bound[address] = Contract(chain, address, Artifact.load("Database"))
        batch = next_batch(chain, addresses, recent, limit)
        return IndexBatch(
            rollback_to=batch.rollback_to,
            blocks=[
                IndexedBlock(header.number, header.hash, header.parent_hash, header.timestamp)
                for header in batch.headers
            ],
            events=decode(bound, batch.logs),
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
