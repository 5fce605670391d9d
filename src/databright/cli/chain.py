"""`databright chain`: the market's chain: check what is deployed, drive the development chain."""

from __future__ import annotations

from pathlib import Path

import typer
from eth_utils.address import is_checksum_address

from databright.cli._options import DRY_RUN, HOME, JSON, amount, home_of, period, show, show_written
from databright.client import Transaction, Written
from databright.errors import BadInputError
from databright.units import Address
from databright.wiring.deploying import verify_market
from databright.wiring.faucet import advance as advance_clock
from databright.wiring.faucet import fund as fund_address
from databright.wiring.session import keystore

app = typer.Typer(help="The market's chain; the development chain.", no_args_is_help=True)


@app.command("verify")
def verify(
    deployment: Path | None = typer.Option(
        None, "--deployment", help="A deployment's record; default: this home's market."
    ),
    rpc: str = typer.Option("", "--rpc", help="JSON-RPC address; default: the record's."),
    home: Path | None = HOME,
    as_json: bool = JSON,
) -> None:
    """Compare the chain with a deployment's record: code, arguments, wiring, databases."""
    record, checks = verify_market(home_of(home), file=deployment, rpc_url=rpc)
    wrong = [check for check in checks if not check.ok]
    lines = [f"{'ok' if c.ok else 'WRONG':<6} {c.subject:<18} {c.what}" for c in checks]
    for check in wrong:
        lines.append(f"{check.subject}, {check.what}: found {check.found}")
        lines.append(f"    instead of {check.expected}")
    lines.append(
        f"{len(checks) - len(wrong)} of {len(checks)} comparisons hold on chain {record.chain_id}"
    )
    show({"ok": not wrong, "chain_id": record.chain_id, "checks": checks}, lines, as_json=as_json)
    if wrong:
        raise typer.Exit(1)


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
    gift = fund_address(place, receiver, given, dry_run=dry_run)
    mined = tuple(Transaction(r.tx_hash, r.block_number, r.gas_used) for r in gift.receipts)
    show_written(Written(None, gift.calls, mined, 0), "gift", as_json=as_json)


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
