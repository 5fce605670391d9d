"""The index and the page as one process: `python -m databright.web --home HOME [--port N]`.

The page answers at once, also while the chain is still starting; the index follows behind it. The
discussion lives in this process too; with `--publisher NAME` its log is anchored with that key.
"""

from __future__ import annotations

import argparse
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from databright.config import home_path, load_settings
from databright.database.connection import told
from databright.errors import ConfigError
from databright.views.index import Index
from databright.web.app import create_app
from databright.web.discussion import DiscussionSite
from databright.web.server import bind, serve
from databright.wiring.discussion import discussion_passes, open_door, open_log
from databright.wiring.index_feed import open_feed, open_index
from databright.wiring.processes import (
    exit_with,
    log_to,
    run_passes,
    stop_on_signals,
    until_ready,
)
from databright.wiring.session import Actor, OpenMarket, open_market, open_operator

_LOG = logging.getLogger(__name__)
_PAUSE_S: Final = 0.25
_DISCUSSION_PAUSE_S: Final = 1.0


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
    parser.add_argument("--publisher", default=None, help="key that anchors the discussion")
    parser.add_argument(
        "--insecure-keys",
        action="store_true",
        help="accept a key without a passphrase (development markets alone)",
    )
    given = parser.parse_args(arguments)
    home = home_path(given.home, {})
    if not home.is_dir():
        raise ConfigError(f"there is no home folder {home}; `databright up` makes one")
    port = load_settings(home).web.port if given.port is None else given.port
    taken = bind(port)
    log_to(home, "web")
    stop = stop_on_signals()
    publisher = (
        open_operator(home, given.publisher, insecure=given.insecure_keys)
        if given.publisher is not None
        else None
    )
    index = open_index(home)
    site = DiscussionSite(open_log(home), publisher=publisher.address if publisher else None)
    server, thread = serve(create_app(index, site), taken)
    _LOG.info("the page is at http://%s:%d/", *taken.getsockname())
    try:
        market = until_ready(lambda: open_market(home), stop, "the market's chain")
        failed = threading.Event()
        if market is not None:
            site.door = open_door(market, site.log)
            _run_parts(market, index, site, publisher, stop, failed)
    finally:
        server.should_exit = True
        thread.join()
        index.engine.dispose()
        site.log.engine.dispose()
    return 1 if failed.is_set() else 0


def _run_parts(
    market: OpenMarket,
    index: Index,
    site: DiscussionSite,
    publisher: Actor | None,
    stop: threading.Event,
    failed: threading.Event,
) -> None:
    """Follow the chain and anchor the discussion, until told to stop or one of them fails."""
    passes = discussion_passes(market, site.log, publisher)
    feed = open_feed(market, index)

    def follow() -> int:
        # A database server may go away for a while, as the chain may.
        with told(index.engine):
            return feed.step()

    parts = (
        lambda: run_passes(follow, stop, _PAUSE_S),
        lambda: run_passes(passes, stop, _DISCUSSION_PAUSE_S),
    )
    threads = [threading.Thread(target=_guarded, args=(part, stop, failed)) for part in parts]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def _guarded(part: Callable[[], None], stop: threading.Event, failed: threading.Event) -> None:
    """Run one part; if it fails in a way nobody foresaw, the process stops and is restarted."""
    try:
        part()
    except Exception:  # the process's edge: logged whole, then the supervisor starts it afresh
        _LOG.exception("a part of the page failed, so it stops")
        failed.set()
    finally:
        stop.set()


if __name__ == "__main__":
    exit_with(main)
