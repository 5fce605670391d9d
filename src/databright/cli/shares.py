"""`databright shares`: tranches held and what they earned."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import AS, HOME, JSON, client, show, tokens

app = typer.Typer(help="Shares and their dividends.", no_args_is_help=True)


@app.command("list")
def list_shares(
    actor: str | None = AS,
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show a key's shares and the dividends that wait."""
    found = client(home, actor).contributor.shares()
    lines = [
        f"dataset {item.dataset}, tranche {item.tranche}: {item.shares} of {item.total} shares, "
        f"{tokens(item.claimable)} to claim"
        for item in found
    ]
    show({"shares": found}, lines or ["no shares yet"], as_json=as_json)
