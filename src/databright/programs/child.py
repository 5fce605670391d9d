"""The compute child: a process that runs programs and can do nothing else.

A program comes from a stranger, so it runs in a child without key, home folder or any environment
but the numeric profile's, under limits that it cannot raise. The parent speaks to it over its
stdin and stdout in frames and kills it when it does not answer in time.

Frame: number of parts (u32) | length of each part (u64) | the parts; little-endian.
Request: operation | blobs. Reply: b"ok" | blob, or b"error" | name of the error | text.
"""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from databright.errors import (
    BadInputError,
    ComputeError,
    DatabrightError,
    MalformedDataError,
    ProgramRejectedError,
)
from databright.programs.numeric_profile import enter_profile, profile_env
from databright.programs.oplist import program_from_json
from databright.records.tensors import Array, dump_tensors, load_tensors

MAX_FRAME_BYTES = 512 * 2**20
MAX_PARTS = 8
MAX_TENSORS = 1_000
MAX_OPEN_FILES = 256
_COUNT = struct.Struct("<I")
_LENGTH = struct.Struct("<Q")
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PIPE_BYTES = 1 << 20
_ERRORS: dict[str, type[DatabrightError]] = {
    kind.__name__: kind for kind in (BadInputError, MalformedDataError, ProgramRejectedError)
}


def pack_frame(parts: Sequence[bytes]) -> bytes:
    """Write one frame.

    Args:
        parts: at most 8, 512 MiB together.

    Returns:
        The frame.

    Raises:
        BadInputError: too many parts or bytes.
    """
    if len(parts) > MAX_PARTS or sum(map(len, parts)) > MAX_FRAME_BYTES:
        raise BadInputError(
            f"{len(parts)} parts of {sum(map(len, parts))} bytes do not fit a frame: at most "
            f"{MAX_PARTS} parts of {MAX_FRAME_BYTES} bytes together"
        )
    head = _COUNT.pack(len(parts)) + b"".join(_LENGTH.pack(len(part)) for part in parts)
    return b"".join([head, *parts])


def read_frame(read: Callable[[int], bytes]) -> list[bytes]:
    """Read one frame.

    Args:
        read: gives exactly the number of bytes asked for, or raises EOFError.

    Returns:
        The parts.

    Raises:
        MalformedDataError: a count or length over its cap.
    """
    (count,) = _COUNT.unpack(read(_COUNT.size))
    if count > MAX_PARTS:
        raise MalformedDataError(f"a frame of {count} parts; at most {MAX_PARTS} are read")
    lengths = [_LENGTH.unpack(read(_LENGTH.size))[0] for _ in range(count)]
    if sum(lengths) > MAX_FRAME_BYTES:
        raise MalformedDataError(f"a frame of {sum(lengths)} bytes; at most {MAX_FRAME_BYTES}")
    return [read(length) for length in lengths]


@functools.cache
def _spawner() -> ThreadPoolExecutor:
    """The one thread that starts children.

    The kernel's parent-death signal fires at the end of the *thread* that started the child, so
    that thread has to live as long as this process.
    """
    return ThreadPoolExecutor(1, thread_name_prefix="compute-spawner")


class ComputeChild:
    """A compute child and the pipe to it; started at first use and again after a failure.

    One request at a time; safe to use from several threads.

    Args:
        timeout_s: longest time that one request may take, > 0.
        memory_bytes: cap of the child's address space; None for no cap.
    """

    def __init__(self, *, timeout_s: float = 600.0, memory_bytes: int | None = None) -> None:
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> ComputeChild:
        """Use the child in a with statement."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End the child."""
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the child that runs now, or None."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the child ahead of its first request, so that this one does not wait for it."""
        with self._lock:
            self._started()

    def train(self, program: bytes, weights: bytes, shard: bytes, batches: bytes) -> bytes:
        """Run one segment.

        Args:
            program: the program's JSON.
            weights: tensor blob of the program's float32 weights.
            shard: tensor blob of `x` float32 [N, F] and `y` int64 [N].
            batches: tensor blob of `batches` int32 [H, B].

        Returns:
            Tensor blob of the new weights; its SHA-256 is the segment's result.

        Raises:
            ProgramRejectedError: the program is refused.
            MalformedDataError: a blob is not what the program needs.
            ComputeError: the child died or did not answer in time; it starts afresh next time.
        """
        return self._ask(b"train", program, weights, shard, batches)

    def predict(self, program: bytes, weights: bytes, samples: bytes) -> bytes:
        """Compute logits.

        Args:
            program: the program's JSON.
            weights: tensor blob of the program's weights.
            samples: tensor blob with `x` float32 [N, F]; other tensors in it are not used.

        Returns:
            Tensor blob of `logits` float32 [N, K].

        Raises:
            ProgramRejectedError: the program is refused.
            MalformedDataError: a blob is not what the program needs.
            ComputeError: the child died or did not answer in time.
        """
        return self._ask(b"predict", program, weights, samples)

    def close(self) -> None:
        """End the child, if one runs."""
        with self._lock:
            self._end()

    def _ask(self, *parts: bytes) -> bytes:
        with self._lock:
            process = self._started()
            try:
                reply = self._exchange(process, pack_frame(parts))
            except (EOFError, OSError, TimeoutError, MalformedDataError) as error:
                code = process.poll()
                self._end()
                what = f"ended with {code}" if code is not None else str(error) or "closed its pipe"
                raise ComputeError(
                    f"the compute child failed in {parts[0].decode()}: {what}; try again, or allow "
                    f"more than {self._timeout_s:g} s"
                ) from error
        if reply[0] == b"ok" and len(reply) == 2:
            return reply[1]
        name, text = (part.decode("utf-8", "replace") for part in reply[1:3])
        raise _ERRORS.get(name, ComputeError)(text)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = _spawner().submit(_spawn, self._memory_bytes).result()
        return self._process

    def _exchange(self, process: subprocess.Popen[bytes], request: bytes) -> list[bytes]:
        if process.stdin is None or process.stdout is None:  # pragma: no cover - Popen gives both
            raise EOFError
        limit = time.monotonic() + self._timeout_s
        _write_all(process.stdin, request, limit)
        return read_frame(functools.partial(_read_exactly, process.stdout, limit))

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _spawn(memory_bytes: int | None) -> subprocess.Popen[bytes]:
    package_folder = str(Path(__file__).resolve().parents[2])
    argv = [sys.executable, "-s", "-P", "-m", "databright.programs.child", str(os.getpid())]
    process = subprocess.Popen(
        [*argv, str(memory_bytes or 0)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env={**profile_env(), "PYTHONPATH": package_folder, "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
    )
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
    return process


def _wait(pipe: IO[bytes], event: int, limit: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, event)
        if not selector.select(max(0.0, limit - time.monotonic())):
            raise TimeoutError("it did not answer in time")


def _write_all(pipe: IO[bytes], data: bytes, limit: float) -> None:
    view = memoryview(data)
    while view:
        _wait(pipe, selectors.EVENT_WRITE, limit)
        written = os.write(pipe.fileno(), view[:_PIPE_BYTES])
        view = view[written:]


def _read_exactly(pipe: IO[bytes], limit: float, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        _wait(pipe, selectors.EVENT_READ, limit)
        got = os.read(pipe.fileno(), min(_PIPE_BYTES, length - len(parts)))
        if not got:
            raise EOFError
        parts += got
    return bytes(parts)


# ---- the child's side -----------------------------------------------------------------------


def serve_one(parts: list[bytes]) -> list[bytes]:
    """Answer one request; what the child does with each frame.

    Args:
        parts: operation and blobs.

    Returns:
        The reply's parts; an error is a reply, too.
    """
    if not parts or (parts[0], len(parts)) not in ((b"train", 5), (b"predict", 4)):
        return [b"error", b"BadInputError", b"a request is train with 4 blobs or predict with 3"]
    try:
        return [b"ok", _train(*parts[1:]) if parts[0] == b"train" else _predict(*parts[1:])]
    except DatabrightError as error:
        return [b"error", type(error).__name__.encode(), str(error).encode()]
    except (MemoryError, RuntimeError) as error:
        # Torch reports what its kernels refuse as RuntimeError.
        return [b"error", b"ComputeError", f"{type(error).__name__}: {error}"[:2000].encode()]


def _load(blob: bytes, names: Sequence[str] = ()) -> dict[str, Array]:
    tensors = load_tensors(blob, max_bytes=MAX_FRAME_BYTES, max_tensors=MAX_TENSORS)
    for name in names:
        if name not in tensors:
            raise MalformedDataError(f"the blob lacks the tensor {name!r}, has {sorted(tensors)}")
    return tensors


def _train(program: bytes, weights: bytes, shard: bytes, batches: bytes) -> bytes:
    from databright.programs.run import train_steps

    parsed = program_from_json(program)
    rows = _load(shard, ("x", "y"))
    plan = _load(batches, ("batches",))
    return dump_tensors(train_steps(parsed, _load(weights), rows["x"], rows["y"], plan["batches"]))


def _predict(program: bytes, weights: bytes, samples: bytes) -> bytes:
    from databright.programs.run import predict_logits

    parsed = program_from_json(program)
    rows = _load(samples, ("x",))
    return dump_tensors({"logits": predict_logits(parsed, _load(weights), rows["x"])})


def _confine(parent: int, memory_bytes: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(f"the process {parent} that started this one has ended")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _read_stdin(source: IO[bytes], length: int) -> bytes:
    data = source.read(length)
    if len(data) != length:
        raise EOFError
    return data


def main() -> None:
    """Entry point of the child: answer frames until the parent closes the pipe."""
    _confine(int(sys.argv[1]), int(sys.argv[2]))
    # Replies get a descriptor of their own: a library that prints must not break a frame.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    enter_profile()
    source = sys.stdin.buffer
    while True:
        try:
            parts = read_frame(functools.partial(_read_stdin, source))
        except EOFError:
            return
        replies.write(pack_frame(serve_one(parts)))
        replies.flush()


if __name__ == "__main__":
    main()
