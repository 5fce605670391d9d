"""The command line of the gas benchmark."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from platformdirs import user_cache_path
from rich.console import Console

from benchmarks.metering import gate
from benchmarks.metering.figures import FULL, QUICK, Plan, Producer, rows_of
from benchmarks.metering.openzeppelin import OpenZeppelin
from benchmarks.metering.ours import own_producers
from benchmarks.metering.rows import UNMET, listed
from benchmarks.metering.session import BLOCK_S, open_session
from benchmarks.metering.solidity import OPTIMIZER_RUNS, PACKAGES
from benchmarks.report import Figure, Report, machine_now
from databright.errors import ConfigError, DatabrightError, MissingToolError

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "benchmarks" / "gas_snapshot.json"
PAGE = ROOT / "docs" / "benchmarks" / "gas.md"
OWN = "DataBright"
_CONTRACTS, _SOLC = PACKAGES["@openzeppelin/contracts"], PACKAGES["solc"]
_TEXT = f"""
Made by `python benchmarks/gas.py --json FILE`.

A figure is `gasUsed` of a whole transaction on anvil, or its share for each member of a batch. It
is exact: accounts, times and call data are the same in every run. Each transaction has a block of
its own, {BLOCK_S} s after the one before, so that a weight "strictly before" is the real one; votes
last days. The value is the median of {FULL.num_voters} voters and {FULL.num_rounds} rounds of
governance. It is the mean where what is written shares slots: of `execute_holder` and
`execute_new`, since every third snapshot opens a fresh slot, and of `vote_batch64`. `first` is the
first sample on that chain, `worst` the dearest.

Our dataset has genesis curators, earned holders with votes by accepted data, four evaluators of
whom two sign, a review of an hour, a period of a day, challenges, stakes and a price for relayed
ballots. An allowance, where one is needed, has no end.

The peer is OpenZeppelin Contracts {_CONTRACTS}, compiled by solc-js {_SOLC} with the optimizer at
{OPTIMIZER_RUNS} runs: Governor, GovernorSettings, GovernorCountingSimple, GovernorVotes and
GovernorVotesQuorumFraction over an ERC20Votes token with a timestamp clock. An execution stores an
entry in a small registry and mints its shares.

The comparison is not of equals. The peer executes any call, and has abstentions and reasons. Its
`vote_first` is the first ballot of a proposal. It takes one ballot at a time, so that its
`vote_relayed` is `castVoteBySig`, a transaction for each ballot. Its newcomers have no votes until
they delegate to themselves (`self_delegate`), which `execute_new` and `transfer_new_holder` leave
out. Where the holder's and the oracle's votes last changed in the very second of a delegation, it
overwrites instead of appending (`delegate_same_second`); where blocks have seconds of their own,
that does not happen. It pays no dividends. Our execution checks two signatures, pays evaluators,
gives the bond back and makes a snapshot; our proposal locks a bond and a fee.

{UNMET}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for.

    Args:
        arguments: of the command line; the process's own when None.

    Returns:
        Exit status: 0 when all is well, 1 when the gate found something, 2 when it could not run.
    """
    chosen = _parser().parse_args(arguments)
    console, told = Console(), Console(stderr=True)
    if chosen.quick and (chosen.check or chosen.record):
        told.print("--check and --record hold the full run: leave out --quick", style="red")
        return 2
    try:
        return _run(chosen, console, told)
    except DatabrightError as error:
        told.print(str(error), style="red", markup=False)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gas.py", description="Exact gas, ours and a peer's.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--quick", action="store_true", help="fewer voters; the page stays as it is"
    )
    parser.add_argument(
        "--no-peer", action="store_true", help="measure ours alone; the page stays as it is"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        default=user_cache_path("databright") / "benchmarks" / "openzeppelin",
        help="where the peer's packages are installed (default: %(default)s)",
    )
    gates = parser.add_mutually_exclusive_group()
    gates.add_argument("--check", action="store_true", help="fail where a row is 1 %% dearer")
    gates.add_argument("--record", action="store_true", help="write the snapshot of --check")
    return parser


def measure_own(plan: Plan) -> dict[str, Figure]:
    """Measure our contracts.

    Args:
        plan: how much is played.

    Returns:
        Row -> figure.

    Raises:
        ConfigError: two producers measure one row.
    """
    own: dict[str, Figure] = {}
    for producer in own_producers():
        found = producer.measure(plan).figures()
        if twice := sorted(own.keys() & found.keys()):
            raise ConfigError(f"{producer.name} measures {twice} again: give each row one producer")
        own |= found
    return own


def _run(chosen: argparse.Namespace, console: Console, told: Console) -> int:
    plan = QUICK if chosen.quick else FULL
    with open_session([]) as session:
        anvil = session.node.version
    own = measure_own(plan)
    peers: dict[str, Mapping[str, Figure]] = {}
    if not chosen.no_peer:
        peers = _measure_peers([OpenZeppelin(chosen.cache.absolute())], plan, told)
    if not own and not peers:
        told.print("nothing was measured", style="red")
        return 2
    text = f"{_TEXT}\n## What the rows do\n\n{listed(own)}" if own else _TEXT
    report = Report("Gas", text, machine_now(anvil=anvil), rows_of(own, peers), peers)
    report.show(console)
    if chosen.json is not None:
        report.write_json(chosen.json)
    if peers and not (chosen.quick or chosen.check):
        report.write_page(PAGE)
    values = {
        name: {row: figure.value for row, figure in figures.items()}
        for name, figures in {OWN: own, **peers}.items()
    }
    if chosen.record:
        gate.record(SNAPSHOT, values)
    return _hold(values, told) if chosen.check else 0


def _measure_peers(
    peers: Sequence[Producer], plan: Plan, told: Console
) -> dict[str, Mapping[str, Figure]]:
    found: dict[str, Mapping[str, Figure]] = {}
    for peer in peers:
        try:
            found[peer.name] = peer.measure(plan).figures()
        except MissingToolError as error:
            told.print(f"{peer.name} was not measured: {error}", style="yellow", markup=False)
    return found


def _hold(values: gate.Snapshot, told: Console) -> int:
    wrong = gate.compare_all(gate.load(SNAPSHOT), values)
    for sentence in wrong:
        told.print(sentence, style="red", markup=False)
    if wrong:
        return 1
    rows = sum(len(figures) for figures in values.values())
    told.print(f"{rows} rows are as recorded, or cheaper", style="green")
    return 0
