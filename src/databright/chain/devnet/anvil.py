"""anvil as the executing node: found, started on a free port, bound to this process's life."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from databright.chain.devnet.evm import EvmLostError, RpcFault
from databright.chain.devnet.genesis import Genesis
from databright.chain.devnet.wire import HttpCaller
from databright.errors import MissingToolError
from databright.records.strict_json import JsonValue

VARIABLE = "DATABRIGHT_ANVIL"
"""Environment variable that names the binary."""
PACKAGE = "@foundry-rs/anvil-linux-amd64"
MISSING_ANVIL = (
    "anvil was not found. Install it with Node.js 20 or newer: run `npm install` in the "
    f"checkout, or `npm install --no-save {PACKAGE}@1.7.1` in this folder, or name the binary "
    f"in {VARIABLE}. Without it, the eth-tester backend runs a slower chain"
)
"""What a machine without anvil is told."""
_BINARY = Path("node_modules") / PACKAGE / "bin" / "anvil"
_LISTENING = re.compile(r"Listening on (127\.0\.0\.1):([0-9]{1,5})\s*\Z")
_START_S = 20.0
_STATES_KEPT = 64
_PR_SET_PDEATHSIG = 1
_UNANSWERED = "confirmation timeout"


def find_anvil(environ: Mapping[str, str], places: Sequence[Path] = ()) -> Path | None:
    """Find the anvil binary.

    Args:
        environ: environment variables; DATABRIGHT_ANVIL wins, PATH is asked last.
        places: folders whose node_modules are looked into, e.g. the home folder; the checkout
            that this package lies in and the current folder are added.

    Returns:
        Its path, or None.

    Raises:
        MissingToolError: DATABRIGHT_ANVIL names no program.
    """
    named = environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not os.access(path, os.X_OK) or not path.is_file():
            raise MissingToolError(f"{VARIABLE} is {named!r}, which is no program: correct it")
        return path.absolute()
    checkout = Path(__file__).resolve().parents[4]
    for place in (*places, checkout, Path.cwd()):
        candidate = place / _BINARY
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate.absolute()
    on_path = shutil.which("anvil", path=environ.get("PATH", ""))
    return Path(on_path) if on_path else None


def _bound_to(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def bind() -> None:  # runs in the child, between fork and exec
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


class Anvil:
    """One running anvil.

    Args:
        process: the started program.
        caller: connections to its port.
        version: name and version.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, caller: HttpCaller, version: str
    ) -> None:
        self._process = process
        self._caller = caller
        self._version = version
        self._lost = False
        self._drain = asyncio.create_task(self._read_log())

    @property
    def version(self) -> str:
        """Name and version of the program."""
        return self._version

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Its own address, cheat methods included; for tests."""
        return f"http://127.0.0.1:{self._caller.port}"

    async def _read_log(self) -> None:
        # An unread pipe would fill up and stop it.
        while self._process.stdout is not None and await self._process.stdout.readline():
            pass

    async def request(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        """Answer a request.

        Args:
            method: JSON-RPC method.
            params: its parameters.

        Returns:
            The result.

        Raises:
            RpcFault: it refuses.
            EvmLostError: it is dead.
        """
        if self._lost:
            raise EvmLostError("anvil has ended")
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        try:
            answer = json.loads(await self._caller.post(body.encode()))
        except (OSError, EOFError, ValueError) as error:
            self._lost = True
            raise EvmLostError(f"anvil does not answer: {error}") from error
        failure = answer.get("error")
        if failure is not None:
            raise RpcFault(
                int(failure.get("code", -32603)),
                str(failure.get("message", "")),
                failure.get("data"),
            )
        result: JsonValue = answer.get("result")
        return result

    async def mine(self, raw: bytes | None, timestamp: int) -> str:
        """Make one block.

        Args:
            raw: its only transaction, or None for an empty block.
            timestamp: its time.

        Returns:
            Its hash.

        Raises:
            RpcFault: the transaction is refused.
            EvmLostError: it is dead, or holds the transaction without mining it.
        """
        if raw is None:
            await self.request("evm_mine", [{"timestamp": timestamp}])
            block = await self.request("eth_getBlockByNumber", ["latest", False])
            return str(block["hash"]) if isinstance(block, dict) else ""
        await self.request("evm_setNextBlockTimestamp", [timestamp])
        try:
            receipt = await self.request("eth_sendRawTransactionSync", ["0x" + raw.hex()])
        except RpcFault as fault:
            if _UNANSWERED in fault.text:
                self._lost = True
                raise EvmLostError(f"anvil does not mine a transaction: {fault.text}") from fault
            raise
        return str(receipt["blockHash"]) if isinstance(receipt, dict) else ""

    async def set_clock(self, timestamp: int) -> None:
        """Let the time that estimates see go on from here.

        Args:
            timestamp: chain time now.
        """
        await self.request("evm_setTime", [timestamp])

    async def dump(self) -> bytes | None:
        """The whole state with blocks and receipts.

        Returns:
            Compressed JSON as anvil writes it.
        """
        state = await self.request("anvil_dumpState", [])
        return bytes.fromhex(str(state).removeprefix("0x"))

    async def load(self, state: bytes) -> None:
        """Take over a dumped state.

        Args:
            state: what `dump` gave.
        """
        await self.request("anvil_loadState", ["0x" + state.hex()])

    async def close(self) -> None:
        """Kill it; nothing of it is needed but what the journal and the dumps hold."""
        self._lost = True
        await self._caller.close()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        self._drain.cancel()


class AnvilSource:
    """Starts anvils.

    Args:
        binary: the program.
        folder: where its genesis file is written and its cache may lie.
    """

    def __init__(self, binary: Path, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        self._version = ""

    @property
    def name(self) -> str:
        """Kind of node."""
        return "anvil"

    async def start(self, genesis: Genesis) -> Anvil:
        """Start one with block 0 alone, on a port that it takes itself.

        Args:
            genesis: what it starts from.

        Returns:
            The running program.

        Raises:
            EvmLostError: it ends or says nothing.
            MissingToolError: the binary does not run here.
        """
        alloc = self._folder / "anvil-genesis.json"
        alloc.write_text(json.dumps(_geth_genesis(genesis)), encoding="utf-8")
        try:
            if not self._version:
                self._version = await self._ask_version()
            process = await asyncio.create_subprocess_exec(
                str(self._binary),
                *_arguments(genesis, alloc, self._folder / "anvil-cache"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"HOME": str(self._folder), "PATH": "/usr/bin:/bin"},
                preexec_fn=_bound_to(os.getpid()),
                process_group=0,  # Ctrl-C in a terminal is for the proxy, which then dumps
            )
        except OSError as error:
            raise MissingToolError(
                f"{self._binary} does not run on this machine ({error}): it is a program for "
                "Linux on x86-64; use the eth-tester chain here"
            ) from error
        try:
            port = await asyncio.wait_for(_port_of(process), _START_S)
        except (TimeoutError, EvmLostError) as error:
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise EvmLostError(f"anvil did not start: {error}") from error
        return Anvil(process, HttpCaller(port), self._version)

    async def _ask_version(self) -> str:
        process = await asyncio.create_subprocess_exec(
            str(self._binary),
            "--version",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said, _ = await process.communicate()
        first = said.decode("utf-8", "replace").splitlines()[:1]
        return first[0].replace("Version: ", "") if first else "anvil"


async def _port_of(process: asyncio.subprocess.Process) -> int:
    while process.stdout is not None:
        line = await process.stdout.readline()
        if not line:
            raise EvmLostError("it ended without listening")
        found = _LISTENING.search(line.decode("utf-8", "replace"))
        if found:
            return int(found[2])
    raise EvmLostError("it has no output")


def _arguments(genesis: Genesis, alloc: Path, cache: Path) -> list[str]:
    return [
        *("--host", "127.0.0.1", "--port", "0", "--no-cors", "--no-request-size-limit"),
        *("--accounts", "0", "--disable-default-create2-deployer", "--hardfork", "prague"),
        *("--chain-id", str(genesis.chain_id), "--timestamp", str(genesis.timestamp)),
        *("--gas-limit", str(genesis.gas_limit), "--init", str(alloc)),
        # Older states would be spilled to disk, some 400 kB for each block.
        *("--prune-history", str(_STATES_KEPT), "--cache-path", str(cache), "--color", "never"),
    ]


def _geth_genesis(genesis: Genesis) -> dict[str, object]:
    zero = "0x" + 64 * "0"
    return {
        "config": {"chainId": genesis.chain_id},
        "nonce": "0x0",
        "timestamp": hex(genesis.timestamp),
        "extraData": "0x",
        "gasLimit": hex(genesis.gas_limit),
        "difficulty": "0x0",
        "mixHash": zero,
        "coinbase": "0x" + 40 * "0",
        "alloc": {address: {"balance": hex(wei)} for address, wei in genesis.funded.items()},
    }
