"""What the verbs share: flags, reading of amounts and periods, printing of records."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import typer
from eth_utils.address import is_checksum_address

from databright.client import Client, Written
from databright.config import home_path
from databright.errors import BadInputError
from databright.units import DECIMALS, Address, Amount, Seconds
from databright.units import in_tokens as tokens
from databright.wiring.session import keystore

HOME = typer.Option(None, "--home", help="Home folder; default: the user's data folder.")
JSON = typer.Option(False, "--json", help="Print one JSON object.")
DRY_RUN = typer.Option(False, "--dry-run", help="Show what would be sent and stored; send nothing.")
AS = typer.Option(None, "--as", help="Name of the key that signs; the only one when left out.")
PASSPHRASE_FILE = typer.Option(
    None, "--passphrase-file", help="File with the key's passphrase; else DATABRIGHT_PASSPHRASE."
)
__all__ = [
    "AS", "DRY_RUN", "HOME", "JSON", "PASSPHRASE_FILE", "acting_name", "address_of", "amount",
    "client", "home_of", "period", "plain", "read_passphrase", "reader", "show", "show_written",
    "tokens",
]  # fmt: skip
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,30})(?:\.([0-9]{1,6}))?\Z")
_PERIOD = re.compile(r"([1-9][0-9]{0,9})([smhdw])\Z")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAX_PASSPHRASE = 4096


def home_of(flag: Path | None) -> Path:
    """The home folder that a command uses.

    Args:
        flag: what --home said.

    Returns:
        Its path.
    """
    return home_path(flag, os.environ)


def read_passphrase(file: Path | None) -> str | None:
    """Read a passphrase from a file.

    Args:
        file: its first line counts; None for none.

    Returns:
        The passphrase, or None.

    Raises:
        BadInputError: the file cannot be read or is empty.
    """
    if file is None:
        return None
    try:
        with file.open() as opened:
            line = opened.read(_MAX_PASSPHRASE).split("\n", 1)[0]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"the passphrase file {file} cannot be read: {error}") from error
    if not line:
        raise BadInputError(f"the passphrase file {file} is empty: write the passphrase in it")
    return line


def client(home: Path | None, actor: str | None = None, passphrase: Path | None = None) -> Client:
    """Open the market of a home as one of its actors.

    Args:
        home: what --home said.
        actor: what --as said; the keystore's only key when None.
        passphrase: what --passphrase-file said.

    Returns:
        The client.

    Raises:
        BadInputError: several keys and none named, or no key at all.
    """
    place = home_of(home)
    return Client(place, acting_name(place, actor), read_passphrase(passphrase))


def acting_name(home: Path, actor: str | None) -> str:
    """Whose key acts.

    Args:
        home: the home folder.
        actor: what --as said; the keystore's only key when None.

    Returns:
        Its name.

    Raises:
        BadInputError: several keys and none named, or no key at all.
    """
    if actor is not None:
        return actor
    names = keystore(home).names()
    if len(names) != 1:
        raise BadInputError(
            f"the keystore has {len(names)} keys: say with --as which one acts"
            + (f" ({', '.join(names)[:200]})" if names else "; make one: databright key create")
        )
    return names[0]


def reader(home: Path | None) -> Client:
    """Open the market of a home to read only; any key of the keystore will do.

    Args:
        home: what --home said.

    Returns:
        The client.

    Raises:
        BadInputError: there is no key at all.
    """
    place = home_of(home)
    store = keystore(place)
    names = store.names()
    if not names:
        raise BadInputError("the keystore is empty: make a key first: databright key create NAME")
    insecure = [name for name in names if store.public(name).insecure]
    return Client(place, (insecure or names)[0])


def amount(text: str) -> Amount:
    """Read money.

    Args:
        text: market tokens with up to six decimals, e.g. 12.5.

    Returns:
        Base units.

    Raises:
        BadInputError: anything else.
    """
    found = _AMOUNT.match(text)
    if not found:
        raise BadInputError(
            f"{text[:60]!r} is not an amount: write tokens with up to {DECIMALS} decimals, "
            "e.g. 12.5"
        )
    return Amount(int(found[1]) * 10**DECIMALS + int((found[2] or "").ljust(DECIMALS, "0")))


def period(text: str) -> Seconds:
    """Read a period.

    Args:
        text: a whole number and a unit: s, m, h, d or w.

    Returns:
        Seconds.

    Raises:
        BadInputError: anything else.
    """
    found = _PERIOD.match(text)
    if not found:
        raise BadInputError(f"{text[:60]!r} is not a period: write e.g. 90s, 15m, 36h, 7d or 2w")
    return Seconds(int(found[1]) * _UNITS_S[found[2]])


def address_of(text: str, home: Path | None) -> Address:
    """Read an address, or the name of a key in the keystore.

    Args:
        text: EIP-55 address or name.
        home: what --home said.

    Returns:
        The address.

    Raises:
        BadInputError: neither.
    """
    if text.startswith("0x"):
        if not is_checksum_address(text):
            raise BadInputError(f"{text[:60]!r} is no address with an EIP-55 checksum")
        return Address(text)
    return keystore(home_of(home)).public(text).address


def plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A record as JSON holds it: bytes as hex, large numbers of money as decimal strings.

    Args:
        value: records, lists, mappings, plain values.

    Returns:
        Dicts, lists and plain values.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    # JSON readers of other languages round above 2**53; money and votes go beyond.
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    return value


def show(record: object, lines: Sequence[str], *, as_json: bool) -> None:
    """Print a result.

    Args:
        record: what --json prints.
        lines: what people read.
        as_json: what --json said.
    """
    if as_json:
        typer.echo(json.dumps(plain(record)))
        return
    for line in lines:
        typer.echo(line)


def show_written(written: Written, what: str, *, as_json: bool) -> None:
    """Print what a write did, or would do.

    Args:
        written: the outcome.
        what: what it made, e.g. "proposal".
        as_json: what --json said.
    """
    record: dict[str, object] = {
        "id": written.id,
        "dry_run": not written.transactions,
        "calls": written.calls,
        "transactions": written.transactions,
        "blobs": written.num_blobs,
    }
    lines: list[str] = []
    if not written.transactions:
        lines.append(f"would store {written.num_blobs} blobs and send {len(written.calls)}:")
        for call in written.calls:
            gas = f"{call.gas} gas" if call.gas is not None else "gas known after the one before"
            lines.append(f"  {call.purpose}: {call.contract}.{call.function} ({gas})")
            lines.append(f"    to {call.to} with {', '.join(call.arguments)}")
    else:
        for call, mined in zip(written.calls, written.transactions, strict=True):
            lines.append(f"{call.purpose}: {mined.tx} in block {mined.block}, {mined.gas} gas")
        if written.id is not None:
            lines.append(f"{what} {written.id}")
    show(record, lines, as_json=as_json)
