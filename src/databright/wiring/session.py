"""Opening a home: its market, its store, its actors. The one place where a home meets providers."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from databright.chain.bindings import Signer
from databright.chain.ethereum import connect
from databright.chain.market_contracts import MarketContracts
from databright.config import HOME_FILE, load_settings, open_home
from databright.custody.keys import ActorKeys, Keystore
from databright.data_market.registry import DataRegistry, Reader
from databright.errors import ConfigError
from databright.records.deployment import Deployment
from databright.storage.base import Store, open_store
from databright.units import Address

STORE_FOLDER: Final = "store"
KEYS_FOLDER: Final = "keys"
LOGS_FOLDER: Final = "logs"
PASSPHRASE_ENV: Final = "DATABRIGHT_PASSPHRASE"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class OpenMarket:
    """A home's market, ready to be used.

    Attributes:
        home: the home folder.
        deployment: where the market lives.
        contracts: its contracts.
        store: its content store.
        registry: its data market.
    """

    home: Path
    deployment: Deployment
    contracts: MarketContracts
    store: Store
    registry: DataRegistry


@dataclass(frozen=True)
class Actor:
    """Somebody who acts in the market.

    Attributes:
        keys: unlocked keys.
        signer: sends transactions.
    """

    keys: ActorKeys = field(repr=False)
    signer: Signer = field(repr=False)

    @property
    def address(self) -> Address:
        """The actor's address."""
        return self.keys.address

    @property
    def reader(self) -> Reader:
        """The actor as a reader of sealed data."""
        return Reader(self.keys.address, self.keys.hpke_private_key)


def open_market(home: Path) -> OpenMarket:
    """Open the market of a home folder.

    Args:
        home: the home folder.

    Returns:
        The market.

    Raises:
        ConfigError: there is no market in the folder, or it cannot be read.
        WrongChainError: the endpoint serves another chain.
        ChainError: the chain cannot be reached.
    """
    _check_home(home)
    deployment = Deployment.load(home)
    settings = load_settings(home).chain
    chain = connect(
        deployment.rpc_url,
        expected_chain_id=deployment.chain_id,
        expected_genesis=deployment.genesis_hash,
        timeout_s=settings.read_timeout_s,
        finality_depth=settings.finality_depth,
    )
    contracts = MarketContracts(chain, deployment)
    store = open_store("local", folder=home / STORE_FOLDER)
    return OpenMarket(home, deployment, contracts, store, DataRegistry(contracts, store))


def read_market(home: Path, file: Path | None, rpc_url: str) -> DataRegistry:
    """The data market of a deployment, to read the chain alone: it holds no blobs.

    Args:
        home: the home folder whose market is read when no file is named.
        file: a deployment's record.
        rpc_url: JSON-RPC address; the record's own when empty.

    Returns:
        A registry.

    Raises:
        ConfigError: there is no record, or it names no address.
        WrongChainError: the endpoint serves another chain.
        ChainError: the chain cannot be reached.
    """
    deployment = Deployment.load(home) if file is None else Deployment.read(file)
    address = rpc_url or deployment.rpc_url
    if not address:
        raise ConfigError("the record names no endpoint: give one with --rpc")
    chain = connect(
        address,
        expected_chain_id=deployment.chain_id,
        expected_genesis=deployment.genesis_hash,
    )
    return DataRegistry(MarketContracts(chain, deployment), open_store("memory"))


def keystore(home: Path) -> Keystore:
    """The keystore of a home folder.

    Args:
        home: the home folder, which exists.

    Returns:
        The keystore.

    Raises:
        ConfigError: the home does not exist, or the keystore cannot be used.
    """
    if not home.is_dir():
        raise ConfigError(
            f"there is no home folder {home}: name one with --home or DATABRIGHT_HOME, or make one "
            "with 'databright up'"
        )
    _check_home(home)
    return Keystore(home / KEYS_FOLDER)


def _check_home(home: Path) -> None:
    """Refuse a home of another release before anything in it is read or written."""
    if (home / HOME_FILE).exists():
        open_home(home.absolute())


def open_actor(home: Path, name: str, passphrase: str | None = None) -> Actor:
    """Unlock an actor.

    Args:
        home: the home folder.
        name: the actor's name in its keystore.
        passphrase: None to take it from the environment, and to open insecure demo keys.

    Returns:
        The actor.

    Raises:
        BadInputError: no actor of that name.
        CustodyError: a wrong or missing passphrase.
        ConfigError: the keystore cannot be used.
    """
    store = keystore(home)
    secret = os.environ.get(PASSPHRASE_ENV, "") if passphrase is None else passphrase
    if store.public(name).insecure:
        secret = ""
    keys = store.load(name, secret)
    return Actor(keys, Signer(keys.account()))


def open_operator(home: Path, name: str, *, insecure: bool) -> Actor:
    """Unlock the actor that a long-running process acts for.

    Args:
        home: the home folder.
        name: the actor's name in its keystore.
        insecure: whether keys without a passphrase are taken.

    Returns:
        The actor.

    Raises:
        ConfigError: the keys have no passphrase, and that is not allowed here.
        DatabrightError: as `open_actor`.
    """
    actor = open_actor(home, name)
    if actor.keys.insecure and not insecure:
        raise ConfigError(
            f"the keys of {name} have no passphrase: make new ones with 'databright key create', "
            "or pass --insecure-keys if this is a demo"
        )
    return actor
