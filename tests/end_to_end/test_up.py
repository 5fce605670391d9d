"""`databright up`: it answers, it keeps its state, and it leaves nobody behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from databright.wiring.local_market import wait_until
from databright.wiring.session import open_market

WORDS = ["--nodes", "1", "--workers", "1", "--json"]


@contextmanager
def up(home: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    with subprocess.Popen(
        [sys.executable, "-m", "databright.cli.main", "up", "--home", str(home), *WORDS],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)


def processes_of(home: Path) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if str(home).encode() in words and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return found


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())


def test_up_answers_survives_kill_minus_nine_and_keeps_its_state(tmp_path: Path) -> None:
    home = tmp_path / "market"
    with up(home) as (process, said):
        assert "<html" in fetch(said["page"])
        second = subprocess.run(
            [sys.executable, "-m", "databright.cli.main", "up", "--home", str(home), *WORDS],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert second.returncode == 2
        assert second.stdout == ""
        assert "another 'databright up' or demo runs the market" in second.stderr
        before = open_market(home)
        head = before.contracts.chain.head().number
        workers = int(before.contracts.workers.call("num_workers"))
        assert workers == 1
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: processes_of(home) == [], "the end of all children", timeout_s=30.0)
    with up(home) as (_, said):
        assert "<html" in fetch(said["page"])
        after = open_market(home)
        assert after.deployment == before.deployment
        assert after.contracts.chain.head().number >= head
        assert int(after.contracts.workers.call("num_workers")) == 1
    wait_until(lambda: processes_of(home) == [], "a clean stop", timeout_s=30.0)
