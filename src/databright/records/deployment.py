"""Where a market lives: the chain it is on and the addresses of its contracts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from databright.errors import ConfigError
from databright.units import Address

CONTRACTS = (
    "MarketToken",
    "CuratorToken",
    "DatabaseBlueprint",
    "DataAssociation",
    "WorkerRegistry",
    "JobEscrow",
    "ModelRegistry",
    "PredictionMarket",
    "DiscussionAnchor",
)
"""Names of the contracts that make one market, in order of deployment."""

SCHEMA = 2
FILE = "market.json"
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Deployment:
    """One market's place on one chain.

    Attributes:
        rpc_url: JSON-RPC endpoint that the market's processes use.
        chain_id: EIP-155 chain id.
        genesis_hash: hash of block 0, 0x-prefixed hex; checked before anything is sent.
        addresses: contract name -> EIP-55 address, one for each of `CONTRACTS`.
        block: number of the block of the first deployment; nothing of the market is older.
    """

    rpc_url: str
    chain_id: int
    genesis_hash: str
    addresses: Mapping[str, Address]
    block: int

    def save(self, home: Path) -> None:
        """Write the record to `home`/market.json, whole or not at all.

        Args:
            home: the market's home folder, which exists.
        """
        text = json.dumps(
            {
                "schema": SCHEMA,
                "rpc_url": self.rpc_url,
                "chain_id": self.chain_id,
                "genesis_hash": self.genesis_hash,
                "addresses": dict(self.addresses),
                "block": self.block,
            },
            indent=2,
        )
        temporary = home / f".{FILE}.{os.getpid()}"
        with temporary.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(home / FILE)

    @classmethod
    def load(cls, home: Path) -> Deployment:
        """Read the record of a home folder.

        Args:
            home: the market's home folder.

        Returns:
            The deployment.

        Raises:
            ConfigError: no market there, or the file is not one that this version can read.
        """
        path = home / FILE
        if not path.is_file():
            raise ConfigError(
                f"there is no market in {home}: start one with 'databright up' or name its home "
                "with --home"
            )
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path} is larger than {_MAX_BYTES} bytes: it is no market record")
        try:
            fields = json.loads(path.read_text())
            schema = fields["schema"]
            if schema != SCHEMA:
                raise ConfigError(
                    f"{path} has schema {schema!r}, this version reads {SCHEMA}: use the version "
                    "of databright that made it, or start a new home folder"
                )
            addresses = {name: Address(str(fields["addresses"][name])) for name in CONTRACTS}
            return cls(
                rpc_url=str(fields["rpc_url"]),
                chain_id=int(fields["chain_id"]),
                genesis_hash=str(fields["genesis_hash"]),
                addresses=MappingProxyType(addresses),
                block=int(fields["block"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{path} is damaged ({error}): restore it from a copy, or start a new home folder"
            ) from error
