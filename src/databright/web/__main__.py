"""The index and the page as one process: `python -m databright.web --home HOME [--port N]`.

The page answers at once, also while the chain is still starting; the index follows behind it.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Final

from databright.config import home_path, load_settings
from databright.database.connection import told
from databright.errors import ConfigError
from databright.web.app import create_app
from databright.web.server import bind, serve
from databright.wiring.index_feed import open_feed, open_index
from databright.wiring.processes import (
    exit_with,
    log_to,
    run_passes,
    stop_on_signals,
    until_ready,
)
from databright.wiring.session import open_market

_LOG = logging.getLogger(__name__)
_PAUSE_S: Final = 0.25


def main(arguments: list[str] | None = None) -> int:
    """Follow the chain and serve the page until told to stop.

    Args:
        arguments: the words after the program's name; None for those of this process.

    Returns:
        0 after a clean stop.

    Raises:
        ConfigError: the home folder, its settings or the port cannot be used.
        WrongChainError: the endpoint serves another chain than the home's.
    """
    parser = argparse.ArgumentParser(prog="python -m databright.web")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=None)
    given = parser.parse_args(arguments)
    home = home_path(given.home, {})
    if not home.is_dir():
        raise ConfigError(f"there is no home folder {home}; `databright up` makes one")
    port = load_settings(home).web.port if given.port is None else given.port
    taken = bind(port)
    log_to(home, "web")
    stop = stop_on_signals()
    index = open_index(home)
    server, thread = serve(create_app(index), taken)
    _LOG.info("the page is at http://%s:%d/", *taken.getsockname())
    try:
        market = until_ready(lambda: open_market(home), stop, "the market's chain")
        if market is not None:
            feed = open_feed(market, index)

            def step() -> int:
                # A database server may go away for a while, as the chain may.
                with told(index.engine):
                    return feed.step()

            run_passes(step, stop, _PAUSE_S)
    finally:
        server.should_exit = True
        thread.join()
        index.engine.dispose()
    return 0


if __name__ == "__main__":
    exit_with(main)
