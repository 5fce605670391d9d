"""Events of a few contracts, read forward once; a reorganisation starts the reading anew."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from databright.chain.bindings import Contract, Event
from databright.chain.market_contracts import MarketContracts

_LOG = logging.getLogger(__name__)


class Journal:
    """What some contracts of a market have said.

    Args:
        contracts: the market.
        watched: whose events are read.
    """

    def __init__(self, contracts: MarketContracts, watched: Sequence[Contract]) -> None:
        self._contracts = contracts
        self._watched = tuple(watched)
        self._read_to: tuple[int, str] | None = None

    def read(self) -> tuple[bool, list[Event]]:
        """Read what is new.

        Returns:
            Whether the events start from the deployment again, so that what was made of earlier
            ones has to be forgotten; and the events in order of the chain.

        Raises:
            ChainError: the chain cannot be reached.
        """
        head = self._contracts.chain.head()
        if self._read_to == (head.number, head.hash):
            return False, []
        first, anew = self._contracts.deployment.block, True
        if self._read_to is not None:
            number, block_hash = self._read_to
            known = self._contracts.chain.header(number)
            if known is not None and known.hash == block_hash:
                first, anew = number + 1, False
            else:
                _LOG.info("the chain was reorganised below block %d: reading it again", number)
        addresses = [contract.address for contract in self._watched]
        logs = self._contracts.chain.logs(first, head.number, addresses)
        events = [event for contract in self._watched for event in contract.events(logs)]
        self._read_to = (head.number, head.hash)
        return anew, sorted(events, key=lambda event: (event.block_number, event.log_index))
