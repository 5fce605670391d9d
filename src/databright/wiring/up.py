"""`databright up`: a market on this machine, kept running."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from databright.compute_market.jobs import NUMERIC_CLASS
from databright.transport.tls import TlsIdentity
from databright.units import Amount
from databright.wiring.discussion import PUBLISHER
from databright.wiring.local_market import MIN_STAKE, LocalMarket, Purse, wait_until

DEPLOYER = "deployer"
FAUCET = "faucet"
MOST_NODES, MOST_WORKERS = 8, 32
"""Keys for so many are made and funded at the first start: genesis accounts never change."""
ORACLE = "oracle"
SUPPLY = Amount(10**15)
_MIN_FEE = Amount(1_000)


@dataclass(frozen=True)
class UpPlan:
    """What `up` runs.

    Attributes:
        nodes: number of trusted nodes, 1 to 8.
        workers: number of worker owners, 0 to 32.
        page_port: port of the page, 0 for a free one.
    """

    nodes: int = 4
    workers: int = 6
    page_port: int = 0


def bring_up(market: LocalMarket, plan: UpPlan, say: Callable[[str], None]) -> str:
    """Start everything, or go on with what the home holds.

    Args:
        market: processes and keys of the home folder.
        plan: what to run.
        say: prints a line.

    Returns:
        Address of the page.
    """
    nodes = [f"node-{number}" for number in range(1, plan.nodes + 1)]
    workers = [f"worker-{number}" for number in range(1, plan.workers + 1)]
    roster = [f"node-{number}" for number in range(1, MOST_NODES + 1)]
    owners = [f"worker-{number}" for number in range(1, MOST_WORKERS + 1)]
    addresses = market.ensure_keys([DEPLOYER, FAUCET, ORACLE, PUBLISHER, *roster, *owners])
    chain = market.start_chain(list(addresses.values()))
    purses = [Purse(FAUCET, SUPPLY), *(Purse(name, MIN_STAKE) for name in owners)]
    deployment = market.deploy(chain, DEPLOYER, purses)
    say(f"chain {deployment.chain_id} answers at {deployment.rpc_url}")
    page = market.start_web(plan.page_port)
    for name in nodes:
        market.start_node(name)
    registry = market.market().contracts.workers
    wait_until(lambda: int(registry.call("num_nodes")) >= len(nodes), "the nodes' registration")
    say(f"{len(nodes)} trusted nodes are registered")
    for name in workers:
        enrol(market, name, _MIN_FEE, nodes)
        market.start_worker(name)
    market.start_oracle(ORACLE)
    say(f"{len(workers)} workers and the oracle '{ORACLE}' are running")
    return page


def enrol(market: LocalMarket, name: str, min_fee: Amount, nodes: list[str]) -> None:
    """Register a worker owner with the least stake, unless it is registered.

    Args:
        market: the market.
        name: keystore name of the owner.
        min_fee: least pay for one replica of one segment.
        nodes: keystore names of the nodes that it works for.
    """
    contracts, store = market.market().contracts, market.market().store
    keys, signer = market.keys(name), market.signer(name)
    identity = TlsIdentity(keys.tls_key_pem, keys.tls_certificate_pem)
    store.put(identity.cert_der)
    if not int(contracts.workers.call("worker", keys.address)[6]):
        contracts.token.transact(signer, "approve", contracts.workers.address, MIN_STAKE)
        terms = (min_fee, identity.pin, NUMERIC_CLASS, MIN_STAKE)
        contracts.workers.transact(signer, "register", *terms)
    served = [market.keystore.public(node).address for node in nodes]
    missing = [node for node in served if not contracts.workers.call("serves", keys.address, node)]
    if missing:
        contracts.workers.transact(signer, "serve", missing)
