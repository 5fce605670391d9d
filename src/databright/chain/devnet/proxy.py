"""The development chain's process: `python -m databright.chain.devnet.proxy --home DIR`.

A JSON-RPC endpoint on loopback. It owns the chain's folder (a lock keeps a second one out),
executes the journal in anvil or eth-tester, and leaves chain.json for those who connect.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import errno
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from databright.chain.devnet import genesis as geneses
from databright.chain.devnet.anvil import MISSING_ANVIL, AnvilSource, find_anvil
from databright.chain.devnet.clock import serve_clock
from databright.chain.devnet.evm import EvmSource, RpcFault
from databright.chain.devnet.journal import Journal
from databright.chain.devnet.launcher import ChainRecord, read_or_none
from databright.chain.devnet.node import DevNode
from databright.chain.devnet.rpc import SEND, Request, parse_request, parse_transaction
from databright.chain.devnet.tester import EthTesterSource
from databright.chain.devnet.wire import (
    MAX_BODY,
    MAX_HEAD,
    HttpRefusal,
    answer,
    dump_json,
    read_request,
)
from databright.errors import ConfigError, DatabrightError, MalformedDataError, MissingToolError
from databright.records.strict_json import JsonValue, loads_strict

_LOG = logging.getLogger(__name__)
MAX_BATCH = 100
"""Requests in one JSON-RPC batch."""
_PARSE_ERROR, _INVALID, _INTERNAL = -32700, -32600, -32603
_PR_SET_PDEATHSIG = 1
_EXIT_CONFIG = 2
_HANG_UP_S = 5.0
_LINGER_S = 2.0
_LINGER_BYTES = 64 * 1024 * 1024


class Proxy:
    """Answers JSON-RPC over HTTP.

    Args:
        node: the chain behind it.
        chain_id: the chain's id.
    """

    def __init__(self, node: DevNode, chain_id: int) -> None:
        self._node = node
        self._chain_id = chain_id
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def hang_up(self) -> None:
        """End the connections that wait for their next request."""
        for writer in self._open.values():
            writer.close()
        if self._open:
            await asyncio.wait(self._open, timeout=_HANG_UP_S)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends.

        Args:
            reader: what the client sends.
            writer: to the client.
        """
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._open[task] = writer
        try:
            while True:
                try:
                    request = await read_request(reader)
                except HttpRefusal as refusal:
                    body = dump_json(_failure(None, RpcFault(_INVALID, str(refusal))))
                    writer.write(answer(refusal.status, body, keep=False))
                    await _linger(reader, writer)
                    break
                if request is None:
                    break
                writer.write(answer(200, await self._body(request.body), keep=request.keep))
                await writer.drain()
                if not request.keep:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away; what it sent is journaled or was never begun
        finally:
            del self._open[task]
            writer.close()

    async def _body(self, body: bytes) -> bytes:
        try:
            parsed = loads_strict(body, max_bytes=MAX_BODY, max_depth=16)
        except MalformedDataError as error:
            return dump_json(_failure(None, RpcFault(_PARSE_ERROR, str(error))))
        if not isinstance(parsed, list):
            return dump_json(await self._one(parsed, batch=False))
        if not 1 <= len(parsed) <= MAX_BATCH:
            fault = RpcFault(_INVALID, f"a batch holds 1 to {MAX_BATCH} requests")
            return dump_json(_failure(None, fault))
        # In order, one after the other: a later read sees what an earlier one saw or more.
        return dump_json([await self._one(member, batch=True) for member in parsed])

    async def _one(self, value: JsonValue, *, batch: bool) -> JsonValue:
        name = value.get("id") if isinstance(value, dict) else None
        try:
            request = parse_request(value)
            if request.method == SEND and batch:
                raise RpcFault(_INVALID, "send transactions one by one, not in a batch")
            result = await self._result(request)
        except RpcFault as fault:
            return _failure(name, fault)
        return {"jsonrpc": "2.0", "id": name, "result": result}

    async def _result(self, request: Request) -> JsonValue:
        if request.method == SEND:
            return await self._node.send(parse_transaction(request.params, self._chain_id))
        return await self._node.read(request.method, request.params)


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Closing on a client that still sends would destroy the answer that tells it why.
    writer.write_eof()
    left = _LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while left > 0 and (piece := await reader.read(1 << 16)):
                left -= len(piece)


def _failure(name: JsonValue, fault: RpcFault) -> JsonValue:
    error: dict[str, JsonValue] = {"code": fault.code, "message": fault.text}
    if fault.data is not None:
        error["data"] = fault.data
    return {"jsonrpc": "2.0", "id": name, "error": error}


def choose_source(wanted: str, recorded: str | None, home: Path) -> EvmSource:
    """Choose what executes the transactions.

    Args:
        wanted: "auto", "anvil" or "eth-tester".
        recorded: what executed this chain before, or None at its first start.
        home: the chain's folder; node_modules of the folder above is looked into too.

    Returns:
        The source of nodes.

    Raises:
        ConfigError: the chain was made by the other kind.
        MissingToolError: anvil is needed and not there.
    """
    if recorded is not None and wanted not in {"auto", recorded}:
        raise ConfigError(
            f"the chain in {home} was made with {recorded}; {wanted} would make other blocks of "
            f"its journal. Use --backend {recorded}, or start a new home folder"
        )
    kind = recorded or wanted
    if kind == "eth-tester":
        return EthTesterSource()
    binary = find_anvil(os.environ, (home, home.parent))
    if binary is None and kind == "anvil":
        raise MissingToolError(MISSING_ANVIL)
    if binary is None:
        _LOG.warning(
            "anvil was not found, so the slow eth-tester chain is used (some ten transactions a "
            "second); `npm install` in the checkout brings anvil"
        )
        return EthTesterSource()
    return AnvilSource(binary, home)


def _lock(home: Path) -> int:
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(
            f"another process already runs the chain in {home}: use it, or stop it first"
        ) from error
    return handle


def _listen(port: int, *, recorded: bool) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        why = "is recorded for this chain and" if recorded else "was asked for and"
        what = "see which with 'ss -ltnp'" if recorded else "or choose another with --port"
        raise ConfigError(
            f"port {port} {why} cannot be taken ({os.strerror(error.errno)}): stop the program "
            f"that uses it; {what}"
        ) from error
    return listener


async def run(home: Path, backend: str, port: int | None, dump_every: int) -> None:
    """Run the chain until SIGTERM or SIGINT.

    Args:
        home: the chain's folder, made by the launcher.
        backend: "auto", "anvil" or "eth-tester".
        port: TCP port; the recorded one, else a free one, when None.
        dump_every: journal rows between two state dumps.
    """
    genesis = geneses.load(home)
    lock = _lock(home)
    journal = Journal(home)
    source = choose_source(backend, journal.meta("backend"), home)
    before = read_or_none(home)
    recorded = port is None and before is not None
    listener = _listen(before.port if port is None and before else port or 0, recorded=recorded)
    # A chain that cannot listen leaves its folder as it was.
    if journal.meta("backend") is None:
        journal.set_meta("backend", source.name)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    node = DevNode(home, genesis, journal, source, dump_every=dump_every)
    await node.start()
    proxy = Proxy(node, genesis.chain_id)
    server = await asyncio.start_server(proxy.serve, sock=listener, limit=MAX_HEAD)
    async with serve_clock(home, node.advance):
        record = ChainRecord(
            rpc_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            chain_id=genesis.chain_id,
            genesis_hash=node.genesis_hash,
            pid=os.getpid(),
            backend=source.name,
            version=node.version,
        )
        record.save(home)
        _LOG.info("the chain is at %s (%s)", record.rpc_url, record.version)
        await stop.wait()
    server.close()
    await node.stop()
    await proxy.hang_up()
    os.close(lock)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="databright.chain.devnet.proxy")
    parser.add_argument("--home", type=Path, required=True, help="the chain's own folder")
    parser.add_argument("--backend", choices=("auto", "anvil", "eth-tester"), default="auto")
    parser.add_argument("--port", type=int, help="TCP port on loopback")
    parser.add_argument("--dump-every", type=int, default=2_000, help="rows between state dumps")
    parser.add_argument("--with-parent", type=int, help="end when this process ends")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point.

    Args:
        argv: arguments; the process's own when None.

    Returns:
        0 after a clean stop, 2 when the chain cannot be run as asked.
    """
    asked = _arguments(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if asked.with_parent is not None:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != asked.with_parent:
            return _EXIT_CONFIG
    try:
        asyncio.run(run(asked.home.absolute(), asked.backend, asked.port, asked.dump_every))
    except DatabrightError as error:
        _LOG.error("%s", error)
        # The launcher reads this to tell its caller why nothing listens.
        kind = "missing-tool" if isinstance(error, MissingToolError) else "config"
        if asked.home.is_dir():
            note = json.dumps({"kind": kind, "message": str(error), "pid": os.getpid()})
            (asked.home / "failure.json").write_text(note, encoding="utf-8")
        return _EXIT_CONFIG
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
