"""Where a market lives: the chain it is on, its contracts, and how each of them came there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from databright.errors import ConfigError, MalformedDataError
from databright.records.strict_json import JsonValue, loads_object
from databright.units import Address

CONTRACTS = (
    "MarketToken",
    "CuratorToken",
    "DatabaseBlueprint",
    "DataAssociation",
    "Verdicts",
    "Challenges",
    "ValuePools",
    "Charter",
    "Motions",
    "DataRequests",
    "WorkerRegistry",
    "JobEscrow",
    "ModelRegistry",
    "PredictionMarket",
    "DiscussionAnchor",
)
"""Names of the contracts that make one market, in order of deployment."""

SCHEMA = 2
FILE = "market.json"
_MAX_BYTES = 256 * 1024
_HEX_20 = re.compile(r"0x[0-9a-fA-F]{40}\Z")
_HEX_32 = re.compile(r"0x[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Creation:
    """How one contract came to its address.

    Attributes:
        address: EIP-55 address.
        nonce: the deployer's nonce in the creating transaction, which fixes the address; None for
            a contract that was there before, such as a given token.
        arguments: the constructor's, input name -> decimal string, text, address, or list of them.
        artifact_sha256: SHA-256 of the creation code without arguments, hex; empty for a contract
            that was there before.
        tx_hash: the creating transaction, 0x-prefixed hex; empty while it is in no block.
        block: number of its block; 0 while it is in none.
    """

    address: Address
    nonce: int | None = None
    arguments: Mapping[str, JsonValue] = field(default_factory=dict)
    artifact_sha256: str = ""
    tx_hash: str = ""
    block: int = 0

    @property
    def is_done(self) -> bool:
        """Whether the contract is on the chain."""
        return self.nonce is None or bool(self.tx_hash)


@dataclass(frozen=True)
class Deployment:
    """One market's place on one chain.

    Attributes:
        rpc_url: JSON-RPC endpoint that the market's processes use; empty in a record that is meant
            for others, since such an address often carries an access key.
        chain_id: EIP-155 chain id.
        genesis_hash: hash of block 0, 0x-prefixed hex; checked before anything is sent.
        deployer: who created the contracts; it has no power over them.
        contracts: contract name -> how it came there, one for each of `CONTRACTS`.
        versions: name -> version of what made the contracts: databright, vyper, evm.
    """

    rpc_url: str
    chain_id: int
    genesis_hash: str
    deployer: Address
    contracts: Mapping[str, Creation]
    versions: Mapping[str, str]

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Contract name -> EIP-55 address."""
        return MappingProxyType({name: made.address for name, made in self.contracts.items()})

    @property
    def block(self) -> int:
        """Number of the block of the first creation; nothing of the market is older."""
        return min((made.block for made in self.contracts.values() if made.tx_hash), default=0)

    @property
    def is_complete(self) -> bool:
        """Whether every contract is on the chain."""
        return all(made.is_done for made in self.contracts.values())

    def at(self, rpc_url: str) -> Deployment:
        """The same market, reached by another endpoint.

        Args:
            rpc_url: address of the endpoint, or an empty string.

        Returns:
            The record.
        """
        return replace(self, rpc_url=rpc_url)

    def with_mined(self, name: str, tx_hash: str, block: int) -> Deployment:
        """The record after one creation got into a block.

        Args:
            name: the contract.
            tx_hash: the creating transaction.
            block: number of its block.

        Returns:
            The record.
        """
        made = replace(self.contracts[name], tx_hash=tx_hash, block=block)
        return replace(self, contracts={**self.contracts, name: made})

    def fields(self) -> dict[str, object]:
        """The record as JSON holds it.

        Returns:
            Its members.
        """
        return {
            "schema": SCHEMA,
            **({"rpc_url": self.rpc_url} if self.rpc_url else {}),
            "chain_id": self.chain_id,
            "genesis_hash": self.genesis_hash,
            "deployer": self.deployer,
            "block": self.block,
            "addresses": dict(self.addresses),
            "contracts": {
                name: {
                    "address": made.address,
                    "nonce": made.nonce,
                    "arguments": dict(made.arguments),
                    "artifact_sha256": made.artifact_sha256,
                    "tx_hash": made.tx_hash,
                    "block": made.block,
                }
                for name, made in self.contracts.items()
            },
            "versions": dict(self.versions),
        }

    def to_bytes(self) -> bytes:
        """The record as its file holds it.

        Returns:
            Indented JSON.
        """
        return json.dumps(self.fields(), indent=2).encode() + b"\n"

    @classmethod
    def load(cls, home: Path) -> Deployment:
        """Read the record of the market that a home uses.

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
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> Deployment:
        """Read a record, finished or not.

        Args:
            path: the file.

        Returns:
            The deployment.

        Raises:
            ConfigError: the file is not one that this version can read.
        """
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be read ({error.strerror}): name the record of a deployment"
            ) from error
        try:
            return cls.from_fields(loads_object(content, max_bytes=_MAX_BYTES), str(path))
        except (MalformedDataError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{path} is damaged ({error}): restore it from a copy, or start a new home folder"
            ) from error

    @classmethod
    def from_fields(cls, fields: Mapping[str, JsonValue], place: str) -> Deployment:
        """Read a record that is JSON already.

        Args:
            fields: its members.
            place: what errors call it.

        Returns:
            The deployment.

        Raises:
            ConfigError: another version wrote it.
            MalformedDataError: a value is not of its form.
        """
        if fields.get("schema") != SCHEMA:
            raise ConfigError(
                f"{place} has schema {fields.get('schema')!r}, this version reads {SCHEMA}: use "
                "the version of databright that made it, or start a new home folder"
            )
        contracts, versions = fields["contracts"], fields["versions"]
        if not isinstance(contracts, dict) or not isinstance(versions, dict):
            raise MalformedDataError("contracts or versions is no object")
        if set(contracts) != set(CONTRACTS):
            raise MalformedDataError(f"the contracts are not {', '.join(CONTRACTS)}")
        return cls(
            rpc_url=str(fields.get("rpc_url", "")),
            chain_id=_number(fields["chain_id"], "chain_id"),
            genesis_hash=_matching(_HEX_32, fields["genesis_hash"], "genesis_hash"),
            deployer=Address(_matching(_HEX_20, fields["deployer"], "deployer")),
            contracts={name: _creation(contracts[name], name) for name in CONTRACTS},
            versions={str(name): str(version) for name, version in versions.items()},
        )


def _creation(fields: JsonValue, name: str) -> Creation:
    if not isinstance(fields, dict) or not isinstance(fields["arguments"], dict):
        raise MalformedDataError(f"contracts.{name} is no object with arguments")
    nonce, tx_hash = fields["nonce"], fields["tx_hash"]
    return Creation(
        address=Address(_matching(_HEX_20, fields["address"], f"{name}.address")),
        nonce=None if nonce is None else _number(nonce, f"{name}.nonce"),
        arguments=fields["arguments"],
        artifact_sha256=str(fields["artifact_sha256"]),
        tx_hash="" if tx_hash == "" else _matching(_HEX_32, tx_hash, f"{name}.tx_hash"),
        block=_number(fields["block"], f"{name}.block"),
    )


def _number(value: JsonValue, name: str) -> int:
    if type(value) is not int or value < 0:
        raise MalformedDataError(f"{name} is {str(value)[:40]!r}, not a whole number from 0")
    return value


def _matching(form: re.Pattern[str], value: JsonValue, name: str) -> str:
    if not isinstance(value, str) or not form.match(value):
        raise MalformedDataError(f"{name} is {str(value)[:80]!r}, not 0x and its hex digits")
    return value
