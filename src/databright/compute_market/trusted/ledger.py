"""Jobs and workers as the chain has them now, read block by block and never twice."""

from __future__ import annotations

import threading

from databright.chain.bindings import Contract, Event
from databright.chain.market_contracts import MarketContracts
from databright.compute_market.projections import (
    JobHistory,
    WorkerEntry,
    replay_jobs,
    replay_workers,
)
from databright.units import Address


class _Tail:
    """All events of one contract so far; after a reorganisation all are read again."""

    def __init__(self, contracts: MarketContracts, contract: Contract) -> None:
        self._contracts = contracts
        self._contract = contract
        self._events: list[Event] = []
        self._read_to: tuple[int, str] | None = None
        self._lock = threading.Lock()

    def events(self) -> list[Event]:
        chain = self._contracts.chain
        with self._lock:
            head = chain.head()
            if (head.number, head.hash) == self._read_to:
                return list(self._events)
            first = self._contracts.deployment.block
            if self._read_to is not None:
                known = chain.header(self._read_to[0])
                if known is not None and known.hash == self._read_to[1]:
                    first = self._read_to[0] + 1
                else:
                    self._events = []
            logs = chain.logs(first, head.number, [self._contract.address])
            self._events.extend(self._contract.events(logs))
            self._read_to = (head.number, head.hash)
            return list(self._events)


class MarketLedger:
    """The projections that the hub decides from.

    Args:
        contracts: the market.
    """

    def __init__(self, contracts: MarketContracts) -> None:
        self._escrow = _Tail(contracts, contracts.escrow)
        self._registry = _Tail(contracts, contracts.workers)

    def jobs(self) -> dict[int, JobHistory]:
        """All jobs.

        Returns:
            Job id -> history.
        """
        return replay_jobs(self._escrow.events())

    def workers(self, to_block: int | None = None) -> dict[Address, WorkerEntry]:
        """All registered owners.

        Args:
            to_block: as they were at this height; now when None.

        Returns:
            Owner -> entry, in order of registration.
        """
        return replay_workers(self._registry.events(), to_block)
