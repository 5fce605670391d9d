"""The worker process: `python -m databright.wiring.worker --home HOME --name NAME`."""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

from databright.chain.ethereum import connect
from databright.chain.market_contracts import MarketContracts
from databright.compute_market.worker.agent import Agent
from databright.compute_market.worker.compute import Identity
from databright.compute_market.worker.faults import FAULTS, fault
from databright.custody.keys import ActorKeys, Keystore
from databright.errors import DatabrightError
from databright.programs.child import ComputeChild
from databright.records.deployment import Deployment
from databright.records.signatures import Domain
from databright.storage.base import open_store
from databright.transport.tls import TlsIdentity
from databright.wiring.session import Actor

_LOG = logging.getLogger(__name__)
_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"


def make_agent(home: Path, keys: ActorKeys, fault_name: str | None = None) -> Agent:
    """Put a worker together.

    Args:
        home: the market's home folder.
        keys: of the owner, from the keystore of that home.
        fault_name: a labelled adversary, or None.

    Returns:
        The agent, not yet running.
    """
    deployment = Deployment.load(home)
    chain = connect(
        deployment.rpc_url,
        expected_chain_id=deployment.chain_id,
        expected_genesis=deployment.genesis_hash,
    )
    store = open_store("local", folder=home / "store")
    tls = TlsIdentity(keys.tls_key_pem, keys.tls_certificate_pem)
    store.put(tls.cert_der)  # nodes look it up under the registered pin
    folder = home / keys.name
    folder.mkdir(mode=0o700, exist_ok=True)
    return Agent(
        MarketContracts(chain, deployment),
        store,
        Identity(
            owner=keys.address,
            key=keys.account(),
            salt_key=hashlib.sha256(b"databright/salt-key/v1" + keys.account_key).digest(),
            domain=Domain(deployment.chain_id, deployment.addresses["JobEscrow"]),
        ),
        tls,
        ComputeChild(),
        tamper=fault(fault_name),
        status=folder / "status.json",
    )


def main(argv: list[str] | None = None) -> int:
    """Entry point.

    Args:
        argv: arguments; the process's own when None.

    Returns:
        Exit status: 0 stopped, 2 cannot start.
    """
    parser = argparse.ArgumentParser(prog="databright-worker", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--passphrase-env", metavar="VARIABLE")
    parser.add_argument("--insecure-keys", action="store_true")
    parser.add_argument("--fault", choices=sorted(FAULTS))
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format=_FORMAT, stream=sys.stderr)
    passphrase = os.environ.pop(options.passphrase_env, "") if options.passphrase_env else ""
    if not passphrase and not options.insecure_keys:
        parser.error(
            "name the variable of the passphrase with --passphrase-env, or say that the "
            "keys have none with --insecure-keys"
        )
    try:
        keys = Keystore(options.home / "keys").load(options.name, passphrase)
        agent = make_agent(options.home, keys, options.fault)
    except DatabrightError as error:
        _LOG.error("%s", error)
        return 2
    _run(agent)
    return 0


def run_worker(home: Path, actor: Actor) -> None:
    """Compute for pay until Ctrl-C or SIGTERM.

    Args:
        home: the market's home folder.
        actor: the owner, registered in the market.
    """
    logging.basicConfig(level=logging.INFO, format=_FORMAT, stream=sys.stderr)
    _run(make_agent(home, actor.keys))


def _run(agent: Agent) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    agent.run()


if __name__ == "__main__":
    sys.exit(main())
