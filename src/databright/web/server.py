"""Serving an application on loopback, the port taken before anything else is started."""

from __future__ import annotations

import socket
import threading
from typing import Final

import uvicorn
from fastapi import FastAPI

from databright.errors import ConfigError

_HOST: Final = "127.0.0.1"


def bind(port: int) -> socket.socket:
    """Take a loopback port before anything else is started.

    Args:
        port: 0 for a free one.

    Returns:
        The bound socket.

    Raises:
        ConfigError: the port is taken or not allowed.
    """
    taken = socket.socket()
    # A page restarted at once must get its port back while old connections still time out.
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((_HOST, port))
    except OSError as error:
        taken.close()
        raise ConfigError(
            f"port {port} on {_HOST} cannot be used ({error.strerror}); choose another with "
            "--port, or 0 for a free one"
        ) from error
    return taken


def serve(app: FastAPI, taken: socket.socket) -> tuple[uvicorn.Server, threading.Thread]:
    """Serve the page from a thread.

    Args:
        app: the page.
        taken: a bound socket.

    Returns:
        The server, which stops when its `should_exit` is set, and its thread.
    """
    settings = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, name="page")
    thread.start()
    return server, thread
