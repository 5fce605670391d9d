"""What must hold after every call: a list of named invariants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.contracts.stateful.data_model import Box, Dataset, Proposal
from tests.contracts.stateful.data_model_income import Difference
from tests.contracts.stateful.evm import Outcome
from tests.contracts.stateful.player import CALL_INVARIANTS, Player, events_of


@dataclass
class Memory:
    """What was seen of a market before, to tell what has changed.

    Attributes:
        words: words that must stay as they are.
        ways: proposal -> base units of its bond that went somewhere.
        fees: proposal -> base units of its fee that went somewhere.
        minted: (dataset, account) -> votes by the events.
        claimed: tranche -> base units by the events.
    """

    words: dict[tuple[object, ...], object] = field(default_factory=dict)
    ways: Counter[int] = field(default_factory=Counter)
    fees: Counter[int] = field(default_factory=Counter)
    minted: Counter[tuple[int, str]] = field(default_factory=Counter)
    claimed: Counter[int] = field(default_factory=Counter)

    def stays(self, key: tuple[object, ...], value: object) -> bool:
        """Whether a word is what it was when it was first seen."""
        return self.words.setdefault(key, value) == value


@dataclass
class View:
    """Both sides, as invariants look at them."""

    player: Player
    memory: Memory = field(default_factory=Memory)
    seen: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def number(self, contract: str, name: str, *args: Any) -> int:
        """A view's one number, asked once a look."""
        key = (contract, name, args)
        if key not in self.seen:
            self.seen[key] = self.player.world.number(contract, name, *args)
        return int(self.seen[key])

    def words(self, contract: str, name: str, *args: Any) -> tuple[int, ...]:
        """A view's numbers, asked once a look; a struct's addresses and digests are numbers too."""
        key = (contract, name, args)
        if key not in self.seen:
            self.seen[key] = self.player.world.words(contract, name, *args)
        return tuple(self.seen[key])

    def read(self, contract: str, name: str, *args: Any) -> Any:
        """A view's value, asked once a look."""
        key = (contract, name, args)
        if key not in self.seen:
            self.seen[key] = self.player.world.read(contract, name, *args)
        return self.seen[key]

    def money(self, contract: str) -> int:
        """What a contract or an account has of the market's money."""
        address = self.player.world.at.get(contract, contract)
        return self.number("MarketToken", "balanceOf", address)

    @property
    def datasets(self) -> list[Dataset]:
        return self.player.model.datasets

    def proposals(self) -> Iterator[Proposal]:
        for dataset in self.datasets:
            yield from dataset.proposals

    def boxes(self) -> Iterator[Box]:
        for dataset in self.datasets:
            yield from (found.box for found in dataset.proposals)
            yield from (motion.box for motion in dataset.motions)

    def remember(self, outcome: Outcome) -> None:
        """Add up what events tell of bonds, fees, votes and claims."""
        memory = self.memory
        for event in events_of(outcome, "DataAssociation", "Settled"):
            memory.ways[event["proposal"]] += event["bond_back"]
            memory.fees[event["proposal"]] += event["fee_back"]
        for event in events_of(outcome, "DataAssociation", "FeePaid"):
            memory.fees[event["proposal"]] += event["amount"]
        for event in events_of(outcome, "DataAssociation", "BallotsRepaid"):
            memory.fees[event["proposal"]] += event["amount"]
        for event in events_of(outcome, "Verdicts", "BondSlashed"):
            memory.ways[event["proposal"]] += event["to_tranche"] + event["burnt"]
        for event in events_of(outcome, "Verdicts", "BondReleased"):
            memory.ways[event["proposal"]] += event["amount"]
        for event in events_of(outcome, "CuratorToken", "Minted"):
            memory.minted[event["dataset"], event["to"]] += event["amount"]
        for name in ("Claimed", "Redirected", "Credited"):
            for event in events_of(outcome, "Database", name):
                memory.claimed[event["tranche"]] += event["amount"]


Check = Callable[[View], None]
INVARIANTS: dict[str, Check] = {}


def holds(name: str) -> Callable[[Check], Check]:
    """Add an invariant to the list."""

    def add(check: Check) -> Check:
        if name in INVARIANTS or name in CALL_INVARIANTS:
            raise ValueError(f"there are two invariants {name!r}")
        INVARIANTS[name] = check
        return check

    return add


def same(found: object, expected: object, what: str = "") -> None:
    """Complain where contract and rules differ."""
    if found != expected:
        raise AssertionError(f"{what} {found!r}, by the rules {expected!r}")


def verify(condition: bool, text: str) -> None:
    """Complain where something does not hold."""
    if not condition:
        raise AssertionError(text)


def failing(view: View) -> dict[str, str]:
    """Name -> what is wrong, of every invariant that does not hold."""
    found = {}
    for name, check in INVARIANTS.items():
        try:
            check(view)
        except AssertionError as error:
            found[name] = str(error)
    return found


def check_some(view: View, names: Iterable[str]) -> None:
    """Hold a market against some invariants.

    Raises:
        Difference: one does not hold.
    """
    for name in names:
        try:
            INVARIANTS[name](view)
        except AssertionError as error:
            raise Difference(name, str(error)) from error


def watch(player: Player, stride: int = 1) -> View:
    """Hold a market against every invariant from now on, after each call that went through.

    Args:
        player: who plays it.
        stride: looks in which each invariant is checked once; what is wrong stays wrong.
    """
    view = View(player)
    every = list(INVARIANTS)

    def look(outcome: Outcome) -> None:
        view.seen.clear()
        view.remember(outcome)
        turn = player.counts.total() % stride
        check_some(view, every[turn::stride])

    player.watches.append(look)
    return view
