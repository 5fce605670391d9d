"""kill -9 of the process that feeds the index, at drawn moments, while its chain is reorganised.

Some of the kills come from outside at a drawn time, the others from inside at a drawn SQL statement
or commit. Reorganisations are 1 to 64 blocks deep. In the end the index equals one that was read
from zero, table by table; after each kill its stored rows equal a fold of its stored events.
A twentieth of the kills; DATABRIGHT_LONG=1 does 200 on each database. DATABRIGHT_SEED repeats one.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from databright.chain.base import Chain
from databright.chain.bindings import Artifact, Contract, Signer, deploy
from databright.chain.devnet.anvil import find_anvil
from databright.chain.ethereum import connect as connect_chain
from databright.chain.jsonrpc import JsonRpc
from databright.contracts import create_address, deployment_plan
from databright.database.connection import connect
from databright.records.deployment import CONTRACTS, Deployment
from databright.units import Address
from databright.views.folds import TABLES
from databright.views.index import Index
from tests.end_to_end.evidence import tell
from tests.end_to_end.index_child import open_source
from tests.index_content import check_replay, check_same

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
KILLS = 100 if LONG else 5
"""Of each source on each database."""
DEEPEST = 64
MOST_POINTS = {"any": 300, "write": 50}
ANVIL = find_anvil(os.environ)
PEOPLE: list[LocalAccount] = [Account.from_key("0x" + f"{n:02x}" * 32) for n in (0x5A, 0x5B, 0x5C)]
pytestmark = [
    pytest.mark.anvil,
    pytest.mark.long,
    pytest.mark.skipif(ANVIL is None, reason="no anvil: run `npm install` in the checkout"),
]


class Source(Protocol):
    """A chain that a test changes while a child follows it."""

    name: str
    place: Path

    def change(self, draw: random.Random) -> int:
        """Add blocks, or reorganise and add some; the depth taken back."""
        ...


class RecordedSource:
    """A synthetic chain in a file: events of every kind."""

    name = "recorded"

    def __init__(self, folder: Path) -> None:
        self.place = folder / "chain.json"
        self._salts: list[int] = []
        self._write()

    def _write(self) -> None:
        beside = self.place.with_suffix(".new")
        beside.write_text(json.dumps(self._salts))
        beside.replace(self.place)

    def change(self, draw: random.Random) -> int:
        """Take back 1 to 64 blocks, or none, and add some."""
        depth = min(draw.choice((0, draw.randint(1, DEEPEST))), len(self._salts))
        del self._salts[len(self._salts) - depth :]
        self._salts += [draw.randrange(2**31) for _ in range(depth // 2 + draw.randint(1, 30))]
        self._write()
        return depth


class AnvilSource:
    """A market on an anvil of its own, which reorganises itself when asked to."""

    name = "anvil"

    def __init__(self, folder: Path, rpc: JsonRpc) -> None:
        self.place = folder
        self._rpc = rpc
        for person in PEOPLE:
            rpc.once("anvil_setBalance", [person.address, hex(10**24)])
        self._chain: Chain = connect_chain(rpc.rpc_url)
        owner = Address(PEOPLE[0].address)
        people = [Address(person.address) for person in PEOPLE]
        plan = deployment_plan(owner, 0, people, [10**9] * len(people), 5)
        for name, arguments in plan:
            deploy(self._chain, Signer(PEOPLE[0]), Artifact.load(name), *arguments)
        addresses = {name: create_address(owner, n) for n, (name, _) in enumerate(plan)}
        assert set(CONTRACTS) <= set(addresses)
        genesis = self._chain.genesis_hash()
        Deployment(rpc.rpc_url, self._chain.chain_id, genesis, addresses, 1).save(folder)
        self._token = self._bound("MarketToken", addresses)
        self._workers = self._bound("WorkerRegistry", addresses)
        self._spoken: list[int] = []  # heights of blocks with transactions, after the deployment

    def _bound(self, name: str, addresses: dict[str, Address]) -> Contract:
        return Contract(self._chain, addresses[name], Artifact.load(name))

    def change(self, draw: random.Random) -> int:
        """Reorganise 1 to 64 blocks, or none, and add some with and without transactions."""
        top = self._chain.head().number
        # An empty block may come back the same, and anvil forgets the state of one that it both
        # dropped and made: the deepest block that is taken back has a transaction, so it changes.
        fit = [height for height in self._spoken if top - height < DEEPEST]
        depth = 0
        if fit and draw.random() < 0.5:
            lowest = draw.choice(fit)
            depth = top - lowest + 1
            self._spoken = [height for height in self._spoken if height < lowest]
            self._rpc.once("anvil_reorg", [depth, []])
        for _ in range(draw.randint(1, 4)):
            self._act(draw)
            self._spoken.append(self._chain.head().number)
            self._rpc.once("anvil_mine", [hex(draw.randint(1, 12))])
        return depth

    def _act(self, draw: random.Random) -> None:
        person = draw.choice(PEOPLE)
        signer = Signer(person)
        if draw.random() < 0.6:
            receiver = draw.choice(PEOPLE).address
            self._token.transact(signer, "transfer", receiver, draw.randint(0, 10**6))
        elif self._workers.call("node", person.address).tls_pin == bytes(32):
            pins = draw.randbytes(32), draw.randbytes(32)
            self._workers.transact(signer, "register_node", *pins, f"host:{draw.randint(1, 99)}")
        else:
            self._workers.transact(signer, "set_endpoint", f"host:{draw.randint(1, 99)}")


@pytest.fixture(scope="module")
def rpc() -> Iterator[JsonRpc]:
    words = [
        str(ANVIL),
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--accounts",
        "0",
        "--color",
        "never",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "Listening on" in line)
            drain = threading.Thread(target=process.stdout.read)
            drain.start()
            yield JsonRpc("http://" + line.split()[-1], 30.0)
        finally:
            process.kill()
        drain.join()


@pytest.fixture(scope="module")
def anvil_source(rpc: JsonRpc, tmp_path_factory: pytest.TempPathFactory) -> AnvilSource:
    return AnvilSource(tmp_path_factory.mktemp("market"), rpc)


@pytest.fixture(params=["recorded", "anvil"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    if request.param == "recorded":
        return RecordedSource(tmp_path)
    found: AnvilSource = request.getfixturevalue("anvil_source")
    return found


@dataclass
class Storm:
    """Kills children that follow a chain.

    Attributes:
        url: address of the database.
        source: the chain.
        draw: where every choice comes from.
        done: kills by kind.
        depths: of the reorganisations.
    """

    url: str
    source: Source
    draw: random.Random
    done: Counter[str] = field(default_factory=Counter)
    depths: list[int] = field(default_factory=list)

    def change(self) -> None:
        """Change the chain."""
        depth = self.source.change(self.draw)
        if depth:
            self.depths.append(depth)

    def kill_one(self) -> None:
        """Start a child, change its chain under its eyes, and end it by SIGKILL."""
        self.change()
        inside = self.draw.random() < 0.6
        which = self.draw.choice(("write", "write", "any"))
        point = self.draw.randint(1, MOST_POINTS[which]) if inside else 0
        limit = self.draw.randint(1, 40)
        words = [self.url, str(self.source.place), str(limit), which, str(point)]
        with subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.index_child", *words],
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            said = child.stdout.readline()
            if inside:
                # It reads on, so it comes to its statement; the chain changes meanwhile.
                while not self._ended(child, self.draw.random() * 0.2):
                    self.change()
            else:
                assert said == "following\n"
                for _ in range(self.draw.randint(0, 2)):
                    assert not self._ended(child, self.draw.random() * 0.1)
                    self.change()
                assert not self._ended(child, self.draw.random() * 0.3)
                child.kill()
            assert child.wait() == -signal.SIGKILL
            words_said = [said.strip(), *child.stdout.read().split()]
        self.done[f"at {words_said[-1]}" if inside else "at a drawn time"] += 1

    @staticmethod
    def _ended(child: subprocess.Popen[str], within_s: float) -> bool:
        try:
            child.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def storm_until(storm: Storm, index: Index) -> None:
    """Kill until the count is reached, checking what each kill left."""
    while storm.done.total() < KILLS:
        storm.kill_one()
        check_replay(index)
        numbers = [number for number, _ in index.recent(10**6)]
        assert numbers == list(range(len(numbers)))


def test_whatever_kills_the_feed_the_index_equals_one_from_zero(
    source: Source, database_url: str, tmp_path: Path
) -> None:
    seed = int(os.environ.get("DATABRIGHT_SEED", secrets.randbits(32)))
    print(f"DATABRIGHT_SEED={seed}")  # noqa: T201 (shown when the test fails)
    engine, beside = connect(database_url), connect(f"sqlite:///{tmp_path}/zero.sqlite")
    index, fresh = Index(engine), Index(beside)
    storm = Storm(database_url, source, random.Random(seed))
    try:
        storm_until(storm, index)
        open_source(index, source.place).catch_up()
        open_source(fresh, source.place).catch_up()
        check_same(index, fresh)
        rows = check_replay(index)
        blocks, events = index.size()
        assert rows > 0
        assert index.finality() == fresh.finality() != (-1, -1)
        tell(
            f"index-kills-{source.name}-{engine.dialect.name}",
            f"Kills of the index's feed on {engine.dialect.name}, {source.name} chain",
            "DATABRIGHT_LONG=1 .venv/bin/python -m pytest tests/end_to_end/test_index_kill.py",
            [
                ("seed (DATABRIGHT_SEED)", seed),
                *((f"kill -9 {moment}", storm.done[moment]) for moment in sorted(storm.done)),
                ("reorganisations", len(storm.depths)),
                ("deepest of them", f"{max(storm.depths, default=0)} blocks"),
                ("blocks in the end", blocks),
                ("events in the end", events),
                ("rows in the end", rows),
                ("tables compared with a replay from zero", len(TABLES)),
                ("tables that differ", 0),
            ],
        )
    finally:
        engine.dispose()
        beside.dispose()
