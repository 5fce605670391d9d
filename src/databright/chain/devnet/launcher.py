"""Make, start, find and stop a development chain."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from databright.chain.devnet.clock import advance_clock
from databright.chain.devnet.genesis import (
    DEFAULT_CHAIN_ID,
    SCHEMA,
    check_schema,
    create,
    write_durably,
)
from databright.chain.ethereum import connect
from databright.errors import ChainError, ConfigError, MalformedDataError, MissingToolError
from databright.records.strict_json import loads_object
from databright.units import Address

__all__ = ["ChainRecord", "Devnet", "advance_clock", "create", "read", "start", "wait"]

FILE = "chain.json"
FAILURE = "failure.json"
_MAX_BYTES = 65_536
_POLL_S = 0.03
_STOP_S = 30.0


@dataclass(frozen=True)
class ChainRecord:
    """Where a development chain listens.

    Attributes:
        rpc_url: JSON-RPC address; the same after every restart.
        chain_id: EIP-155 chain id.
        genesis_hash: hash of block 0.
        pid: process id of the proxy that wrote this.
        backend: "anvil" or "eth-tester".
        version: name and version of the executing program.
    """

    rpc_url: str
    chain_id: int
    genesis_hash: str
    pid: int
    backend: str
    version: str

    @property
    def port(self) -> int:
        """TCP port of the address."""
        return urlsplit(self.rpc_url).port or 0

    def save(self, home: Path) -> None:
        """Write chain.json, whole or not at all.

        Args:
            home: the chain's folder.
        """
        record = {
            "schema": SCHEMA,
            "rpc_url": self.rpc_url,
            "chain_id": self.chain_id,
            "genesis_hash": self.genesis_hash,
            "pid": self.pid,
            "backend": self.backend,
            "version": self.version,
        }
        write_durably(home / FILE, json.dumps(record, indent=1).encode() + b"\n")


def read_or_none(home: Path) -> ChainRecord | None:
    """Read chain.json if it is there.

    Args:
        home: the chain's folder.

    Returns:
        The record, or None.

    Raises:
        ConfigError: it is damaged or of another schema.
    """
    file = home / FILE
    if not file.exists():
        return None
    try:
        found = loads_object(file.read_bytes(), max_bytes=_MAX_BYTES)
        check_schema(home, found.get("schema"))
        return ChainRecord(
            rpc_url=str(found["rpc_url"]),
            chain_id=int(str(found["chain_id"])),
            genesis_hash=str(found["genesis_hash"]),
            pid=int(str(found["pid"])),
            backend=str(found["backend"]),
            version=str(found["version"]),
        )
    except (MalformedDataError, KeyError, ValueError) as error:
        raise ConfigError(
            f"{file} is damaged ({error}): delete it; the chain writes it anew at its start"
        ) from error


def read(home: Path) -> ChainRecord:
    """Read where a chain listens.

    Args:
        home: the chain's folder.

    Returns:
        The record.

    Raises:
        ChainError: the chain was never started.
    """
    found = read_or_none(home)
    if found is None:
        raise ChainError(f"the chain in {home} was never started: start it first")
    return found


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _check_failure(home: Path, since: float) -> None:
    file = home / FAILURE
    if not file.exists() or file.stat().st_mtime < since:
        return
    try:
        found = loads_object(file.read_bytes(), max_bytes=_MAX_BYTES)
    except MalformedDataError:
        return  # half-written; the next look reads it whole
    kind = MissingToolError if found.get("kind") == "missing-tool" else ConfigError
    raise kind(str(found.get("message")))


def wait(home: Path, *, timeout_s: float = 60.0) -> ChainRecord:
    """Wait until a chain that is being started answers as itself.

    Args:
        home: the chain's folder.
        timeout_s: how long.

    Returns:
        Where it listens.

    Raises:
        ChainError: it does not answer in time.
    """
    since = time.time() - 1.0
    limit = time.monotonic() + timeout_s
    while time.monotonic() < limit:
        found = read_or_none(home)
        if found is not None and _alive(found.pid):
            try:
                connect(found.rpc_url, found.chain_id, found.genesis_hash, timeout_s=0.5)
            except ChainError:
                pass  # not yet, or another program on the port of a run before
            else:
                return found
        _check_failure(home, since)
        time.sleep(_POLL_S)
    raise ChainError(
        f"the chain in {home} did not answer within {timeout_s:.0f} s: see its log for the reason"
    )


class Devnet:
    """A chain that this process started.

    Args:
        home: the chain's folder.
        process: its proxy.
        record: where it listens.
    """

    def __init__(self, home: Path, process: subprocess.Popen[bytes], record: ChainRecord) -> None:
        self.home = home
        self.process = process
        self.record = record

    @property
    def rpc_url(self) -> str:
        """JSON-RPC address."""
        return self.record.rpc_url

    def advance_clock(self, seconds: int) -> int:
        """Move the clock.

        Args:
            seconds: how far, >= 1.

        Returns:
            The new chain time.
        """
        return advance_clock(self.home, seconds)

    def kill(self) -> None:
        """End it at once with SIGKILL, as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it cleanly; it dumps its state first."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()


def start(
    home: Path,
    funded: Mapping[Address, int] | None = None,
    *,
    backend: str = "auto",
    port: int | None = None,
    chain_id: int = DEFAULT_CHAIN_ID,
    dump_every: int = 2_000,
    timeout_s: float = 60.0,
) -> Devnet:
    """Start a chain as a child of this process and wait until it answers.

    Args:
        home: the chain's folder; made when `funded` is given.
        funded: address -> native coin in wei at block 0; may be left out after the first start.
        backend: "auto", "anvil" or "eth-tester".
        port: TCP port; the recorded one, else a free one, when None.
        chain_id: EIP-155 chain id of a new chain.
        dump_every: journal rows between two state dumps.
        timeout_s: how long to wait for it.

    Returns:
        The running chain.

    Raises:
        ChainError: it ended or does not answer.
    """
    if funded is not None:
        create(home, funded, chain_id=chain_id)
    (home / FAILURE).unlink(missing_ok=True)
    arguments = ["--home", str(home), "--backend", backend, "--dump-every", str(dump_every)]
    if port is not None:
        arguments += ["--port", str(port)]
    with (home / "proxy.log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "databright.chain.devnet.proxy", *arguments),
                *("--with-parent", str(os.getpid())),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    limit = time.monotonic() + timeout_s
    try:
        while True:
            found = read_or_none(home)
            if found is not None and found.pid == process.pid:
                return Devnet(home, process, wait(home, timeout_s=timeout_s))
            if process.poll() is not None:
                _check_failure(home, 0.0)
                raise ChainError(
                    f"the chain in {home} ended with status {process.returncode}: see "
                    f"{home / 'proxy.log'}"
                )
            if time.monotonic() > limit:
                raise ChainError(f"the chain in {home} did not start within {timeout_s:.0f} s")
            time.sleep(_POLL_S)
    except BaseException:
        if process.poll() is None:
            process.kill()
        process.wait()
        raise
