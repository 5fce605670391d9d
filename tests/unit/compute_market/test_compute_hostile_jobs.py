"""A job that cannot be run as ordered costs its buyer alone."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import numpy as np
import pytest

from databright.compute_market.jobs import JobSpec, check_draws
from databright.compute_market.trusted import runtime
from databright.compute_market.trusted.runtime import HubRuntime
from databright.compute_market.trusted.scheduler import JobRunner
from databright.errors import BadInputError, ProgramRejectedError, StorageError
from databright.programs.schedule import MAX_DRAWS
from databright.units import BasisPoints, Digest


def spec(steps: int, num_shards: int) -> JobSpec:
    none = Digest(bytes(32))
    return JobSpec(1, 1, none, none, 0, num_shards, 1, steps, 3, BasisPoints(10_000), 1)


def test_a_round_draws_no_more_rows_than_a_hub_can_hold() -> None:
    check_draws(spec(MAX_DRAWS // 4_096 // 64, 64), 4_096)
    with pytest.raises(BadInputError, match="segments shorter"):
        check_draws(spec(MAX_DRAWS // 4_096, 2), 4_096)


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (BadInputError("another spec"), [3.0, 6.0, 12.0, 24.0]),
        (MemoryError("too much"), [3.0, 6.0, 12.0, 24.0]),
        (StorageError("not there yet"), [3.0, 3.0, 3.0, 3.0]),
    ],
)
def test_a_job_that_fails_by_its_own_fault_is_tried_ever_more_rarely(
    fault: Exception, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr("databright.compute_market.trusted.runtime.time.monotonic", lambda: now)

    class Failing:
        def run(self) -> None:
            raise fault

    runner = cast(JobRunner, Failing())
    hub = HubRuntime.__new__(HubRuntime)
    hub._retry_s = 3.0
    hub._running = {7: runtime._Running(runner, threading.current_thread())}
    found = []
    for _ in waits:
        hub._run(7, runner)
        found.append(hub._running[7].retry_at - now)
    assert found == pytest.approx(waits)


def test_a_program_is_tried_before_any_shard_leaves_custody() -> None:
    asked: list[Any] = []

    class Child:
        def __enter__(self) -> Child:
            return self

        def __exit__(self, *exc: object) -> None:
            asked.append("closed")

        def predict(self, program: bytes, weights: bytes, samples: bytes) -> bytes:
            asked.append((program, weights))
            raise ProgramRejectedError("a tensor over the cap")

    class Thing:
        """Whatever the test puts in."""

        def __init__(self, **fields: Any) -> None:
            self.__dict__.update(fields)

    runner = JobRunner.__new__(JobRunner)
    runner._parts = cast(Any, Thing(make_child=Child))
    material: Any = Thing(program_json=b"program", rows=Thing(x_NF=np.zeros((2, 3), np.float32)))
    with pytest.raises(ProgramRejectedError):
        runner._try(material, b"weights")
    assert asked == [(b"program", b"weights"), "closed"]
