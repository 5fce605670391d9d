"""Compiles a contract with a fault and plays the market on it until an invariant breaks."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vyper.cli.vyper_compile import compile_files
from vyper.compiler.settings import OptimizationLevel, Settings

from tests.contracts.mutants.base import Mutant
from tests.contracts.mutants.batches import BATCHES
from tests.contracts.mutants.changes import CHANGES
from tests.contracts.mutants.income import INCOME
from tests.contracts.mutants.lending import LENDING
from tests.contracts.mutants.pools import POOLS
from tests.contracts.mutants.proposals import PROPOSALS
from tests.contracts.mutants.requests import MONEY
from tests.contracts.mutants.verdicts import VERDICTS
from tests.contracts.mutants.votes import VOTES
from tests.contracts.stateful.data_model_income import Difference
from tests.contracts.stateful.game import SCENARIOS, random_calls, random_market
from tests.contracts.stateful.invariants import View, failing, watch
from tests.contracts.stateful.player import ALLOWED, CALL_INVARIANTS, Player
from tests.contracts.stateful.script_income import Story
from tests.contracts.stateful.world import Stage

ROOT = Path(__file__).resolve().parents[3]
CONTRACTS = ROOT / "src" / "databright" / "contracts"
MUTANTS: list[Mutant] = [
    *VOTES,
    *BATCHES,
    *LENDING,
    *PROPOSALS,
    *MONEY,
    *VERDICTS,
    *CHANGES,
    *INCOME,
    *POOLS,
]
USERS = {
    "accounts": ("data_market/DataAssociation.vy",),
    "credits": (
        "data_market/Challenges.vy",
        "data_market/Motions.vy",
        "data_market/DataRequests.vy",
    ),
}
"""Module -> the data market's contracts that are made with it."""
NUM_SEEDS = 12
CALLS = 250

Found = tuple[tuple[str, ...], str] | None
"""The invariants that broke and where; None where none did."""


@dataclass(frozen=True)
class Catch:
    """How a mutant was caught.

    Attributes:
        mutant: which.
        names: the invariants that broke, at the first call after which any did.
        where: the scenario, or the seed of a random run.
        seconds: with its compilation.
    """

    mutant: Mutant
    names: tuple[str, ...]
    where: str
    seconds: float


def compile_mutant(mutant: Mutant) -> dict[str, bytes]:
    """Creation code of what a mutant changes, by the name of its artifact."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "contracts"
        shutil.copytree(CONTRACTS, copy, ignore=shutil.ignore_patterns("artifacts", "__pycache__"))
        source = copy / mutant.file
        text = source.read_text()
        if text.count(mutant.old) != 1:
            raise ValueError(f"{mutant.name!r}: its text is {text.count(mutant.old)} times there")
        source.write_text(text.replace(mutant.old, mutant.new))
        found = {}
        for file in USERS.get(source.stem, (mutant.file,)):
            path = copy / file
            is_blueprint = path.stem == "Database"
            kind = "blueprint_bytecode" if is_blueprint else "bytecode"
            # Twice as quick as with optimizations, and the fault is the source's.
            settings = Settings(optimize=OptimizationLevel.NONE, evm_version="prague")
            compiled = compile_files([path], (kind,), paths=[str(copy)], settings=settings)
            code = next(value for key, value in compiled.items() if str(key) != "version")[kind]
            name = "DatabaseBlueprint" if is_blueprint else path.stem
            found[name] = bytes.fromhex(code.removeprefix("0x"))
    return found


def _broken(view: View, tell: Callable[[], None]) -> tuple[str, ...]:
    """Play; the names of the invariants that break first."""
    try:
        tell()
    except Difference as difference:
        if difference.name in CALL_INVARIANTS:
            return (difference.name,)
        view.seen.clear()
        return tuple(dict.fromkeys([difference.name, *failing(view)]))
    except (AssertionError, OverflowError, ValueError):
        # A view that reverts, or figures that no call can carry.
        return (ALLOWED,)
    return ()


def catch(mutant: Mutant) -> Catch | None:
    """Play until an invariant breaks: its scenario, the others, then some random lives.

    Args:
        mutant: on which.

    Returns:
        How it was caught; None where it survives.
    """
    began = time.perf_counter()
    stage = Stage.build(compile_mutant(mutant))
    found = _play_scenarios(stage, mutant.by)
    for seed in range(NUM_SEEDS):
        if found:
            break
        found = _play_seed(stage, seed)
    return Catch(mutant, *found, time.perf_counter() - began) if found else None


def play_faultless(file: str) -> Found:
    """Play all scenarios on a contract that is compiled as mutants are, without a fault.

    Args:
        file: the source, under src/databright/contracts.

    Returns:
        What broke, and in which scenario; None as long as contracts and rules agree.
    """
    text = (CONTRACTS / file).read_text()
    return _play_scenarios(Stage.build(compile_mutant(Mutant(file, file, text, text, ""))), "")


def _play_scenarios(stage: Stage, first: str) -> Found:
    """Until an invariant breaks; the likeliest scenario goes first."""
    for name in sorted(SCENARIOS, key=lambda name: name != first):
        player = Player(stage.clear())
        view = watch(player)
        broken = _broken(view, partial(SCENARIOS[name], Story(player)))
        if broken:
            return broken, name
    return None


def _play_seed(stage: Stage, seed: int) -> Found:
    player = Player(stage.clear())
    view = watch(player)
    draw = random.Random(seed)

    def tell() -> None:
        random_market(player, draw)
        random_calls(player, draw, CALLS)

    broken = _broken(view, tell)
    return (broken, f"seed {seed}") if broken else None


def sample(count: int, seed: int) -> Sequence[Mutant]:
    """Some mutants, drawn by a seed."""
    return random.Random(seed).sample(MUTANTS, count)
