"""A whole market on one machine: chain, contracts, trusted nodes, workers, oracle, page.

`databright up` keeps one running; `databright demo` plays the story in one.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from databright.chain.base import Chain
from databright.chain.bindings import Signer
from databright.chain.deploying import Terms
from databright.chain.devnet import clock, genesis, launcher
from databright.chain.devnet.genesis import write_durably
from databright.chain.ethereum import connect
from databright.custody.keys import ActorKeys, Keystore
from databright.errors import ChainError
from databright.records.deployment import FILE, Deployment
from databright.units import Address, Amount
from databright.wiring.deploying import DeploymentFile, carry_out
from databright.wiring.discussion import PUBLISHER
from databright.wiring.home_lock import take_lock
from databright.wiring.session import KEYS_FOLDER, LOGS_FOLDER, OpenMarket, open_market
from databright.wiring.supervisor import ChildSpec, Supervisor

_LOG = logging.getLogger(__name__)
CHAIN_FOLDER = "chain"
LOCK_FILE = "up.lock"
CHAIN = "chain"
WEB = "web"
NATIVE_EACH = 10_000 * 10**18
"""Gas money of every genesis account, in wei."""
MIN_STAKE = Amount(50_000_000)
"""Least stake of a worker owner, base units."""
_START_S = 60.0
_POLL_S = 0.05


@dataclass(frozen=True)
class Purse:
    """What one actor owns at the deployment.

    Attributes:
        name: keystore name.
        tokens: base units of the market token.
    """

    name: str
    tokens: Amount


class LocalMarket:
    """Processes and keys of one home folder.

    Args:
        home: an opened home folder.
        backend: "auto", "anvil" or "eth-tester".

    Raises:
        ConfigError: another program runs this home's market.
    """

    def __init__(self, home: Path, backend: str = "auto") -> None:
        self._lock = take_lock(
            home / LOCK_FILE,
            f"another 'databright up' or demo runs the market in {home}: use that one, end it "
            "first, or name another home with --home",
        )
        self.home = home
        self.backend = backend
        self.keystore = Keystore(home / KEYS_FOLDER)
        self.supervisor = Supervisor(home / LOGS_FOLDER)
        self._market: OpenMarket | None = None
        self._signers: dict[str, Signer] = {}

    # ------------------------------------------------------------------ keys

    def ensure_keys(self, names: Sequence[str]) -> dict[str, Address]:
        """Make the keys that are not there yet; without passphrases, marked as insecure.

        Args:
            names: keystore names.

        Returns:
            Name -> address.
        """
        known = set(self.keystore.names())
        for name in names:
            if name not in known:
                self.keystore.create(name, insecure=True)
        return {name: self.keystore.public(name).address for name in names}

    def keys(self, name: str) -> ActorKeys:
        """Unlock an actor of the demo.

        Args:
            name: keystore name.

        Returns:
            Its keys.
        """
        return self.keystore.load(name)

    def signer(self, name: str) -> Signer:
        """The actor as a sender of transactions.

        Args:
            name: keystore name.

        Returns:
            One signer for each name.
        """
        known = self._signers.get(name)
        if known is None:
            known = self._signers[name] = Signer(self.keys(name).account())
        return known

    # ------------------------------------------------------------------ chain and contracts

    def start_chain(self, funded: Sequence[Address]) -> Chain:
        """Start the development chain, or go on with the one in the home.

        Args:
            funded: accounts that hold gas money from the first block on; used at the first start.

        Returns:
            A connection.

        Raises:
            ChainError: the chain does not answer.
        """
        folder = self.home / CHAIN_FOLDER
        if not (folder / genesis.FILE).exists():
            genesis.create(folder, dict.fromkeys(funded, NATIVE_EACH))
        self.supervisor.add(
            ChildSpec(
                CHAIN,
                "databright.chain.devnet.proxy",
                ("--home", str(folder), "--backend", self.backend),
            )
        )
        record = launcher.wait(folder, timeout_s=_START_S)
        return connect(
            record.rpc_url,
            expected_chain_id=record.chain_id,
            expected_genesis=record.genesis_hash,
        )

    def deploy(self, chain: Chain, deployer: str, purses: Sequence[Purse]) -> Deployment:
        """Deploy the contracts; a deployment that was cut off goes on where it stopped.

        Args:
            chain: the chain.
            deployer: keystore name; its key signs these transactions and has no power after.
            purses: who holds the token's fixed supply.

        Returns:
            The deployment, also written to market.json.

        Raises:
            ChainError: the deployer's key was used for something else meanwhile.
            ConfigError: a deployment was begun with other terms.
        """
        if (self.home / FILE).exists():
            return Deployment.load(self.home)
        signer = self.signer(deployer)
        holders = [(self.keystore.public(purse.name).address, purse.tokens) for purse in purses]
        file = DeploymentFile(self.home, chain, signer.address)
        done = carry_out(chain, signer, file, Terms(MIN_STAKE, tuple(holders)), _LOG.info)
        deployment = done.at(launcher.read(self.home / CHAIN_FOLDER).rpc_url)
        write_durably(self.home / FILE, deployment.to_bytes())
        return deployment

    def market(self) -> OpenMarket:
        """The market of this home.

        Returns:
            Contracts, store and registry.
        """
        if self._market is None:
            self._market = open_market(self.home)
        return self._market

    def advance_clock(self, seconds: int) -> None:
        """Move the development chain's clock.

        Args:
            seconds: how far, > 0.
        """
        clock.advance_clock(self.home / CHAIN_FOLDER, seconds)

    # ------------------------------------------------------------------ processes

    def start_node(self, name: str) -> None:
        """Start a trusted node, which registers itself.

        Args:
            name: keystore name of its operator.
        """
        self._add(name, "databright.wiring.node")

    def start_worker(self, name: str, *, fault: str | None = None) -> None:
        """Start a worker of an owner that is registered.

        Args:
            name: keystore name of its owner.
            fault: how it cheats; for the demo and tests.
        """
        self._add(name, "databright.wiring.worker", *(("--fault", fault) if fault else ()))

    def start_oracle(self, name: str) -> None:
        """Start an oracle, which votes with the weight lent to it.

        Args:
            name: keystore name.
        """
        self._add(name, "databright.wiring.oracle")

    def start_web(self, port: int = 0) -> str:
        """Start the index and the page.

        Args:
            port: TCP port on loopback; 0 takes a free one.

        Returns:
            The page's address.
        """
        chosen = port or free_port()
        arguments = ["--home", str(self.home), "--port", str(chosen)]
        if PUBLISHER in self.keystore.names():
            arguments += ["--publisher", PUBLISHER, "--insecure-keys"]
        self.supervisor.add(ChildSpec(WEB, "databright.web", tuple(arguments)))
        wait_until(lambda: _listens(chosen), "the page's start")
        return f"http://127.0.0.1:{chosen}/"

    def _add(self, name: str, module: str, *more: str) -> None:
        arguments = ("--home", str(self.home), "--name", name, "--insecure-keys", *more)
        self.supervisor.add(ChildSpec(name, module, arguments))

    def stop(self) -> None:
        """Stop every process, the chain last, and let others run this home."""
        self.supervisor.stop()
        self._lock.close()


def turn_signals_into_interrupts() -> None:
    """Let SIGTERM end the program like Ctrl-C does: with every child stopped in order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def wait_for_interrupt() -> None:
    """Wait until Ctrl-C or SIGTERM."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A TCP port on loopback that is free now.

    Returns:
        Its number.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(
    condition: Callable[[], bool], what: str, *, timeout_s: float = 120.0, poll_s: float = _POLL_S
) -> None:
    """Wait for something that other processes do.

    Args:
        condition: true when it is done.
        what: what is awaited, for the error.
        timeout_s: how long to wait.
        poll_s: pause between two looks.

    Raises:
        ChainError: it did not happen in time.
    """
    limit = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > limit:
            raise ChainError(
                f"{what} did not happen within {timeout_s:.0f} s: see the logs folder in the home"
            )
        time.sleep(poll_s)
