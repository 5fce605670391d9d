"""Recompute every figure of a demo's JSON from chain and store; imports nothing of databright.

    python tests/verifier/verify.py --story out.json --home HOME [--rpc URL] [--names FILE]

Without --rpc the chain is read from HOME/chain-export.json. Prints a line for each check: its name,
what was told, what was found. Exit status 0 only if all hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.verifier.assembly import Assembly  # noqa: E402
from tests.verifier.check_acts import Acts  # noqa: E402
from tests.verifier.check_books import check_books  # noqa: E402
from tests.verifier.check_events import check_deployer, check_events  # noqa: E402
from tests.verifier.check_governance import check_governance  # noqa: E402
from tests.verifier.check_job import check_job  # noqa: E402
from tests.verifier.check_market_books import check_income, check_market_books  # noqa: E402
from tests.verifier.check_money import check_money, check_prediction  # noqa: E402
from tests.verifier.check_point import check_point  # noqa: E402
from tests.verifier.check_proposals import check_proposals  # noqa: E402
from tests.verifier.checks import UNREADABLE, Checks  # noqa: E402
from tests.verifier.content import Content  # noqa: E402
from tests.verifier.export import (  # noqa: E402
    Market,
    check_chain,
    fetch_export,
    load_export,
    read_market,
)

EXPORT = "chain-export.json"
STORE = "store"
DEPLOYMENT = "market.json"
PROOF = "point-proof.bin"


def verify(
    story: Mapping[str, Any],
    document: Mapping[str, Any],
    home: Path,
    names: Mapping[str, str] | None = None,
) -> Checks:
    """Check a story.

    Args:
        story: the demo's JSON.
        document: the chain export.
        home: folder of the content store and the point proof.
        names: address -> name of the actors, where known.

    Returns:
        All checks.
    """
    checks, content = Checks(), Content(home / STORE)
    try:
        market = read_market(document)
    except UNREADABLE as error:
        checks.holds("the export can be read", False, f"{type(error).__name__}: {error}")
        return checks
    with checks.section("chain"):
        check_chain(market, checks)
    check_data_market(story, market, home, checks, names or {})
    with checks.section("job"):
        check_job(story, market, content, checks)
    with checks.section("prediction"):
        check_prediction(story, market, checks)
    with checks.section("books"):
        check_books(market, checks)
    return checks


def check_data_market(
    story: Mapping[str, Any],
    market: Market,
    home: Path,
    checks: Checks,
    names: Mapping[str, str],
) -> None:
    """Everything but hashes and the job, its model and predictions.

    Args:
        story: the demo's JSON.
        market: the chain.
        home: folder of the content store and the point proof.
        checks: where comparisons go.
        names: address -> name of the actors, where known.
    """
    content = Content(home / STORE)
    with checks.section("events"):
        check_events(story, market, names, checks)
    with checks.section("deployer"):
        check_deployer(market, checks)
    with checks.section("governance"):
        _check_assembly(story, check_governance(market, checks), content, home, checks)
    with checks.section("money"):
        check_money(story, market, checks)
    with checks.section("income"):
        check_income(market, checks)


def _check_assembly(
    story: Mapping[str, Any], assembly: Assembly, content: Content, home: Path, checks: Checks
) -> None:
    with checks.section("proposals"):
        check_proposals(story, assembly, content, checks)
    with checks.section("acts"):
        Acts(assembly, content, checks).check(story)
    with checks.section("point proof"):
        blob = (home / PROOF).read_bytes()
        check_point(story["point_proof"], blob, assembly, content, checks)
    with checks.section("books of the data market"):
        check_market_books(assembly, checks)


def main(arguments: list[str] | None = None) -> int:
    """Run the verifier.

    Args:
        arguments: of the command line.

    Returns:
        0 when every check holds, else 1.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--story", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rpc", help="read the chain from this endpoint")
    parser.add_argument("--names", type=Path, help="JSON: address -> name of each actor")
    parser.add_argument("--quiet", action="store_true", help="print failed checks alone")
    options = parser.parse_args(arguments)
    story = json.loads(options.story.read_bytes())
    if options.rpc:
        deployment = json.loads((options.home / DEPLOYMENT).read_bytes())
        document = fetch_export(options.rpc, deployment)
    else:
        document = load_export(options.home / EXPORT)
    names = json.loads(options.names.read_bytes()) if options.names else {}
    checks = verify(story, document, options.home, names)
    for line in checks.failed if options.quiet else checks.lines:
        sys.stdout.write(f"{line}\n")
    failed = len(checks.failed)
    sys.stdout.write(f"{len(checks.lines) - failed} of {len(checks.lines)} checks hold\n")
    return 1 if failed or not checks.lines else 0


if __name__ == "__main__":
    sys.exit(main())
