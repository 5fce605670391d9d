"""One list of calls gives one state on revm, py-evm and anvil.

The list is a random life of a market, made on revm beside the plain-Python rules. Compared are what
each call returns or says when it reverts, its events, and every raw word of storage that is not
zero on anvil.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import boa
import pytest

from databright.chain.devnet.anvil import find_anvil
from tests.contracts.stateful.anvil_evm import Anvil
from tests.contracts.stateful.evm import Boa, Outcome, Revm
from tests.contracts.stateful.game import SCENARIOS, random_calls, random_market
from tests.contracts.stateful.player import Player
from tests.contracts.stateful.script_income import Story
from tests.contracts.stateful.world import build_world

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
ANVIL = find_anvil(os.environ)
CALLS = 1_000 if LONG else 120
SEED = 7
STORIES = ("an_own_vote_overrides_a_lent_one", "a_removed_tranche_keeps_its_earlier_income")


@dataclass(frozen=True)
class Step:
    """A call, or a deployment where `to` is empty, and what it brought on revm."""

    time: int
    sender: str
    to: str
    data: bytes
    expected: str
    outcome: Outcome


@dataclass
class Recorder:
    """revm, and a list of all that is done on it."""

    evm: Revm = field(default_factory=Revm)
    time: int = 0
    steps: list[Step] = field(default_factory=list)

    def create(self, sender: str, code: bytes, expected: str) -> None:
        self.evm.create(sender, code, expected)
        self.steps.append(Step(self.time, sender, "", code, expected, Outcome(True, b"")))

    def send(self, sender: str, to: str, data: bytes) -> Outcome:
        outcome = self.evm.send(sender, to, data)
        self.steps.append(Step(self.time, sender, to, data, "", outcome))
        return outcome

    def look(self, to: str, data: bytes) -> Outcome:
        return self.evm.look(to, data)

    def set_time(self, time: int) -> None:
        self.time = time
        self.evm.set_time(time)

    def storage(self, address: str, slot: int) -> int:
        return self.evm.storage(address, slot)


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    """A life of a market and two stories, on one deployment."""
    recorder = Recorder()
    recorder.set_time(1_800_000_000)
    player = Player(build_world(recorder))
    draw = Random(SEED)
    random_market(player, draw)
    random_calls(player, draw, CALLS)
    for name in STORIES:
        SCENARIOS[name](Story(player))
    assert any(not step.outcome.ok for step in recorder.steps)
    return recorder


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    if ANVIL is None:
        raise RuntimeError("the tests that ask for it are skipped without anvil")
    found = Anvil(ANVIL, tmp_path_factory.mktemp("anvil"))
    yield found
    found.close()


needs_anvil = pytest.mark.skipif(
    ANVIL is None, reason="no anvil: run `npm install` in the checkout"
)


def blocks(steps: list[Step]) -> list[list[Step]]:
    """Steps of one second together."""
    found: list[list[Step]] = []
    for step in steps:
        if not found or found[-1][-1].time != step.time:
            found.append([])
        found[-1].append(step)
    return found


def play_on_anvil(anvil: Anvil, steps: list[Step]) -> None:
    for block in blocks(steps):
        anvil.set_time(block[0].time)
        for step in block:
            anvil.submit(step.sender, step.to or None, step.data)
        for step, outcome in zip(block, anvil.mine(), strict=True):
            if step.to:
                assert outcome == step.outcome
            else:
                assert outcome.ok


def play_on_boa(steps: list[Step]) -> Boa:
    evm = Boa()
    for step in steps:
        evm.set_time(step.time)
        if step.to:
            assert evm.send(step.sender, step.to, step.data) == step.outcome
        else:
            evm.create(step.sender, step.data, step.expected)
    return evm


@pytest.mark.anvil
@needs_anvil
def test_three_evms_agree_on_every_call_and_every_word(recorder: Recorder, anvil: Anvil) -> None:
    play_on_anvil(anvil, recorder.steps)
    market = {step.to for step in recorder.steps if step.to and step.outcome.ok}
    words = {
        (address, slot): word
        for address, slots in anvil.all_storage().items()
        for slot, word in slots.items()
        if address in market
    }
    assert {address for address, _ in words} > {step.to for step in recorder.steps[-1:]}
    with boa.env.anchor():
        evm = play_on_boa(recorder.steps)
        for (address, slot), word in words.items():
            assert recorder.storage(address, slot) == word, f"{address} {slot:#x} on revm"
            assert evm.storage(address, slot) == word, f"{address} {slot:#x} on py-evm"
    assert len(words) > CALLS


def test_py_evm_agrees_on_every_call(recorder: Recorder) -> None:
    with boa.env.anchor():
        play_on_boa(recorder.steps)
