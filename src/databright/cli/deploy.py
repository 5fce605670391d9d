"""`databright deploy`: a market of one's own on any chain."""

from __future__ import annotations

from pathlib import Path

import typer

from databright.cli._options import (
    AS,
    DRY_RUN,
    HOME,
    JSON,
    PASSPHRASE_FILE,
    acting_name,
    address_of,
    amount,
    home_of,
    read_passphrase,
    show,
)
from databright.client import Outcome, Terms, deploy_market
from databright.errors import BadInputError
from databright.units import Address
from databright.wiring.deploying import coins
from databright.wiring.session import keystore

_DEFAULT_SUPPLY = "1000000000"


def register(app: typer.Typer) -> None:
    """Add the verb.

    Args:
        app: the command line.
    """
    app.command("deploy")(deploy)


def deploy(
    rpc: str = typer.Option("", "--rpc", help="JSON-RPC address; default: chain.rpc_url."),
    token: str | None = typer.Option(
        None, "--token", help="ERC-20 with EIP-3009 that is the money; a test token if left out."
    ),
    holders: list[str] = typer.Option(
        [],
        "--holder",
        help="WHO=AMOUNT of the test token, again for more; default: all for the signing key.",
    ),
    min_stake: str = typer.Option("50", "--min-stake", help="Least stake of a worker owner."),
    out: Path | None = typer.Option(None, "--out", help="Write the record here too."),
    actor: str | None = AS,
    passphrase_file: Path | None = PASSPHRASE_FILE,
    home: Path | None = HOME,
    as_json: bool = JSON,
    dry_run: bool = DRY_RUN,
) -> None:
    """Deploy a market; run it again after a crash and it goes on where it stopped."""
    place = home_of(home)
    name = acting_name(place, actor)
    signer = keystore(place).public(name).address
    if token is not None and holders:
        raise BadInputError("--holder divides the test token, --token brings one: leave one out")
    terms = Terms(
        min_stake=amount(min_stake),
        holders=() if token is not None else _holders(holders, signer, home),
        token=None if token is None else address_of(token, home),
    )
    outcome = deploy_market(
        place,
        name,
        terms,
        rpc_url=rpc,
        passphrase=read_passphrase(passphrase_file),
        out=out,
        dry_run=dry_run,
        say=(lambda line: None) if as_json else typer.echo,
    )
    show(_record(outcome), _lines(outcome), as_json=as_json)


def _holders(
    told: list[str], signer: Address, home: Path | None
) -> tuple[tuple[Address, int], ...]:
    if not told:
        return ((signer, amount(_DEFAULT_SUPPLY)),)
    found: dict[Address, int] = {}
    for text in told:
        who, equals, tokens = text.rpartition("=")
        if not equals:
            raise BadInputError(
                f"{text[:60]!r} names no holder: write WHO=AMOUNT, e.g. --holder alice=1000"
            )
        address = address_of(who, home)
        if address in found:
            raise BadInputError(f"{who[:60]} is named twice as a holder: add the amounts up")
        found[address] = amount(tokens)
    return tuple(found.items())


def _record(outcome: Outcome) -> dict[str, object]:
    calls = [
        {
            "contract": name,
            "function": "constructor",
            "arguments": outcome.record.contracts[name].arguments,
            "to": None,
            "address": outcome.record.contracts[name].address,
            "gas": gas,
        }
        for name, gas in outcome.gas.items()
    ]
    return {
        "dry_run": outcome.dry_run,
        "created": list(outcome.created),
        "calls": calls,
        "max_cost": str(outcome.max_cost),
        "file": str(outcome.file),
        "is_home_market": outcome.is_home_market,
        "deployment": outcome.record.fields(),
    }


def _lines(outcome: Outcome) -> list[str]:
    record, total = outcome.record, sum(outcome.gas.values())
    if not outcome.dry_run:
        there = "now uses" if outcome.is_home_market else "goes on with another market than"
        return [
            f"{len(outcome.created)} contracts created, {len(record.contracts)} are there; the "
            f"record is {outcome.file}",
            f"this home {there} this one; check it with: databright chain verify",
        ]
    lines = [f"would create {len(outcome.gas)} contracts on chain {record.chain_id}:"]
    for name, gas in outcome.gas.items():
        made = record.contracts[name]
        lines.append(f"  {name} at {made.address} with nonce {made.nonce} ({gas} gas)")
        told = ", ".join(f"{key} = {value}" for key, value in made.arguments.items())
        lines.append(f"    {name}({told})")
    lines.append(f"  {total} gas in all, at most {coins(outcome.max_cost)} coins at today's price")
    lines.append(f"  the record would be {outcome.file}")
    return lines
