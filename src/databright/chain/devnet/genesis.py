"""What a development chain starts from; fixed at its making and never changed."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eth_utils.address import is_checksum_address

from databright.errors import BadInputError, ConfigError, MalformedDataError
from databright.records.strict_json import loads_object
from databright.units import Address, parse_amount

SCHEMA = 1
"""Layout of the chain's folder; a change of layout raises it."""
FILE = "genesis.json"
DEFAULT_CHAIN_ID = 31_337
_GAS_LIMIT = 30_000_000
_TAG_BITS = 20
_MAX_BYTES = 1_048_576


@dataclass(frozen=True)
class Genesis:
    """A chain's block 0.

    Attributes:
        chain_id: EIP-155 chain id.
        timestamp: chain time of block 0, seconds since 1970.
        gas_limit: gas of a block. Its low bits are random, so that two chains made in the same
            second have different genesis hashes (anvil hashes neither balances nor extra data
            into block 0).
        funded: address -> native coin in wei.
    """

    chain_id: int
    timestamp: int
    gas_limit: int
    funded: Mapping[Address, int]


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and make it survive a power cut.

    Args:
        path: the file.
        content: its bytes.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def create(
    home: Path, funded: Mapping[Address, int], *, chain_id: int = DEFAULT_CHAIN_ID
) -> Genesis:
    """Make a chain's folder, or open the one that is there.

    Args:
        home: the chain's own folder.
        funded: address (EIP-55) -> native coin in wei at block 0.
        chain_id: EIP-155 chain id.

    Returns:
        The genesis record.

    Raises:
        ConfigError: the folder holds a chain with other accounts or another chain id, or of
            another schema.
        BadInputError: an address or a balance is malformed.
    """
    for address, balance in funded.items():
        if not is_checksum_address(address) or not 0 <= balance < 2**128:
            raise BadInputError(
                f"{address!r} with {balance} wei cannot be funded: give an EIP-55 address and a "
                "balance from 0 to 2**128"
            )
    if (home / FILE).exists():
        found = load(home)
        if dict(found.funded) != dict(funded) or found.chain_id != chain_id:
            raise ConfigError(
                f"{home} holds a chain with id {found.chain_id} and {len(found.funded)} funded "
                f"accounts, not id {chain_id} with these {len(funded)}: accounts are funded at "
                "the first start only; use them, or start a new home folder"
            )
        return found
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = Genesis(
        chain_id=chain_id,
        timestamp=int(time.time()),
        gas_limit=_GAS_LIMIT + secrets.randbits(_TAG_BITS),
        funded=dict(funded),
    )
    record = {
        "schema": SCHEMA,
        "chain_id": made.chain_id,
        "timestamp": made.timestamp,
        "gas_limit": made.gas_limit,
        "funded": {address: str(balance) for address, balance in made.funded.items()},
    }
    write_durably(home / FILE, json.dumps(record, indent=1).encode())
    return made


def load(home: Path) -> Genesis:
    """Read the genesis record of a chain's folder.

    Args:
        home: the chain's own folder.

    Returns:
        The record.

    Raises:
        ConfigError: there is none, it is damaged, or it is of another schema.
    """
    file = home / FILE
    if not file.exists():
        raise ConfigError(
            f"{home} holds no development chain ({FILE} is missing): make one with the launcher"
        )
    try:
        record = loads_object(file.read_bytes(), max_bytes=_MAX_BYTES)
    except MalformedDataError as error:
        raise ConfigError(f"{file} is damaged ({error}): restore it from a copy") from error
    check_schema(home, record.get("schema"))
    numbers = [record.get(name) for name in ("chain_id", "timestamp", "gas_limit")]
    funded = record.get("funded")
    if not isinstance(funded, dict) or not all(type(number) is int for number in numbers):
        raise ConfigError(f"{file} is damaged: restore it from a copy")
    chain_id, timestamp, gas_limit = (int(str(number)) for number in numbers)
    return Genesis(
        chain_id,
        timestamp,
        gas_limit,
        {Address(address): int(parse_amount(str(wei))) for address, wei in funded.items()},
    )


def check_schema(home: Path, schema: object) -> None:
    """Refuse a folder that another release wrote.

    Args:
        home: the chain's folder.
        schema: the number recorded in it.

    Raises:
        ConfigError: it is not this release's.
    """
    if schema != SCHEMA:
        raise ConfigError(
            f"the chain in {home} has schema {schema!r}, this release reads {SCHEMA}. Go on with "
            "the release that wrote it, or keep a copy with `databright home export FILE.tar` "
            "and start a new home folder"
        )
