"""Deploying a market from a home's key to any chain, and checking a deployment again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from databright.chain.base import Chain
from databright.chain.bindings import Signer
from databright.chain.deploying import Deploying, Terms, estimate, plan_market, unrecorded
from databright.chain.devnet.genesis import write_durably
from databright.chain.ethereum import connect
from databright.chain.token_probe import probe_token
from databright.chain.verifying import Check, verify_deployment
from databright.config import load_settings
from databright.errors import BadInputError, ConfigError, MalformedDataError
from databright.records.deployment import FILE, Deployment
from databright.records.strict_json import loads_object
from databright.units import Address
from databright.wiring.home_lock import take_lock
from databright.wiring.session import open_actor

FOLDER: Final = "deployments"
"""Folder of a home with one record for each chain and deployer."""
_LOCK: Final = ".lock"
_MAX_BYTES: Final = 1 << 20
_GAS_MARGIN: Final = (5, 4)
_IN_FLIGHT: Final = "in_flight"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a deployment did, or would do.

    Attributes:
        record: where every contract is, or will be.
        file: where the record lies; it is written by a dry run to no place.
        created: contracts that this run put on the chain, in order.
        gas: contract -> estimated gas, of those that were to be created.
        max_cost: most native coin that they take at today's prices, in wei.
        is_home_market: whether the home's verbs now use this market.
        dry_run: whether nothing was sent.
    """

    record: Deployment
    file: Path
    created: tuple[str, ...]
    gas: dict[str, int]
    max_cost: int
    is_home_market: bool
    dry_run: bool


class DeploymentFile:
    """The record of one deployment while it is made and afterwards.

    Args:
        home: the home folder.
        chain: the chain.
        deployer: the creating account.
    """

    def __init__(self, home: Path, chain: Chain, deployer: Address) -> None:
        name = f"{chain.chain_id}-{chain.genesis_hash()[2:10]}-{deployer[2:10].lower()}.json"
        self.path = home / FOLDER / name

    def load(self) -> tuple[Deployment, bytes | None] | None:
        """What was kept last.

        Returns:
            The record and the signed bytes that may have left, or None where nothing was kept.

        Raises:
            ConfigError: the file is damaged or of another version.
        """
        if not self.path.exists():
            return None
        record = Deployment.read(self.path)
        try:
            held = loads_object(self.path.read_bytes(), max_bytes=_MAX_BYTES).get(_IN_FLIGHT)
            return record, None if held is None else bytes.fromhex(str(held))
        except (MalformedDataError, ValueError) as error:
            raise ConfigError(f"{self.path} is damaged ({error}): restore it") from error

    def keep(self, record: Deployment, in_flight: bytes | None) -> None:
        """Store the state so that it survives a crash and a power cut.

        Args:
            record: the deployment.
            in_flight: signed bytes that are about to leave.
        """
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        fields = record.fields()
        if in_flight is not None:
            fields[_IN_FLIGHT] = in_flight.hex()
        write_durably(self.path, json.dumps(fields, indent=2).encode() + b"\n")


def carry_out(
    chain: Chain, signer: Signer, file: DeploymentFile, terms: Terms, say: Say
) -> Deployment:
    """Create a market's contracts, or go on where a run before stopped.

    Args:
        chain: the chain.
        signer: the deployer's key.
        file: where the state is kept.
        terms: what the market starts from.
        say: prints a line.

    Returns:
        The finished record.
    """
    plan, in_flight = begun(chain, signer.address, file, terms)
    file.keep(plan, in_flight)
    done = Deploying(chain, signer, file.keep).run(plan, in_flight, say)
    file.keep(done, None)
    return done


def begun(
    chain: Chain, deployer: Address, file: DeploymentFile, terms: Terms
) -> tuple[Deployment, bytes | None]:
    """The deployment that a run goes on with; nothing is written.

    Args:
        chain: the chain.
        deployer: the creating account.
        file: where the state of a run before lies, if there was one.
        terms: what the market starts from.

    Returns:
        The record as kept, or a new plan; signed bytes that may have left.

    Raises:
        ConfigError: the run before had other terms, or its record is lost.
    """
    held = file.load()
    if held is None:
        nonce = chain.nonce(deployer)
        found = unrecorded(chain, deployer, nonce)
        if found:
            raise ConfigError(
                f"{deployer} has deployed on chain {chain.chain_id} before: {found}, and "
                f"{file.path} does not tell the rest; nothing was sent. Bring that file back to "
                "go on, or deploy with another key: 'databright key create NAME'"
            )
        return plan_market(chain, deployer, nonce, terms), None
    record, in_flight = held
    first = min(made.nonce for made in record.contracts.values() if made.nonce is not None)
    planned = plan_market(chain, deployer, first, terms)
    for name, made in record.contracts.items():
        wanted = planned.contracts[name]
        if made.artifact_sha256 != wanted.artifact_sha256 and made.nonce == wanted.nonce:
            raise ConfigError(
                f"{file.path} was begun with another {name} than this release has; nothing was "
                f"sent. Go on with databright {record.versions.get('databright', '?')}, or deploy "
                "with another key"
            )
        if (made.address, made.arguments) != (wanted.address, wanted.arguments):
            raise ConfigError(
                f"{deployer} began another market on chain {chain.chain_id}: {name} at "
                f"{made.address} with {json.dumps(dict(made.arguments))[:300]}, now "
                f"{wanted.address} with {json.dumps(dict(wanted.arguments))[:300]}; nothing was "
                "sent. Give the same flags as then, or deploy with another key"
            )
    return record, in_flight


def deploy_market(
    home: Path,
    actor: str,
    terms: Terms,
    *,
    rpc_url: str = "",
    passphrase: str | None = None,
    out: Path | None = None,
    dry_run: bool = False,
    say: Say = lambda line: None,
) -> Outcome:
    """Deploy a market from a key of a home; a run that was cut off goes on where it stopped.

    Args:
        home: a home folder with the key.
        actor: the key's name; it signs the creations and has no power afterwards.
        terms: what the market starts from; a holder's list that is empty gives no test token.
        rpc_url: JSON-RPC address of the chain; chain.rpc_url of the settings when empty.
        passphrase: of the key.
        out: where to write the record too; it is always kept in the home.
        dry_run: estimate and show only.
        say: prints a line for each contract.

    Returns:
        What was done.

    Raises:
        BadInputError: no address, a token that cannot be the money, or too little gas money.
        ConfigError: another run has the home, or the record does not fit.
        NonceSpentError: something else used the key's nonce in between.
        ChainError: the chain cannot be reached, or holds other code where the market belongs.
    """
    chain = connect(chain_address(home, rpc_url, ""), timeout_s=_patience(home))
    signer = open_actor(home, actor, passphrase).signer
    file = DeploymentFile(home, chain, signer.address)
    if out is not None:
        _check_out(out, chain, signer.address)
    if terms.token is not None:
        probe_token(chain, terms.token, signer.address)
    plan, in_flight = begun(chain, signer.address, file, terms)
    # What flies cannot be estimated: it may be in the pending state that estimates start from.
    gas = {} if in_flight is not None else estimate(chain, plan)
    cost = sum(gas.values()) * _GAS_MARGIN[0] // _GAS_MARGIN[1] * chain.fees().max_fee
    market_file = home / FILE
    if dry_run:
        is_ours = not market_file.exists() or _is_same(market_file, plan)
        return Outcome(plan, out or file.path, (), gas, cost, is_ours, dry_run=True)
    _check_gas_money(chain, signer.address, cost)
    file.path.parent.mkdir(mode=0o700, exist_ok=True)
    refusal = f"another 'databright deploy' runs in {home}: let it end first"
    with take_lock(file.path.parent / _LOCK, refusal):
        done = carry_out(chain, signer, file, terms, say)
        if out is not None:
            write_durably(out.absolute(), done.to_bytes())
        if not market_file.exists():
            write_durably(market_file, done.at(chain.rpc_url).to_bytes())
    created = tuple(name for name in done.contracts if not plan.contracts[name].is_done)
    is_ours = _is_same(market_file, done)
    return Outcome(done, out or file.path, created, gas, cost, is_ours, dry_run=False)


def verify_market(
    home: Path, *, file: Path | None = None, rpc_url: str = ""
) -> tuple[Deployment, list[Check]]:
    """Check on chain what a record says.

    Args:
        home: home folder, whose market is checked when no file is named.
        file: a record.
        rpc_url: JSON-RPC address; the record's, else that of the settings, when empty.

    Returns:
        The record and every comparison.

    Raises:
        ConfigError: there is no such record, or it cannot be read.
        BadInputError: no address of the chain is known.
        ChainError: the chain cannot be reached.
    """
    record = Deployment.load(home) if file is None else Deployment.read(file)
    address = chain_address(home, rpc_url, record.rpc_url)
    chain = connect(address, timeout_s=_patience(home))
    return record, verify_deployment(chain, record)


def chain_address(home: Path, given: str, recorded: str) -> str:
    """Where the chain answers.

    Args:
        home: home folder, whose settings are asked last.
        given: what the caller said.
        recorded: what a record says.

    Returns:
        The address.

    Raises:
        BadInputError: nobody says one.
    """
    found = given or recorded or load_settings(home).chain.rpc_url
    if not found:
        raise BadInputError(
            "no chain is named: give its JSON-RPC address with --rpc, or set chain.backend = "
            '"ethereum" and chain.rpc_url in settings.toml'
        )
    return found


def coins(wei: int) -> str:
    """Native coin as people read it.

    Args:
        wei: amount.

    Returns:
        A decimal number of whole coins.
    """
    return format(Decimal(wei).scaleb(-18).normalize(), "f")


def _patience(home: Path) -> float:
    return float(load_settings(home).chain.read_timeout_s)


def _check_gas_money(chain: Chain, deployer: Address, cost: int) -> None:
    held = chain.balance(deployer)
    if held < cost:
        raise BadInputError(
            f"{deployer} has {coins(held)} of chain {chain.chain_id}'s coin for gas, the "
            f"deployment may take {coins(cost)}: send it {coins(cost - held)} more; nothing was "
            "sent"
        )


def _check_out(out: Path, chain: Chain, deployer: Address) -> None:
    if not out.absolute().parent.is_dir():
        raise BadInputError(f"there is no folder {out.absolute().parent}: make it first")
    if not out.exists():
        return
    try:
        held = Deployment.read(out)
        ours = (held.chain_id, held.genesis_hash, held.deployer) == (
            chain.chain_id,
            chain.genesis_hash(),
            deployer,
        )
    except ConfigError:
        ours = False
    if not ours:
        raise BadInputError(
            f"{out} exists and is no record of a deployment by {deployer} on chain "
            f"{chain.chain_id}: name another file with --out"
        )


def _is_same(market_file: Path, record: Deployment) -> bool:
    used = Deployment.read(market_file)
    return (used.genesis_hash, dict(used.addresses)) == (
        record.genesis_hash,
        dict(record.addresses),
    )
