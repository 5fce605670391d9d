"""The compute child: exact results, confinement, and what happens when it fails."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from databright.errors import ComputeError, MalformedDataError, ProgramRejectedError
from databright.programs.builders import builder
from databright.programs.child import ComputeChild, pack_frame, read_frame, serve_one
from databright.programs.oplist import program_to_json
from databright.programs.schedule import batch_indices
from databright.records.tensors import dump_tensors, load_tensors


def blobs() -> tuple[bytes, bytes, bytes, bytes]:
    program, weights = builder("mlp")((4,), 3, 7)
    x_NF = np.linspace(0, 1, 40 * 4, dtype=np.float32).reshape(40, 4)
    y_N = np.arange(40, dtype=np.int64) % 3
    plan = batch_indices(40, 5, program.batch_size, 1, 0, 0)
    return (
        program_to_json(program),
        dump_tensors(weights),
        dump_tensors({"x": x_NF, "y": y_N}),
        dump_tensors({"batches": plan}),
    )


@pytest.fixture(scope="module")
def child() -> Iterator[ComputeChild]:
    with ComputeChild(timeout_s=120) as running:
        yield running


def test_two_children_give_the_same_bytes(child: ComputeChild) -> None:
    request = blobs()
    first = child.train(*request)
    with ComputeChild(timeout_s=120) as other:
        assert hashlib.sha256(first).digest() == hashlib.sha256(other.train(*request)).digest()
    assert first != request[1]


def test_predict_gives_one_row_of_logits_a_sample(child: ComputeChild) -> None:
    program, weights, shard, _ = blobs()
    reply = load_tensors(child.predict(program, weights, shard), max_bytes=1 << 20, max_tensors=1)
    assert reply["logits"].shape == (40, 3)
    assert reply["logits"].dtype == np.float32


def test_errors_come_back_as_what_they_are_and_the_child_lives(child: ComputeChild) -> None:
    program, weights, shard, batches = blobs()
    child.predict(program, weights, shard)
    pid = child.pid
    hostile = program.replace(b"aten.relu.default", b"torch.os.system")
    with pytest.raises(ProgramRejectedError, match=r"os\.system"):
        child.train(hostile, weights, shard, batches)
    with pytest.raises(MalformedDataError):
        child.train(program, weights, shard, batches[:-1])
    assert child.pid == pid


def test_a_killed_child_is_noticed_and_replaced(child: ComputeChild) -> None:
    program, weights, shard, _ = blobs()
    expected = child.predict(program, weights, shard)
    pid = child.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    try:
        again = child.predict(program, weights, shard)
    except ComputeError:  # it died while it was being asked
        again = child.predict(program, weights, shard)
    assert again == expected
    assert child.pid != pid


def test_a_hung_child_is_killed() -> None:
    program, weights, shard, _ = blobs()
    with ComputeChild(timeout_s=120) as hung:
        hung.predict(program, weights, shard)
        pid = hung.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        hung._timeout_s = 0.05
        with pytest.raises(ComputeError, match="in time"):
            hung.predict(program, weights, shard)
        assert hung.pid is None
    assert not Path(f"/proc/{pid}").exists()


def test_the_child_sees_no_key_no_home_and_cannot_dump_core(
    child: ComputeChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRIGHT_PASSPHRASE", "secret")
    with ComputeChild(timeout_s=120) as fresh:
        fresh.predict(*blobs()[:3])
        environ = Path(f"/proc/{fresh.pid}/environ").read_bytes()
        limits = Path(f"/proc/{fresh.pid}/limits").read_text()
        status = Path(f"/proc/{fresh.pid}/status").read_text()
    assert b"secret" not in environ
    assert b"HOME=" not in environ
    core = next(line for line in limits.splitlines() if line.startswith("Max core"))
    assert core.split()[4:6] == ["0", "0"]
    assert "NoNewPrivs:\t1" in status


def test_frames_over_the_caps_are_refused() -> None:
    def read_from(data: bytes) -> list[bytes]:
        position = 0

        def read(length: int) -> bytes:
            nonlocal position
            if position + length > len(data):
                raise EOFError
            position += length
            return data[position - length : position]

        return read_frame(read)

    assert read_from(pack_frame([b"a", b"", b"bc"])) == [b"a", b"", b"bc"]
    with pytest.raises(MalformedDataError, match="parts"):
        read_from(b"\xff\xff\xff\xff")
    with pytest.raises(MalformedDataError, match="bytes"):
        read_from(b"\x01\0\0\0" + b"\xff" * 7 + b"\x00")
    with pytest.raises(EOFError):
        read_from(pack_frame([b"abc"])[:-1])


def test_an_unknown_request_is_answered_with_an_error() -> None:
    assert serve_one([b"exec", b"1"])[:2] == [b"error", b"BadInputError"]
