"""One trusted node: evaluates proposals, closes votes, trains jobs, serves predictions.

`python -m databright.wiring.node --home HOME --name ACTOR [--insecure-keys]`

The node's operator sees the plaintext of every dataset that admits the node.
"""

from __future__ import annotations

import argparse
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from databright.chain.structs import digest_of, values_of
from databright.custody.blobs import sha256
from databright.data_market.evaluator import EvaluatorKeys, EvaluatorLoop
from databright.data_market.keeper import Keeper
from databright.data_market.private_losses import PrivateLosses
from databright.data_market.takedown import Eraser
from databright.errors import ConfigError
from databright.programs.child import ComputeChild
from databright.transport.tls import TlsIdentity
from databright.wiring.hub import run_hub
from databright.wiring.processes import (
    exit_with,
    log_to,
    run_passes,
    stop_on_signals,
    until_ready,
)
from databright.wiring.session import Actor, OpenMarket, open_market, open_operator

_LOG = logging.getLogger(__name__)
NODES_FOLDER: Final = "nodes"
_PAUSE_S: Final = 0.25
_NO_DIGEST: Final = bytes(32)
_NODE_FIELDS: Final = ("tls_pin", "hpke_key", "endpoint")


def state_folder(home: Path, name: str) -> Path:
    """Where a node keeps what only it may know.

    Args:
        home: the home folder.
        name: the node's name.

    Returns:
        The folder, not made here.
    """
    return home / NODES_FOLDER / name


def tls_identity(actor: Actor) -> TlsIdentity:
    """The node's TLS identity.

    Args:
        actor: the node's operator.

    Returns:
        Key and certificate.
    """
    return TlsIdentity(actor.keys.tls_key_pem, actor.keys.tls_certificate_pem)


def ensure_registered(market: OpenMarket, actor: Actor) -> None:
    """Enter the node in the worker registry, with its keys in the store, unless it is there.

    Args:
        market: the market.
        actor: the node's operator.

    Raises:
        ConfigError: the registry holds other keys for this operator.
    """
    tls = tls_identity(actor)
    market.store.put(tls.cert_der)
    market.store.put(actor.keys.hpke_public_key)
    key = sha256(actor.keys.hpke_public_key)
    workers = market.contracts.workers
    pin, known, _ = values_of(workers.call("node", actor.address), _NODE_FIELDS)
    if digest_of(pin) == _NO_DIGEST:
        workers.transact(actor.signer, "register_node", tls.pin, key, "")
        _LOG.info("registered as trusted node %s", actor.address)
    elif digest_of(pin) != tls.pin or digest_of(known) != key:
        raise ConfigError(
            f"the registry holds other keys for node {actor.address}: bring back the keystore "
            "folder that it was registered with, or register a new node"
        )


def evaluation_passes(market: OpenMarket, actor: Actor, name: str, compute: ComputeChild) -> (
    Callable[[], bool]
):  # fmt: skip
    """The node's evaluation, keeping and erasing.

    Args:
        market: the market.
        actor: the node's operator.
        name: the node's name.
        compute: trains and predicts.

    Returns:
        One pass; true when something was done.
    """
    losses = PrivateLosses(state_folder(market.home, name) / "losses")
    keys = EvaluatorKeys(actor.signer, actor.keys.account_key, actor.reader)
    evaluator = EvaluatorLoop(market.registry, keys, compute, losses)
    keeper = Keeper(evaluator.docket, actor.signer)
    forget = evaluator.measurer.forget
    eraser = Eraser(market.registry, actor.signer, actor.keys.account(), forget)

    def one_pass() -> bool:
        # What was taken down goes first, whatever else waits.
        erased = eraser.step()
        closed = keeper.step()
        return evaluator.step() or closed or erased

    return one_pass


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument(
        "--insecure-keys",
        action="store_true",
        help="accept keys without a passphrase (demo and tests alone)",
    )
    return parser.parse_args()


def main() -> int:
    """Run one trusted node until it is asked to stop.

    Returns:
        0 after a clean stop, 1 when a part of the node failed.
    """
    options = _arguments()
    log_to(options.home, options.name)
    stop = stop_on_signals()
    actor = open_operator(options.home, options.name, insecure=options.insecure_keys)
    market = until_ready(lambda: open_market(options.home), stop, "the market")
    if market is None:
        return 0
    until_ready(lambda: ensure_registered(market, actor), stop, "the chain")
    failed = threading.Event()
    with ComputeChild() as compute:
        passes = evaluation_passes(market, actor, options.name, compute)
        parts = [
            threading.Thread(target=_guarded, args=(part, stop, failed), name=part_name)
            for part_name, part in (
                ("evaluation", lambda: run_passes(passes, stop, _PAUSE_S)),
                ("hub", lambda: run_hub(market, actor, stop)),
            )
        ]
        _LOG.info("node %s is up as %s", options.name, actor.address)
        for part in parts:
            part.start()
        for part in parts:
            part.join()
    _LOG.info("stopped")
    return 1 if failed.is_set() else 0


def _guarded(part: Callable[[], None], stop: threading.Event, failed: threading.Event) -> None:
    """Run one part; if it fails in a way nobody foresaw, the whole node stops and is restarted."""
    try:
        part()
    except Exception:  # the process's edge: logged whole, then the supervisor starts it afresh
        _LOG.exception("a part of the node failed, so the node stops")
        failed.set()
    finally:
        stop.set()


if __name__ == "__main__":
    exit_with(main)
