"""`databright chain`: the development chain of this home."""

from __future__ import annotations

from pathlib import Path

import typer
from eth_utils.address import is_checksum_address

from databright.cli._options import DRY_RUN, HOME, JSON, amount, home_of, period, show
from databright.errors import BadInputError
from databright.units import Address
from databright.wiring.faucet import advance as advance_clock
from databright.wiring.faucet import fund as fund_address
from databright.wiring.session import keystore

app = typer.Typer(help="The development chain of this home.", no_args_is_help=True)


@app.command("fund")
def fund(
    who: str = typer.Argument(help="Name of a key of this home, or an address."),
    tokens: str = typer.Option("1000", "--amount", help="Market tokens."),
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Give gas and test money to a key, from the market's faucet."""
    place = home_of(home)
    names = keystore(place).names()
    if who not in names and not is_checksum_address(who):
        raise BadInputError(
            f"{who[:60]!r} is no key of this home and no EIP-55 address: "
            "'databright key list' shows the keys"
        )
    receiver = keystore(place).public(who).address if who in names else Address(who)
    given = amount(tokens)
    hashes = [] if dry_run else fund_address(place, receiver, given)
    record = {"to": receiver, "amount": given, "dry_run": dry_run, "transactions": hashes}
    verb = "would get" if dry_run else "got"
    show(record, [f"{receiver} {verb} gas and {tokens} test tokens"], as_json=as_json)


@app.command("advance")
def advance(
    by: str = typer.Argument(help="A period such as 90s, 2h or 7d."),
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Move the development chain's clock forward, so that deadlines pass."""
    seconds = period(by)
    if dry_run:
        show({"seconds": seconds, "dry_run": True}, [f"would advance by {by}"], as_json=as_json)
        return
    now = advance_clock(home_of(home), seconds)
    show({"seconds": seconds, "time": now}, [f"the chain's time is {now}"], as_json=as_json)
