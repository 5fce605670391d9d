"""What is checked before a market is started, while nothing has been written yet."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

from databright.chain.devnet.anvil import MISSING_ANVIL, find_anvil
from databright.errors import BadInputError, ConfigError, MissingToolError
from databright.wiring.local_market import CHAIN_FOLDER

BACKENDS: Final = ("auto", "anvil", "eth-tester")
_MAX_PORT: Final = 65_535


def check_start(home: Path, backend: str, page_port: int) -> None:
    """Refuse a start that could not succeed.

    Args:
        home: the home folder, which need not exist.
        backend: what --chain or the settings say.
        page_port: TCP port of the page; 0 for a free one.

    Raises:
        BadInputError: no such backend.
        MissingToolError: anvil is asked for and not there.
        ConfigError: the port is taken.
    """
    if backend not in BACKENDS:
        raise BadInputError(f"{backend[:40]!r} is no chain: choose one of {', '.join(BACKENDS)}")
    # A chain that exists keeps its kind; a new one looks for anvil at once.
    if backend == "anvil" or (backend == "auto" and not (home / CHAIN_FOLDER).exists()):
        found = find_anvil(os.environ, (home / CHAIN_FOLDER, home))
        if found is None and backend == "anvil":
            raise MissingToolError(MISSING_ANVIL)
    check_port(page_port)


def check_port(port: int) -> None:
    """Refuse a port that cannot be taken now.

    Args:
        port: TCP port on loopback; 0 for a free one.

    Raises:
        BadInputError: it is no port.
        ConfigError: it is taken, or not allowed.
    """
    if not 0 <= port <= _MAX_PORT:
        raise BadInputError(f"{port} is no TCP port: use 1 to {_MAX_PORT}, or 0 for a free one")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigError(
                f"port {port} cannot be taken for the page ({error.strerror}): choose another "
                "with --port, or 0 for a free one"
            ) from error
