"""The oracle process: votes lent weight by a declared policy.

`python -m databright.wiring.oracle --home HOME --name ACTOR [--policy NAME]
[--settings FILE] [--insecure-keys]`
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

from databright.data_market.docket import Docket
from databright.data_market.oracle_loop import OracleLoop, Ruling
from databright.data_market.oracles.base import open_policy
from databright.wiring.processes import (
    exit_with,
    log_to,
    run_passes,
    stop_on_signals,
    until_ready,
)
from databright.wiring.session import open_market, open_operator

_LOG = logging.getLogger(__name__)
_PAUSE_S = 0.3


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--policy", default="evidence_policy")
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--insecure-keys", action="store_true")
    return parser.parse_args()


def _record(path: Path, rulings: list[Ruling]) -> None:
    if not rulings:
        return
    with path.open("a") as file:
        for ruling in rulings:
            line = {
                "proposal": ruling.proposal,
                "decision": str(ruling.opinion.decision),
                "confidence": ruling.opinion.confidence,
                "reason": ruling.opinion.reason,
                "policy": ruling.opinion.policy.hex(),
                "cast": ruling.cast,
            }
            file.write(json.dumps(line) + "\n")


def main() -> int:
    """Run one oracle until it is asked to stop.

    Returns:
        The exit code.
    """
    options = _arguments()
    log_to(options.home, options.name)
    stop = stop_on_signals()
    market = until_ready(lambda: open_market(options.home), stop, "the market")
    if market is None:
        return 0
    actor = open_operator(options.home, options.name, insecure=options.insecure_keys)
    settings = options.settings.read_bytes() if options.settings else None
    policy = open_policy(options.policy, settings)
    folder = options.home / "oracles" / options.name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _LOG.info("oracle %s votes by policy %s", actor.address, policy.digest.hex())
    loop = OracleLoop(Docket(market.registry), actor.address, actor.signer, policy)

    def one_pass() -> bool:
        rulings = loop.step()
        _record(folder / "rulings.jsonl", rulings)
        return any(ruling.cast for ruling in rulings)

    run_passes(one_pass, stop, _PAUSE_S)
    _LOG.info("stopped")
    return 0


if __name__ == "__main__":
    exit_with(main)
