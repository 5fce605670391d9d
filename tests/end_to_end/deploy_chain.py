"""A bare anvil on a free port, with its cheat methods, and a home whose key is funded on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from databright.chain.devnet.anvil import find_anvil
from databright.chain.ethereum import EthereumChain, connect
from databright.chain.jsonrpc import JsonRpc
from databright.cli.main import main
from databright.config import open_home
from databright.custody.keys import Keystore
from databright.units import Address
from databright.wiring.session import KEYS_FOLDER

COIN = 10**18
LISTENING = re.compile(r"Listening on (127\.0\.0\.1:[0-9]+)")


@dataclass
class Ground:
    """A chain that nothing is on yet.

    Args:
        rpc_url: its address.
    """

    rpc_url: str

    def chain(self) -> EthereumChain:
        return connect(self.rpc_url)

    def cheat(self, method: str, *params: object) -> object:
        return JsonRpc(self.rpc_url, 10.0).once(method, params)

    def home(self, folder: Path, *names: str) -> Path:
        """A home with keys that hold gas money."""
        path = open_home(folder).path
        for name in names:
            made = Keystore(path / KEYS_FOLDER).create(name, insecure=True)
            self.cheat("anvil_setBalance", str(made.address), hex(10 * COIN))
        return path


@contextmanager
def anvil(folder: Path) -> Iterator[Ground]:
    """Start one; it ends with the block."""
    binary = find_anvil(os.environ)
    assert binary is not None
    process = subprocess.Popen(
        [str(binary), "--host", "127.0.0.1", "--port", "0", "--accounts", "1", "--color", "never"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            found = LISTENING.search(line)
            if found:
                break
        else:
            raise AssertionError("anvil ended without listening")
        # An unread pipe would fill up and stop it.
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        drain.start()
        yield Ground(f"http://{found[1]}")
    finally:
        process.kill()
        process.wait()
    drain.join()
    process.stdout.close()


def key(home: Path, name: str) -> Address:
    return Keystore(home / KEYS_FOLDER).public(name).address


def command(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> dict[str, object]:
    """Run a verb with --json; its object, or its error's."""
    capsys.readouterr()
    found = main([*(str(word) for word in words), "--json"])
    told = capsys.readouterr()
    assert found == code, told.err or told.out
    record: dict[str, object] = json.loads(told.out or told.err)
    return record
