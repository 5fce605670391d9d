"""A chain of drawn events of every kind that the contracts know, which can be reorganised.

Every block is drawn from its parent's hash and a salt, so two chains with the same salts are the
same. Ids are those of things that earlier events made; all else is drawn by the interface's types.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from databright.chain.bindings import Artifact
from databright.records.deployment import CONTRACTS as MARKET
from databright.units import Address
from databright.views.batches import IndexBatch, IndexedBlock, IndexedEvent
from databright.views.folds.data_market import UNIT
from databright.views.folds.votes import FIRST_MOTION

CONTRACTS = {
    name: Address("0x" + f"{place:040x}")
    for place, name in enumerate(
        (name for name in MARKET if name != "DatabaseBlueprint"), start=0xC0
    )
}
PEOPLE = tuple(Address("0x" + f"{place:040x}") for place in (0, 0xA1, 0xA2, 0xA3, 0xA4))
MAKES = {
    "DatasetCreated": "dataset",
    "RequestOpened": "request",
    "Proposed": "proposal",
    "Moved": "motion",
    "JobOpened": "job",
    "ModelRegistered": "model",
    "PredictionRequested": "prediction",
    "WorkerRegistered": "owner",
    "NodeRegistered": "operator",
}
IDS = ("dataset", "request", "proposal", "motion", "job", "model", "prediction", "tranche")


def database_of(dataset: int) -> Address:
    """Address of a dataset's Database."""
    return Address("0x" + f"{0xD00000 + dataset:040x}")


@dataclass
class Known:
    """What the chain has made so far: kind -> ids or addresses."""

    made: dict[str, list[Any]] = field(default_factory=dict)

    def copy(self) -> Known:
        """The same, to be changed on its own."""
        return Known({kind: list(things) for kind, things in self.made.items()})

    def of(self, kind: str) -> list[Any]:
        """Things of a kind."""
        return self.made.get(kind, [])

    def add(self, kind: str, one: object) -> None:
        """Note one more."""
        if one not in self.made.setdefault(kind, []):
            self.made[kind].append(one)


class ImpossibleError(Exception):
    """The event speaks of something that nothing has made yet."""


def _pick(draw: random.Random, known: Known, kind: str) -> Any:
    things = known.of(kind)
    if not things:
        raise ImpossibleError(kind)
    return draw.choice(things)


def _value(draw: random.Random, kind: str) -> object:
    if kind == "address":
        return draw.choice((*PEOPLE, *CONTRACTS.values()))
    if kind == "bool":
        return draw.random() < 0.5
    if kind == "bytes32":
        return draw.randbytes(32)
    if kind == "string":
        return draw.choice(("host:1", "", "\x00", "é'\"<b>", "x" * 128))
    if kind == "bytes[]":
        return [draw.randbytes(65) for _ in range(draw.randrange(4))]
    assert kind == "uint256", kind
    return draw.choice((0, 1, 2, 3, 4, draw.randrange(10**6), draw.randrange(2**200)))


def _argument(
    draw: random.Random, known: Known, contract: str, event: str, entry: dict[str, Any]
) -> object:
    name = str(entry["name"])
    if MAKES.get(event) == name and name in IDS:
        return _next_id(draw, known, name)
    special = _special(draw, known, contract, event, name)
    if special is not None:
        return special
    if contract == "CuratorToken" and name == "proposal":
        return _pick(draw, known, draw.choice(("proposal", "motion")))
    if name in IDS:
        return _pick(draw, known, name)
    if contract == "WorkerRegistry" and event not in MAKES and name in {"owner", "operator"}:
        return _pick(draw, known, name)
    return _value(draw, str(entry["type"]))


def _special(draw: random.Random, known: Known, contract: str, event: str, name: str) -> Any:
    """Arguments that are neither an id of their own name nor of just any value."""
    if event == "DatasetCreated" and name == "database":
        return database_of(len(known.of("dataset")) + 1)
    if event == "Proposed" and name == "request":
        return int(draw.choice((0, *known.of("request"))))
    if (event, name) == ("Settled", "status"):
        return draw.choice((2, 2, 3, 4, 5, 6))
    if (event, name) == ("BondSlashed", "tranche"):
        return draw.randrange(3)
    if contract == "Database" and event == "Transfer" and name == "id":
        return int(_pick(draw, known, "tranche"))
    if name == "curve":
        return tuple((draw.randrange(9), draw.randrange(2**90)) for _ in range(draw.randint(1, 4)))
    return None


def _next_id(draw: random.Random, known: Known, kind: str) -> int:
    number = len(known.of(kind)) + 1
    if kind in {"proposal", "motion"}:
        first = FIRST_MOTION if kind == "motion" else 0
        return int(_pick(draw, known, "dataset")) * UNIT + first + number
    return number


def _note(known: Known, event: str, args: dict[str, Any]) -> None:
    if event in MAKES:
        known.add(MAKES[event], args[MAKES[event]])
    if event == "Settled" and args["status"] == 2:
        known.add("tranche", args["proposal"])


@lru_cache(maxsize=1)
def all_events() -> list[tuple[str, dict[str, Any]]]:
    """(contract, ABI entry) of every event of the market."""
    return [
        (contract, dict(entry))
        for contract in (*CONTRACTS, "Database")
        for entry in Artifact.load(contract).abi
        if entry["type"] == "event"
    ]


@dataclass
class SyntheticChain:
    """Blocks with their events; `final_depth` blocks after which one is final."""

    blocks: list[IndexedBlock] = field(default_factory=list)
    logs: dict[str, list[IndexedEvent]] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    final_depth: int = 6
    most_events: int = 4

    def grow(self, salt: int) -> None:
        """Add a block."""
        number = len(self.blocks)
        parent = self.blocks[-1].hash if self.blocks else "0x00"
        digest = hashlib.sha256(f"{parent}/{salt}/{number}".encode()).hexdigest()
        block = IndexedBlock(number, "0x" + digest, parent, 1_000 + number)
        draw = random.Random(digest)
        known = self.known[parent].copy() if self.blocks else Known()
        places = draw.randrange(self.most_events + 1)
        self.logs[block.hash] = [self._log(block, place, draw, known) for place in range(places)]
        self.known[block.hash] = known
        self.blocks.append(block)

    def take_back(self, depth: int) -> None:
        """Remove the newest blocks."""
        del self.blocks[max(0, len(self.blocks) - depth) :]

    def _log(
        self, block: IndexedBlock, place: int, draw: random.Random, known: Known
    ) -> IndexedEvent:
        while True:
            contract, entry = draw.choice(all_events())
            name = str(entry["name"])
            try:
                args = {
                    str(part["name"]): _argument(draw, known, contract, name, part)
                    for part in entry["inputs"]
                }
            except ImpossibleError:
                continue
            address = (
                database_of(draw.choice(known.of("dataset") or [1]))
                if contract == "Database"
                else CONTRACTS[contract]
            )
            if contract == "Database" and not known.of("dataset"):
                continue
            _note(known, name, args)
            return IndexedEvent(
                name=name,
                contract=contract,
                address=address,
                args=args,
                block_number=block.number,
                block_hash=block.hash,
                log_index=place,
                tx=f"{block.hash}{place}",
            )

    @property
    def settled(self) -> tuple[int, int]:
        """Heights of the newest safe and the newest final block."""
        top = len(self.blocks) - 1
        return max(0, top - self.final_depth // 2), max(0, top - self.final_depth)

    def events(self) -> list[IndexedEvent]:
        """All events in chain order."""
        return [log for block in self.blocks for log in self.logs[block.hash]]

    def read(
        self, addresses: Sequence[Address], recent: Sequence[tuple[int, str]], limit: int
    ) -> IndexBatch:
        """The next batch, as a follower would give it."""
        known = {block.hash for block in self.blocks}
        ancestor = next((n for n, hash_ in reversed(recent) if hash_ in known), -1)
        rollback = ancestor if recent and ancestor != recent[-1][0] else None
        blocks = self.blocks[ancestor + 1 : ancestor + 1 + limit]
        wanted = set(addresses)
        events = [log for b in blocks for log in self.logs[b.hash] if log.address in wanted]
        safe, final = self.settled
        return IndexBatch(rollback, blocks, events, safe, final)
