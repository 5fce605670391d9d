"""A process that feeds an index as the page's does, and may end itself at a drawn SQL statement.

`python -m tests.end_to_end.index_child URL SOURCE LIMIT WHICH DIE_AT`: SOURCE is a file of a
synthetic chain or a folder with a market.json; DIE_AT counts points before and after statements
and before commits, 0 for none; WHICH is "any", or "write" to count those that change something
only. It says when it begins to follow, and at which kind of statement it ends itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, event

from databright.database.connection import connect
from databright.errors import ChainError
from databright.units import Address
from databright.views.batches import IndexBatch
from databright.views.feed import Feed
from databright.views.index import Index
from databright.wiring.leash import die_with_parent
from tests.synthetic import CONTRACTS, SyntheticChain

PAUSE_S = 0.005
WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT")


class Recorded:
    """A synthetic chain that another process writes: one salt for each block."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._salts: list[int] = []
        self._chain = SyntheticChain()

    def read(
        self, addresses: Sequence[Address], recent: Sequence[tuple[int, str]], limit: int
    ) -> IndexBatch:
        """The next batch of the chain as it is now."""
        salts = json.loads(self._file.read_text())
        same = 0
        for old, new in zip(self._salts, salts, strict=False):
            if old != new:
                break
            same += 1
        self._chain.take_back(len(self._salts) - same)
        for salt in salts[same:]:
            self._chain.grow(salt)
        self._salts = salts
        return self._chain.read(addresses, recent, limit)


def open_source(index: Index, source: Path) -> Feed:
    """The feed of a synthetic chain's file, or of a market's folder."""
    if source.is_file():
        return Feed(index, Recorded(source).read, tuple(CONTRACTS.values()))
    # Only who follows a real chain needs its client.
    from databright.chain.ethereum import connect as connect_chain
    from databright.chain.market_contracts import MarketContracts
    from databright.records.deployment import Deployment
    from databright.wiring.index_feed import feed_from

    deployment = Deployment.load(source)
    chain = connect_chain(deployment.rpc_url, finality_depth=8)
    return feed_from(MarketContracts(chain, deployment), index)


def die_at(engine: Engine, which: str, point: int) -> None:
    """kill -9 of this process at a point of its SQL."""
    left = point

    def count(word: str) -> None:
        nonlocal left
        left -= which == "any" or word in WRITES
        if left == 0 and (which == "any" or word in WRITES):
            print(word, flush=True)  # noqa: T201 - said to who started us
            os.kill(os.getpid(), signal.SIGKILL)

    def at_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        count(statement.split()[0])

    def at_commit(_connection: object) -> None:
        count("COMMIT")

    event.listen(engine, "before_cursor_execute", at_statement)
    event.listen(engine, "after_cursor_execute", at_statement)
    event.listen(engine, "commit", at_commit)


def main() -> None:
    """Follow until killed."""
    url, source, limit = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    which, point = sys.argv[4], int(sys.argv[5])
    engine = connect(url)
    if point:
        die_at(engine, which, point)
    die_with_parent(os.getppid())
    never = threading.Event()
    feed = open_source(Index(engine), source)
    print("following", flush=True)  # noqa: T201 - said to who started us
    while True:
        try:
            feed.step(limit)
        except ChainError as error:  # it was reorganised while it was read: read again
            sys.stderr.write(f"{error}\n")
        never.wait(PAUSE_S)


if __name__ == "__main__":
    main()
