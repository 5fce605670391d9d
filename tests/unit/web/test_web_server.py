from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from databright.database.connection import connect
from databright.errors import ConfigError
from databright.views.index import Index
from databright.web.app import create_app
from databright.web.server import bind, serve


def test_the_page_answers_on_loopback_and_stops(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/index.sqlite")
    taken = bind(0)
    host, port = taken.getsockname()
    assert host == "127.0.0.1"
    server, thread = serve(create_app(Index(engine)), taken)
    # The socket listens as soon as the server runs; a connection waits for that in the kernel.
    taken.listen()
    answer = httpx.get(f"http://127.0.0.1:{port}/health", timeout=30)
    assert answer.json()["status"] == "starting"
    assert "server" not in answer.headers
    server.should_exit = True
    thread.join()
    taken.close()
    engine.dispose()


def test_a_busy_port_is_told_with_what_to_do() -> None:
    first = bind(0)
    first.listen()
    port = first.getsockname()[1]
    with pytest.raises(ConfigError, match=f"port {port}.*--port"):
        bind(port)
    first.close()
