"""The one way to move the development chain's clock: a socket in its folder, for its owner."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from databright.chain.devnet.wire import dump_json
from databright.errors import BadInputError, ChainError, DatabrightError, MalformedDataError
from databright.records.strict_json import JsonValue, loads_object

FILE = "clock.sock"
_MAX_LINE = 4096


@contextlib.contextmanager
def _short_path(home: Path) -> Iterator[str]:
    # A socket's path may hold 107 bytes; the folder's may be longer.
    folder = os.open(home, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{FILE}"
    finally:
        os.close(folder)


@contextlib.asynccontextmanager
async def serve_clock(home: Path, advance: Callable[[int], Awaitable[int]]) -> AsyncIterator[None]:
    """Serve the socket while the block runs.

    Args:
        home: the chain's folder.
        advance: moves the clock by seconds and returns the new chain time.

    Yields:
        Nothing.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply: JsonValue
        try:
            asked = loads_object(await reader.readline(), max_bytes=_MAX_LINE)
            seconds = asked.get("seconds")
            if type(seconds) is not int:
                raise BadInputError("a clock call names whole seconds")
            reply = {"timestamp": await advance(seconds)}
        except (DatabrightError, ValueError) as error:
            reply = {"error": str(error)}
        with contextlib.suppress(ConnectionError):
            writer.write(dump_json(reply) + b"\n")
            await writer.drain()
        writer.close()

    (home / FILE).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    with _short_path(home) as path:
        listener.bind(path)
    (home / FILE).chmod(0o600)
    server = await asyncio.start_unix_server(serve, sock=listener, limit=_MAX_LINE)
    try:
        yield
    finally:
        server.close()
        (home / FILE).unlink(missing_ok=True)


def advance_clock(home: Path, seconds: int, *, timeout_s: float = 60.0) -> int:
    """Move a development chain's clock; the advance is journaled.

    Args:
        home: the chain's folder.
        seconds: how far, >= 1.
        timeout_s: how long to wait for the answer.

    Returns:
        The new chain time.

    Raises:
        ChainError: the chain does not run, or did not answer.
        BadInputError: the distance is out of range.
    """
    try:
        with socket.socket(socket.AF_UNIX) as caller, _short_path(home) as path:
            caller.settimeout(timeout_s)
            caller.connect(path)
            caller.sendall(json.dumps({"seconds": seconds}).encode() + b"\n")
            with caller.makefile("rb") as lines:
                said = lines.readline(_MAX_LINE)
        answer = loads_object(said.rstrip(b"\n"), max_bytes=_MAX_LINE)
    except (OSError, MalformedDataError) as error:
        raise ChainError(
            f"the clock of the chain in {home} does not answer ({error}): is the chain running? "
            "The advance may have been made: compare the chain's time before asking again"
        ) from error
    if "error" in answer:
        raise BadInputError(str(answer["error"]))
    return int(str(answer["timestamp"]))
