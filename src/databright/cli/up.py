"""`databright up`: everything on one machine, kept running until Ctrl-C."""

from __future__ import annotations

import json
import os
from pathlib import Path

import typer

from databright.config import home_path, load_settings, open_home
from databright.errors import BadInputError
from databright.wiring.local_market import (
    LocalMarket,
    turn_signals_into_interrupts,
    wait_for_interrupt,
)
from databright.wiring.preflight import check_start
from databright.wiring.up import MOST_NODES, MOST_WORKERS, UpPlan, bring_up


def register(app: typer.Typer) -> None:
    """Add the verb.

    Args:
        app: the command line.
    """
    app.command("up")(up)


def up(
    home: Path | None = typer.Option(None, "--home", help="Home folder of the market."),
    nodes: int = typer.Option(4, "--nodes", help="Trusted nodes, 1 to 8."),
    workers: int = typer.Option(6, "--workers", help="Worker owners, 0 to 32."),
    port: int = typer.Option(0, "--port", help="Port of the page; 0 takes a free one."),
    chain: str = typer.Option("", "--chain", help="auto, anvil or eth-tester; default: settings."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON line when it is up."),
) -> None:
    """Bring up chain, nodes, workers, oracle and page; state is kept in the home folder."""
    if not 1 <= nodes <= MOST_NODES or not 0 <= workers <= MOST_WORKERS:
        raise BadInputError(
            f"{nodes} nodes and {workers} workers: use 1 to {MOST_NODES} nodes and at most "
            f"{MOST_WORKERS} workers"
        )
    turn_signals_into_interrupts()
    place = home_path(home, os.environ)
    settings = load_settings(open_home(place).path if place.exists() else place)
    backend, page_port = chain or settings.chain.backend, port or settings.web.port
    check_start(place, backend, page_port)
    path = open_home(place).path
    market = LocalMarket(path, backend)
    try:
        say = (lambda line: None) if as_json else typer.echo
        page = bring_up(market, UpPlan(nodes, workers, page_port), say)
        if as_json:
            typer.echo(json.dumps({"home": str(path), "page": page}))
        else:
            typer.echo(f"the market is up: {page} (home {path}); Ctrl-C ends it")
        wait_for_interrupt()
    finally:
        market.stop()
