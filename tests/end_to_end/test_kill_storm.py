"""kill -9 of the trusted node, of workers and of the chain, at moments that a seed draws.

All jobs complete, each replica is paid once, the weights are those of an undisturbed run, nobody
honest is slashed, and no money is lost. One kill of each kind in one job; DATABRIGHT_LONG=1 does
twenty of each, up to ten in one job. DATABRIGHT_SEED repeats a storm's draws.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest

from databright.chain.devnet.anvil import find_anvil
from databright.compute_market.projections import WRONG
from databright.errors import ChainError
from databright.wiring.local_market import CHAIN, MIN_STAKE
from tests.end_to_end.evidence import tell
from tests.end_to_end.job_market import (
    CHAIN_FEE,
    FEE,
    NODE_FEE,
    NUM_SHARDS,
    REPLICAS,
    RESERVE,
    WORKERS,
    JobMarket,
    wait_until,
)

LONG = os.environ.get("DATABRIGHT_LONG") == "1"
OF_EACH = 20 if LONG else 1
MOST_IN_ONE_JOB = 10
NUM_ROUNDS = 12
NODE = "node-a"
CHAIN_PARTS = ("anvil", "proxy", "both")
KINDS = ("node", "worker", "chain")
T = TypeVar("T")
pytestmark = [
    pytest.mark.anvil,
    pytest.mark.long,
    pytest.mark.skipif(
        find_anvil(os.environ) is None, reason="no anvil: run `npm install` in the checkout"
    ),
]


@dataclass(frozen=True)
class Kill:
    """One kill and its moment.

    Attributes:
        kind: node, worker or chain.
        target: a process's name, or which part of the chain.
        rounds: accepted rounds of the job that are awaited first.
        blocks: further blocks that are awaited then.
        fraction: how much of a round's time passes after that.
    """

    kind: str
    target: str
    rounds: int
    blocks: int
    fraction: float


@dataclass
class Storm:
    """Carries kills out against a running market, and remembers what it did.

    Attributes:
        market: what is disturbed.
        round_s: time of a round without kills, seconds; set by the calm job.
        done: what was killed, by target.
        after_end: kills that came when their job had just ended.
    """

    market: JobMarket
    round_s: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    after_end: int = 0

    def job(self, kills: list[Kill]) -> int:
        """Run one job to its end under kills; its id."""
        job = self.market.open_job(NUM_ROUNDS)
        for kill in kills:
            self._await_moment(job, kill)
            if look(lambda: self.market.history(job).closed):
                self.after_end += 1
            self._strike(kill)
        wait_until(lambda: look(lambda: self.market.history(job).closed), f"the end of job {job}")
        return job

    def _await_moment(self, job: int, kill: Kill) -> None:
        market = self.market

        def is_over() -> bool:
            return bool(look(lambda: market.history(job).closed))

        def is_reached() -> bool | None:
            accepted = look(lambda: len(market.history(job).accepted))
            return accepted is not None and accepted >= kill.rounds * NUM_SHARDS

        wait_until(lambda: is_reached() or is_over(), f"round {kill.rounds} of job {job}")
        if kill.blocks:
            start = wait_until(lambda: look(lambda: market.chain.head().number), "the chain")
            wait_until(
                lambda: (look(lambda: market.chain.head().number) or 0) > start or is_over(),
                f"a block after round {kill.rounds} of job {job}",
            )
        time.sleep(kill.fraction * self.round_s)  # between two events there is only time

    def _strike(self, kill: Kill) -> None:
        supervisor = self.market.local.supervisor
        name = CHAIN if kill.kind == "chain" else kill.target
        if kill.target in {"anvil", "both"}:
            wait_until(lambda: kill_all(anvils(supervisor.pid(CHAIN))), "a running anvil")
        if kill.target != "anvil":
            wait_until(lambda: supervisor.kill(name), f"a running {name}")
        self.done[kill.target if kill.kind == "chain" else kill.kind] += 1


def look(read: Callable[[], T]) -> T | None:
    """Read from a chain that may be down; None while it is."""
    try:
        return read()
    except ChainError:
        return None


def anvils(proxy: int | None) -> list[int]:
    """Process ids of the proxy's anvil; none while one of them is down."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{proxy}/task").iterdir():
            found += [int(text) for text in (task / "children").read_text().split()]
    except OSError:  # the proxy ended under our eyes
        return []
    return found


def kill_all(pids: list[int]) -> bool:
    """kill -9 of processes; false when there was none any more."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return bool(pids)


def draw_storm(draw: random.Random) -> list[list[Kill]]:
    """Kills of each job, in order of their moments."""
    kinds = [kind for kind in KINDS for _ in range(OF_EACH)]
    draw.shuffle(kinds)
    jobs: list[list[Kill]] = []
    while kinds:
        size = min(len(kinds), draw.randint(6, MOST_IN_ONE_JOB))
        kills = [
            Kill(
                kind,
                {"node": NODE, "worker": draw.choice(WORKERS)}.get(kind, draw.choice(CHAIN_PARTS)),
                rounds=draw.randint(0, NUM_ROUNDS),
                blocks=draw.choice((0, 0, 1)),
                fraction=draw.choice((0.0, draw.random())),
            )
            for kind in kinds[:size]
        ]
        jobs.append(sorted(kills, key=lambda kill: kill.rounds))
        del kinds[:size]
    return jobs


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobMarket]:
    made = JobMarket(tmp_path_factory.mktemp("storm"))
    try:
        made.start()
        for name in WORKERS:
            made.local.start_worker(name)
        made.local.start_node(NODE)
        yield made
    finally:
        made.local.stop()


def calm_round(market: JobMarket, job: int) -> float:
    """Seconds between two acceptances, the median, of a job that nobody disturbs."""
    seen: dict[int, float] = {}

    def is_over() -> bool:
        history = market.history(job)
        seen.setdefault(len(history.accepted), time.monotonic())
        return history.closed

    wait_until(is_over, f"the end of job {job}")
    times = sorted(after - before for before, after in pairwise(seen.values()))
    return times[len(times) // 2]


def test_a_storm_of_kills_loses_nothing(market: JobMarket) -> None:
    seed = int(os.environ.get("DATABRIGHT_SEED", secrets.randbits(32)))
    print(f"DATABRIGHT_SEED={seed}")  # noqa: T201 (shown when the test fails)
    plan = draw_storm(random.Random(seed))
    storm = Storm(market)
    expected = market.serial_weights(NUM_ROUNDS)
    started = time.monotonic()
    calm = market.open_job(NUM_ROUNDS)
    storm.round_s = calm_round(market, calm)
    jobs = [calm, *(storm.job(kills) for kills in plan)]
    took = time.monotonic() - started
    for job in jobs:
        check_job(market, job, expected)
    slashed = check_nobody_slashed(market)
    check_conserved(market)
    paid = [
        (job, e.args["segment"], e.args["owner"])
        for job in jobs
        for e in market.events_of(job, "SegmentPaid")
    ]
    assert len(paid) == len(set(paid)) == len(jobs) * NUM_SHARDS * NUM_ROUNDS * REPLICAS
    assert storm.done["node"] == storm.done["worker"] == OF_EACH
    assert sum(storm.done[part] for part in CHAIN_PARTS) == OF_EACH
    tell(
        "kill-storm",
        "Kills of node, workers and chain during jobs",
        "DATABRIGHT_LONG=1 .venv/bin/python -m pytest tests/end_to_end/test_kill_storm.py",
        [
            ("seed (DATABRIGHT_SEED)", seed),
            ("kill -9 of the trusted node", storm.done["node"]),
            ("kill -9 of a worker", storm.done["worker"]),
            *((f"kill -9 of the chain: {part}", storm.done[part]) for part in CHAIN_PARTS),
            ("kills that came just after their job's end", storm.after_end),
            ("kills in each job", ", ".join(str(len(kills)) for kills in plan)),
            ("jobs opened and finished", f"{len(jobs)}, one of them undisturbed"),
            ("replicas of segments paid", len(set(paid))),
            ("paid twice", len(paid) - len(set(paid))),
            ("owners slashed", slashed),
            ("owners lost and replaced", sum(len(market.history(job).voids) for job in jobs)),
            ("weights of every job", f"`{expected}`, the same as computed serially"),
            ("a round without kills", f"{storm.round_s:.2f} s"),
            ("all jobs together", f"{took:.0f} s"),
        ],
    )


def check_job(market: JobMarket, job: int, expected: str) -> None:
    history = market.history(job)
    assert history.closed
    assert history.weights is not None
    assert history.weights.hex() == expected
    market.check_paid_once(job, NUM_ROUNDS)
    market.check_exposure(job)
    wages = sum(int(e.args["amount"]) for e in market.events_of(job, "SegmentPaid"))
    assert wages == NUM_SHARDS * NUM_ROUNDS * REPLICAS * FEE
    names = ("NodePaid", "ChainRepaid", "BuyerRefunded", "DataFeePaid")
    node, chain, refund, data = (
        sum(int(event.args["amount"]) for event in market.events_of(job, name)) for name in names
    )
    assert node == NODE_FEE
    assert refund + chain == RESERVE + CHAIN_FEE
    assert data == history.opened.data_fee > 0


def check_nobody_slashed(market: JobMarket) -> int:
    """Check that every stake is whole; give how many were slashed."""
    contracts = market.market.contracts
    events = contracts.events()
    slashed = [e for e in events if e.name == "Slashed"]
    assert slashed == []
    assert [e for e in events if e.name == "Voided" and e.args["kind"] == WRONG] == []
    for name in WORKERS:
        entry = contracts.workers.call("worker", market.keys[name].address)
        assert (entry[1], entry[4]) == (MIN_STAKE, False)
    return len(slashed)


def check_conserved(market: JobMarket) -> None:
    contracts = market.market.contracts
    escrow = contracts.escrow
    held = int(contracts.token.call("balanceOf", escrow.address))
    owed = sum(int(escrow.call("credit_of", keys.address)) for keys in market.keys.values())
    assert held == owed > 0
