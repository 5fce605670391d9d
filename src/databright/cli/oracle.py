"""`databright oracle`: what is known of an oracle."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import HOME, JSON, address_of, reader, show

app = typer.Typer(help="Oracles that vote with lent weight.", no_args_is_help=True)


@app.command("calibration")
def calibration(
    oracle: str = typer.Argument(help="Address, or a key's name."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Show how well an oracle's confidence fits what became of the proposals."""
    who = address_of(oracle, home)
    found = reader(home).curator.calibration(who)
    lines = [
        f"{item.proposal}: {'for' if item.support else 'against'}, {item.confidence / 100:g} % "
        f"sure; {'accepted with a gain' if item.came_true else 'not accepted with a gain'} "
        f"(penalty {item.penalty:.4f})"
        for item in found.forecasts
    ]
    lines.append(
        "no decided proposal yet"
        if found.brier is None
        else f"Brier score {found.brier:.4f} over {len(found.forecasts)} proposals; always saying "
        f"the average would have {found.brier_of_rate:.4f}"
    )
    lines.append(f"{found.num_open} of its proposals are undecided or were taken off")
    show(found, lines, as_json=as_json)
