"""`databright demo`: the whole story on real parts, played by one command."""

from __future__ import annotations

import json
import os
from pathlib import Path

import typer

from databright.config import home_path, open_home
from databright.errors import BadInputError
from databright.wiring.demo.run import STORY_PAGE, play_demo
from databright.wiring.local_market import (
    LocalMarket,
    turn_signals_into_interrupts,
    wait_for_interrupt,
)
from databright.wiring.preflight import check_start


def register(app: typer.Typer) -> None:
    """Add the verb.

    Args:
        app: the command line.
    """
    app.command("demo")(demo)


def demo(
    once: bool = typer.Option(False, "--once", help="End when the story is told."),
    seed: int = typer.Option(1, "--seed", help="Draws rows, roles and batches; 0 or more."),
    json_file: Path | None = typer.Option(None, "--json", help="Write the story's JSON here."),
    home: Path | None = typer.Option(
        None, "--home", help="A new folder; default: demo/SEED-N in your data folder."
    ),
    chain: str = typer.Option("auto", "--chain", help="auto, anvil or eth-tester."),
    port: int = typer.Option(0, "--port", help="Port of the page; 0 takes a free one."),
) -> None:
    """Play the whole story: data, votes, shares, a verified job, a paid prediction."""
    if seed < 0:
        raise BadInputError(f"the seed is {seed}: use a whole number from 0")
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise BadInputError(f"there is no folder {json_file.absolute().parent}: make it first")
    check_start(_place(home), chain, port)
    turn_signals_into_interrupts()
    folder = _fresh_home(home, seed)
    typer.echo(f"Home of this run: {folder}")
    market = LocalMarket(folder, chain)
    try:
        told = play_demo(market, seed, typer.echo, page_port=port)
        if json_file is not None:
            json_file.write_text(json.dumps(told.story, indent=2) + "\n")
        typer.echo(f"The story as a page: {folder / STORY_PAGE}")
        if not once:
            typer.echo(f"The market goes on at {told.page_url}: Ctrl-C ends it.")
            wait_for_interrupt()
    finally:
        market.stop()


def _place(home: Path | None) -> Path:
    return home_path(home, os.environ) if home is not None else home_path(None, os.environ) / "demo"


def _fresh_home(home: Path | None, seed: int) -> Path:
    """An empty home folder; the demo never touches one that holds something."""
    if home is not None:
        path = home_path(home, os.environ)
        if path.exists() and any(path.iterdir()):
            raise BadInputError(
                f"{path} is not empty: the demo starts from nothing, name a new folder with --home"
            )
        return open_home(path).path
    base = _place(None)
    number = 1
    while (base / f"{seed}-{number}").exists():
        number += 1
    return open_home(base / f"{seed}-{number}").path
